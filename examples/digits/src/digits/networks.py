"""Two networks with one hidden layer, which differ in its activation and in what trains them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from digits.deal import Part, deal, judged
from rederive.data import Dataset

Epochs = Iterator[dict[str, float]]


def relu(settings: Any, data: Dataset, seed: int) -> Epochs:
    """Train a module of PyTorch, and yield after each epoch what it came to."""
    import torch
    from torch import nn

    (images, labels), (unseen, answers) = _dealt(data, seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, settings.hidden), nn.ReLU(), nn.Linear(settings.hidden, 10))
    optimizer = torch.optim.SGD(model.parameters(), settings.learning_rate)
    for order in _batches(settings, len(labels), seed):
        losses = []
        for batch in order:
            loss = nn.functional.cross_entropy(model(torch.tensor(images[batch])), torch.tensor(labels[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            predicted = model(torch.tensor(unseen)).argmax(1).numpy()
        yield {"train loss": float(np.mean(losses)), **judged(predicted, answers)}


def softplus(settings: Any, data: Dataset, seed: int) -> Epochs:
    """Train the same network on the tool's engine, with softplus, and yield after each epoch what it came to."""
    from digits.softplus import Softplus
    from rederive.autograd import SGD, Linear, Tensor, no_grad, ops

    (images, labels), (unseen, answers) = _dealt(data, seed)
    generator = np.random.default_rng(seed)
    first = Linear(64, settings.hidden, generator)
    last = Linear(settings.hidden, 10, generator)
    optimizer = SGD([*first.parameters(), *last.parameters()], settings.learning_rate)
    for order in _batches(settings, len(labels), seed):
        losses = []
        for batch in order:
            logits = last(Softplus.apply(first(Tensor(images[batch]))))
            loss = ops.SoftmaxCrossEntropy.apply(logits, labels=labels[batch]) / len(batch)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.value))
        with no_grad():
            predicted = last(Softplus.apply(first(Tensor(unseen)))).value.argmax(1)
        yield {"train loss": float(np.mean(losses)), **judged(predicted, answers)}


def _dealt(data: Dataset, seed: int) -> tuple[Part, Part]:
    return deal((data.train.images, data.train.labels), (data.test.images, data.test.labels), seed)


def _batches(settings: Any, n: int, seed: int) -> Iterator[list[np.ndarray]]:
    """Yield for each epoch the positions of its batches, shuffled."""
    generator = np.random.default_rng([seed, 1])
    for _ in range(settings.epochs):
        order = generator.permutation(n)
        yield [order[start : start + settings.batch_size] for start in range(0, n, settings.batch_size)]
