"""The prover is asked for false identities, which it must refuse, and for true ones, which it must find."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import S, Sum, Symbol, cosh, exp, log, sinh, tanh

from rederive.proofs.checks.exact import Number, entries, same
from rederive.proofs.checks.mutants import formula_mutants
from rederive.proofs.language.derivation import delta
from rederive.proofs.prover.functions import AnyDerivative, AnyFunction, Step
from rederive.proofs.prover.indices import Index, array, indices, rename_bound, sizes, sum_over
from rederive.proofs.prover.normal_form import DifferentRangesError, normal_form
from rederive.proofs.prover.prove import difference, equal, gradient, pushforward

n, m = sizes("n m")
i, j, p = indices("i j p", n)
k, r, q = indices("k r q", m)
X, u, v, w = (array(name) for name in "Xuvw")
y = array("y", below=m)
mu = Symbol("mu", positive=True)
(t,) = sizes("t")
NOTHING = sum_over(w[k] * sum_over(S.Zero, i), j)

FALSE = {
    "capture of an inner index by an outer one": (
        sum_over(1 / sum_over(u[i] * v[j], i), j),
        sum_over(1 / sum_over(u[i] * v[i], i), j),
    ),
    "capture inside a function": (
        sum_over(exp(sum_over(X[i, j], j)), i),
        sum_over(exp(sum_over(X[i, j], i)), j),
    ),
    "product of sums against sum of products": (sum_over(u[i] * v[j], i, j), sum_over(u[i] * v[i], i)),
    "n against m terms": (sum_over(u[i], i), sum_over(u[k], k)),
    "n ones against m ones": (sum_over(1, i), sum_over(1, k)),
    "square of a sum against sum of squares": (sum_over(u[i], i) ** 2, sum_over(u[i] ** 2, i)),
    "row sums against column sums": (
        sum_over(X[i, j] * sum_over(X[i, j], j), i, j),
        sum_over(X[i, j] * sum_over(X[i, j], i), i, j),
    ),
    "a transposed matrix": (sum_over(X[i, j] * u[i] * v[j], i, j), sum_over(X[j, i] * u[i] * v[j], i, j)),
    "another row": (X[i, k], X[p, k]),
    "mean against sum": (sum_over(u[i], i), sum_over(u[i], i) / n),
    "a delta in a denominator": (u[p] / delta(p, j), u[p] * delta(p, j)),
    "a delta in a function": (sum_over(exp(delta(i, p)) * u[i], i), u[p]),
    "a delta that is not summed": (delta(i, p) * u[i], u[p]),
    "the wrong label": (sum_over(delta(k, y[i]) * X[i, k], k), X[i, y[p]]),
    "one term too few": (sum_over(u[Index("a", t + 1)], Index("a", t + 1)), sum_over(u[Index("a", t)], Index("a", t))),
    "the last term counted twice": (
        sum_over(u[Index("a", t + 1)], Index("a", t + 1)),
        sum_over(u[Index("a", t)], Index("a", t)) + 2 * u[t],
    ),
    "softmax of another row": (exp(X[p, k]) / sum_over(exp(X[p, r]), r), exp(X[p, k]) / sum_over(exp(X[i, r]), r)),
    "logarithm of a square": (log(u[i] ** 2), 2 * log(u[i])),
    "a step squared is not its argument": (Step(u[i]) * u[i], u[i]),
    "steps of two entries": (Step(u[i]), Step(u[p])),
    "the step of the negative, which is 0 at 0": (Step(-u[i]), 1 - Step(u[i])),
    "exponents": (mu ** (t - 1), mu**t),
    "f is not its derivative": (AnyFunction(u[i]), AnyDerivative(u[i])),
    "f of a sum": (AnyFunction(u[i] + u[j]), AnyFunction(u[i]) + AnyFunction(u[j])),
    "an average of reciprocals": (sum_over(1 / u[i], i), 1 / sum_over(u[i], i)),
    "a quotient of two sums": (sum_over(u[i], i) / sum_over(v[i], i), S.One),
}

TRUE = {
    "square of a sum": (sum_over(u[i], i) ** 2, sum_over(u[i] * u[j], i, j)),
    "order of summation": (sum_over(sum_over(X[i, k], i), k), sum_over(X[i, k], k, i)),
    "counting": (sum_over(1, i), n),
    "counting a constant": (sum_over(u[p], i, k), n * m * u[p]),
    "a distribution sums to one": (sum_over(u[i] / sum_over(u[j], j), i), S.One),
    "every row sums to one": (sum_over(X[i, k] / sum_over(X[i, r], r), i, k), n),
    "a delta picks": (sum_over(delta(i, p) * u[i] * v[i], i), u[p] * v[p]),
    "two deltas pick": (sum_over(delta(i, p) * delta(k, q) * X[i, k], i, k), X[p, q]),
    "a delta chain": (sum_over(delta(i, j) * delta(j, p) * u[i], i, j), u[p]),
    "a label picks": (sum_over(delta(k, y[i]) * X[i, k], k), X[i, y[i]]),
    "a free delta": (delta(i, p) * u[i], delta(i, p) * u[p]),
    "the same name twice": (
        sum_over(u[i], i) * sum_over(v[i], i),
        sum_over(u[i] * v[j], i, j),
    ),
    "a shadowed index": (Sum(Sum(u[i], (i, 0, n - 1)), (i, 0, n - 1)), n * sum_over(u[j], j)),
    "exponentials": (exp(u[i] - v[i]) * exp(v[i] - u[i]), S.One),
    "a factor leaves an exponential sum": (
        exp(u[p]) * sum_over(exp(v[i] - u[p]), i),
        sum_over(exp(v[i]), i),
    ),
    "log of a product with an exponential": (
        log(exp(u[p]) * sum_over(exp(v[i]), i)),
        u[p] + log(sum_over(exp(v[i]), i)),
    ),
    "log of a reciprocal": (log(1 / u[i]), -log(u[i])),
    "two forms of the sigmoid": ((1 + tanh(u[i] / 2)) / 2, 1 / (1 + exp(-u[i]))),
    "hyperbolic Pythagoras": (cosh(u[i]) ** 2 - sinh(u[i]) ** 2, S.One),
    # found by a fuzz: SymPy writes the square in exponentials, too, with the logarithm of what turns out to be zero
    "tanh of what is zero": (tanh(NOTHING / (NOTHING**2 + 1)), S.Zero),
    "1 - tanh^2": (1 - tanh(u[i]) ** 2, 1 / cosh(u[i]) ** 2),
    "a step is its square": (Step(u[i]) ** 2, Step(u[i])),
    "the step of a multiple": (Step(3 * u[i]), Step(u[i])),
    "the step of zero": (Step(u[i] - u[i]), S.Zero),
    "the last term of a sum": (
        sum_over(u[Index("a", t + 1)], Index("a", t + 1)),
        sum_over(u[Index("a", t)], Index("a", t)) + u[t],
    ),
    "the sum of one term": (sum_over(u[Index("a", 1)], Index("a", 1)), u[0]),
    "the empty sum": (sum_over(u[Index("a", 0)], Index("a", 0)), S.Zero),
    "a common denominator in a sum": (
        sum_over(u[i] / (u[i] + v[i]) * w[i], i) + sum_over(v[i] / (u[i] + v[i]) * w[i], i),
        sum_over(w[i], i),
    ),
    "exponents add": (mu * mu ** (t - 1), mu**t),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_identity_is_not_proved(name: Any) -> None:
    left, right = FALSE[name]
    assert not equal(left, right)
    assert difference(left, right) != 0


@pytest.mark.parametrize("name", TRUE)
def test_a_true_identity_is_proved(name: Any) -> None:
    assert equal(*TRUE[name])


@pytest.mark.parametrize("name", TRUE)
def test_a_true_identity_with_one_more_is_not_proved(name: Any) -> None:
    left, right = TRUE[name]
    assert not equal(left, right + 1)
    assert not equal(left, 2 * right + u[p])


def test_indices_of_one_name_and_two_ranges_are_two_indices() -> None:
    assert Index("i", n) != Index("i", m)
    assert Index("i", n) == Index("i", n)
    assert not equal(u[Index("i", n)], u[Index("i", m)])


def test_a_delta_between_ranges_is_refused() -> None:
    with pytest.raises(DifferentRangesError, match="n and m|m and n"):
        normal_form(sum_over(delta(i, q) * u[i], i))


def test_a_sum_over_a_part_of_a_range_is_refused() -> None:
    with pytest.raises(ValueError, match="whole range"):
        normal_form(Sum(u[i], (i, 1, n - 1)))


def test_differentiating_by_a_summed_index_is_refused() -> None:
    with pytest.raises(ValueError, match="summed over"):
        gradient(sum_over(u[i] ** 2, i), u[i])


def test_renaming_gives_every_sum_its_own_index() -> None:
    renamed = rename_bound(sum_over(u[i] * sum_over(v[i], i), i))
    bound = [limit[0] for term in renamed.atoms(Sum) for limit in term.limits]
    assert len(set(bound)) == 2
    assert i not in bound
    assert equal(renamed, sum_over(u[i], i) * sum_over(v[i], i))


def test_the_normal_form_is_its_own_normal_form() -> None:
    for left, right in TRUE.values():
        for expression in (left, right):
            once = normal_form(expression)
            assert normal_form(once) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (sum_over(u[i], i) ** 3, 3 * sum_over(u[i], i) ** 2),
        (sum_over(u[i] * u[j] * X[i, j], i, j), sum_over((X[i, p] + X[p, i]) * u[i], i)),
        (log(sum_over(exp(u[i]), i)), exp(u[p]) / sum_over(exp(u[i]), i)),
        (sum_over(u[i] * AnyFunction(u[i]), i), AnyFunction(u[p]) + u[p] * AnyDerivative(u[p])),
    ],
)
def test_gradient_and_pushforward_agree(value: Any, expected: Any) -> None:
    assert equal(gradient(value, u[p]), expected)
    assert equal(pushforward(value, u, w), sum_over(expected * w[p], p))


# Random expressions: whatever is proved equal must have equal values.

vectors = st.sampled_from([u[i], v[i], u[p], v[p], X[i, p], X[p, i], X[i, q], delta(i, p), S(2), S(-1)])


def _grow(children: Any) -> Any:
    return st.one_of(
        st.builds(lambda a, b: a + b, children, children),
        st.builds(lambda a, b: a * b, children, children),
        st.builds(lambda a: sum_over(a, i), children),
        st.builds(lambda a: a**2, children),
        st.builds(lambda a: 1 / (a**2 + 1), children),
        st.builds(lambda a: a / sum_over(u[i], i), children),
    )


expressions = st.recursive(vectors, _grow, max_leaves=5).map(lambda e: sum_over(e, i))


def _values(seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)

    def draw(*shape: Any) -> Any:
        drawn = np.empty(shape, dtype=object)
        for where in np.ndindex(shape):
            drawn[where] = Number(Fraction(int(generator.integers(1, 40)), int(generator.integers(1, 9))))
        return drawn

    # X[p, i] and X[i, q] are of one array: as many columns as rows where numbers are needed
    return {"u": draw(3), "v": draw(3), "X": draw(3, 3), "n": 3, "m": 3}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions, st.integers(0, 1000))
def test_what_is_proved_has_equal_values_and_what_has_equal_values_is_proved(expression: Any, choice: Any) -> None:
    values = [_values(seed) for seed in (0, 1)]

    def numbers(e: Any) -> list[Any]:
        return [number.value for point in values for number in entries(e, (p, q), point).flat]

    assert equal(expression, normal_form(expression))
    own = numbers(expression)
    assert all(map(same, own, numbers(normal_form(expression))))
    mutants = formula_mutants(expression, (p, q))
    for mutant in mutants[choice % 7 :: 7]:
        try:
            found = numbers(mutant)
        except ZeroDivisionError:
            continue
        assert equal(expression, mutant) == all(map(same, own, found))
