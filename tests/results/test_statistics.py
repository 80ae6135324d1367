import random
import statistics
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rederive.results.statistics import (
    bootstrap_interval,
    image_error,
    mean_interval,
    prediction_interval,
)


def test_interval_of_the_mean_is_that_of_scipy() -> None:
    values = [0.97, 0.972, 0.969, 0.975, 0.971]
    low, high = stats.t.interval(0.95, 4, loc=statistics.mean(values), scale=stats.sem(values))
    found = mean_interval(values)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((statistics.mean(values), low, high, 5))


def test_one_observation_has_no_interval() -> None:
    found = mean_interval([0.5])
    assert (found.value, found.low, found.high, found.n) == (0.5, None, None, 1)


def test_no_observation_is_an_error() -> None:
    with pytest.raises(ValueError, match="no observations"):
        mean_interval([])


def test_equal_observations_have_an_interval_of_no_width() -> None:
    found = mean_interval([0.1] * 5)
    assert found.low == pytest.approx(0.1, abs=1e-15)
    assert found.high == pytest.approx(0.1, abs=1e-15)


SIMULATIONS = 4000
ERROR = 4 * (0.05 * 0.95 / SIMULATIONS) ** 0.5  # four standard errors of a simulated share of 5 %


@pytest.mark.parametrize("n", [2, 5])
def test_the_interval_covers_the_true_mean_as_often_as_it_says(n: int) -> None:
    generator = random.Random(0)
    covered = 0
    for _ in range(SIMULATIONS):
        found = mean_interval([generator.gauss(0.7, 0.01) for _ in range(n)])
        covered += found.low <= 0.7 <= found.high
    assert covered / SIMULATIONS == pytest.approx(0.95, abs=ERROR)


@pytest.mark.parametrize("n", [2, 5])
def test_one_further_observation_falls_into_the_prediction_interval_as_often_as_it_says(n: int) -> None:
    generator = random.Random(1)
    inside = 0
    for _ in range(SIMULATIONS):
        found = prediction_interval([generator.gauss(0.7, 0.01) for _ in range(n)])
        inside += found.low <= generator.gauss(0.7, 0.01) <= found.high
    assert inside / SIMULATIONS == pytest.approx(0.95, abs=ERROR)


def test_pairing_by_seed_finds_a_difference_that_the_separate_means_hide() -> None:
    generator = random.Random(2)
    seeds = [generator.gauss(0, 0.02) for _ in range(5)]
    a = [0.70 + seed + generator.gauss(0, 0.001) for seed in seeds]
    b = [0.69 + seed + generator.gauss(0, 0.001) for seed in seeds]
    assert mean_interval([x - y for x, y in zip(a, b, strict=True)]).low > 0
    assert mean_interval(a).low < mean_interval(b).high


def test_a_bootstrap_interval_is_that_of_scipy() -> None:
    values = list(np.random.default_rng(2).normal(0.63, 0.02, 12))
    found = bootstrap_interval(values, 0.9)
    wanted = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-3)
    assert bootstrap_interval(values, 0.9) == found


def test_another_source_of_error_adds_as_squares() -> None:
    values = [0.61, 0.64, 0.63]
    alone, both = mean_interval(values), mean_interval(values, other_error=0.02)
    assert (both.high - both.value) ** 2 == pytest.approx((alone.high - alone.value) ** 2 + (1.959964 * 0.02) ** 2)


# Images


def answers(generator: Any, labels: Any, share: Any) -> Any:
    """Return answers of which a share is right."""
    wrong = (labels + generator.integers(1, 10, len(labels))) % 10
    return np.where(generator.random(len(labels)) < share, labels, wrong).astype(np.uint8)


def test_the_error_over_images_is_that_of_mcnemar_where_one_of_two_is_always_right() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 4000).astype(np.uint8)
    one, other = labels.copy(), answers(generator, labels, 0.9)
    difference = float((one == labels).mean() - (other == labels).mean())
    paired = (one == labels).astype(float) - (other == labels)
    assert image_error([(1.0, [one]), (-1.0, [other])], difference) == pytest.approx(paired.std() / 4000**0.5)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_error_over_images_is_an_upper_bound_without_the_labels(seeds: int) -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 10, 4000).astype(np.uint8)
    sides = [[answers(generator, labels, share) for _ in range(seeds)] for share in (0.97, 0.96)]
    right = [np.mean([classes == labels for classes in side], axis=0) for side in sides]
    exact = float((right[0] - right[1]).std()) / 4000**0.5
    bound = image_error([(1.0, sides[0]), (-1.0, sides[1])], float((right[0] - right[1]).mean()))
    assert exact <= bound < 1.1 * exact


def test_two_networks_that_answer_alike_have_no_error_over_images() -> None:
    same = np.arange(10, dtype=np.uint8)
    assert image_error([(1.0, [same]), (-1.0, [same])], 0.0) == 0.0
