"""MNIST: its official files, and how they are split."""

from pathlib import Path

import numpy as np

from rederive.data import Split
from rederive.data.official import OfficialFile, OfficialFiles

TRAIN_SIZE = 55_000

FILES = OfficialFiles(
    folder="MNIST/raw",
    files=(
        OfficialFile(
            "train-images-idx3-ubyte",
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        OfficialFile(
            "train-labels-idx1-ubyte",
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        OfficialFile(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        OfficialFile(
            "t10k-labels-idx1-ubyte",
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    archive=None,
    download="torchvision.datasets:MNIST",
    addresses=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
        "http://yann.lecun.com/exdb/mnist/train-labels-idx1-ubyte.gz",
    ),
    prepared="74e0ec0984d044f8519e6faea421b7f32af44624ef21b76b7af56a28b34186ee",
)


def read(root: Path) -> dict[str, Split]:
    """Return the splits, images (n, 28, 28): the first 55,000 training images, the last 5,000 of them, the test set.

    The order is that of the files, which lie below `root`.
    """
    train, test = (_read(root, train=part) for part in (True, False))
    return {
        "train": Split(train.images[:TRAIN_SIZE], train.labels[:TRAIN_SIZE]),
        "validation": Split(train.images[TRAIN_SIZE:], train.labels[TRAIN_SIZE:]),
        "test": test,
    }


def _read(root: Path, train: bool) -> Split:
    from torchvision import datasets  # slow to import

    found = datasets.MNIST(root, train=train)
    return Split(found.data.numpy(), found.targets.numpy().astype(np.uint8))
