"""Who watches a training run: saves its checkpoints, says how it goes, and stops it when it is asked to."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from rederive import files
from rederive.layout import job_name
from rederive.progress import Show
from rederive.training import checkpoint
from rederive.training.history import Row
from rederive.training.loop import Learner

RETRY_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: "the user is invited to retry"
STATUS_SECONDS = 5.0


class Interrupted(SystemExit):
    """Training was told to stop and has saved its state; the exit code invites to try again."""

    def __init__(self) -> None:
        super().__init__(RETRY_EXIT_CODE)


class StopRequest:
    """Whether the process has been asked to stop; a second time it stops at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Take SIGTERM (a cluster's notice before it kills) and SIGINT (Ctrl-C) as requests within the block."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)


class Keeper:
    """Watches one learner of a run: one seed, or several trained together. See `rederive.training.loop.Watcher`.

    `key` says what a checkpoint must agree with to be taken; `minutes` is the longest time between two of them; `show`
    is told how far the training is.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        key: dict[str, Any],
        seeds: list[int],
        minutes: float,
        stop: StopRequest,
        show: Show = lambda name, done, remark: None,
    ) -> None:
        self.label = f"{name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        self.checkpoint = folder / f"{job_name(seeds)}.checkpoint"
        self.status = folder / f"{job_name(seeds)}.status.json"
        self.key = {**key, "seeds": seeds}
        self.minutes = minutes
        self.stop = stop
        self.show = show
        self.epochs = 0
        self.seconds: list[float] = []  # what each epoch took
        self.restored: int | None = None  # the number of whole epochs that a checkpoint held
        self.saved = False  # whether the state of the moment when it was last to be saved is on the disk
        self._status: dict[str, Any] = {"epochs": 0, "epochs_done": 0, "latest": {}, "seconds_per_epoch": None}
        self._this_epoch = 0.0  # seconds of the epoch under way that an earlier process spent
        self._epoch_began = self._saved = self._told = time.monotonic()

    def start(self, learner: Learner, epochs: int) -> tuple[list[Row], int, int]:
        """Bring the learner to where its checkpoint left off, if there is one; name and leave one that is no use."""
        self.epochs = epochs
        rows: list[Row] = []
        epoch, batch = 1, 0
        try:
            found = checkpoint.read(self.checkpoint, self.key)
            if found is not None:
                progress, arrays = found
                checkpoint.refuse_other_arrays(arrays, learner.state())
                if progress.batch > learner.batches or {row.seed for row in progress.rows} - set(learner.seeds):
                    raise checkpoint.UnusableError("it holds other batches or seeds than this run has")
        except checkpoint.UnusableError as error:
            self._say(f"the checkpoint {self.checkpoint} is not used: {error}")
            found = None
        if found is not None:
            learner.restore(arrays)
            rows, epoch, batch = progress.rows, progress.epoch, progress.batch
            self.seconds, self._this_epoch = progress.seconds, progress.this_epoch
            self.restored = epoch - 1
            self.saved = True
            self._say(f"going on from epoch {epoch}, batch {batch}")
        self._epoch_began = self._saved = time.monotonic()
        self._tell("running", learner, rows, epoch, batch)
        return rows, epoch, batch

    def piece_done(self, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        """Save if it is time, or if the process is to stop; then stop. Raises Interrupted."""
        now = time.monotonic()
        self.show(self.label, (epoch - 1 + batch / learner.batches) / self.epochs, f"epoch {epoch}/{self.epochs}")
        if self.stop.asked:
            self._save(learner, rows, epoch, batch)
            self._tell("interrupted", learner, rows, epoch, batch)
            self._say(f"stopped in epoch {epoch} after batch {batch}; {self._next()}")
            raise Interrupted
        if now - self._saved > 60 * self.minutes:
            self._save(learner, rows, epoch, batch)
        if now - self._told > STATUS_SECONDS:
            self._tell("running", learner, rows, epoch, batch)

    def epoch_done(self, learner: Learner, rows: list[Row], epoch: int) -> None:
        """Save, and say in a line how the epoch went."""
        now = time.monotonic()
        self.seconds.append(self._this_epoch + now - self._epoch_began)
        self._this_epoch, self._epoch_began = 0.0, now
        self._save(learner, rows, epoch + 1, 0)
        self._tell("running" if epoch < self.epochs else "done", learner, rows, epoch + 1, 0)
        self._say_epoch(rows, epoch)
        if self.stop.asked and epoch < self.epochs:
            self._tell("interrupted", learner, rows, epoch + 1, 0)
            self._say(f"stopped after epoch {epoch}; {self._next()}")
            raise Interrupted

    def kept_to_the_end(self) -> bool:
        """Say whether the checkpoint on the disk is whole and that of the last epoch's end."""
        try:
            found = checkpoint.read(self.checkpoint, self.key)
        except checkpoint.UnusableError:
            return False
        return found is not None and found[0].epoch > self.epochs

    def forget(self) -> None:
        """Remove the checkpoint and the status: the run is complete."""
        for path in (self.checkpoint, self.status):
            with suppress(OSError):  # what stays there does no harm: it is not taken, or overwritten
                path.unlink()

    def _save(self, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        spent = 0.0 if batch == 0 else self._this_epoch + time.monotonic() - self._epoch_began
        progress = checkpoint.Progress(rows=rows, epoch=epoch, batch=batch, seconds=self.seconds, this_epoch=spent)
        try:
            checkpoint.write(self.checkpoint, self.key, progress, learner.state())
            self.saved = True
        except OSError as error:
            self.saved = False
            # A run without checkpoints is worth more than none; the one before this is still there.
            self._say(
                f"no checkpoint could be written to {self.checkpoint} ({error.strerror or error}); training goes on"
            )
        self._saved = time.monotonic()

    def _next(self) -> str:
        """Return where a new start goes on."""
        return "a new start goes on from " + ("there" if self.saved else "the last checkpoint that could be written")

    def fail(self, error: BaseException) -> None:
        """Leave word that the job ended with an error."""
        self._status |= {"state": "failed", "error": f"{type(error).__name__}: {error}", "updated": time.time()}
        self._write_status()

    def _say(self, what: str) -> None:
        with suppress(OSError):  # the log may lie on the disk that is full
            print(f"{self.label}: {what}", flush=True)

    def _say_epoch(self, rows: list[Row], epoch: int) -> None:
        left = self.seconds[-1] * (self.epochs - epoch)
        numbers = ", ".join(f"{quantity} {value:.4f}" for quantity, value in latest(rows).items())
        self._say(f"epoch {epoch}/{self.epochs}: {numbers}; {self.seconds[-1]:.1f} s, {left:.0f} s left")

    def _tell(self, state: str, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        done = epoch - 1 + batch / learner.batches
        spent = sum(self.seconds) + (0 if batch == 0 else self._this_epoch + time.monotonic() - self._epoch_began)
        self._status = {
            "state": state,
            "epochs": self.epochs,
            "epochs_done": done,
            "latest": latest(rows),
            "seconds_per_epoch": None if done == 0 else spent / done,
            "updated": time.time(),
        }
        self._write_status()

    def _write_status(self) -> None:
        with suppress(OSError):  # it only informs
            files.write_json(self.status, self._status)
        self._told = time.monotonic()


def latest(rows: list[Row]) -> dict[str, float]:
    """Return the means over the seeds of the last epoch's numbers, such as "train loss"."""
    last = max((row.epoch for row in rows), default=0)
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.epoch == last:
            values.setdefault(f"{row.split} {row.metric}", []).append(row.value)
    return {quantity: sum(found) / len(found) for quantity, found in values.items()}
