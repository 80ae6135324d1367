"""MNIST's IDX files as arrays."""

import numpy as np
from numpy.typing import NDArray

from rederive.data.arrays import Split

TRAIN_SIZE = 55_000
UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Return the array in `content`, an IDX file of unsigned bytes.

    The format: two zero bytes, the type of the elements, the number of dimensions, each dimension as a big-endian
    32-bit integer, the elements in row-major order. Raises ValueError for anything else.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise ValueError(f"not an IDX file of unsigned bytes: it starts with {content[:4].hex(' ')}")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    shape = tuple(int(length) for length in np.frombuffer(content[4:header], dtype=">i4"))
    if len(shape) != dimensions or len(content) - header != np.prod(shape, dtype=np.int64):
        raise ValueError(f"an IDX file of shape {shape} has {len(content) - header:,} elements")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def splits(contents: dict[str, bytes]) -> dict[str, Split]:
    """Return the splits, images (n, 28, 28): the first 55,000 training images, the last 5,000 of them, the test set.

    The order is that of the files. `contents` has the four files by name.
    """
    train = Split(parse_idx(contents["train-images-idx3-ubyte"]), parse_idx(contents["train-labels-idx1-ubyte"]))
    test = Split(parse_idx(contents["t10k-images-idx3-ubyte"]), parse_idx(contents["t10k-labels-idx1-ubyte"]))
    return {
        "train": Split(train.images[:TRAIN_SIZE], train.labels[:TRAIN_SIZE]),
        "validation": Split(train.images[TRAIN_SIZE:], train.labels[TRAIN_SIZE:]),
        "test": test,
    }
