"""Candidates for a published row, held against its curve and its value.

Each is compared by `rederive.results.agreement`: the same distances, errors and bound by which a row of ours agrees
with the published one. Where curve and value agree it **fits**; where the curve agrees, and the training was too short
to give the value, it fits so far. The candidates of one verdict stand in the order of their likelihood: the mean
logarithm of the density over the points of the curve, as if they were one observation, plus that of the value.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rederive.config import Experiment, Study
from rederive.config.hypotheses import Candidate
from rederive.results.agreement import Comparison
from rederive.results.distance import Distance, Spread, distance
from rederive.results.hypotheses.trained import Trained

VERDICTS = {
    "fits": "fits",
    "so_far": "fits so far",
    "curve": "fits the curve, not the value",
    "value": "fits the value, not the curve",
    "excluded": "excluded",
    "unknown": "not trained",
}


@dataclass(frozen=True)
class Finding:
    """A candidate beside what is published: `run` is the run that it is read from, None where it was trained.

    `epochs` is how many epochs of its curve there are; `settled`, whether to train it longer would compare no more.
    """

    row: str
    name: str
    candidate: Candidate
    run: str | None
    epochs: int
    curve: Distance | None
    agreement: Distance | None
    value: float | None
    settled: bool

    @property
    def verdict(self) -> str:
        """A key of VERDICTS."""
        curve = self.curve.agrees if self.curve else None
        value = self.agreement.agrees if self.agreement else None
        if curve is None and value is None:
            return "unknown"
        if False not in (curve, value):
            return "fits" if self.settled else "so_far"
        if curve:
            return "curve"
        return "value" if value else "excluded"

    @property
    def log_likelihood(self) -> float:
        """Of the curve, as one observation, and of the value, as far as they are known."""
        return math.fsum(part.log_likelihood for part in (self.curve, self.agreement) if part)


def same_run(study: Study, experiment: Experiment) -> str | None:
    """Return the run of the study that a candidate is, if there is one."""
    runs = study.runs(experiment.data).items()
    wanted = experiment.trainer, experiment.identity_of(experiment.spec)
    return next((name for name, run in runs if (run.trainer, run.identity_of(run.spec)) == wanted), None)


def needs_training(study: Study, row: str, name: str) -> bool:
    """Say whether no run of the study can tell what comes of a candidate."""
    candidate = study.hypotheses.candidates(row)[name]
    return candidate.trains and same_run(study, study.candidate(row, name)) is None


def find(comparison: Comparison, trained: Trained, row: str, name: str) -> Finding:
    """Return what a candidate comes to, from the runs of the study and the candidates that were trained."""
    study, metric, headline = comparison.study, comparison.curve_metric, str(comparison.study.headline)
    candidate, experiment = study.hypotheses.candidates(row)[name], study.candidate(row, name)
    epochs = study.experiments[row].epochs
    run = same_run(study, experiment)
    alike = study.experiments[candidate.curve].run if candidate.curve else run
    # A curve that the row only shares with a longer run is no evidence of how the row itself was trained.
    shown = metric if (row, metric) in comparison.curves else None
    curves = {}
    if shown:
        curves = comparison.ours(alike, shown) if alike else trained.curves(study, experiment, shown)
    values = comparison.ours(run, headline) if run else trained.curves(study, experiment, headline)
    at = candidate.read_at or epochs
    if row not in comparison.values:
        agreement, value = None, None
    elif candidate.copied_from:
        agreement, value = _copied(comparison, row, candidate.copied_from)
    else:
        # Read at another epoch, the value is still the one that stands in the row.
        agreement = comparison.value(row, values, at)
        there = [curve[at] for curve in values.values() if at in curve]
        value = math.fsum(there) / len(there) if there else None
    reached = max((epoch for curve in (curves or values).values() for epoch in curve), default=0)
    whole = not shown or reached >= epochs
    return Finding(
        row=row,
        name=name,
        candidate=candidate,
        run=alike,
        epochs=min(reached, epochs),
        curve=comparison.curve(row, curves) if shown else None,
        agreement=agreement,
        value=value,
        settled=whole and (agreement is not None or row not in comparison.values),
    )


def _copied(comparison: Comparison, row: str, other: str) -> tuple[Distance | None, float | None]:
    """Compare a published value with another: a copied one has the same digits, whatever the seeds."""
    if other not in comparison.values:
        return None, None
    value, here = comparison.values[other].value, comparison.values[row].value
    certain = Spread(0.0, None, pooled=False)
    return distance({0: {0: value}}, {0: here}, {0: comparison.rounding}, lambda values, epoch: certain), value


def ranking(comparison: Comparison, trained: Trained, row: str) -> list[Finding]:
    """Return what the candidates for a row come to: those that fit first, of one verdict the likeliest first."""
    found = [find(comparison, trained, row, name) for name in comparison.study.hypotheses.candidates(row)]
    return sorted(found, key=lambda finding: (list(VERDICTS).index(finding.verdict), -finding.log_likelihood))


def rankings(comparison: Comparison, trained: Trained) -> dict[str, list[Finding]]:
    """Return the ranked candidates of each row of the hypotheses; none on stand-in data."""
    if comparison.study.data.source != "official":
        return {}
    return {row: ranking(comparison, trained, row) for row in comparison.study.hypotheses.rows}


def outcome(found: Iterable[Finding]) -> str:
    """Say whether one candidate fits, none does, or several cannot be told apart, of those that nothing excludes."""
    verdicts = [finding.verdict for finding in found]
    fitting = sum(verdict in ("fits", "so_far") for verdict in verdicts)
    if not fitting and "unknown" in verdicts:
        return "none fits so far"
    return ("none fits", "one fits", "cannot be told apart")[min(fitting, 2)]
