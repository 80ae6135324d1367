"""Values that a graph still needs must not change under it.

A gradient is computed from what `forward` saved. Were such an array changed in place before `backward` reads it, the
gradient would be wrong and nothing would say so. NumPy arrays are therefore read-only as long as a graph needs them:
NumPy refuses the change on the line that tries it. PyTorch counts the changes of a tensor: there `backward` refuses.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

_holders: dict[int, int] = {}  # id of a NumPy array -> number of guards that keep it read-only


class Guard:
    """Keeps arrays from being changed, from its creation until it is dropped."""

    __slots__ = ("_locked", "_versions")

    def __init__(self, arrays: Iterable[Any]) -> None:
        self._locked: list[np.ndarray] = []
        self._versions: list[tuple[Any, int]] = []
        for array in arrays:
            if isinstance(array, np.ndarray):
                if array.flags.writeable or id(array) in _holders:
                    array.flags.writeable = False
                    _holders[id(array)] = _holders.get(id(array), 0) + 1
                    self._locked.append(array)
            elif (version := _version(array)) is not None:
                self._versions.append((array, version))

    def changed(self) -> list[Any]:
        """Return the PyTorch tensors that were changed in place since this guard was made."""
        return [array for array, version in self._versions if _version(array) != version]

    def __del__(self) -> None:
        for array in self._locked:
            remaining = _holders.pop(id(array)) - 1
            if remaining:
                _holders[id(array)] = remaining
            elif array.base is None or getattr(array.base, "flags", array.flags).writeable:
                array.flags.writeable = True


def is_locked(array: Any) -> bool:
    """Tell whether a graph keeps this NumPy array from being changed."""
    return id(array) in _holders


def _version(array: Any) -> int | None:
    # Tensors made under torch.inference_mode() count no changes.
    if not hasattr(array, "is_inference") or array.is_inference():
        return None
    return array._version
