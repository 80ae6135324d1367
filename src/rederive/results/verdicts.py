"""The rule that turns values over seeds into verdicts. Nothing here knows of runs, keys or files.

A test says that a mean lies in a `Region`: above a bound, below one, or within a margin of zero. It **holds** where
the interval of the mean lies in the region, **does not hold** where it lies outside, else it is **undecided**. To hold,
a region with one end takes the 95 % interval, one with two ends the 90 % interval (two one-sided 5 % tests, Schuirmann
1987).

A claim needs all its comparisons: those of all its tests, and of each test all the parts of an extreme. It holds where
each does, at that level and without correction: to hold wrongly, the one that is wrong must hold (intersection-union,
Berger 1982). It does not hold where one does not, and of k that are tried one is more easily wrong than one alone: the
interval for this is that of level 1 - 0.05 / k (Bonferroni), so that all k cover together with 95 %. A comparison
counts once, from whichever side it is looked at: a - b and b - a have one interval.

The p-values are those of these intervals: a verdict of level 95 % has p < 0.05.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rederive.results.distributions import noncentral_t_probability, t_probability, t_quantile
from rederive.results.statistics import (
    LEVEL,
    Estimate,
    bootstrap_interval,
    deviation,
    mean_interval,
)

HOLDS, FAILS, UNDECIDED, UNTESTABLE = (
    "holds",
    "does not hold",
    "undecided",
    "not testable with these runs",
)
ALPHA = 1 - LEVEL
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Region:
    """Where a test says that the mean lies: between two ends, of which one may be infinite."""

    low: float
    high: float

    @property
    def level(self) -> float:
        """The level of the interval that must lie in the region."""
        return 1 - 2 * ALPHA if math.isfinite(self.low) and math.isfinite(self.high) else LEVEL

    def holds(self, estimate: Estimate) -> bool:
        """Say whether an estimate's interval lies in the region."""
        low, high = _ends(estimate)
        return (low > self.low or self.low == -math.inf) and (high < self.high or self.high == math.inf)

    def fails(self, estimate: Estimate) -> bool:
        """Say whether an estimate's interval lies outside the region; its ends are outside."""
        low, high = _ends(estimate)
        return high <= self.low > -math.inf or low >= self.high < math.inf

    def distance(self, value: float) -> float:
        """Return how far inside the region a value lies; negative outside."""
        return min(value - self.low, self.high - value)


def _ends(estimate: Estimate) -> tuple[float, float]:
    if estimate.low is None or estimate.high is None:
        raise ValueError("no verdict without an interval")
    return estimate.low, estimate.high


@dataclass(frozen=True)
class Comparison:
    """The values of one quantity, one a seed; or its only value, where no chance is in it (`fixed`).

    `image_error` is its standard error over evaluation images, where it is known.
    """

    values: tuple[float, ...]
    fixed: bool = False
    image_error: float | None = None

    @property
    def mean(self) -> float:
        """The mean, which may be infinite or nan."""
        return sum(self.values) / len(self.values)

    def over_seeds(self, level: float) -> Estimate:
        """Return the mean with its t interval: other seeds, the same images."""
        return self._fixed(level) or mean_interval(self.values, level)

    def over_seeds_and_images(self, level: float) -> Estimate:
        """Return the mean with its interval for other seeds and other images of the same kind.

        A little too wide: what seeds and images do together is in both errors.
        """
        if self.image_error is None:
            raise ValueError("the error over images is not known")
        return self._fixed(level) or mean_interval(self.values, level, self.image_error)

    def bootstrapped(self, level: float) -> Estimate:
        """Return the mean with its bootstrap interval over seeds."""
        if fixed := self._fixed(level):
            return fixed
        finite = all(map(math.isfinite, self.values))
        return bootstrap_interval(self.values, level) if finite else mean_interval(self.values, level)

    def _fixed(self, level: float) -> Estimate | None:
        return Estimate(self.values[0], self.values[0], self.values[0], 0, level) if self.fixed else None


Interval = Callable[[Comparison, float], Estimate]


@dataclass(frozen=True)
class Decision:
    """A verdict on a test, with the comparison and the interval that decided, or that left it open."""

    verdict: str
    comparison: Comparison
    estimate: Estimate


def decide(
    region: Region, comparisons: Sequence[Comparison], k: int, interval: Interval = Comparison.over_seeds
) -> Decision:
    """Return the verdict on a test; `k` is how many comparisons its claim makes. The rule stands above."""
    worst_first = sorted(comparisons, key=lambda comparison: _rank(region, comparison))
    strict = 1 - ALPHA / k
    for comparison in worst_first:
        if region.fails(estimate := interval(comparison, strict)):
            return Decision(FAILS, comparison, estimate)
    for comparison in worst_first:
        if not region.holds(estimate := interval(comparison, region.level)):
            # Where it would fail alone, what keeps it open is the wider interval that allows for the others.
            alone = region.fails(interval(comparison, LEVEL))
            return Decision(UNDECIDED, comparison, interval(comparison, strict) if alone else estimate)
    return Decision(HOLDS, worst_first[0], interval(worst_first[0], region.level))


def _rank(region: Region, comparison: Comparison) -> float:
    distance = region.distance(comparison.mean)
    return -math.inf if math.isnan(distance) else distance


def combine(verdicts: Sequence[str]) -> str:
    """Return the verdict on a claim from those on its tests."""
    for verdict in (FAILS, UNTESTABLE, UNDECIDED):
        if verdict in verdicts:
            return verdict
    return HOLDS


# P-values, and the family of all claims


def p_holds(region: Region, comparison: Comparison) -> float:
    """Return the smallest error probability at which the comparison holds."""
    if comparison.fixed or not all(map(math.isfinite, comparison.values)):
        return 0.0 if region.holds(comparison.over_seeds(LEVEL)) else 1.0
    above, below = _beyond(comparison, region.low), 1 - _beyond(comparison, region.high)
    return max(above, below) if region.level < LEVEL else min(1.0, 2 * max(above, below))


def p_fails(region: Region, comparison: Comparison) -> float:
    """Return the smallest error probability at which the comparison alone, of no others, does not hold."""
    if comparison.fixed or not all(map(math.isfinite, comparison.values)):
        return 0.0 if region.fails(comparison.over_seeds(LEVEL)) else 1.0
    return min(1.0, 2 * min(1 - _beyond(comparison, region.low), _beyond(comparison, region.high)))


def _beyond(comparison: Comparison, end: float) -> float:
    """Return the one-sided p-value for a mean above `end`."""
    n = len(comparison.values)
    error = deviation(comparison.values) / math.sqrt(n)
    away = comparison.mean - end
    if math.isinf(end) or not error:
        return 0.0 if away > 0 else 1.0
    return t_probability(-away / error, n - 1)


def holm(p_values: Mapping[str, float]) -> list[str]:
    """Return those whose verdicts are all right with 95 % together (Holm 1979), the smallest p-value first."""
    kept = []
    ordered = sorted(p_values, key=lambda name: (p_values[name], name))
    for position, name in enumerate(ordered):
        if p_values[name] * (len(ordered) - position) >= ALPHA:
            break
        kept.append(name)
    return kept


# Power


def seeds_needed(region: Region, comparisons: Sequence[Comparison], k: int) -> int | None:
    """Return with how many seeds the test would decide with a probability of 80 %, if what was seen is true.

    That is, if the true mean and the true spread are those of the sample; with few seeds neither is known well. None
    where MOST_SEEDS would not do, or the spread is not known: the effect is as large as the bound.
    """
    needed = [_needed(region, comparison, k) for comparison in comparisons if not comparison.fixed]
    if any(_rank(region, comparison) < 0 for comparison in comparisons):
        # One that does not hold is enough.
        outside = [n for n, c in zip(needed, _random(comparisons), strict=True) if n and _rank(region, c) < 0]
        return min(outside, default=None)
    return None if None in needed else max((n for n in needed if n), default=None)


def _random(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [comparison for comparison in comparisons if not comparison.fixed]


def _needed(region: Region, comparison: Comparison, k: int) -> int | None:
    if len(comparison.values) < 2 or not all(map(math.isfinite, comparison.values)):
        return None
    spread, mean = deviation(comparison.values), comparison.mean
    if not spread or power(region, mean, spread, MOST_SEEDS, k) < POWER:
        return None
    few, many = 1, MOST_SEEDS
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if power(region, mean, spread, middle, k) >= POWER else (middle, many)
    return many


def power(region: Region, mean: float, spread: float, n: int, k: int) -> float:
    """Return the probability that n normal values decide for the side on which the true mean lies."""
    if region.distance(mean) > 0:
        t = t_quantile(0.5 + region.level / 2, n - 1)
        reached = [_reach(abs(mean - end), spread, n, t) for end in (region.low, region.high) if math.isfinite(end)]
        return max(0.0, sum(reached) - (len(reached) - 1))
    beyond = region.low - mean if mean <= region.low else mean - region.high
    return _reach(beyond, spread, n, t_quantile(1 - ALPHA / k / 2, n - 1))


def _reach(distance: float, spread: float, n: int, t: float) -> float:
    return 1 - noncentral_t_probability(t, n - 1, distance / spread * math.sqrt(n))
