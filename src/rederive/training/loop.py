"""The loop that every training run goes through: epochs, cut into pieces after which it may be saved or stopped."""

from typing import Any, Protocol

from rederive.training.history import Row, Trained


class Learner(Protocol):
    """A network in training, or several that differ in their seed and are trained together.

    All that it does follows from its state and the number of the batch: nothing depends on where it was stopped, or
    on how many epochs there are to come.
    """

    seeds: list[int]
    batches: int  # in an epoch
    piece: int  # how many batches to take at a time: about a second's work

    def advance(self, epoch: int, first: int, last: int) -> None:
        """Train on the batches `first` to `last` (not included) of the epoch."""

    def finish_epoch(self, epoch: int) -> list[Row]:
        """Return what the epoch, whose last batch has been taken, has come to."""

    def openings(self) -> dict[int, list[float]]:
        """Return the losses of each seed's first OPENING_STEPS steps; those not taken yet have any value."""

    def predictions(self) -> dict[int, list[int]]:
        """Return the class that each seed's network gives each evaluation image, at the end of the last epoch."""

    def state(self) -> dict[str, Any]:
        """Return all that training changes, as NumPy arrays."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""


class Watcher(Protocol):
    """Who is told of the progress: to save it, to show it, to stop."""

    def start(self, learner: Learner, epochs: int) -> tuple[list[Row], int, int]:
        """Bring the learner to where an earlier run left off; return its rows, its epoch and its next batch."""

    def piece_done(self, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        """Take notice that all batches before `batch` are done."""

    def epoch_done(self, learner: Learner, rows: list[Row], epoch: int) -> None:
        """Take notice that the epoch is done; its rows are the last of `rows`."""


def fit(learner: Learner, epochs: int, watcher: Watcher) -> Trained:
    """Train for so many epochs, from where the watcher's start left off; return what every epoch came to."""
    rows, epoch, batch = watcher.start(learner, epochs)
    while epoch <= epochs:
        while batch < learner.batches:
            last = min(batch + learner.piece, learner.batches)
            learner.advance(epoch, batch, last)
            batch = last
            watcher.piece_done(learner, rows, epoch, batch)
        rows = rows + learner.finish_epoch(epoch)
        watcher.epoch_done(learner, rows, epoch)
        epoch, batch = epoch + 1, 0
    # A checkpoint may come from a longer run: then the network at hand is not that of the last epoch asked for.
    predictions = learner.predictions() if epoch == epochs + 1 else {}
    openings = {seed: losses[: epochs * learner.batches] for seed, losses in learner.openings().items()}
    return Trained([row for row in rows if row.epoch <= epochs], openings, predictions)


class Unwatched:
    """A watcher that looks away: from the start, without pause."""

    def start(self, learner: Learner, epochs: int) -> tuple[list[Row], int, int]:
        """Begin at the beginning."""
        return [], 1, 0

    def piece_done(self, learner: Learner, rows: list[Row], epoch: int, batch: int) -> None:
        """Do nothing."""

    def epoch_done(self, learner: Learner, rows: list[Row], epoch: int) -> None:
        """Do nothing."""
