"""The training of candidates for published rows, by successive halving.

Of the candidates for a row that no run of the study answers, all are trained one epoch; those that the bound excludes
are dropped, and of the rest the less likely half (Jamieson and Talwalkar 2016); the others go on to the next rung.
A training that serves several rows is done once. What is done is kept after each training, and goes on from there.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rederive import progress
from rederive.config import Experiment, Study
from rederive.data import Dataset
from rederive.environment import versions
from rederive.errors import UserError
from rederive.fingerprint import fingerprint, training
from rederive.layout import Layout
from rederive.progress import Show
from rederive.results.agreement import Comparison
from rederive.results.hypotheses.ranking import needs_training
from rederive.results.hypotheses.trained import Trained
from rederive.training.archive import identity, path_of
from rederive.training.job import device_name, load_data, made_of, train_seeds, write_run
from rederive.training.keeper import Keeper, StopRequest


def infer(comparison: Comparison, layout: Layout, rows: Sequence[str] = ()) -> Trained:
    """Train the candidates for some rows, or for all, as far as they are not kept; return all that is.

    Candidates are trained on the processor, with the study's first seed. A kept training stands when code changes: its
    record says which code made it. Raises UserError for a row without candidates, and on stand-in data.
    """
    study = comparison.study
    if study.data.source != "official":
        raise UserError("infer: published values are compared with runs on the official data; data.source is standin")
    if unheard := [row for row in rows if row not in study.hypotheses.rows]:
        raise UserError(
            f"infer: there are no candidates for {', '.join(unheard)}; the rows of hypotheses: "
            + ", ".join(study.hypotheses.rows)
        )
    alive = {row: _to_train(study, row) for row in rows or study.hypotheses.rows}
    with StopRequest().listening() as stop, progress.shares() as show:
        search = _Search(study, layout, stop, show)
        for rung in study.hypotheses.rungs:
            for row, names in alive.items():
                for name in names:
                    search.reach(row, name, rung)
                alive[row] = better_half(comparison, search.trained, row, names, rung)
        for row in alive:
            for name in _to_train(study, row):
                if epochs := study.hypotheses.candidates(row)[name].epochs:
                    search.reach(row, name, epochs)
    return search.trained


def _to_train(study: Study, row: str) -> list[str]:
    return [name for name in study.hypotheses.candidates(row) if needs_training(study, row, name)]


def better_half(comparison: Comparison, trained: Trained, row: str, names: Sequence[str], rung: int) -> list[str]:
    """Return the candidates that go on after a rung: not excluded, and of these the likelier half, rounded up.

    Where the published curve has no point so early, nothing can be said, and all go on.
    """
    study, metric = comparison.study, str(comparison.curve_metric)
    found = {
        name: comparison.curve(row, trained.curves(study, study.candidate(row, name), metric), rung) for name in names
    }
    known = {name: distance for name, distance in found.items() if distance is not None}
    if not known:
        return list(names)
    left = sorted((name for name in known if known[name].agrees), key=lambda name: -known[name].log_likelihood)
    return left[: (len(names) + 1) // 2]


class _Search:
    """What has been trained, and the means to train more."""

    def __init__(self, study: Study, layout: Layout, stop: StopRequest, show: Show) -> None:
        self.study, self.layout, self._stop, self._show = study, layout, stop, show
        self.folder = Path(study.hypotheses.kept)
        self.trained = Trained.load(self.folder)
        self._data: dict[str, Dataset] = {}

    def reach(self, row: str, name: str, epochs: int) -> None:
        """Train a candidate for so many epochs, if that is not kept."""
        experiment = self.study.candidate(row, name)
        epochs = min(epochs, experiment.epochs)
        if any(kept.provenance.spec["epochs"] >= epochs for kept in self.trained.find(self.study, experiment)):
            return
        spec = experiment.spec.model_copy(update={"epochs": epochs})
        self._train(experiment.model_copy(update={"spec": spec, "epochs": epochs}))
        self.trained = Trained.load(self.folder)

    def _train(self, experiment: Experiment) -> None:
        study, seed = self.study, self.study.seeds[0]
        if experiment.data not in self._data:
            self._data[experiment.data] = load_data(self.layout, experiment)
        data = self._data[experiment.data]
        checksum, trainer = data.manifest["checksum"], study.trainers[experiment.trainer]
        if trainer.kind != "watched":
            raise UserError(f"infer: {experiment.key}: trainer {experiment.trainer} is not watched: it cannot go on")
        code, threads = fingerprint(training(trainer)), study.training.threads
        key = {**identity(study, experiment, checksum, code)._asdict(), "threads": threads, "device": "cpu"}
        folder, minutes = self.layout.checkpoints(f"candidates/{experiment.key}"), study.training.checkpoint_minutes
        keeper = Keeper(experiment.key, folder, key, [seed], minutes, self._stop, self._show)
        began = datetime.now(UTC)
        (part,) = train_seeds(trainer.python, experiment, data, [seed], "cpu", threads, False, lambda seeds: keeper)
        common = {
            "fingerprint": code,
            "device": device_name("cpu"),
            "threads": threads,
            "versions": versions(),
            "started": began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        path = path_of(self.folder, experiment.key, seed)
        write_run(
            path, experiment, trainer, checksum, data.manifest["source"], part.rows, made_of(part, keeper, common)
        )
