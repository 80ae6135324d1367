"""Reading the data set."""

from pathlib import Path

import numpy as np

from rederive.data import Split


def read(folder: Path) -> dict[str, Split]:
    """Return scikit-learn's digits, which come with it, in halves as in its example: pixels 0 to 16, (n, 8, 8)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    half = len(labels) // 2
    return {"train": Split(images[:half], labels[:half]), "test": Split(images[half:], labels[half:])}
