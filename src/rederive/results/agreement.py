"""Every published row beside ours: whether its value and its curve may be one more run of ours.

A row's value is one of the first metric. Its curve is one of the first metric that the original shows any curve of. How
far they are from ours, and how far they may be, is said by `rederive.results.distance`.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rederive.config import Experiment, Study
from rederive.layout import PUBLISHED, PUBLISHED_CURVES, Layout
from rederive.records import Number, RunFacts
from rederive.results.distance import Distance, Spreads, distance
from rederive.results.number_format import number, sources
from rederive.results.published import (
    PublishedCurves,
    PublishedValue,
    published_curves,
    published_values,
    reading_errors,
)
from rederive.results.runs import Curve, RunTable

STATUSES = {
    "both": "value and curve agree",
    "only_curve": "only the curve agrees",
    "only_value": "only the value agrees",
    "neither": "neither agrees",
    "value_agrees": "value agrees, no curve",
    "value_differs": "value differs, no curve",
    "unknown": "not known",
}


class Comparison:
    """Our runs beside all that is published: `values` by experiment, `curves` with the `errors` of their points."""

    def __init__(
        self,
        study: Study,
        runs: RunTable,
        values: Mapping[str, PublishedValue],
        curves: PublishedCurves,
        errors: PublishedCurves,
    ) -> None:
        self.study, self.runs, self.values, self.curves, self.errors = study, runs, values, curves, errors
        shown = {metric for _, metric in curves}
        self.curve_metric = next((metric for metric in study.metrics if metric in shown), None)
        self.spreads = Spreads(
            runs,
            {name: experiment.data for name, experiment in study.experiments.items()},
            # What has limits on both sides is of one size in all runs.
            [name for name, metric in study.metrics.items() if None in metric.limits],
        )

    @classmethod
    def load(cls, layout: Layout, published_yaml: Path = PUBLISHED, published_csv: Path = PUBLISHED_CURVES) -> Self:
        """Read the study, its run table, and what is published. Raises UserError where one is missing or damaged."""
        study = Study.load(layout.study)
        return cls(
            study,
            RunTable.load(layout.run_table, study),
            published_values(published_yaml, study.metrics).get(str(study.headline), {}),
            published_curves(published_csv, study.metrics),
            reading_errors(published_csv, study.metrics),
        )

    def curve_of(self, name: str) -> str | None:
        """Return the experiment whose published curve a row is held against.

        It is the row's own or, where the row is a longer run read earlier, that run's; None where none is published.
        """
        if (name, self.curve_metric) in self.curves:
            return name
        experiment = self.study.experiments[name]
        longer = self.study.experiments[experiment.run]
        shown = longer.epochs > experiment.epochs and (experiment.run, self.curve_metric) in self.curves
        return experiment.run if shown else None

    def curve(self, name: str, ours: Mapping[int, Curve] | None = None, last: int | None = None) -> Distance | None:
        """Return how far curves, seed -> epoch -> value, are from that of a row, up to where the row ends.

        Without `ours` they are those of the row's run; `last` is an earlier epoch to stop at.
        """
        shown, metric = self.curve_of(name), self.curve_metric
        if shown is None or metric is None:
            return None
        experiment = self.study.experiments[name]
        return distance(
            self.ours(experiment.run, metric) if ours is None else ours,
            self.curves[shown, metric],
            self.errors[shown, metric],
            lambda values, epoch: self.spreads.of(values, experiment.data, metric, epoch),
            min(last or experiment.epochs, experiment.epochs),
        )

    def ours(self, run: str, metric: str) -> dict[int, Curve]:
        """Return our curves by seed, without those that are copies of another; of a run that draws nothing all."""
        curves, copies = self.runs.curves(run, metric), self.runs.copies(run)
        drawn = len(copies) < len(curves) - 1
        return {seed: curve for seed, curve in curves.items() if not (drawn and seed in copies)}

    def nearest_epoch(self, name: str) -> int | None:
        """Return the epoch after which our mean is nearest to the value of a row, of all that the run was trained for.

        None where it was not trained.
        """
        run, metric = self.study.experiments[self.study.experiments[name].run], str(self.study.headline)
        means = {}
        for epoch in range(1, run.epochs + 1):
            values = list(self.runs.at(run.key, metric, epoch).values())
            if values and all(map(math.isfinite, values)):
                means[epoch] = math.fsum(values) / len(values)
        wanted = self.values[name].value
        return min(means, key=lambda epoch: (abs(means[epoch] - wanted), epoch), default=None)

    def value(self, name: str, ours: Mapping[int, Curve] | None = None, epoch: int | None = None) -> Distance | None:
        """Return how far values, seed -> epoch -> value, are from that of a row, read where the row ends.

        Without `ours` they are those of the row's run; `epoch` is another one to read them at.
        """
        experiment, metric = self.study.experiments[name], str(self.study.headline)
        at = epoch or experiment.epochs
        return distance(
            self.ours(experiment.run, metric) if ours is None else ours,
            {at: self.values[name].value},
            {at: self.rounding},
            lambda values, epoch: self.spreads.of(values, experiment.data, metric, epoch),
        )

    @property
    def rounding(self) -> float:
        """The standard error of a printed value: half a unit of its last decimal."""
        return 0.5 * 10.0 ** -self.study.metrics[str(self.study.headline)].digits


@dataclass(frozen=True)
class Row:
    """A published row beside ours; `shown` is the experiment whose published curve it is held against.

    `nearest_epoch` is the one of our run after which its value comes nearest to the published one.
    """

    name: str
    experiment: Experiment
    shown: str | None
    curve: Distance | None
    value: Distance | None
    curve_unit: str
    nearest_epoch: int | None

    @property
    def status(self) -> str:
        """What agrees: a key of STATUSES."""
        if self.value is None or (self.shown and self.curve is None):
            return "unknown"
        if self.curve is None:
            return "value_agrees" if self.value.agrees else "value_differs"
        return {(True, True): "both", (True, False): "only_curve", (False, True): "only_value"}.get(
            (self.curve.agrees, self.value.agrees), "neither"
        )


def rows(comparison: Comparison) -> list[Row]:
    """Return all published rows of the study; none on stand-in data, whose runs are nobody's published ones."""
    study, metric = comparison.study, comparison.curve_metric
    if study.data.source != "official":
        return []
    unit = study.metrics[metric].unit if metric else ""
    return [
        Row(
            name,
            experiment,
            comparison.curve_of(name),
            comparison.curve(name),
            comparison.value(name),
            unit,
            comparison.nearest_epoch(name),
        )
        for name, experiment in study.experiments.items()
        if name in comparison.values
    ]


def numbers(found: Sequence[Row], index: Mapping[str, RunFacts]) -> dict[str, Number]:
    """Return how far each row is from what is published, and how many rows agree; `index` is that of the runs."""
    result: dict[str, Number] = {}
    for row in found:
        made = sources(row.experiment, index)
        result[f"{row.name}.agreement"] = number(STATUSES[row.status], "text", "by the rule of the report", **made)
        if row.nearest_epoch:
            how = f"the epoch after which our {row.experiment.run} comes nearest to the published value"
            result[f"{row.name}.nearest_epoch"] = number(row.nearest_epoch, "count", how, **made)
        if row.value:
            how = "distance of the published value from ours, in standard deviations of one run and its rounding"
            result[f"{row.name}.value_z"] = number(math.sqrt(row.value.mean_square), "multiple", how, **made)
        if row.curve:
            curve = row.curve
            points = f"{len(curve.epochs)} epochs of the published curve"
            whose = f" of {row.shown}" if row.shown != row.name else ""
            told = "pooled over the data set's runs" if curve.pooled else "of the run's own seeds"
            offset = f"root mean square of ours minus published, over {points}{whose}"
            square = (
                f"mean square of ours minus published over {points}{whose}, in standard deviations of one run and the "
                f"reading error; agrees up to {curve.limit:.2f}"
            )
            result |= {
                f"{row.name}.curve_distance": number(curve.rms, row.curve_unit, offset, **made),
                f"{row.name}.curve_spread": number(
                    curve.spread, row.curve_unit, f"standard deviation of one run over seeds, {told}", **made
                ),
                f"{row.name}.curve_spread_is": number(_spread_is(curve), "text", "what the spread is taken of", **made),
                f"{row.name}.curve_multiple": number(
                    curve.in_spreads, "multiple", f"that distance in units of the spread, {told}", **made
                ),
                f"{row.name}.curve_chi2": number(curve.mean_square, "multiple", square, **made),
            }
    statuses = [row.status for row in found]
    result["agreement.rows"] = number(len(found), "count", "published rows")
    for status, words in STATUSES.items():
        result[f"agreement.{status}"] = number(statuses.count(status), "count", f"published rows: {words}")
    return result


COLUMNS = (
    *("experiment", "label", "published", "value", "low", "high", "n", "value_z2", "value_limit"),
    *("curve_of", "curve_points", "curve_rms", "curve_spread", "spread_is", "curve_rms_in_spreads"),
    *("curve_chi2_per_point", "curve_limit", "status"),
)


def to_csv(found: Sequence[Row], metric: str | None, all_numbers: Mapping[str, Number]) -> str:
    """Return the table of all rows; `all_numbers` has their values of the metric, with intervals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found:
        ours, published = all_numbers[f"{row.name}.{metric}"], all_numbers[f"{row.name}.published"].value
        value, curve = row.value, row.curve
        writer.writerow(
            [
                *(row.name, row.experiment.label, published),
                *map(_cell, (ours.value, ours.low, ours.high)),
                ours.n or 0,
                *(map(_cell, (value.mean_square, value.limit)) if value else ("", "")),
                row.shown or "",
                len(curve.epochs) if curve else 0,
                *(map(_cell, (curve.rms, curve.spread)) if curve else ("", "")),
                _spread_is(curve) if curve else "",
                *(map(_cell, (curve.in_spreads, curve.mean_square, curve.limit)) if curve else ("", "", "")),
                STATUSES[row.status],
            ]
        )
    return buffer.getvalue()


def _spread_is(curve: Distance) -> str:
    return "pooled" if curve.pooled else "own"


def _cell(value: float | str | None) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else ""
