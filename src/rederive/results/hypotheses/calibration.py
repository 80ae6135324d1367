"""How often the ranking finds settings that are known: the true ones must come first among all runs of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from rederive.results.agreement import Comparison
from rederive.results.distance import Distance, distance
from rederive.results.runs import Curve


@dataclass(frozen=True)
class Trial:
    """A curve whose settings are known, and the run that the likelihood puts first for it.

    `first` is the likeliest of the study's runs, `agrees` whether the true one agrees by the bound, and `agreeing` how
    many of all runs do: with the true one, those that cannot be told apart.
    """

    name: str
    truth: str
    first: str
    agrees: bool
    agreeing: int

    @property
    def hit(self) -> bool:
        """Whether the true settings come first."""
        return self.first == self.truth


def published_trials(comparison: Comparison, last: int | None = None) -> list[Trial]:
    """Try the published curves of the rows whose settings are stated, up to the epoch `last`."""
    study, metric = comparison.study, comparison.curve_metric
    trials = []
    for name in study.hypotheses.known:
        if metric is None or (name, metric) not in comparison.curves:
            continue
        experiment = study.experiments[name]
        found = {run: comparison.curve(name, comparison.ours(run, metric), last) for run in study.runs(experiment.data)}
        trials += _trial(name, experiment.run, found)
    return trials


def seed_trials(comparison: Comparison, last: int | None = None) -> list[Trial]:
    """Try the curve of each seed of each run, as if it were published, against the other seeds and the other runs.

    It is given the error with which the curves of its data set were read: the median over those, at each epoch.
    """
    study, metric = comparison.study, comparison.curve_metric
    if metric is None:
        return []
    trials = []
    all_curves = {run: comparison.ours(run, metric) for run in study.runs()}
    for truth, experiment in study.runs().items():
        curves = all_curves[truth]
        if len({tuple(sorted(curve.items())) for curve in curves.values()}) < 2:
            continue
        data = experiment.data
        error = _typical_error(comparison, data, metric)
        for seed, held in curves.items():
            target = {epoch: value for epoch, value in held.items() if epoch in error}
            found = {}
            for run in study.runs(data):
                others = {key: curve for key, curve in all_curves[run].items() if (run, key) != (truth, seed)}
                found[run] = distance(
                    others,
                    target,
                    error,
                    lambda values, epoch, data=data: comparison.spreads.of(values, data, metric, epoch),  # type: ignore[misc]
                    last,
                )
            trials += _trial(f"{truth}, seed {seed}", truth, found)
    return trials


def _typical_error(comparison: Comparison, data: str, metric: str) -> Curve:
    errors: dict[int, list[float]] = {}
    for (name, shown), curve in comparison.errors.items():
        if shown == metric and comparison.study.experiments[name].data == data:
            for epoch, error in curve.items():
                errors.setdefault(epoch, []).append(error)
    return {epoch: median(found) for epoch, found in errors.items()}


def _trial(name: str, truth: str, found: Mapping[str, Distance | None]) -> list[Trial]:
    known = {run: part for run, part in found.items() if part is not None}
    if truth not in known:
        return []
    # A curve that ends early is compared on fewer points: all on those that the true run has.
    comparable = {run: part for run, part in known.items() if part.epochs == known[truth].epochs}
    first = max(comparable, key=lambda run: comparable[run].log_likelihood)
    agreeing = sum(part.agrees for part in comparable.values())
    return [Trial(name, truth, first, known[truth].agrees, agreeing)]
