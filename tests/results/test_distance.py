"""Whether ours may be one more run of what is published: by hand, by SciPy and by simulation."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.studies import configured

from rederive.results.distance import Spread, Spreads, distance
from rederive.results.runs import RunTable

METRICS = configured().metrics


def spreads_of(**runs: Any) -> Any:
    """The spreads of training losses: run -> seed -> losses by epoch. The first part of a name is the data set."""
    table = RunTable(
        {
            (name.replace("__", "."), "training_loss"): {
                seed: dict(enumerate(losses, 1)) for seed, losses in enumerate(seeds)
            }
            for name, seeds in runs.items()
        },
        METRICS,
    )
    return Spreads(table, {run: run.partition(".")[0] for run in table.runs}, {"training_loss"})


def test_a_distance_by_hand() -> None:
    ours = {0: {1: 2.0, 2: 1.0, 3: 0.5}, 1: {1: 2.2, 2: 1.2}}
    spreads = {1: Spread(0.3, None, pooled=True), 2: Spread(0.1, 1, pooled=False)}
    found = distance(ours, {1: 2.0, 2: 1.4}, {1: 0.02, 2: 0.005}, lambda values, epoch: spreads[epoch])
    # Means 2.1 and 1.1, off by 0.1 and -0.3; variances 0.09 * 3/2 + 0.0004 and 0.01 * 3/2 + 0.000025.
    first, second = 0.01 / 0.1354, 0.09 / 0.015025
    assert found.epochs == (1, 2)
    assert found.rms == pytest.approx(math.sqrt((0.01 + 0.09) / 2))
    assert found.spread == pytest.approx(math.sqrt((0.09 + 0.01) / 2))
    assert found.in_spreads == pytest.approx(1.0)
    assert found.mean_square == pytest.approx((first + second) / 2)
    assert found.limit == pytest.approx((stats.norm.ppf(0.975) ** 2 + stats.t.ppf(0.975, 1) ** 2) / 2)
    assert found.pooled


def test_what_cannot_be_compared_has_no_distance() -> None:
    def spread(values: Any, epoch: int) -> Any:
        return Spread(0.1, None, pooled=True)

    assert distance({0: {1: 1.0}}, {2: 1.0}, {2: 0.1}, spread) is None
    assert distance({0: {1: math.nan}}, {1: 1.0}, {1: 0.1}, spread) is None
    assert distance({0: {1: 1.0}}, {1: 1.0}, {1: 0.1}, lambda values, epoch: None) is None
    assert distance({0: {1: 1.0, 2: 1.0}}, {1: 1.0, 2: 9.0}, {1: 0.1, 2: 0.1}, spread, last=1).rms == 0


def test_three_seeds_have_a_spread_of_their_own_and_two_take_the_pooled_one() -> None:
    spreads = spreads_of(mnist__a=[[1.0], [1.1]], mnist__b=[[2.0], [2.2]], cifar10__c=[[1.0], [3.0]])
    own = spreads.of([1.0, 1.1, 1.3], "mnist", "training_loss", 1)
    assert own.deviation == pytest.approx(np.std([1.0, 1.1, 1.3], ddof=1))
    assert own.limit == pytest.approx(stats.t.ppf(0.975, 2) ** 2)
    # Both runs of MNIST differ by 1/10.5 of their mean: the median of their variances is that of either.
    relative = math.sqrt((0.1 / 1.05) ** 2 / 2 / stats.chi2.median(1))
    pooled = spreads.of([4.0], "mnist", "training_loss", 1)
    assert (pooled.deviation, pooled.degrees) == (pytest.approx(4.0 * relative), None)
    assert pooled.pooled
    assert pooled.limit == pytest.approx(3.841458820694124)  # 95 % of chi^2 with one degree of freedom


def test_seeds_that_change_nothing_have_no_spread_and_are_not_pooled() -> None:
    spreads = spreads_of(mnist__same=[[1.0], [1.0]], mnist__lost=[[math.nan], [1.0]])
    assert spreads.of([1.0, 1.0, 1.0], "mnist", "training_loss", 1) == Spread(0.0, None, pooled=False)
    assert spreads.of([1.0], "mnist", "training_loss", 1) is None


def test_only_a_relative_metric_goes_with_its_size() -> None:
    table = RunTable(
        {(run, "accuracy"): {0: {1: low}, 1: {1: low + 0.1}} for run, low in (("a", 0.1), ("b", 0.8))}, METRICS
    )
    spreads = Spreads(table, {"a": "data", "b": "data"}, set())
    for value in (0.1, 0.8):
        found = spreads.of([value], "data", "accuracy", 1)
        assert found.deviation == pytest.approx(0.1 / math.sqrt(2 * stats.chi2.median(1)))


def test_one_run_that_collapses_does_not_move_the_pooled_spread() -> None:
    calm = {f"mnist__{i}": [[1.0], [1.0 + 0.01 * i]] for i in range(1, 6)}
    wild = spreads_of(**calm, mnist__wild=[[0.1], [2.3]], mnist__9=[[1.0], [1.001]])
    assert wild.pooled("mnist", "training_loss", 1) == pytest.approx(
        spreads_of(**calm).pooled("mnist", "training_loss", 1), rel=0.2
    )


def test_the_pooled_spread_of_normal_runs_is_their_spread() -> None:
    random = np.random.default_rng(0)
    for seeds in (2, 4):
        spreads = spreads_of(**{f"mnist__{i}": 1 + 0.03 * random.standard_normal((seeds, 1)) for i in range(2000)})
        assert spreads.pooled("mnist", "training_loss", 1) == pytest.approx(0.03, rel=0.06)


@pytest.mark.parametrize("seeds", [3, 5])
def test_one_more_run_agrees_nineteen_times_in_twenty(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    spreads = spreads_of(mnist__a=[[1.0], [1.1]])
    agreeing = 0
    for _ in range(4000):
        *ours, published = random.normal(1, 0.05, seeds + 1)
        found = distance(
            {seed: {1: value} for seed, value in enumerate(ours)},
            {1: published},
            {1: 0.0},
            lambda values, epoch: spreads.of(values, "mnist", "training_loss", epoch),
        )
        agreeing += found.agrees
    assert agreeing / 4000 == pytest.approx(0.95, abs=0.012)
