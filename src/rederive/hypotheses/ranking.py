"""Candidates for a published row, held against its curve and its value; and how often that finds known settings.

Each candidate is compared by `rederive.results.agreement`: the same distances, errors and bound by which a row of ours
agrees with the published one. Where curve and value agree it **fits**; where the curve agrees, and the training was too
short to give the value, it fits so far. The candidates of one verdict stand in the order of their likelihood: the mean
logarithm of the density over the points of the curve, as if they were one observation, plus that of the value.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from rederive.config import Study
from rederive.hypotheses.model import Candidate, candidate_spec
from rederive.hypotheses.trained import Trained
from rederive.results.agreement import ROUNDING, Comparison, Distance, Spread, distance
from rederive.results.runs import Curve

VERDICTS = {
    "fits": "fits",
    "so_far": "fits so far",
    "curve": "fits the curve, not the accuracy",
    "value": "fits the accuracy, not the curve",
    "excluded": "excluded",
    "unknown": "not trained",
}


@dataclass(frozen=True)
class Finding:
    """A candidate beside what is published: `source` is the run that it is read from, None where it was trained."""

    row: str
    name: str
    candidate: Candidate
    source: str | None
    epochs: int
    loss: Distance | None
    accuracy: Distance | None
    value: float | None
    settled: bool  # whether nothing more could be compared by training it longer

    @property
    def verdict(self) -> str:
        """A key of VERDICTS."""
        loss = self.loss.agrees if self.loss else None
        accuracy = self.accuracy.agrees if self.accuracy else None
        if loss is None and accuracy is None:
            return "unknown"
        if False not in (loss, accuracy):
            return "fits" if self.settled else "so_far"
        if loss:
            return "curve"
        return "value" if accuracy else "excluded"

    @property
    def log_likelihood(self) -> float:
        """Of the curve, as one observation, and of the value, as far as they are known."""
        return math.fsum(part.log_likelihood for part in (self.loss, self.accuracy) if part)


def same_run(study: Study, dataset: str, spec: Any) -> str | None:
    """Return the run of the study with the settings of a candidate, if there is one."""
    runs = study.runs(dataset).items()
    return next((name for name, run in runs if run.spec.identity() == spec.identity()), None)


def needs_training(study: Study, row: str, candidate: Candidate) -> bool:
    """Whether no run of the study can say what comes of a candidate."""
    if not candidate.trains:
        return False
    spec = candidate_spec(row, candidate, study.experiments)
    changed = candidate.pixels is not None or candidate.test_batch is not None
    return changed or same_run(study, study.experiments[row].dataset, spec) is None


def find(comparison: Comparison, trained: Trained, row: str, name: str, candidate: Candidate) -> Finding:
    """Return what a candidate comes to, from the runs of the study and the candidates that were trained."""
    study = comparison.study
    experiment = study.experiments[row]
    spec = candidate_spec(row, candidate, study.experiments)
    run = None if candidate.pixels else same_run(study, experiment.dataset, spec)
    record = trained.find(experiment.dataset, spec, candidate.pixels)
    losses = comparison.runs.curves(run, "training_loss") if run else {}
    accuracies = comparison.runs.curves(run, "accuracy") if run and not candidate.test_batch else {}
    if record and not losses:
        losses = record.losses
    if record and not accuracies:
        accuracies = record.accuracies(candidate.test_batch)
    at = candidate.read_at or experiment.epochs
    # A curve that the row only shares with a longer run is no evidence of how the row itself was trained.
    has_curve = row in comparison.curves
    loss = comparison.loss(row, losses) if has_curve else None
    if candidate.copied_from:
        accuracy, value = _copied(comparison, row, candidate.copied_from)
    else:
        # Read at another epoch, the value is still the one that stands in the row.
        accuracy = comparison.accuracy(row, accuracies, at)
        values = [curve[at] for curve in accuracies.values() if at in curve]
        value = math.fsum(values) / len(values) if values else None
    reached = max((epoch for curve in losses.values() for epoch in curve), default=0)
    whole = not has_curve or reached >= experiment.epochs
    return Finding(
        row=row,
        name=name,
        candidate=candidate,
        source=run if losses and not (record and losses is record.losses) else None,
        epochs=min(reached, experiment.epochs),
        loss=loss,
        accuracy=accuracy,
        value=value,
        settled=whole and (accuracy is not None or row not in comparison.values),
    )


def _copied(comparison: Comparison, row: str, other: str) -> tuple[Distance | None, float | None]:
    """Compare a published value with another: a copied one has the same digits, whatever the seeds."""
    if row not in comparison.values or other not in comparison.values:
        return None, None
    value = comparison.values[other].accuracy
    here = {0: comparison.values[row].accuracy}
    found = distance({0: {0: value}}, here, {0: ROUNDING}, lambda values, epoch: Spread(0.0, None, pooled=False))
    return found, value


def ranking(comparison: Comparison, trained: Trained, row: str) -> list[Finding]:
    """Return what the candidates for a row come to: those that fit first, of one verdict the likeliest first."""
    candidates = comparison.study.hypotheses.candidates(row)
    found = [find(comparison, trained, row, name, candidate) for name, candidate in candidates.items()]
    return sorted(found, key=lambda finding: (list(VERDICTS).index(finding.verdict), -finding.log_likelihood))


def outcome(found: Iterable[Finding]) -> str:
    """Return "none fits", "one fits" or "cannot be told apart", of those that nothing excludes."""
    fitting = [finding for finding in found if finding.verdict in ("fits", "so_far")]
    return ("none fits", "one fits", "cannot be told apart")[min(len(fitting), 2)]


# How often the settings that are known come first


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


def published_trials(comparison: Comparison, last: int | None) -> list[Trial]:
    """Try the published curves of the rows whose settings are stated, up to the epoch `last`."""
    study = comparison.study
    trials = []
    for name in study.hypotheses.known:
        if name not in comparison.curves:
            continue
        experiment = study.experiments[name]
        found = {
            run: comparison.loss(name, comparison.runs.curves(run, "training_loss"), last)
            for run in study.runs(experiment.dataset)
        }
        trials += _trial(name, experiment.run, found)
    return trials


def seed_trials(comparison: Comparison, last: int | None) -> list[Trial]:
    """Try the curve of each seed of each run, as if it were published, against the other seeds and the other runs.

    It is given the error with which the curves of its data set were read: the median over those, at each epoch.
    """
    study, runs = comparison.study, comparison.runs
    trials = []
    for truth, experiment in study.runs().items():
        curves = runs.curves(truth, "training_loss")
        if len({tuple(sorted(curve.items())) for curve in curves.values()}) < 2:
            continue
        error = _typical_error(comparison, experiment.dataset)
        for seed, held in curves.items():
            target = {epoch: loss for epoch, loss in held.items() if epoch in error}
            found = {}
            for run in study.runs(experiment.dataset):
                others = dict(runs.curves(run, "training_loss"))
                if run == truth:
                    del others[seed]
                found[run] = distance(
                    others,
                    target,
                    error,
                    lambda values, epoch, of=experiment.dataset: comparison.spreads.of(  # type: ignore[misc]
                        values, of, "training_loss", epoch
                    ),
                    last,
                )
            trials += _trial(f"{truth}, seed {seed}", truth, found)
    return trials


def _typical_error(comparison: Comparison, dataset: str) -> Curve:
    errors: dict[int, list[float]] = {}
    for name, curve in comparison.errors.items():
        if comparison.study.experiments[name].dataset == dataset:
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
