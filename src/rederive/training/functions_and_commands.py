"""A job of a trainer that knows nothing of the tool: a function of settings, data and a seed, or a command.

What such a trainer gives for one seed is a run's rows, an epoch's or all of them at once. The tool gives it its status,
stopping and going on: a seed that is finished is not trained again; a function that was interrupted is called anew and
its epochs are passed over up to the one where it stood.
"""

import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rederive import progress
from rederive.config import Experiment, Settings, Study, Trainer
from rederive.data import Dataset
from rederive.environment import versions
from rederive.errors import UserError
from rederive.files import write_json
from rederive.imports import load as load_code
from rederive.layout import Layout
from rederive.training import archive, job
from rederive.training.foreign_rows import filled, read_rows_of
from rederive.training.history import Row
from rederive.training.keeper import Interrupted, Keeper, StopRequest
from rederive.training.loop import fit

Rows = Iterator[list[Row]]  # of one epoch after the other


def run_job(study: Study, layout: Layout, run: str, seeds: Sequence[int]) -> None:
    """Do what `rederive.training.train` says."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    experiment = job.find_run(study, run, layout.study)
    trainer, folder = study.trainers[experiment.trainer], study.training.archive
    data = job.load_data(layout, experiment) if experiment.data else None
    identity = archive.identity(study, experiment, data.manifest["checksum"] if data else archive.NO_DATA)
    kept = archive.find(Path(folder), experiment, seeds, identity) if folder else {}
    rows = [row for taken in kept.values() for row in taken.rows]
    made = {seed: taken.made for seed, taken in kept.items()}
    keepers = []
    place = layout.checkpoints(run)
    tests = job.tests_now()
    with StopRequest().listening() as stop, progress.shares() as show:
        for seed in seeds:
            if seed in kept:
                print(f"taken from the archive: {kept[seed].path}", flush=True)
                continue
            key = {**identity._asdict(), "threads": study.training.threads}
            keeper = Keeper(run, place, key, [seed], study.training.checkpoint_minutes, stop, show)
            keepers.append(keeper)
            try:
                given = _rows(trainer, experiment, data, layout, seed, stop)
                learner = Given(seed, lambda given=given: given)  # type: ignore[misc]
                trained = fit(learner, experiment.epochs, keeper)
                learner.refuse_more(experiment)
            except Exception as error:
                keeper.fail(error)
                raise
            rows += trained.rows
            common = {
                "trainer_kind": trainer.kind,
                "fingerprint": identity.fingerprint,
                "threads": study.training.threads,
                "device": job.device_name("cpu"),
                "versions": versions(),
                "tests_digest": tests,
                "started": began,
                "ended": datetime.now(UTC).isoformat(timespec="seconds"),
                "host": socket.gethostname(),
            }
            made |= job.made_of(trained, keeper, common)
    job.write_run(
        layout.run(run, seeds),
        experiment,
        trainer,
        identity.data_checksum,
        data.manifest["source"] if data else study.data.source,
        rows,
        {seed: made[seed] for seed in seeds},
    )
    for keeper in keepers:
        keeper.forget()


def _rows(
    trainer: Trainer, experiment: Experiment, data: Dataset | None, layout: Layout, seed: int, stop: StopRequest
) -> Rows:
    if trainer.python is not None:
        return rows_of_function(load_code(trainer.python), trainer.python, experiment.spec, data, seed)
    assert trainer.command is not None
    words = command_words(trainer.command, experiment, seed, layout, experiment.data)
    return rows_of_command(words, layout.checkpoints(experiment.key), experiment.spec, seed, lambda: stop.asked)


class Given:
    """A learner (`rederive.training.loop`) whose epochs are rows that come one list after the other."""

    def __init__(self, seed: int, rows: Callable[[], Rows]) -> None:
        self.seeds = [seed]
        self.batches = self.piece = 1
        self._rows = rows()
        self._latest: list[Row] = []
        self._epoch = 0

    def advance(self, epoch: int, first: int, last: int) -> None:
        """Have the rows of the epoch; those before it, where training goes on, are passed over."""
        while self._epoch < epoch:
            try:
                self._latest = next(self._rows)
            except StopIteration:
                raise UserError(
                    f"the trainer gave {self._epoch} epoch(s) with seed {self.seeds[0]}, and its experiment has more; "
                    "set the experiment's `epochs`, or have the trainer give as many"
                ) from None
            self._epoch += 1

    def finish_epoch(self, epoch: int) -> list[Row]:
        """Return the rows of the epoch."""
        self.advance(epoch, 0, 1)
        return self._latest

    def refuse_more(self, experiment: Experiment) -> None:
        """Raise UserError where there are more epochs than the experiment has."""
        if self._epoch and next(self._rows, None) is not None:
            raise UserError(
                f"the trainer gave more than {experiment.epochs} epoch(s) with seed {self.seeds[0]}; set `epochs` of "
                f"experiments.{experiment.key}, or have the trainer stop there"
            )

    def openings(self) -> dict[int, list[float]]:
        """Return that no first steps are known."""
        return {self.seeds[0]: []}

    def predictions(self) -> dict[int, list[int]]:
        """Return that no predictions are known."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return nothing: what was computed so far are the rows."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Begin anew; `advance` passes over what is known."""


def rows_of_function(
    function: Callable[[Settings, Dataset | None, int], Any],
    name: str,
    spec: Settings,
    data: Dataset | None,
    seed: int,
) -> Rows:
    """Yield the rows of each epoch that a function gives: one mapping, or an iterable with one an epoch.

    A mapping is from `split metric` to a number. Raises UserError for anything else.
    """
    given = function(spec, data, seed)
    epochs: Iterable[Any] = [given] if isinstance(given, Mapping) else given
    if not isinstance(epochs, Iterable):
        raise UserError(f"{name}: gave {given!r}; expected a mapping such as {{'test accuracy': 0.9}}, or one an epoch")
    for epoch, values in enumerate(epochs, start=1):
        yield [_row(name, seed, epoch, key, value) for key, value in _items(name, epoch, values)]


def _items(name: str, epoch: int, values: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(values, Mapping) or not values:
        raise UserError(
            f"{name}: gave {values!r} for epoch {epoch}; expected a mapping such as {{'test accuracy': 0.9}}"
        )
    return values.items()


def _row(name: str, seed: int, epoch: int, key: Any, value: Any) -> Row:
    where = f"{name}, seed {seed}, epoch {epoch}"
    if not isinstance(key, str) or len(key.split()) != 2:
        raise UserError(f"{where}: found the name {key!r}; expected a split and a metric, as in 'test accuracy'")
    try:
        split, metric = key.split()
        return Row(seed, epoch, split, metric, float(value))
    except (TypeError, ValueError):
        raise UserError(f"{where}: {key} is {value!r}; expected a number") from None


def command_words(command: str, experiment: Experiment, seed: int, layout: Layout, data_set: str | None) -> list[str]:
    """Return the words of a command with what stands in braces filled in. Raises UserError for what is unknown."""
    folder = layout.checkpoints(experiment.key)
    known = {
        "seed": seed,
        "out": folder / f"seed_{seed}.rows.csv",
        "settings": folder / f"seed_{seed}.settings.json",
        **({"data": layout.manifest(data_set).parent} if data_set else {}),
    }
    return [filled(word, known, experiment, "command") for word in shlex.split(command)]


def rows_of_command(
    words: Sequence[str], folder: Path, spec: Settings, seed: int, asked_to_stop: Callable[[], bool]
) -> Rows:
    """Run a command in the study's folder, and yield the rows of each epoch of the file that it writes.

    Raises UserError where it fails, or its file is not what is expected, and Interrupted where it was stopped.
    """
    out, settings = folder / f"seed_{seed}.rows.csv", folder / f"seed_{seed}.settings.json"
    out.unlink(missing_ok=True)
    write_json(settings, spec.model_dump(mode="json"))
    print(shlex.join(words), flush=True)
    try:
        with subprocess.Popen(words) as process:
            while process.poll() is None:
                if asked_to_stop():
                    process.terminate()
                    raise Interrupted
                time.sleep(0.05)
    except OSError as error:
        raise UserError(f"command {words[0]}: cannot be run ({error.strerror})") from None
    if process.returncode:
        raise UserError(f"command {shlex.join(words)}: ended with {process.returncode}; what it printed stands above")
    rows = read_rows_of(out, [seed], spec.epochs)
    out.unlink()
    settings.unlink()
    for epoch in range(1, spec.epochs + 1):
        yield [row for row in rows if row.epoch == epoch]
