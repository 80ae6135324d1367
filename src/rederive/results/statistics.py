"""Means over seeds, and what can be said about them.

A seed gives one independent run, so a value has as many independent observations as there are seeds. Intervals are
Student's t intervals, exact for normal observations; two experiments that share their seeds are compared by the
differences seed by seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` observations with its interval; `low` and `high` are None where nothing can be said (n < 2)."""

    value: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return the mean of one or more values and the t interval that covers the true mean with probability `level`."""
    return _interval(values, level, further=0)


def prediction_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return the mean and the interval that one further observation falls in with probability `level`.

    The published value is one observation, so this is the interval to hold it against, not the narrower one of the
    mean: mean +- t_{n-1} s sqrt(1 + 1/n).
    """
    return _interval(values, level, further=1)


def _interval(values: Sequence[float], level: float, further: int) -> Estimate:
    n = len(values)
    if not n:
        raise ValueError("no observations")
    mean = math.fsum(values) / n
    if n == 1 or not math.isfinite(mean):
        return Estimate(mean, None, None, n)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    half = t_quantile(0.5 + level / 2, n - 1) * math.sqrt(variance * (further + 1 / n))
    return Estimate(mean, mean - half, mean + half, n)


@cache
def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit  # the function that scipy.stats.t.ppf calls, without its second of import

    return float(stdtrit(degrees_of_freedom, probability))
