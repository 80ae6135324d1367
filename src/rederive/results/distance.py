"""Whether a run of ours is what a published curve or value comes from: distances, and the rule that judges them.

A published number is one run, read or printed with an error. It differs from the mean of our n seeds by what one run
differs from that mean, s sqrt(1 + 1/n) for a standard deviation s over seeds, and by its own error e. Standardised,

    z = (ours - published) / sqrt(s^2 (1 + 1/n) + e^2)

Value and curve **agree** where the mean of z^2 over the epochs that the curve has is at most t^2, with the 97.5 % point
t of Student's t for the degrees of freedom of s (of the normal distribution where s is pooled: then 3.84). The
differences of neighbouring epochs depend on each other, for a run that starts ahead stays ahead; the bound allows for
their being one and the same, and is generous where they are not.

s is that of the run's own seeds where it has at least three. Else it is **pooled**: s^2 is the median of the variances
of all runs of the data set that have two seeds or more, at that epoch and its two neighbours (the first epoch, in
which seeds have hardly parted, stands alone), each divided by the median of chi^2 over its degrees of freedom, so that
normal values of one spread would give just that spread; of metrics that differ in size from run to run, as losses do,
deviations are divided by the mean. The median passes over runs that collapse with some seeds. Seeds that give one and
the same number have no spread.
"""

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rederive.results.distributions import chi_square_median, t_quantile
from rederive.results.runs import Curve, RunTable
from rederive.results.statistics import deviation

OWN_SEEDS = 3  # from so many on a run's own spread is taken
NORMAL_QUANTILE = 1.959963984540054  # 97.5 % of the standard normal distribution


@dataclass(frozen=True)
class Spread:
    """The standard deviation of one run over seeds; `degrees` of freedom, None where it is pooled or none."""

    deviation: float
    degrees: int | None
    pooled: bool

    @property
    def limit(self) -> float:
        """The largest mean of z^2 that counts as agreement."""
        return (t_quantile(0.975, self.degrees) if self.degrees else NORMAL_QUANTILE) ** 2


class Spreads:
    """How much one run differs from another with other seeds, measured on the runs of a table."""

    def __init__(self, runs: RunTable, data: Mapping[str, str], relative: Container[str]) -> None:
        """Take the run table, the data set of each run, and the metrics whose spread goes with their size."""
        self._runs, self._data, self._relative = runs, data, relative
        self._pooled: dict[tuple[str, str, int], float | None] = {}

    def of(self, values: Sequence[float], data: str, metric: str, epoch: int) -> Spread | None:
        """Return the spread to allow a run with these values over its seeds; None where none is measured."""
        if len(values) > 1 and len(set(values)) == 1:
            return Spread(0.0, None, pooled=False)
        if len(values) >= OWN_SEEDS:
            return Spread(deviation(values), len(values) - 1, pooled=False)
        pooled = self.pooled(data, metric, epoch)
        return None if pooled is None else Spread(pooled * self._scale(values, metric), None, pooled=True)

    def pooled(self, data: str, metric: str, epoch: int) -> float | None:
        """Return the typical deviation over the runs of a data set; of a relative metric, as a share of the mean."""
        key = (data, metric, epoch)
        if key not in self._pooled:
            self._pooled[key] = self._pool(*key)
        return self._pooled[key]

    def _pool(self, data: str, metric: str, epoch: int) -> float | None:
        variances = []
        for run in self._runs.runs:
            if self._data[run] != data:
                continue
            for near in (1,) if epoch == 1 else range(max(epoch - 1, 2), epoch + 2):
                values = list(self._runs.at(run, metric, near).values())
                if len(set(values)) > 1 and all(map(math.isfinite, values)):
                    degrees = len(values) - 1
                    scaled = deviation(values) / self._scale(values, metric)
                    variances.append(scaled**2 / (chi_square_median(degrees) / degrees))
        return math.sqrt(median(variances)) if variances else None

    def _scale(self, values: Sequence[float], metric: str) -> float:
        return abs(math.fsum(values)) / len(values) if metric in self._relative else 1.0


@dataclass(frozen=True)
class Distance:
    """How far ours is from what is published, over the epochs that both have.

    `rms` and `spread` are root mean squares over these epochs: of ours minus published, and of the standard deviation
    of one run over seeds. `mean_square` is the mean of z^2 (chi^2/n), `limit` the most at which the two agree,
    `log_likelihood` the mean over the epochs of the logarithm of the normal density.
    """

    epochs: tuple[int, ...]
    rms: float
    spread: float
    pooled: bool
    mean_square: float
    limit: float
    log_likelihood: float

    @property
    def agrees(self) -> bool:
        """Whether ours may be what is published, by the rule of this module."""
        return self.mean_square <= self.limit

    @property
    def in_spreads(self) -> float | None:
        """`rms` in units of the spread; None where seeds change nothing."""
        return self.rms / self.spread if self.spread else None


def distance(
    ours: Mapping[int, Curve],
    published: Curve,
    error: Curve,
    spread_of: Callable[[Sequence[float], int], Spread | None],
    last: int | None = None,
) -> Distance | None:
    """Compare our curves, seed -> epoch -> value, with a published one, up to the epoch `last`.

    `error` is the standard error of each published point. `spread_of(values, epoch)` gives the spread over seeds.
    Returns None where they share no epoch, ours is not finite, or no spread is known.
    """
    terms: list[tuple[int, float, Spread, float]] = []
    for epoch in sorted(published):
        values = [curve[epoch] for curve in ours.values() if epoch in curve]
        if not values or (last is not None and epoch > last):
            continue
        mean = math.fsum(values) / len(values)
        if not math.isfinite(mean) or (spread := spread_of(values, epoch)) is None:
            return None
        variance = spread.deviation**2 * (1 + 1 / len(values)) + error[epoch] ** 2
        terms.append((epoch, mean - published[epoch], spread, variance))
    if not terms:
        return None

    def average(numbers: Sequence[float]) -> float:
        return math.fsum(numbers) / len(terms)

    return Distance(
        epochs=tuple(epoch for epoch, *_ in terms),
        rms=math.sqrt(average([difference**2 for _, difference, _, _ in terms])),
        spread=math.sqrt(average([spread.deviation**2 for _, _, spread, _ in terms])),
        pooled=any(spread.pooled for _, _, spread, _ in terms),
        mean_square=average([difference**2 / variance for _, difference, _, variance in terms]),
        limit=average([spread.limit for _, _, spread, _ in terms]),
        log_likelihood=average(
            [-(difference**2 / variance + math.log(2 * math.pi * variance)) / 2 for _, difference, _, variance in terms]
        ),
    )
