"""Values that a graph still needs must not change under it.

A gradient is computed from what `forward` saved. Were such an array changed in place before `backward` reads it, the
gradient would be wrong and nothing would say so. NumPy arrays are therefore read-only as long as a graph needs them:
NumPy refuses the change on the line that tries it. It cannot refuse a change through another array that shares the
memory (`W`, where `W.T` was saved); the optimisers ask `is_locked` first, which looks at the memory. PyTorch counts the
changes of a tensor and of its views: there `backward` refuses.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

_holders: Counter[int] = Counter()  # by id of a NumPy array: how many guards keep it read-only
_needed: Counter[int] = Counter()  # by id of an array that owns its memory: how many guards have arrays in it


class Guard:
    """Keeps arrays from being changed, from its creation until it is dropped."""

    __slots__ = ("_locked", "_owners", "_versions")

    def __init__(self, values: Iterable[Any]) -> None:
        self._locked: list[np.ndarray] = []
        self._owners: list[np.ndarray] = []
        self._versions: list[tuple[Any, int]] = []
        for value in values:
            if isinstance(value, np.ndarray):
                if value.flags.writeable or id(value) in _holders:
                    value.flags.writeable = False
                    _holders[id(value)] += 1
                    self._locked.append(value)
                self._owners.append(_owner(value))
                _needed[id(self._owners[-1])] += 1
            elif (count := version(value)) is not None:
                self._versions.append((value, count))

    def changed(self) -> list[Any]:
        """Return the PyTorch tensors that were changed in place since this guard was made."""
        return [value for value, count in self._versions if version(value) != count]

    def __del__(self) -> None:
        for array in self._locked:
            if _released(_holders, array):
                with suppress(ValueError):  # the memory that this is a view of may have become read-only
                    array.flags.writeable = True
        for owner in self._owners:
            _released(_needed, owner)


def is_locked(value: Any) -> bool:
    """Tell whether a graph needs what is in the memory of this NumPy array."""
    return isinstance(value, np.ndarray) and id(_owner(value)) in _needed


def read_only(value: Any) -> Any:
    """Return an array of NumPy, or of symbolic shape, as a view that cannot be changed; anything else as it is."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
        return value
    return value.read_only() if hasattr(value, "read_only") else value


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory this one is a view of; itself where it is none."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _released(counts: Counter[int], array: np.ndarray) -> bool:
    """Count one guard of the array less; tell whether it was the last."""
    if counts[id(array)] > 1:
        counts[id(array)] -= 1
        return False
    del counts[id(array)]
    return True


def version(value: Any) -> int | None:
    """Return how often a PyTorch tensor has been changed in place; None for anything else."""
    # Tensors made under torch.inference_mode() count no changes.
    if not hasattr(value, "is_inference") or value.is_inference():
        return None
    return value._version  # type: ignore[no-any-return]
