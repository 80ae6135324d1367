import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rederive.results.statistics import LEVEL, Estimate
from rederive.results.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    UNTESTABLE,
    Comparison,
    Region,
    combine,
    decide,
    holm,
    p_fails,
    p_holds,
    power,
    seeds_needed,
)

ABOVE = Region(0.005, math.inf)
BELOW = Region(-math.inf, -0.005)
EQUAL = Region(-0.005, 0.005)
SIMULATIONS = 2000


def judged(region: Any, low: float, high: float) -> Any:
    estimate = Estimate((low + high) / 2, low, high, 5)
    return HOLDS if region.holds(estimate) else FAILS if region.fails(estimate) else UNDECIDED


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.006, 0.010, HOLDS),
        (0.001, 0.010, UNDECIDED),  # different, perhaps by no more than the margin
        (0.001, 0.004, FAILS),  # a difference that matters is ruled out
        (-0.010, -0.001, FAILS),
        (-0.010, 0.006, UNDECIDED),
        (0.005, 0.010, UNDECIDED),  # the margin itself is not more than it
        (-0.010, 0.005, FAILS),
    ],
)
def test_a_difference_is_judged_by_the_side_of_its_margin(low: float, high: float, verdict: Any) -> None:
    assert judged(ABOVE, low, high) == verdict
    assert judged(BELOW, -high, -low) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.004, 0.004, HOLDS),
        (0.001, 0.004, HOLDS),  # different and practically equal
        (-0.004, 0.006, UNDECIDED),
        (0.006, 0.010, FAILS),
        (-0.010, -0.006, FAILS),
    ],
)
def test_equality_is_judged_by_the_margin(low: float, high: float, verdict: Any) -> None:
    assert judged(EQUAL, low, high) == verdict


@pytest.mark.parametrize("value", [-0.02, -0.003, 0.0, 0.003, 0.02])
def test_two_experiments_are_never_both_ahead_and_level(value: float) -> None:
    """With margins of their own, .002 and .005, a difference of .003 used to be both."""
    values = tuple(value + step for step in (-1e-5, 0.0, 1e-5))
    verdicts = [decide(region, [Comparison(values)], 1).verdict for region in (ABOVE, EQUAL, BELOW)]
    assert sorted(verdicts) == [FAILS, FAILS, HOLDS]


def test_equality_holds_by_the_90_percent_interval_which_is_the_one_shown() -> None:
    values = (0.001, 0.004, 0.002, 0.006, 0.003)  # 95 % reaches to .0056, 90 % to .0050
    region = Region(-0.0051, 0.0051)
    decision = decide(region, [Comparison(values)], 1)
    low, high = stats.t.interval(0.90, 4, np.mean(values), stats.sem(values))
    assert decision.verdict == HOLDS
    assert (decision.estimate.low, decision.estimate.high) == pytest.approx((low, high))
    assert decision.estimate.level == pytest.approx(0.90)
    assert stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))[1] > 0.0051


def test_what_does_not_hold_shows_the_wider_interval_that_decided() -> None:
    values = (-0.02, -0.021, -0.022)
    decision = decide(ABOVE, [Comparison(values), Comparison((0.1, 0.101, 0.102))], 6)
    low, high = stats.t.interval(1 - 0.05 / 6, 2, np.mean(values), stats.sem(values))
    assert (decision.verdict, decision.estimate.low, decision.estimate.high) == (
        FAILS,
        *map(pytest.approx, (low, high)),
    )


def test_what_the_others_keep_open_shows_the_interval_that_reaches_the_bound() -> None:
    values = (-0.02, -0.03, -0.045)
    alone, together = (decide(ABOVE, [Comparison(values)], k) for k in (1, 6))
    assert (alone.verdict, together.verdict) == (FAILS, UNDECIDED)
    assert together.estimate.high > ABOVE.low > alone.estimate.high


@pytest.mark.parametrize(("value", "verdict"), [(0.005, FAILS), (0.1, HOLDS)])
def test_a_value_without_chance_decides(value: float, verdict: Any) -> None:
    decision = decide(ABOVE, [Comparison((value,), fixed=True)], 1)
    assert (decision.verdict, decision.estimate.n) == (verdict, 0)


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, UNDECIDED], UNDECIDED),
        ([HOLDS, UNTESTABLE], UNTESTABLE),
        ([UNTESTABLE, FAILS, UNDECIDED], FAILS),
    ],
)
def test_a_claim_is_as_strong_as_its_weakest_test(verdicts: Any, verdict: Any) -> None:
    assert combine(verdicts) == verdict


# Losses that are not finite


def test_one_value_without_bound_leaves_open_and_all_of_them_decide() -> None:
    assert decide(ABOVE, [Comparison((0.1, 0.1, math.inf))], 1).verdict == UNDECIDED
    assert decide(ABOVE, [Comparison((math.inf,) * 3)], 1).verdict == HOLDS
    assert decide(BELOW, [Comparison((math.inf,) * 3)], 1).verdict == FAILS
    assert decide(ABOVE, [Comparison((math.nan, 1.0, 1.0))], 1).verdict == UNDECIDED  # both sides diverged


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_a_loss_that_diverges_is_the_limit_of_one_that_grows(n: int) -> None:
    growing = decide(ABOVE, [Comparison((*[0.1] * (n - 1), 1e12))], 1)
    assert growing.verdict == UNDECIDED
    assert growing.estimate.low < -1e9


# Error rates


def test_the_best_of_several_is_not_compared_with_the_average_of_their_best() -> None:
    """Two are better than four others by as much as the seeds spread: the extremes of single runs say otherwise."""
    generator = np.random.default_rng(0)
    region, wrong = Region(0.0, math.inf), 0
    for _ in range(400):
        best, others = generator.normal(0.980, 0.001, (2, 5)), generator.normal(0.979, 0.001, (4, 5))
        parts = [Comparison(tuple(one - other)) for one in best for other in others]
        wrong += decide(region, parts, len(parts)).verdict == FAILS
    assert wrong <= 0.05 * 400


def boundary_claims(region: Any, k: Any, seed: int) -> Iterator[Any]:
    """Verdicts on a claim of k tests that is true by nothing: each mean lies on its bound."""
    generator = np.random.default_rng(seed)
    for values in generator.normal(region.low, 0.01, (SIMULATIONS, k, 5)):
        yield [Comparison(tuple(test)) for test in values]


def test_a_claim_of_six_tests_is_called_wrong_no_more_often_than_one_of_one() -> None:
    """Without sharing the error out, six tests that are true by nothing fail in 14 of 100 cases."""
    alone = together = 0
    for tests in boundary_claims(ABOVE, 6, seed=5):
        alone += FAILS in [decide(ABOVE, [test], 1).verdict for test in tests]
        together += FAILS in [decide(ABOVE, [test], 6).verdict for test in tests]
    assert alone / SIMULATIONS > 0.10
    assert together / SIMULATIONS < 0.025 + 4 * (0.025 * 0.975 / SIMULATIONS) ** 0.5


def test_a_claim_needs_no_correction_to_hold() -> None:
    """Five of six tests are true beyond doubt, one is false by nothing: the claim holds as often as that one does."""
    generator = np.random.default_rng(6)
    held = 0
    for values in generator.normal(0.0, 0.01, (SIMULATIONS, 6, 5)):
        values[:5] += 1.0
        values[5] += ABOVE.low
        held += combine([decide(ABOVE, [Comparison(tuple(test))], 6).verdict for test in values]) == HOLDS
    assert held / SIMULATIONS == pytest.approx(0.025, abs=4 * (0.025 * 0.975 / SIMULATIONS) ** 0.5)


def test_equality_is_claimed_wrongly_in_at_most_one_case_of_twenty() -> None:
    """At a true difference of just the margin, the two one-sided tests may call it equal in 5 % of cases."""
    generator = np.random.default_rng(3)
    verdicts = [
        decide(EQUAL, [Comparison(tuple(values))], 1).verdict
        for values in generator.normal(EQUAL.high, 0.001, (SIMULATIONS, 5))
    ]
    assert verdicts.count(HOLDS) / SIMULATIONS == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / SIMULATIONS) ** 0.5)


@pytest.mark.parametrize("region", [ABOVE, BELOW, EQUAL])
@pytest.mark.parametrize("k", [1, 4])
def test_p_values_say_what_the_intervals_say(region: Any, k: int) -> None:
    generator = random.Random(k)
    seen = set()
    for _ in range(300):
        centre, spread = generator.uniform(-0.02, 0.02), generator.choice([0.0005, 0.002, 0.01])
        comparison = Comparison(tuple(generator.gauss(centre, spread) for _ in range(4)))
        verdict = decide(region, [comparison], k).verdict
        assert (p_holds(region, comparison) < 0.05) == (verdict == HOLDS)
        assert (k * p_fails(region, comparison) < 0.05) == (verdict == FAILS)
        seen.add(verdict)
    assert seen == {HOLDS, FAILS, UNDECIDED}


def test_the_p_value_of_a_difference_is_that_of_scipy() -> None:
    values = (0.02, 0.03, 0.045)
    wanted = stats.ttest_1samp(values, ABOVE.low).pvalue
    assert p_holds(ABOVE, Comparison(values)) == pytest.approx(wanted)


def test_holm_is_that_of_his_example() -> None:
    # Steps 0.05/4, 0.05/3, 0.05/2, 0.05: the third fails, and with it what comes after.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == ["d", "a"]
    assert holm({"a": 0.0125, "b": 0.001}) == ["b", "a"]
    assert holm({"a": 0.06}) == []


# Power


@pytest.mark.parametrize("region", [Region(0.0, math.inf), Region(-1.5, 1.5)])
def test_power_is_that_of_a_simulation(region: Region) -> None:
    generator = np.random.default_rng(7)
    held = [
        decide(region, [Comparison(tuple(values))], 1).verdict == HOLDS
        for values in generator.normal(0.9, 1.0, (SIMULATIONS, 7))
    ]
    assert power(region, 0.9, 1.0, 7, 1) == pytest.approx(np.mean(held), abs=0.04)


def test_the_seeds_that_would_decide_are_those_of_a_printed_table() -> None:
    """Cohen's tables: a one-sample t test at 5 % two-sided sees an effect of 0.5 with 80 % from 34 observations on."""
    values = np.array([-1.0, 0.0, 1.0])  # a spread of 1
    assert seeds_needed(Region(0.0, math.inf), [Comparison(tuple(values + 0.5))], 1) == 34


def test_no_number_of_seeds_decides_where_the_effect_equals_the_margin() -> None:
    values = tuple(0.005 + step for step in (-0.002, 0.0, 0.002))
    assert seeds_needed(ABOVE, [Comparison(values)], 1) is None


def test_levels_are_two_sided() -> None:
    assert ABOVE.level == LEVEL
    assert EQUAL.level == pytest.approx(0.90)
