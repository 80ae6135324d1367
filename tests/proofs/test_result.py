"""What a user sees."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.proofs.catalogue import load, verify
from tests.studies import configured
from typer.testing import CliRunner

from rederive.autograd import ops
from rederive.cli import app, main
from rederive.proofs.prover.code import replaced_backward
from rederive.proofs.result import print_table
from rederive.proofs.verification import verify_derivation


def shown(results: Any) -> str:
    stream = io.StringIO()
    print_table(results, Console(file=stream, width=160))
    return stream.getvalue()


@pytest.fixture(scope="module")
def good() -> Any:
    return verify("normalize", oracles=False)


def test_a_line_for_a_derivation(good: Any) -> None:
    text = shown([good])
    (line,) = [line for line in text.splitlines() if "normalize" in line]
    assert line.split()[:5] == ["normalize", "6/6", "proved", "5/5", "0/3"]
    assert "holds" in line
    assert "1 of 1 derivations hold" in text
    assert "agree on 115 of 115 mutants" in text


def test_a_failure_shows_both_sides_and_their_difference(good: Any) -> None:
    def wrong(context: Any, G: Any) -> Any:
        y, total = context.saved
        return (G + context.xp.sum(G * y, axis=1, keepdims=True)) / total

    with replaced_backward(ops.Normalize, wrong):
        bad = verify_derivation("normalize", load("normalize"), {"torch": "missing"})
    text = shown([good, bad])
    assert "1 of 2 derivations hold" in text
    assert "NOT PROVED" in text
    assert "Normalize.backward: the gradient of X0" in text
    assert "left: G[p, q]/sum_j(X0[p, j]) - sum_j(G[p, j]*X0[p, j])/sum_j(X0[p, j])**2" in text
    assert "left - right: -2*sum_j(G[p, j]*X0[p, j])/sum_j(X0[p, j])**2" in text
    assert "Not installed (the extra `oracles`): torch." in text
    assert "Not asked: jax, tensorflow, torch." in text


def test_names_are_whole_on_a_narrow_terminal(good: Any) -> None:
    stream = io.StringIO()
    print_table([good], Console(file=stream, width=80))
    assert "normalize" in stream.getvalue()
    assert max(map(len, stream.getvalue().splitlines())) <= 80


def test_the_command_fails_and_names_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "exponential.json"
    command = ["verify", "--only", "exponential", "--without-oracles", "--output", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 0
    with replaced_backward(ops.Exp, lambda context, cotangent: -cotangent * context.saved[0]):
        outcome = CliRunner().invoke(app, command)
    assert outcome.exit_code == 1
    assert "Exp.backward: the gradient of X0" in outcome.output
    assert json.loads(wrong.read_text())["passed"] is False


def test_what_did_not_change_is_not_proved_again(tmp_path: Path) -> None:
    configured().save(tmp_path / "study.json")
    names = [word for name in ("addition", "division") for word in ("--only", name)]
    command = ["verify", *names, "--without-oracles", "--jobs", "1", "--output", str(tmp_path / "derivations")]

    def proved() -> str:
        return re.search(r"(\d) of \1 derivations hold", CliRunner().invoke(app, command).output)[1]

    assert proved() == "2"
    assert proved() == "0"
    made = tmp_path / "made" / "verify.division.json"
    made.write_text(json.dumps(json.loads(made.read_text()) | {"fingerprint": "of other code"}))
    assert proved() == "1"
    (tmp_path / "derivations" / "division.json").unlink()
    assert proved() == "1"
    answer = {"torch": {"version": "0", "max_relative_error": 0.0}}
    answers = {name: {"fingerprint": "0", "answers": answer} for name in ("addition", "division")}
    (tmp_path / "oracles.json").write_text(json.dumps(answers))
    assert proved() == "2"


def test_the_command_prints_everything_as_json() -> None:
    outcome = CliRunner().invoke(app, ["verify", "--only", "addition", "--without-oracles", "--json"])
    (facts,) = json.loads(outcome.output)
    assert facts["name"] == "addition"
    assert facts["passed"] is True


def test_an_unknown_derivation_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["rederive", "verify", "--only", "nonsense"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert "There is no derivation 'nonsense'; expected one of adam, addition" in capsys.readouterr().err
