"""Means over seeds, and what can be said about them.

A seed gives one independent run, so a value has as many independent observations as there are seeds. Intervals are
Student's t intervals, exact for normal observations; two experiments that share their seeds are compared by the
differences seed by seed. How far they can be trusted elsewhere: docs/statistics.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rederive.results.distributions import normal_quantile, t_quantile

if TYPE_CHECKING:  # whoever only asks what a number is waits for no array library
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` observations with its interval; `low` and `high` are None where nothing can be said (n < 2).

    `n` is 0 for a value that no chance is in; its interval has no width.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    level: float = LEVEL


def mean_interval(values: Sequence[float], level: float = LEVEL, other_error: float = 0.0) -> Estimate:
    """Return the mean of one or more values and the t interval that covers the true mean with probability `level`.

    `other_error` is the standard error of a source that the values do not show, known from many observations: the half
    widths add as squares. A value that is infinite or nan makes the interval the whole line, the limit of the t
    interval as one value grows without bound; where all are the same infinity the interval is that.
    """
    return _interval(values, level, 0, other_error)


def prediction_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return the mean and the interval that one further observation falls in with probability `level`.

    The published value is one observation, so this is the interval to hold it against, not the narrower one of the
    mean: mean +- t_{n-1} s sqrt(1 + 1/n).
    """
    return _interval(values, level, 1, 0.0)


def _interval(values: Sequence[float], level: float, further: int, other_error: float) -> Estimate:
    n = len(values)
    if not n:
        raise ValueError("no observations")
    mean = sum(values) / n
    if n == 1:
        return Estimate(mean, None, None, n, level)
    if not math.isfinite(mean):
        alike = len(set(values)) == 1
        return Estimate(mean, mean if alike else -math.inf, mean if alike else math.inf, n, level)
    mean = math.fsum(values) / n
    half = t_quantile(0.5 + level / 2, n - 1) * deviation(values) * math.sqrt(further + 1 / n)
    half = math.hypot(half, normal_quantile(0.5 + level / 2) * other_error)
    return Estimate(mean, mean - half, mean + half, n, level)


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of two or more values, with n - 1 in the denominator."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def bootstrap_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return the mean of two or more finite values with its percentile bootstrap interval (Efron 1979).

    The means of RESAMPLES resamples, from a generator that always starts the same: equal values give equal intervals.
    """
    import numpy as np

    sample = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(math.fsum(values) / len(values), float(low), float(high), len(values), level)


def image_error(terms: "Sequence[tuple[float, Sequence[NDArray[np.uint8]]]]", mean: float) -> float:
    """Return the standard error, over evaluation images, of a weighted sum of accuracies whose weights add up to zero.

    Each term is a weight and, for each seed, the predicted class (0 to 9) of every image, (n,); `mean` is the sum's
    value. An image contributes what its true class y makes of its predictions, d(y). The labels do not belong to the
    runs, so the class that makes d(y)^2 largest is taken: the error is an upper bound. With one seed and two networks
    it is that of McNemar's test with all images counted on which the two disagree, also those that both get wrong.
    """
    import numpy as np

    images = len(terms[0][1][0])
    classes_seen = 1 + max(int(classes.max()) for _, predictions in terms for classes in predictions)
    votes = np.zeros((images, classes_seen))
    for weight, predictions in terms:
        for classes in predictions:
            votes[np.arange(images), classes] += weight / len(predictions)
    square = float((votes**2).max(axis=1).mean())
    return math.sqrt(max(square - mean**2, 0.0) / images)
