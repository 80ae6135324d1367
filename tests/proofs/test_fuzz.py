"""The fuzz of the prover finds no mistake, and finds one that is made."""

import pytest
from sympy import S

from rederive.proofs.checks import fuzz as fuzzing
from rederive.proofs.checks.fuzz import fuzz


def test_a_small_fuzz_finds_no_mistake() -> None:
    found = fuzz(expressions=12, pairs=36, seed=3)
    assert found.mistakes == []
    assert found.expressions == 12
    assert found.pairs >= 24


def test_a_prover_that_says_equal_to_everything_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "equal", lambda left, right: True)
    assert fuzz(expressions=4, pairs=20, seed=3).mistakes


def test_a_normal_form_that_forgets_everything_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "normal_form", lambda expression: S.Zero)
    assert any("normal form" in mistake for mistake in fuzz(expressions=6, pairs=0, seed=3).mistakes)
