"""Exact numbers with derivatives, and the evaluation of formulas."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sympy import Rational, exp, log, tanh

from rederive.proofs.checks.exact import Number, entries, evaluator, mp, mpf, same
from rederive.proofs.language.derivation import delta
from rederive.proofs.prover.functions import Step
from rederive.proofs.prover.indices import array, indices, sizes, sum_over

n, m = sizes("n m")
i, p = indices("i p", n)
j, q = indices("j q", m)
X, u = array("X"), array("u")


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (lambda x: x * x * x - 2 * x, lambda x: 3 * x**2 - 2),
        (lambda x: 1 / x, lambda x: -1 / x**2),
        (lambda x: (x + 1) / (2 - x), lambda x: 3 / (2 - x) ** 2),
        (lambda x: x**-3, lambda x: -3 / x**4),
        (lambda x: 2.5 * x - x, lambda x: Fraction(3, 2)),
    ],
)
def test_rational_derivatives_are_exact(function: Any, derivative: Any) -> None:
    x = Fraction(5, 7)
    assert function(Number(x, Fraction(1))).slope == derivative(x)


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (lambda x: x.exp(), mp.exp),
        (lambda x: x.log(), mp.log),
        (lambda x: x.tanh(), mp.tanh),
        (lambda x: x.sqrt(), mp.sqrt),
        (lambda x: x**x, lambda x: x**x),
    ],
)
def test_other_derivatives_agree_with_mpmath(function: Any, plain: Any) -> None:
    x = Fraction(3, 4)
    found = function(Number(x, Fraction(1)))
    assert same(found.value, plain(mpf(3) / 4))
    assert abs(found.slope - mp.diff(plain, mpf(3) / 4)) < mpf(10) ** -15


def test_impossible_values_are_errors() -> None:
    with pytest.raises(ZeroDivisionError):
        1 / Number(Fraction(0))
    with pytest.raises(ArithmeticError):
        Number(Fraction(-1)).log()


def test_rational_and_rounded_numbers_have_an_order_unless_roundings_decide() -> None:
    two, root = Number(Fraction(2)), Number(Fraction(2)).sqrt()
    assert root < two
    assert two >= root
    assert root != two
    assert root * root == two
    assert root <= root
    with pytest.raises(ArithmeticError, match="rounding"):
        _ = root * root * root > two * root


def test_same_is_exact_for_fractions_and_tight_for_the_rest() -> None:
    assert same(Fraction(1, 3), Fraction(2, 6))
    assert not same(Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30))
    assert same(mpf(1) / 3, Fraction(1, 3))
    assert not same(mpf(1) / 3, Fraction(1, 3) + Fraction(1, 10**20))


def test_formulas_are_evaluated_as_they_stand() -> None:
    values = {"X": np.array([[1, 2, 3], [4, 5, 6]]), "u": np.array([7, 8]), "n": 2, "m": 3}
    formula = sum_over(X[p, j] * delta(j, q) * u[i], i, j) + Rational(1, 2) * n - Step(X[p, q] - 4)
    found = entries(formula, (p, q), values)
    expected = np.array([[15, 30, 45], [60, 75, 90]]) + 1 - np.array([[0, 0, 0], [0, 1, 1]])
    assert [number.value for number in found.flat] == expected.ravel().tolist()


def test_functions_are_evaluated_with_forty_digits() -> None:
    function = evaluator(exp(u[0]) * tanh(u[0]) + log(u[0]), ("u",))
    assert same(function(np.array([2]))().value, mp.exp(2) * mp.tanh(2) + mp.log(2))
