"""Convolutional networks, trained on PyTorch: on a CPU seed by seed, on a GPU all seeds at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rederive.data import Dataset, Split
from rederive.training.cuda_graph import Captured
from rederive.training.history import OPENING_STEPS, Row, Trained
from rederive.training.loop import Watcher, fit
from writeup.cnn_networks import initial_network
from writeup.settings import CNNSettings
from writeup.torch_step import Step, laid_out

PIECE_IMAGES = 2048
SMALL_BATCH = 4
EVALUATION_BATCH = 1000


def train(
    spec: CNNSettings, data: Dataset, seeds: Sequence[int], device: str, watch: Callable[[list[int]], Watcher]
) -> list[Trained]:
    """Train one network for each seed; return what each group of seeds has come to.

    The write-up's protocol: images scaled to -1..1, shuffled each epoch; PyTorch's initial parameters. The training
    loss is the mean over the epoch's batches, of each before its step. `watch` gives each group of seeds that is
    trained together its watcher.
    """
    # As one more axis of every array, more seeds cost a GPU little; a CPU is faster with one at a time.
    groups = [list(seeds)] if device == "cuda" else [[seed] for seed in seeds]
    return [fit(CNNLearner(spec, data, group, device), spec.epochs, watch(group)) for group in groups]


class CNNLearner:
    """One network on its way, or one for each of several seeds; see `rederive.training.loop.Learner`.

    With more than one seed, arrays have an axis of seeds before that of the images. `traced` False keeps the plain
    step, which is the reference.
    """

    def __init__(self, spec: CNNSettings, data: Dataset, seeds: list[int], device: str = "cpu", traced: bool = True):
        self.spec = spec
        self.seeds = seeds
        self.device = device
        self.stacked = len(seeds) > 1
        self.images = torch.tensor(np.asarray(data.train.images), device=device)
        self.labels = torch.tensor(np.asarray(data.train.labels), device=device).long()
        self.test = data.test
        self.batches = -(-len(self.labels) // spec.batch_size)
        self.piece = max(1, PIECE_IMAGES // spec.batch_size)
        # In a small batch oneDNN spends more on setting up a convolution than on computing it, and PyTorch's own
        # convolution goes channel by channel; elsewhere the channels of a pixel side by side are faster.
        self.small = device == "cpu" and spec.batch_size <= SMALL_BATCH
        self.layout = torch.contiguous_format if self.small else torch.channels_last
        self.step = Step(
            spec, [initial_network(spec, seed + spec.seed_offset) for seed in seeds], device, self.layout, traced
        )
        self.take: Callable[..., Tensor] = self.step
        if device == "cuda":
            self.take = Captured(self.step, lambda: self.step.state().values())
        # Of the losses of the epoch's batches so far, one for each seed. It stays on the device until it is asked for.
        self.total = torch.zeros(len(seeds) if self.stacked else (), dtype=torch.float64, device=device)
        self.opening = torch.full((*self.total.shape, OPENING_STEPS), torch.nan, dtype=torch.float64, device=device)
        self.predicted = torch.zeros((*self.total.shape, len(self.test)), dtype=torch.uint8, device=device)
        self._epoch = 0
        self._order = self._keep = torch.empty(0)

    def advance(self, epoch: int, first: int, last: int) -> None:
        """Train on the batches `first` to `last` (not included) of the epoch."""
        if first == 0:
            self.total.zero_()
        if epoch != self._epoch:
            self._draw(epoch)
        size = self.spec.batch_size
        rows = self._order[..., first * size : last * size]
        parts = [self._scaled(self.images[rows]), self.labels[rows]]
        if self.spec.dropout:
            parts.append(self._keep[..., first * size : last * size, :])
        with torch.backends.mkldnn.flags(enabled=not self.small, allow_tf32=None):
            batches = zip(*(part.split(size, dim=int(self.stacked)) for part in parts), strict=True)  # type: ignore[no-untyped-call]
            for step, batch in enumerate(batches, start=(epoch - 1) * self.batches + first):
                loss = self.take(*batch)
                self.total += loss
                if step < OPENING_STEPS:
                    self.opening[..., step] = loss

    def _draw(self, epoch: int) -> None:
        """Draw the epoch's order of images, and dropout's masks: from the seed and the epoch, and nothing else."""
        count, keep = len(self.labels), 1 - self.spec.dropout
        orders, masks = [], []
        for seed in self.seeds:
            generator = np.random.default_rng([seed + self.spec.seed_offset, epoch])
            orders.append(generator.permutation(count))
            if self.spec.dropout:
                units = (count, self.step.template.output.in_features)
                masks.append((generator.random(units, dtype=np.float32) < keep).astype(np.float32) / np.float32(keep))
        self._epoch = epoch
        self._order = self._joined(orders)
        self._keep = self._joined(masks)

    def _joined(self, arrays: list[np.ndarray]) -> Tensor:
        joined = np.empty(0) if not arrays else np.stack(arrays) if self.stacked else arrays[0]
        return torch.from_numpy(joined).to(self.device)

    def finish_epoch(self, epoch: int) -> list[Row]:
        """Return the epoch's training loss, and the loss and accuracy on the test images after it, for each seed."""
        totals = self.total.reshape(-1).tolist()
        losses, predicted = self.evaluate(self.test)
        self.predicted = predicted.reshape(self.predicted.shape)
        labels = torch.tensor(np.asarray(self.test.labels), device=self.device)
        accuracies = [right / len(self.test) for right in (predicted == labels).sum(1).tolist()]
        rows = []
        for seed, total, loss, accuracy in zip(self.seeds, totals, losses, accuracies, strict=True):
            rows += [
                Row(seed, epoch, "train", "loss", total / self.batches),
                Row(seed, epoch, "test", "loss", loss),
                Row(seed, epoch, "test", "accuracy", accuracy),
            ]
        return rows

    def openings(self) -> dict[int, list[float]]:
        """Return the losses of each seed's first steps, means over the batch."""
        return dict(zip(self.seeds, self.opening.reshape(len(self.seeds), -1).tolist(), strict=True))

    def predictions(self) -> dict[int, list[int]]:
        """Return the class given to each test image after the last epoch."""
        return dict(zip(self.seeds, self.predicted.reshape(len(self.seeds), -1).tolist(), strict=True))

    def evaluate(self, split: Split) -> tuple[list[float], Tensor]:
        """Return of each seed's network the mean cross-entropy, and the class that each image is given, (seeds, n)."""
        loss = torch.zeros(len(self.seeds), dtype=torch.float64, device=self.device)
        predicted = []
        for start in range(0, len(split), EVALUATION_BATCH):
            some = slice(start, start + EVALUATION_BATCH)
            labels = torch.tensor(np.asarray(split.labels[some]), device=self.device).long()
            logits = self.step.evaluate(self._scaled(torch.tensor(np.asarray(split.images[some]), device=self.device)))
            logits = logits.reshape(len(self.seeds), len(labels), -1)
            losses = functional.cross_entropy(logits.flatten(0, 1), labels.repeat(len(self.seeds)), reduction="none")
            loss += losses.reshape(len(self.seeds), -1).sum(1, dtype=torch.float64)
            predicted.append(logits.argmax(-1).to(torch.uint8))
        return [total / len(split) for total in loss.tolist()], torch.cat(predicted, dim=1)

    def _scaled(self, images: Tensor) -> Tensor:
        return laid_out(scaled(images), self.layout)

    def state(self) -> dict[str, Any]:
        """Return parameters, running statistics, moments and the sum of the losses so far."""
        return {name: tensor.cpu().contiguous().numpy().copy() for name, tensor in self._tensors().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.from_numpy(state[name]))

    def _tensors(self) -> dict[str, Tensor]:
        mine = {"total": self.total, "opening": self.opening, "predicted": self.predicted}
        return self.step.state() | mine


def scaled(images: Tensor) -> Tensor:
    """Return bytes as numbers from -1 to 1: over 255, less a half, over a half (the write-up's protocol)."""
    return images.float().div_(255).sub_(0.5).div_(0.5)
