import random
import statistics

import pytest
from scipy import stats

from rederive.results.claims import Test, judge
from rederive.results.statistics import mean_interval, prediction_interval, t_quantile


@pytest.mark.parametrize(
    ("degrees_of_freedom", "quantile"),
    # A printed table of Student's t, 97.5 %.
    [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)],
)
def test_quantiles_are_those_of_the_printed_table(degrees_of_freedom, quantile):
    assert t_quantile(0.975, degrees_of_freedom) == pytest.approx(quantile, abs=5e-4)


def test_interval_of_the_mean_is_that_of_scipy():
    values = [0.97, 0.972, 0.969, 0.975, 0.971]
    low, high = stats.t.interval(0.95, 4, loc=statistics.mean(values), scale=stats.sem(values))
    found = mean_interval(values)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((statistics.mean(values), low, high, 5))


def test_one_observation_has_no_interval():
    found = mean_interval([0.5])
    assert (found.value, found.low, found.high, found.n) == (0.5, None, None, 1)


def test_no_observation_is_an_error():
    with pytest.raises(ValueError, match="no observations"):
        mean_interval([])


def test_equal_observations_have_an_interval_of_no_width():
    found = mean_interval([0.1] * 5)
    assert found.low == pytest.approx(0.1, abs=1e-15)
    assert found.high == pytest.approx(0.1, abs=1e-15)


SIMULATIONS = 4000
ERROR = 4 * (0.05 * 0.95 / SIMULATIONS) ** 0.5  # four standard errors of a simulated share of 5 %


@pytest.mark.parametrize("n", [2, 5])
def test_the_interval_covers_the_true_mean_as_often_as_it_says(n):
    generator = random.Random(0)
    covered = 0
    for _ in range(SIMULATIONS):
        found = mean_interval([generator.gauss(0.7, 0.01) for _ in range(n)])
        covered += found.low <= 0.7 <= found.high
    assert covered / SIMULATIONS == pytest.approx(0.95, abs=ERROR)


@pytest.mark.parametrize("n", [2, 5])
def test_one_further_observation_falls_into_the_prediction_interval_as_often_as_it_says(n):
    generator = random.Random(1)
    inside = 0
    for _ in range(SIMULATIONS):
        found = prediction_interval([generator.gauss(0.7, 0.01) for _ in range(n)])
        inside += found.low <= generator.gauss(0.7, 0.01) <= found.high
    assert inside / SIMULATIONS == pytest.approx(0.95, abs=ERROR)


def test_pairing_by_seed_finds_a_difference_that_the_separate_means_hide():
    generator = random.Random(2)
    seeds = [generator.gauss(0, 0.02) for _ in range(5)]
    a = [0.70 + seed + generator.gauss(0, 0.001) for seed in seeds]
    b = [0.69 + seed + generator.gauss(0, 0.001) for seed in seeds]
    assert mean_interval([x - y for x, y in zip(a, b, strict=True)]).low > 0
    assert mean_interval(a).low < mean_interval(b).high


def _verdicts(difference: float, test: Test, seed: int) -> list[str]:
    generator = random.Random(seed)
    found = []
    for _ in range(SIMULATIONS):
        values = [generator.gauss(difference, 0.004) for _ in range(5)]
        found.append(judge(test, mean_interval(values), mean_interval(values, level=0.9)))
    return found


def test_equality_is_claimed_wrongly_in_at_most_one_case_of_twenty():
    """At a true difference of just the margin, the two one-sided tests may call it equal in 5 % of cases."""
    verdicts = _verdicts(0.01, Test(measures="d", quantity="{a.b}", within=0.01), seed=3)
    assert verdicts.count("holds") / SIMULATIONS < 0.05 + ERROR


def test_a_difference_that_is_not_there_is_claimed_in_one_case_of_forty():
    verdicts = _verdicts(0.0, Test(measures="d", quantity="{a.b}", above=0), seed=4)
    assert verdicts.count("holds") / SIMULATIONS == pytest.approx(0.025, abs=ERROR)
    assert verdicts.count("does not hold") / SIMULATIONS == pytest.approx(0.025, abs=ERROR)
