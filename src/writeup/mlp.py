"""Multilayer perceptrons, trained on the project's own engine, with NumPy or, on a GPU, with PyTorch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rederive.autograd import MLP, SGD, Tensor, no_grad
from rederive.autograd.graph import Array, namespace
from rederive.autograd.ops import SoftmaxCrossEntropy
from rederive.data import Dataset, Split
from rederive.errors import UserError
from rederive.training.cuda_graph import Captured
from rederive.training.history import OPENING_STEPS, Row, Trained
from rederive.training.loop import Watcher, fit
from writeup.settings import MLPSettings

CLASSES = 10
PIECE_IMAGES = 2048
EVALUATION_BATCH = 1000


def train(
    spec: MLPSettings, data: Dataset, seeds: Sequence[int], device: str, watch: Callable[[list[int]], Watcher]
) -> list[Trained]:
    """Train one network for each seed, one after the other; return what each has come to.

    The write-up's protocol: pixels as they are, 0 to 255; batches in file order; cross-entropy summed over the batch.
    The training loss is that of each batch before its step, summed over the epoch and divided by the number of images.
    `watch` gives each seed's watcher.
    """
    return [fit(MLPLearner(spec, data, seed, device), spec.epochs, watch([seed])) for seed in seeds]


class MLPLearner:
    """One network on its way; see `rederive.training.loop.Learner`."""

    def __init__(self, spec: MLPSettings, data: Dataset, seed: int, device: str = "cpu") -> None:
        if data.validation is None:
            raise UserError("the perceptrons are judged on a validation split; this data set has none")
        self.seeds = [seed]
        self.seed_offset = spec.seed_offset
        self.batch_size = spec.batch_size
        self.batches = -(-len(data.train) // spec.batch_size)
        self.piece = max(1, PIECE_IMAGES // spec.batch_size)
        self.place = _place_on(device)
        images, labels = _rows(data.train)
        self.images: Array = self.place(images) if device == "cuda" else images
        self.labels: Array = self.place(labels) if device == "cuda" else labels
        self.validation = data.validation
        self.network = MLP(
            [images.shape[1], *spec.hidden_sizes, CLASSES],
            np.random.default_rng(seed + spec.seed_offset),
            activation=spec.activation,
            initialization=spec.initialization,
            skip_connections=spec.skip_connections,
            dropout=spec.dropout,
            dtype=np.dtype(spec.dtype),
        )
        self.network.convert(self.place)
        self.dtype = next(iter(self.network.parameters())).value.dtype
        self.optimizer = SGD(
            self.network.parameters(), spec.learning_rate, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
        if spec.momentum:
            self.optimizer.velocities = [namespace(p.value).zeros_like(p.value) for p in self.optimizer.parameters]
        # Dropout draws its masks on the processor, anew for each step, so that its steps cannot be replayed.
        captured = device == "cuda" and not spec.dropout
        self.take: Callable[..., Any] = Captured(self.step, self._changed) if captured else self.step
        # Of the losses of the epoch's batches so far; it stays on the device until it is asked for.
        self.total = self.place(np.zeros(()))
        self.opening = self.place(np.full(OPENING_STEPS, np.nan))
        self.predicted = np.zeros(len(self.validation), dtype=np.uint8)

    @np.errstate(over="ignore", invalid="ignore")  # divergence is a result; it shows in the loss
    def advance(self, epoch: int, first: int, last: int) -> None:
        """Train on the batches `first` to `last` (not included) of the epoch."""
        if first == 0:
            self.total = self.place(np.zeros(()))
        for batch in range(first, last):
            rows = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
            # A generator of its own for each step: the masks do not depend on where a run was resumed.
            self.network.dropout.generator = np.random.default_rng([self.seeds[0] + self.seed_offset, epoch, batch])
            loss = self.take(self.images[rows], self.labels[rows])
            self.total = self.total + loss
            if (step := (epoch - 1) * self.batches + batch) < OPENING_STEPS:
                self.opening[step] = loss

    def step(self, images: Array, labels: Array) -> Array:
        """Change the parameters by one batch, images (n, 784) and labels (n,); return its summed loss before that."""
        loss = SoftmaxCrossEntropy.apply(self.network(Tensor(_as_float(images, self.dtype))), labels=labels)
        loss.backward()
        self.optimizer.step()
        return loss.value

    def _changed(self) -> list[Array]:
        velocities = [velocity for velocity in self.optimizer.velocities if velocity is not None]
        return [*(parameter.value for parameter in self.optimizer.parameters), *velocities]

    def finish_epoch(self, epoch: int) -> list[Row]:
        """Return the epoch's training loss, and the loss and accuracy on the validation images after it."""
        loss, self.predicted = self.evaluate(self.validation)
        right = int((self.predicted == self.validation.labels).sum())
        (seed,) = self.seeds
        return [
            Row(seed, epoch, "train", "loss", float(self.total) / len(self.labels)),
            Row(seed, epoch, "validation", "loss", loss),
            Row(seed, epoch, "validation", "accuracy", right / len(self.predicted)),
        ]

    def openings(self) -> dict[int, list[float]]:
        """Return the losses of the first steps, summed over the batch."""
        return {self.seeds[0]: _to_numpy(self.opening).tolist()}

    def predictions(self) -> dict[int, list[int]]:
        """Return the class given to each validation image after the last epoch."""
        return {self.seeds[0]: self.predicted.tolist()}

    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self, split: Split) -> tuple[float, np.ndarray]:
        """Return the mean cross-entropy, and the class that each image is given, (n,)."""
        images, labels = _rows(split)
        loss = 0.0
        predicted = np.zeros(len(split), dtype=np.uint8)
        self.network.train(False)
        with no_grad():
            for start in range(0, len(labels), EVALUATION_BATCH):
                rows = slice(start, start + EVALUATION_BATCH)
                some = self.place(labels[rows])
                logits = self.network(Tensor(_as_float(self.place(images[rows]), self.dtype)))
                loss += float(SoftmaxCrossEntropy.apply(logits, labels=some).value)
                predicted[rows] = _to_numpy(logits.value.argmax(1))
        self.network.train()
        return loss / len(labels), predicted

    def state(self) -> dict[str, Any]:
        """Return parameters, velocities and the sum of the losses so far."""
        state = {name: _to_numpy(parameter.value) for name, parameter in self.network.named_parameters()}
        for (name, _), velocity in zip(self.network.named_parameters(), self.optimizer.velocities, strict=True):
            if velocity is not None:
                state[f"velocity of {name}"] = _to_numpy(velocity)
        return state | {
            "total": _to_numpy(self.total),
            "opening": _to_numpy(self.opening),
            "predicted": self.predicted,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for position, (name, parameter) in enumerate(self.network.named_parameters()):
            parameter.value = self.place(state[name])
            velocity = state.get(f"velocity of {name}")
            self.optimizer.velocities[position] = None if velocity is None else self.place(velocity)
        self.total = self.place(state["total"])
        self.opening = self.place(state["opening"])
        self.predicted = state["predicted"]


def _rows(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return the images as rows of bytes, and the labels as integers."""
    return np.asarray(split.images).reshape(len(split), -1), np.asarray(split.labels).astype(np.int64)


def _place_on(device: str) -> Callable[[np.ndarray], Any]:
    """Return what turns a NumPy array into one that the engine computes with on `device`."""
    if device == "cpu":
        return np.array
    import torch

    return lambda array: torch.tensor(array, device=device)


def _as_float(images: Array, dtype: Any) -> Array:
    return namespace(images).astype(images, dtype)


def _to_numpy(array: Any) -> np.ndarray:
    return np.array(array.cpu() if hasattr(array, "cpu") else array)
