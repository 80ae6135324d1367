"""The other libraries: each that is installed agrees, one that is not is named, a wrong gradient is noticed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.proofs.catalogue import NAMES, ask_oracles, load, verify

from rederive.autograd import ops
from rederive.proofs.checks import oracles
from rederive.proofs.prover.code import replaced_backward


@pytest.mark.parametrize("name", NAMES)
def test_pytorch_agrees(name: Any) -> None:
    assert oracles.compare(load(name), "torch") <= oracles.TOLERANCE


@pytest.mark.parametrize("oracle", ["jax", "tensorflow"])
def test_the_others_agree_on_everything(oracle: str) -> None:
    pytest.importorskip(oracle)
    errors = {name: oracles.compare(load(name), oracle) for name in NAMES}
    assert max(errors.values()) <= oracles.TOLERANCE, errors


def test_a_wrong_gradient_is_noticed() -> None:
    with replaced_backward(ops.Sigmoid, lambda c, G: G * c.saved[0] * (1 - c.saved[0]) * (1 + 1e-9)):
        assert oracles.compare(load("sigmoid"), "torch") > oracles.TOLERANCE


def spoiled(array: Any) -> Any:
    result = np.array(array)
    result.flat[-1] = np.nan
    return result


def test_a_gradient_of_ours_that_is_not_a_number_is_noticed() -> None:
    with replaced_backward(ops.Exp, lambda c, G: spoiled(G * c.saved[0])):
        result = verify("exponential")
    assert any(failure.where.startswith("the oracle torch") for failure in result.failures)


def test_a_gradient_of_an_oracle_that_is_not_a_number_is_noticed() -> None:
    program = lambda torch, X: torch.exp(X) + 0 * torch.log(X)  # noqa: E731  (NaN where X is negative)
    derivation = replace(load("exponential"), native={"torch": program})
    assert not oracles.compare(derivation, "torch") <= oracles.TOLERANCE


def test_an_oracle_that_is_not_installed_is_missing_and_agrees_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert oracles.version("jax") is None
    result = verify("addition")
    assert result.passed
    assert result.facts["oracles"]["jax"] == result.facts["oracles"]["tensorflow"] == "missing"
    assert result.facts["oracles"]["torch"]["version"]


def test_answers_are_taken_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    answers = ask_oracles(tmp_path / "oracles.json", ["addition", "sigmoid"])
    assert json.loads((tmp_path / "oracles.json").read_text()) == answers
    monkeypatch.setattr(oracles, "ask", None)  # nobody is asked again
    taken = verify("sigmoid", oracles=tmp_path / "oracles.json")
    assert taken.passed
    assert taken.facts["oracles"]["jax"] == "missing"
    with pytest.raises(derivations_error(), match="normalize"):
        verify("normalize", oracles=tmp_path / "oracles.json")


def test_kept_answers_about_the_same_code_are_taken_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, path = tmp_path / "kept" / "oracles.json", tmp_path / "oracles.json"
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    ask_oracles(kept, ["addition", "sigmoid"])
    known = json.loads(kept.read_text())
    known["addition"]["answers"]["jax"] = {"version": "of long ago", "max_relative_error": 0.0}
    known["sigmoid"]["answers"]["jax"] = {"version": "of long ago", "max_relative_error": 0.0}
    known["sigmoid"]["fingerprint"] = "of other code"
    kept.write_text(json.dumps(known))
    found = ask_oracles(path, ["addition", "sigmoid"], kept=kept.parent)
    assert found["addition"]["answers"]["jax"] == {"version": "of long ago", "max_relative_error": 0.0, "kept": True}
    assert found["sigmoid"]["answers"]["jax"] == "missing"
    # What is installed is asked, and what is not may have been asked before.
    result = verify("addition", kept=kept.parent)
    assert result.facts["oracles"]["jax"]["version"] == "of long ago"
    assert "kept" not in result.facts["oracles"]["torch"]


def derivations_error() -> Any:
    from rederive.errors import UserError

    return UserError


def test_an_oracle_that_disagrees_fails_the_derivation(tmp_path: Path) -> None:
    path = tmp_path / "oracles.json"
    answers = {"torch": {"version": "0", "max_relative_error": 1e-3}}
    path.write_text(json.dumps({"addition": {"fingerprint": "0", "answers": answers}}))
    result = verify("addition", oracles=path)
    assert [failure.where for failure in result.failures] == ["the oracle torch 0"]


def test_tensorflow_says_nothing_on_the_terminal() -> None:
    pytest.importorskip("tensorflow")
    code = (
        "from rederive.proofs.checks import oracles\n"
        "from tests.proofs.catalogue import load\n"
        "print(sorted(oracles.ask(load('addition'), ['tensorflow'])))"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout == "['jax', 'tensorflow', 'torch']\n"
    assert run.stderr == ""
