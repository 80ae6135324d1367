"""What trains: a function of an experiment's settings, a data set and a seed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rederive.autograd import MLP, SGD, Tensor, no_grad, ops


def network(settings: Any, data: None, seed: int) -> Iterator[dict[str, float]]:
    """Train a small network on two half-moons, and yield after each epoch what the config's metrics read."""
    points, labels = half_moons(np.random.default_rng(0), 600)
    seen, unseen = slice(0, 400), slice(400, 600)
    generator = np.random.default_rng(seed)
    model = MLP((2, *settings.hidden, 2), generator, activation="tanh")
    optimizer = SGD(model.parameters(), settings.learning_rate, momentum=0.9)
    for _ in range(settings.epochs):
        losses = []
        for batch in generator.permutation(400).reshape(-1, 40):
            logits = model(Tensor(points[seen][batch]))
            loss = ops.SoftmaxCrossEntropy.apply(logits, labels=labels[seen][batch]) / len(batch)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.value))
        with no_grad():
            right = model(Tensor(points[unseen])).value.argmax(1) == labels[unseen]
        yield {"train loss": float(np.mean(losses)), "test accuracy": float(right.mean())}


def half_moons(generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points of two interleaved half circles with noise, shape (n, 2), and the half circle of each, (n,)."""
    labels = generator.integers(0, 2, n)
    angle = generator.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(labels[:, None] == 0, upper, lower) + generator.normal(0, 0.2, (n, 2))
    return points.astype(np.float32), labels
