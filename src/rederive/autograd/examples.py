"""How an op says what it can be tried on: shapes in letters, which tests replace by sizes and proofs by symbols."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Labels:
    """A constant of an example: an array of integers of shape `shape`, each from 0 up to but not including `below`."""

    shape: tuple[str, ...]
    below: str


class Example:
    """One way to apply an op.

    `Example("n m, m", axis=1)` stands for two arrays, of shapes (n, m) and (m,), and the constant axis=1. A letter is
    any size, a digit is that size; an empty part is the shape () of a scalar. Letters that occur in a constant, such
    as shape=("n", "m"), are replaced too.
    """

    def __init__(self, shapes: str, **constants: Any) -> None:
        self.text = shapes
        self.shapes = parse_shapes(shapes)
        self.constants = constants

    def __repr__(self) -> str:
        return ", ".join([f"({self.text})", *(f"{name}={value}" for name, value in self.constants.items())])

    @property
    def letters(self) -> list[str]:
        """The letters of all shapes and constants, sorted."""
        found = {letter for shape in self.shapes for letter in shape if letter.isalpha()}
        for value in self.constants.values():
            parts = (*value.shape, value.below) if isinstance(value, Labels) else value
            found |= {part for part in (parts if isinstance(parts, tuple) else (parts,)) if isinstance(part, str)}
        return sorted(found)

    def bind(
        self, sizes: Mapping[str, Any], labels: Callable[[tuple[Any, ...], Any], Any]
    ) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
        """Return the shapes and the constants with every letter replaced by its size.

        Args:
            sizes: Letter to size, an integer or a symbol.
            labels: Makes the array of integers that a `Labels` stands for, from its shape and its upper bound.
        """

        def size(part: Any) -> Any:
            return sizes[part] if part in sizes else int(part)

        def constant(value: Any) -> Any:
            if isinstance(value, Labels):
                return labels(tuple(map(size, value.shape)), size(value.below))
            return tuple(map(size, value)) if isinstance(value, tuple) else sizes.get(value, value)

        shapes = [tuple(map(size, shape)) for shape in self.shapes]
        return shapes, {name: constant(value) for name, value in self.constants.items()}


@cache
def parse_shapes(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the shapes in a text such as "n d, k d, k": a tuple of letters for each part between commas."""
    return tuple(tuple(part.split()) for part in text.split(","))
