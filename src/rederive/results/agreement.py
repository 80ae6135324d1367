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
normal values of one spread would give just that spread; of losses, which differ in size, deviations are divided by the
mean. The median passes over runs that collapse with some seeds. Seeds that give one and the same number have no spread.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, stdev
from typing import Any

from rederive.config import Experiment, Study
from rederive.results.number import Number, number, origin
from rederive.results.published import PublishedValue, published_accuracies, published_curves, reading_errors
from rederive.results.runs import Curve, RunTable
from rederive.results.statistics import t_quantile

OWN_SEEDS = 3  # from so many on a run's own spread is taken
ROUNDING = 0.0005  # of an accuracy that is printed with three decimals
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

    def __init__(self, runs: RunTable) -> None:
        self._runs = runs
        self._pooled: dict[tuple[str, str, int], float | None] = {}

    def of(self, values: Sequence[float], dataset: str, quantity: str, epoch: int) -> Spread | None:
        """Return the spread to allow a run with these values over its seeds; None where none is measured."""
        if len(values) > 1 and len(set(values)) == 1:
            return Spread(0.0, None, pooled=False)
        if len(values) >= OWN_SEEDS:
            return Spread(stdev(values), len(values) - 1, pooled=False)
        pooled = self.pooled(dataset, quantity, epoch)
        return None if pooled is None else Spread(pooled * _scale(values, quantity), None, pooled=True)

    def pooled(self, dataset: str, quantity: str, epoch: int) -> float | None:
        """Return the typical deviation over the runs of a data set: of accuracies as it is, of losses by their mean."""
        key = (dataset, quantity, epoch)
        if key not in self._pooled:
            self._pooled[key] = self._pool(*key)
        return self._pooled[key]

    def _pool(self, dataset: str, quantity: str, epoch: int) -> float | None:
        variances = []
        for run in self._runs.runs:
            if not run.startswith(f"{dataset}."):
                continue
            for near in (1,) if epoch == 1 else range(max(epoch - 1, 2), epoch + 2):
                values = list(self._runs.at(run, quantity, near).values())
                if len(set(values)) > 1 and all(map(math.isfinite, values)):
                    degrees = len(values) - 1
                    variances.append((stdev(values) / _scale(values, quantity)) ** 2 / _median_of_variance(degrees))
        return math.sqrt(median(variances)) if variances else None


def _scale(values: Sequence[float], quantity: str) -> float:
    return math.fsum(values) / len(values) if quantity.endswith("loss") else 1.0


def _median_of_variance(degrees: int) -> float:
    """Return the median of the sample variance of normal values with sigma 1: that of chi^2 over its degrees."""
    from scipy.special import gammaincinv

    return float(2 * gammaincinv(degrees / 2, 0.5) / degrees)


@dataclass(frozen=True)
class Distance:
    """How far ours is from what is published, over the epochs that both have.

    `rms` and `spread` are root mean squares over these epochs: of ours minus published, and of the standard deviation
    of one run over seeds. `mean_square` is the mean of z^2 (chi^2/n), `log_likelihood` the mean over the epochs of the
    logarithm of the normal density.
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


class Comparison:
    """Our runs beside all that is published: `values` and `curves` by experiment, `errors` of the curves' points."""

    def __init__(
        self,
        study: Study,
        runs: RunTable,
        values: Mapping[str, PublishedValue],
        curves: Mapping[str, Curve],
        errors: Mapping[str, Curve],
    ) -> None:
        self.study, self.runs, self.values, self.curves, self.errors = study, runs, values, curves, errors
        self.spreads = Spreads(runs)

    @classmethod
    def load(cls, study: str | Path, runs: str | Path, values: str | Path, curves: str | Path) -> "Comparison":
        """Read the study, the run table, and the published values and curves."""
        found = published_accuracies(values), published_curves(curves), reading_errors(curves)
        return cls(Study.load(study), RunTable.load(runs), *found)

    def curve_of(self, name: str) -> str | None:
        """Return the experiment whose published curve a row is held against.

        It is the row's own or, where the row is a longer run read earlier, that run's; None where none is published.
        """
        if name in self.curves:
            return name
        experiment = self.study.experiments[name]
        longer = self.study.experiments[experiment.run]
        return experiment.run if longer.epochs > experiment.epochs and experiment.run in self.curves else None

    def loss(self, name: str, ours: Mapping[int, Curve], last: int | None = None) -> Distance | None:
        """Return how far training losses, seed -> epoch -> loss, are from the curve of a row."""
        curve = self.curve_of(name)
        if curve is None:
            return None
        experiment = self.study.experiments[name]
        return distance(
            ours,
            self.curves[curve],
            self.errors[curve],
            lambda values, epoch: self.spreads.of(values, experiment.dataset, "training_loss", epoch),
            min(last or experiment.epochs, experiment.epochs),
        )

    def accuracy(self, name: str, ours: Mapping[int, Curve], epoch: int | None = None) -> Distance | None:
        """Return how far accuracies are from a row's, read where the row ends or after another `epoch`."""
        experiment = self.study.experiments[name]
        at = epoch or experiment.epochs
        if name not in self.values:
            return None
        return distance(
            ours,
            {at: self.values[name].accuracy},
            {at: ROUNDING},
            lambda values, epoch: self.spreads.of(values, experiment.dataset, "accuracy", epoch),
        )


STATUSES = {
    "both": "loss and accuracy agree",
    "only_loss": "only the loss agrees",
    "only_accuracy": "only the accuracy agrees",
    "neither": "neither agrees",
    "value_agrees": "accuracy agrees, no curve",
    "value_differs": "accuracy differs, no curve",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Row:
    """A published row beside ours: `status` is a key of STATUSES."""

    name: str
    experiment: Experiment
    curve: str | None
    loss: Distance | None
    accuracy: Distance | None

    @property
    def status(self) -> str:
        """What agrees, by the rule of this module."""
        if self.accuracy is None or (self.curve and self.loss is None):
            return "unknown"
        if self.loss is None:
            return "value_agrees" if self.accuracy.agrees else "value_differs"
        return {(True, True): "both", (True, False): "only_loss", (False, True): "only_accuracy"}.get(
            (self.loss.agrees, self.accuracy.agrees), "neither"
        )


def rows(comparison: Comparison) -> list[Row]:
    """Return all published rows of the study; none on stand-in data, whose runs are nobody's published ones."""
    study, runs = comparison.study, comparison.runs
    if study.data.source != "official":
        return []
    return [
        Row(
            name,
            experiment,
            comparison.curve_of(name),
            comparison.loss(name, runs.curves(experiment.run, "training_loss")),
            comparison.accuracy(name, runs.curves(experiment.run, "accuracy")),
        )
        for name, experiment in study.experiments.items()
        if name in comparison.values
    ]


def numbers(found: Sequence[Row], index: Mapping[str, Any]) -> dict[str, Number]:
    """Return how far each row is from what is published, and how many rows agree; `index` is that of the runs."""
    result: dict[str, Number] = {}
    for row in found:
        made = origin(row.experiment, index)
        result[f"{row.name}.agreement"] = number(STATUSES[row.status], "text", "by the rule of the report", **made)
        if row.accuracy:
            how = "distance of the published accuracy from ours, in standard deviations of one run and its rounding"
            result[f"{row.name}.accuracy_z"] = number(math.sqrt(row.accuracy.mean_square), "multiple", how, **made)
        if row.loss:
            points = f"{len(row.loss.epochs)} epochs of the published curve"
            whose = f" of {row.curve}" if row.curve != row.name else ""
            told = "pooled over the data set's runs" if row.loss.pooled else "of the run's own seeds"
            facts = {
                "curve_distance": (
                    row.loss.rms,
                    "loss",
                    f"root mean square of ours minus published, over {points}{whose}",
                ),
                "curve_spread": (row.loss.spread, "loss", f"standard deviation of one run over seeds, {told}"),
                "curve_multiple": (row.loss.in_spreads, "multiple", f"that distance in units of the spread, {told}"),
                "curve_chi2": (
                    row.loss.mean_square,
                    "multiple",
                    f"mean square of ours minus published over {points}{whose}, in standard deviations of one run and "
                    f"the reading error; agrees up to {row.loss.limit:.2f}",
                ),
            }
            for key, (value, unit, how) in facts.items():
                result[f"{row.name}.{key}"] = number(value, unit, how, pooled=row.loss.pooled, **made)
    statuses = [row.status for row in found]
    result["agreement.rows"] = number(len(found), "count", "rows of the write-up's tables")
    for status, words in STATUSES.items():
        result[f"agreement.{status}"] = number(statuses.count(status), "count", f"published rows: {words}")
    return result


COLUMNS = (
    *("experiment", "label", "published", "accuracy", "low", "high", "n", "accuracy_z2", "accuracy_limit"),
    *("curve_of", "curve_points", "curve_rms", "curve_spread", "spread_is", "curve_rms_in_spreads"),
    *("curve_chi2_per_point", "curve_limit", "status"),
)


def to_csv(found: Sequence[Row], all_numbers: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of all rows; `all_numbers` has their accuracies with intervals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found:
        accuracy = all_numbers[f"{row.name}.accuracy"]
        measured = (all_numbers[f"{row.name}.published"]["value"], accuracy["value"], accuracy.get("low"))
        loss = row.loss
        writer.writerow(
            [
                *(row.name, row.experiment.label),
                *map(_cell, (*measured, accuracy.get("high"))),
                accuracy.get("n", 0),
                *(map(_cell, (row.accuracy.mean_square, row.accuracy.limit)) if row.accuracy else ("", "")),
                row.curve or "",
                len(loss.epochs) if loss else 0,
                *(map(_cell, (loss.rms, loss.spread)) if loss else ("", "")),
                ("pooled" if loss.pooled else "own") if loss else "",
                *(map(_cell, (loss.in_spreads, loss.mean_square, loss.limit)) if loss else ("", "", "")),
                STATUSES[row.status],
            ]
        )
    return buffer.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
