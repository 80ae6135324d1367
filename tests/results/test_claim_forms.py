"""Forms of claims: what each makes of runs, and how often its verdict is wrong where the truth is known."""

import ast
import math
import random
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from rederive.errors import UserError
from rederive.results.curve_summaries import summary
from rederive.results.quantities import comparisons, evaluate, linear, oriented, parse_quantity, parts
from rederive.results.verdicts import FAILS, HOLDS, Comparison, Region, decide

SIMULATIONS = 4000
CURVE = {1: 0.5, 2: 0.9, 3: 0.7}


def error(rate: float) -> float:
    """Four standard errors of a simulated share."""
    return 4 * math.sqrt(rate * (1 - rate) / SIMULATIONS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("abs({a.x} - {b.x})", 3.0),
        ("log({b.x} / {a.x})", math.log(2.5)),
        ("mean({a.x}, {b.x}, 5)", 4.0),
        ("median({a.x}, {b.x}, 100)", 5.0),
        ("{a.x@first_above(0.9)} + {b.x@best}", 7.0),
    ],
)
def test_the_functions_of_quantities(text: str, value: Any) -> None:
    keys, expression = parse_quantity(text)
    assert evaluate(expression, [{"a": 2.0, "b": 5.0}[key[0]] for key in keys]) == value


@pytest.mark.parametrize(
    ("text", "lowest", "expected"),
    [
        ("abs({a.x} - {b.x})", False, ["k0 - k1", "-(k0 - k1)"]),
        ("abs({a.x} - {b.x}) - {a.x}", True, ["abs(k0 - k1) - k0"]),
        ("1 - abs({a.x})", True, ["1 - k0", "1 - -k0"]),
        ("min(log({a.x}), {b.x})", True, ["log(k0)", "k1"]),
        ("median({a.x}, {b.x}, 1)", True, ["median(k0, k1, 1)"]),
    ],
)
def test_the_parts_of_a_form(text: str, lowest: bool, expected: list[Any]) -> None:
    _, expression = parse_quantity(text)
    assert [ast.unparse(part) for part in parts(expression, lowest)] == expected


@pytest.mark.parametrize("text", ["abs(min({a.x}, {b.x}))", "log(max({a.x}, 1))", "median(min({a.x}, 1), 2, 3)"])
def test_an_extreme_within_a_form_is_refused(text: str) -> None:
    _, expression = parse_quantity(text)
    with pytest.raises(UserError, match="where the lowest of several is wanted"):
        parts(expression, lowest=True)


@pytest.mark.parametrize("text", ["abs({a.x}, {b.x})", "{a.x} > 1", "{a.x} ** 2", "log()", "sqrt({a.x})"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected keys in braces"):
        parse_quantity(text)


def test_a_mean_is_a_sum_with_weights() -> None:
    keys, expression = parse_quantity("{c.x} - mean({a.x}, {b.x})")
    assert linear(expression) == {"k0": 1.0, "k1": -0.5, "k2": -0.5}
    same = parse_quantity("{c.x} - ({a.x} + {b.x}) / 2")[1]
    assert comparisons([expression], keys) == comparisons([same], keys)


@pytest.mark.parametrize(
    ("name", "better", "value"),
    [
        ("best", "higher", 0.9),
        ("best", "lower", 0.5),
        ("max", "lower", 0.9),
        ("min", "higher", 0.5),
        ("mean", "higher", 0.7),
        ("largest_rise", "higher", 0.4),
        ("first_above(0.6)", "higher", 2),
        ("first_above(0.9)", "higher", math.inf),  # reached, and not passed
    ],
)
def test_what_is_made_of_a_curve(name: str, better: Literal["higher", "lower"], value: Any) -> None:
    assert summary(name, better)(CURVE) == pytest.approx(value)


@pytest.mark.parametrize("name", ["worst", "first_above(high)", "first_below(1)"])
def test_what_nothing_makes_of_a_curve_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="found @"):
        summary(name, "higher")


# How often a verdict is wrong


def verdicts(text: str, region: Region, draw: Any, n: int = 5) -> list[str]:
    """Return the verdicts on a quantity of drawn values, one list of rows a simulation."""
    keys, expression = parse_quantity(text)
    (form,) = parts(expression, lowest=True)
    found = []
    for seed in range(SIMULATIONS):
        rows = draw(random.Random(seed), n, len(keys))
        oriented_form = oriented(form, rows)
        found.append(decide(region, [Comparison(tuple(evaluate(oriented_form, row) for row in rows))], 1).verdict)
    return found


def gaussian(*means: float) -> Callable[..., Any]:
    """Rows of normal values with these means and a standard deviation of 1."""
    return lambda generator, n, count: [[generator.gauss(mean, 1) for mean in means[:count]] for _ in range(n)]


@pytest.mark.parametrize(("mean", "rate"), [(0.0, 0.05), (2.0, 0.025)])
def test_a_difference_of_either_sign_is_wrongly_found_as_often_as_the_docs_say(mean: float, rate: float) -> None:
    # |a| above |mean|: at 0 either side errs, away from it the other side hardly can.
    found = verdicts("abs({a.x})", Region(mean, math.inf), gaussian(mean))
    assert found.count(HOLDS) / SIMULATIONS == pytest.approx(rate, abs=error(rate))


def test_without_orientation_the_spread_alone_would_be_taken_for_a_difference() -> None:
    values = [[abs(random.Random(seed * 10 + i).gauss(0, 1)) for i in range(5)] for seed in range(500)]
    wrong = [decide(Region(0, math.inf), [Comparison(tuple(row))], 1).verdict for row in values]
    assert wrong.count(HOLDS) > 0.5 * len(wrong)


def test_a_ratio_by_its_logarithm_is_wrongly_found_as_often_as_an_interval_says() -> None:
    def draw(generator: Any, n: int, count: int) -> list[Any]:
        return [[math.exp(generator.gauss(0, 1)) for _ in range(count)] for _ in range(n)]

    found = verdicts("log({a.x} / {b.x})", Region(0, math.inf), draw)
    assert found.count(HOLDS) / SIMULATIONS == pytest.approx(0.025, abs=error(0.025))


def test_the_median_of_several_is_that_of_each_seed() -> None:
    # Its expectation with normal values of one mean is that mean.
    found = verdicts("median({a.x}, {b.x}, {c.x})", Region(0, math.inf), gaussian(0, 0, 0))
    assert found.count(HOLDS) / SIMULATIONS == pytest.approx(0.025, abs=error(0.025))
    assert found.count(FAILS) / SIMULATIONS == pytest.approx(0.025, abs=error(0.025))


@pytest.mark.parametrize("name", ["max", "best"])
def test_the_maximum_of_a_curve_is_that_of_each_run(name: str) -> None:
    # The expected maximum of four standard normal values: 1.0294, from the tables of normal order statistics.
    def draw(generator: Any, n: int, count: int) -> list[Any]:
        return [[summary(name, "higher")({epoch: generator.gauss(0, 1) for epoch in range(1, 5)})] for _ in range(n)]

    found = verdicts("{a.x}", Region(1.0294, math.inf), draw)
    rate = found.count(HOLDS) / SIMULATIONS + found.count(FAILS) / SIMULATIONS
    assert rate == pytest.approx(0.05, abs=0.02)  # the maximum is a little skewed


def test_the_first_epoch_above_a_bound_errs_no_more_often_than_it_says() -> None:
    # Each epoch is above with probability 1/4: the first one that is has mean 4 (geometric), and a long tail above.
    def draw(generator: Any, n: int, count: int) -> Any:
        rows = []
        for _ in range(n):
            curve = {epoch: generator.random() for epoch in range(1, 60)}
            rows.append([summary("first_above(0.75)", "higher")(curve)])
        return rows

    found = verdicts("{a.x}", Region(4.0, math.inf), draw, n=10)
    assert found.count(HOLDS) / SIMULATIONS <= 0.025 + error(0.025)
    # A skewed quantity of few seeds: that it is wrongly below is said more often, as the docs warn.
    assert 0.025 < found.count(FAILS) / SIMULATIONS < 0.12


def test_a_seed_that_never_gets_there_leaves_the_claim_open() -> None:
    values = (3.0, 4.0, math.inf)
    assert decide(Region(-math.inf, 10.0), [Comparison(values)], 1).verdict == "undecided"
    assert decide(Region(10.0, math.inf), [Comparison((math.inf,) * 3)], 1).verdict == HOLDS


def test_published_values_are_numbers_without_an_error() -> None:
    # One value of theirs: whether our mean is above it is wrongly said in 2.5 %. That our method is better than theirs
    # is another claim, wrong far more often, since their value is itself a draw.
    ours = verdicts("{a.x} - 0", Region(0, math.inf), gaussian(0))
    generator = np.random.default_rng(0)
    other = [
        decide(Region(0, math.inf), [Comparison(tuple(generator.normal(size=5) - generator.normal()))], 1).verdict
        for _ in range(SIMULATIONS)
    ]
    assert ours.count(HOLDS) / SIMULATIONS == pytest.approx(0.025, abs=error(0.025))
    assert other.count(HOLDS) / SIMULATIONS > 0.1
