"""Train the beginning of a run again and compare: does today's code, on this machine, compute what was kept?

Equal bit for bit is the strong answer, and on the same kind of processor with the same libraries the usual one.
Elsewhere other kernels round otherwise, and training multiplies every small difference. So the losses of the first
steps are compared, before the differences have grown, with a tolerance that is measured on the run itself: the same
steps are taken again from parameters that differ by one rounding, and what came of that difference by each step, times
MARGIN, is what rounding may have done. A run that kept no first steps is compared by the numbers of its epochs alone,
with the spread over seeds, pooled over the runs of its trainer; that is weaker, and the answer says so.
"""

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from rederive import environment, files
from rederive.config import Experiment, Study
from rederive.data import Dataset, load
from rederive.errors import UserError
from rederive.fingerprint import fingerprint, training
from rederive.layout import Layout
from rederive.results.distributions import t_quantile
from rederive.training import job
from rederive.training.archive import Kept, kept_under, write_replay
from rederive.training.history import OPENING_STEPS, Row, Trained
from rederive.training.loop import Learner, Unwatched
from rederive.training.provenance import Outcome, Replay, relative_difference
from rederive.training.wholeness import refuse_what_no_run_gives

# How many times as far as a single rounding of every parameter carries the losses two processors may be apart; see
# docs/training.md for what was measured.
MARGIN = 5.0
ROUNDING = float(np.finfo(np.float32).eps)
NUDGES = 3
SPREAD_LEVEL = 0.99


class Comparison(NamedTuple):
    """The largest difference of compared numbers, measured by what was allowed where it stood."""

    difference: float
    tolerance: float | None

    @property
    def allowed(self) -> bool:
        """Whether every number is within its tolerance."""
        return self.tolerance is None or self.difference <= self.tolerance


def replay(
    experiment: Experiment,
    code: str,
    data: Dataset,
    kept: Kept,
    runs: Sequence[Sequence[Kept]],
    fingerprint: str,
    epochs: int = 1,
    device: str = "cpu",
    threads: int = 1,
) -> Replay:
    """Train the first `epochs` epochs of a kept run again, and compare; only its first steps where that is 0.

    `runs` are the kept seeds of all runs of its trainer: their spread is what the numbers of epochs are held against
    where they are not equal. `code` is the import path of the trainer, `fingerprint` that of today's code.
    """
    if not kept.made.opening:
        epochs = max(1, epochs)
    again = Beginning(experiment, code, data, kept.seed, device, threads)
    made, first = kept.made, again.train(epochs) if epochs else again.open()
    rows = [row for row in kept.rows if row.epoch <= epochs]
    # A short epoch may have fewer steps than were kept.
    steps = min(len(made.opening), len(first.openings[kept.seed]))
    opened = made.opening[:steps], first.openings[kept.seed][:steps]
    spread = _against_spread(rows, first.rows, runs) if epochs else None
    opening: Comparison | None = None
    outcome: Outcome
    if first.rows == rows and list(map(repr, opened[0])) == list(map(repr, opened[1])):  # nan, too, is a result
        outcome, largest = "bit for bit", Comparison(0.0, None)
    else:
        if steps:
            opening = _against_roundings(*opened, again)
        compared = [comparison for comparison in (opening, spread) if comparison is not None]
        near = bool(compared) and all(comparison.allowed for comparison in compared)
        # Steps that are equal to the last digit are followed by equal epochs, or something else has changed.
        broken = opening is not None and opening.difference == 0 and first.rows != rows
        outcome = (
            "different" if broken or not near else "within rounding" if opening else "within the spread over seeds"
        )
        largest = max(compared, key=_share, default=Comparison(float("inf"), None))
    return Replay(
        made_by=made.fingerprint,
        replayed_by=fingerprint,
        seed=kept.seed,
        steps=steps,
        epochs=epochs,
        outcome=outcome,
        difference=largest.difference,
        tolerance=largest.tolerance,
        device=job.device_name(device),
        versions=environment.versions(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def to_replay(
    study: Study, folder: Path, runs: Sequence[str], seeds: Sequence[int], sample: int | None
) -> list[tuple[Experiment, Kept]]:
    """Return what to replay of the runs under `folder`: experiments, each with a kept seed.

    Without `seeds`, one seed for each code that made some of a run: one that kept its first steps, and that was made on
    this kind of processor, before others. `sample` takes one seed of so many runs, of those that kept their first steps
    before others, as today's code draws them by its fingerprint: the same code draws the same. Raises UserError for a
    run that is not in the study, or not kept.
    """
    known = {run: experiment for run, experiment in study.runs().items() if study.trainers[experiment.trainer].watched}
    if unheard := [run for run in runs if run not in known]:
        told = f"replay: {', '.join(unheard)} is no run of a watched trainer of the study"
        raise UserError(f"{told}; its runs: {', '.join(known)}")
    wanted = {run: kept for run in runs or known if (kept := kept_under(folder, run))}
    if missing := [run for run in runs if run not in wanted] or ([] if wanted else ["no run of the study"]):
        raise UserError(f"{folder}: found {', '.join(missing)}; expected runs that were trained or kept")
    if sample is not None:
        codes = {name: fingerprint(training(trainer)) for name, trainer in study.trainers_in_use().items()}

        def order(run: str) -> tuple[bool, str]:
            # First steps take seconds and are compared on any processor; without them it is a whole epoch.
            return not any(one.made.opening for one in wanted[run]), _drawn(run, codes[known[run].trainer])

        wanted = {run: wanted[run] for run in sorted(wanted, key=order)[:sample]}
    here = job.device_name("cpu")
    chosen = []
    for run, kept in wanted.items():
        if absent := set(seeds) - {one.seed for one in kept}:
            raise UserError(f"{folder}: seed {min(absent)} of {run} is not there")
        groups: dict[str, Kept] = {}
        for one in sorted(kept, key=lambda one: (not one.made.opening, one.made.device != here, one.seed)):
            groups.setdefault(one.made.fingerprint, one)
        asked = [one for one in kept if one.seed in seeds] if seeds else list(groups.values())
        if sample is not None and not seeds:
            asked = asked[:1]
        chosen += [(known[run], one) for one in asked]
    return chosen


def replay_all(
    study: Study,
    folder: Path,
    layout: Layout,
    runs: Sequence[str],
    seeds: Sequence[int],
    sample: int | None,
    epochs: int,
    output: Path | None,
) -> list[Replay]:
    """Replay what `to_replay` returns, print how each compares, and write it down.

    Beside runs that are kept one by one, where a build looks for it; to `output`, a JSON list, where that is given.
    """
    done: list[dict[str, Any]] = []
    replays = []
    chosen = to_replay(study, folder, runs, seeds, sample)
    of_trainer: dict[str, list[list[Kept]]] = {}
    for key, experiment in study.runs().items():
        of_trainer.setdefault(experiment.trainer, []).append(kept_under(folder, key))
    for experiment, kept in chosen:
        run, code = experiment.key, str(study.trainers[experiment.trainer].python)
        refuse_what_no_run_gives(kept.path, kept.rows, study, experiment.trainer)
        place = layout.manifest(experiment.data).parent
        data = load(place)
        if data.manifest["checksum"] != kept.provenance.data_checksum:
            raise UserError(f"{place}: other data than {run} was trained on; prepare them again")
        today = fingerprint(training(study.trainers[experiment.trainer]))
        found = replay(
            experiment, code, data, kept, of_trainer[experiment.trainer], today, epochs, threads=kept.made.threads
        )
        replays.append(found)
        done.append({"run": run} | found.model_dump(mode="json"))
        print(f"{run}, seed {kept.seed}: {found.described()}", flush=True)
        if output is None and (folder / run).is_dir():
            write_replay(folder / run, found)
    if output is not None:
        files.write_json(output, done)
    return replays


def _drawn(run: str, code: str) -> str:
    return hashlib.sha256(f"{code} {run}".encode()).hexdigest()


class Beginning:
    """The beginning of a run, to be trained as often as is asked."""

    def __init__(
        self, experiment: Experiment, code: str, data: Dataset, seed: int, device: str = "cpu", threads: int = 1
    ) -> None:
        self.experiment = experiment
        self.code = code
        self.seed = seed
        self._rest = (data, [seed], device, threads, False)

    def train(self, epochs: int) -> Trained:
        """Train so many epochs, or as many as the run has."""
        wanted = min(epochs, self.experiment.spec.epochs)
        spec = self.experiment.spec.model_copy(update={"epochs": wanted})
        shorter = self.experiment.model_copy(update={"spec": spec})
        (trained,) = job.train_seeds(self.code, shorter, *self._rest, lambda seeds: Unwatched())
        return trained._replace(rows=sorted(trained.rows))

    def open(self, nudge: int | None = None) -> Trained:
        """Take the first steps; with a nudge, from parameters that are moved by one rounding, twice."""
        try:
            (trained,) = job.train_seeds(self.code, self.experiment, *self._rest, lambda seeds: _Opening(nudge))
        except _EnoughError as enough:
            return Trained([], enough.openings, {})
        return Trained([], trained.openings, {})


class _EnoughError(Exception):
    """The first steps have been taken."""

    def __init__(self, openings: dict[int, list[float]]) -> None:
        super().__init__("the first steps have been taken")
        self.openings = openings


class _Opening(Unwatched):
    """A watcher that ends training after the first steps."""

    def __init__(self, nudge: int | None) -> None:
        self.nudge = nudge

    def start(self, learner: Learner, epochs: int) -> tuple[list[Row], int, int]:
        """Begin at the beginning; with a nudge before the first step and one after it.

        Before: RMSprop and Adam divide a gradient by its size, so that of one that is zero but for rounding, rounding
        decides a whole step. After: the first parameters may all be zero, which no rounding moves.
        """
        if self.nudge is None:
            return [], 1, 0
        learner.restore(_nudged(learner.state(), self.nudge))
        learner.advance(1, 0, 1)
        learner.restore(_nudged(learner.state(), self.nudge))
        return [], 1, 1

    def piece_done(self, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        """Raise _EnoughError after OPENING_STEPS steps."""
        if (epoch - 1) * learner.batches + batch >= OPENING_STEPS:
            raise _EnoughError(learner.openings())


def _nudged(state: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the state with every number of its floating-point arrays moved up or down by one rounding."""
    generator = np.random.default_rng(seed)

    def moved(array: np.ndarray) -> np.ndarray:
        if not np.issubdtype(array.dtype, np.floating) or not array.ndim:
            return array
        signs = generator.integers(0, 2, array.shape) * 2 - 1
        return (array * (1 + np.finfo(array.dtype).eps * signs)).astype(array.dtype)  # type: ignore[no-any-return]

    return {name: array if name == "opening" else moved(array) for name, array in state.items()}


def rounding_effects(losses: Sequence[float], again: "Beginning") -> list[float]:
    """Return for each first step how far, relative to its loss, one rounding of every parameter has carried it by then.

    The largest of several random nudges, over this step and those before; at least the rounding of the loss itself.
    """
    nudged = [again.open(nudge).openings[again.seed][: len(losses)] for nudge in range(NUDGES)]
    moved = [
        max(relative_difference(value, other) for other in others)
        for value, *others in zip(losses, *nudged, strict=True)
    ]
    return list(accumulate(moved, max, initial=ROUNDING))[1:]


def _against_roundings(kept: Sequence[float], found: Sequence[float], again: "Beginning") -> Comparison:
    """Return the difference of first steps that is largest by what rounding may have done by then."""
    if list(map(repr, kept)) == list(map(repr, found)):
        return Comparison(0.0, None)
    steps = zip(kept, found, rounding_effects(found, again), strict=True)
    return max(
        (Comparison(relative_difference(mine, theirs), MARGIN * effect) for mine, theirs, effect in steps), key=_share
    )


def _against_spread(kept: Sequence[Row], found: Sequence[Row], runs: Sequence[Sequence[Kept]]) -> Comparison | None:
    """Return the difference of epochs' numbers that is largest by how far two seeds may be apart.

    `runs` are the kept runs of one trainer. The spread over seeds is relative to the mean, and pooled: a few seeds of
    many runs tell more of it than those of one. None where no run has two seeds: there is no spread then.
    """
    compared = []
    for mine, theirs in zip(kept, found, strict=True):
        values = [[row.value for one in seeds for row in one.rows if row[1:-1] == mine[1:-1]] for seeds in runs]
        degrees = sum(len(of_run) - 1 for of_run in values if of_run)
        if not degrees:
            return None
        deviations = [(value / fmean(of_run) - 1) ** 2 for of_run in values if len(of_run) > 1 for value in of_run]
        spread = math.sqrt(math.fsum(deviations) / degrees)
        # Seeds may all give one number; rounding is allowed all the same.
        allowed = max(t_quantile(0.5 + SPREAD_LEVEL / 2, degrees) * math.sqrt(2) * spread, MARGIN * ROUNDING)
        compared.append(Comparison(relative_difference(mine.value, theirs.value), allowed))
    return max(compared, key=_share)


def _share(comparison: Comparison) -> float:
    """Return the difference in units of what was allowed."""
    return 0.0 if not comparison.difference else comparison.difference / (comparison.tolerance or 1e-300)
