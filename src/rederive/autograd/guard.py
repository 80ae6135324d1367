"""Values that a graph still needs must not change under it.

A gradient is computed from what `forward` saved. Were such an array changed in place before `backward` reads it, the
gradient would be wrong and nothing would say so. NumPy arrays are therefore read-only as long as a graph needs them:
NumPy refuses the change on the line that tries it. (It cannot refuse a change through another array that shares the
memory.) PyTorch counts the changes of a tensor: there `backward` refuses.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

_holders: dict[int, int] = {}  # id of a NumPy array -> number of guards that keep it read-only


class Guard:
    """Keeps arrays from being changed, from its creation until it is dropped."""

    __slots__ = ("_locked", "_versions")

    def __init__(self, values: Iterable[Any]) -> None:
        self._locked: list[np.ndarray] = []
        self._versions: list[tuple[Any, int]] = []
        for value in values:
            if isinstance(value, np.ndarray):
                if value.flags.writeable or id(value) in _holders:
                    value.flags.writeable = False
                    _holders[id(value)] = _holders.get(id(value), 0) + 1
                    self._locked.append(value)
            elif (version := _version(value)) is not None:
                self._versions.append((value, version))

    def changed(self) -> list[Any]:
        """Return the PyTorch tensors that were changed in place since this guard was made."""
        return [value for value, version in self._versions if _version(value) != version]

    def __del__(self) -> None:
        for array in self._locked:
            remaining = _holders.pop(id(array)) - 1
            if remaining:
                _holders[id(array)] = remaining
            else:
                with suppress(ValueError):  # the memory that this is a view of may have become read-only
                    array.flags.writeable = True


def is_locked(value: Any) -> bool:
    """Tell whether a graph keeps this NumPy array from being changed."""
    return id(value) in _holders


def read_only(value: Any) -> Any:
    """Return a NumPy array as a view that cannot be written to, anything else as it is."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _version(value: Any) -> int | None:
    # Tensors made under torch.inference_mode() count no changes.
    if not hasattr(value, "is_inference") or value.is_inference():
        return None
    return value._version
