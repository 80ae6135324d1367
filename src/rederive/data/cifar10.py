"""CIFAR-10's Python batches as arrays, unpickled by a reader that knows arrays and nothing else."""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from rederive.data.arrays import Split

TRAIN_BATCHES = [f"data_batch_{number}" for number in range(1, 6)]


class _ArrayUnpickler(pickle.Unpickler):
    """Resolves the three names that NumPy's arrays need, and refuses all others: no code comes out of a pickle."""

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a CIFAR-10 batch")
        return allowed[module, name]


def _reconstruct(subtype: type, shape: tuple[int, ...], dtype: bytes) -> np.ndarray:
    # What NumPy's private function of this name does: an empty array, whose state the pickle sets next.
    return np.ndarray.__new__(np.ndarray, shape, dtype.decode())


def parse_batch(content: bytes) -> Split:
    """Return one batch: images (n, 3, 32, 32), labels (n,). Raises pickle.UnpicklingError for anything but arrays."""
    batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    return Split(batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"], dtype=np.uint8))


def splits(contents: dict[str, bytes]) -> dict[str, Split]:
    """Return the splits: the five training batches in order, and the test batch. `contents` has the files by name."""
    batches = [parse_batch(contents[name]) for name in TRAIN_BATCHES]
    train = Split(
        np.concatenate([batch.images for batch in batches]), np.concatenate([batch.labels for batch in batches])
    )
    return {"train": train, "test": parse_batch(contents["test_batch"])}
