"""What all models share: which images they learn from, and what they are judged by."""

from pathlib import Path

import numpy as np

Part = tuple[np.ndarray, np.ndarray]  # images as rows, (n, 64), 0 to 1, and labels, (n,)


def deal(train: Part, test: Part, seed: int) -> tuple[Part, Part]:
    """Return two halves of all images, dealt by the seed."""
    images = np.concatenate([train[0], test[0]]).reshape(-1, 64).astype(np.float32) / 16
    labels = np.concatenate([train[1], test[1]]).astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    first, second = order[: len(train[1])], order[len(train[1]) :]
    return (images[first], labels[first]), (images[second], labels[second])


def load(folder: Path) -> tuple[Part, Part]:
    """Return the halves of a prepared data set, from its arrays."""
    train, test = ((np.load(folder / f"{name}_images.npy"), np.load(folder / f"{name}_labels.npy")) for name in HALVES)
    return train, test


HALVES = ("train", "test")


def judged(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the accuracy, and the F1 score of each digit (van Rijsbergen 1979), averaged over the ten."""
    scores = []
    for digit in range(10):
        right = np.sum((predicted == digit) & (labels == digit))
        scores.append(2 * right / (np.sum(predicted == digit) + np.sum(labels == digit)))
    return {"test accuracy": float(np.mean(predicted == labels)), "test f1": float(np.mean(scores))}
