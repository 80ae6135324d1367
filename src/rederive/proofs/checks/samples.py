"""Numbers to try a derivation on: random, from the domain, the same in every run."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from sympy import Expr, Indexed, sympify

from rederive.proofs.checks.exact import Number, entries, same
from rederive.proofs.language.derivation import Derivation
from rederive.proofs.prover.code import COTANGENT
from rederive.proofs.prover.indices import Index, range_of


def size(symbol: Expr | int, sizes: Mapping[str, int]) -> int:
    """Return the number that a symbolic size stands for."""
    expression = sympify(symbol)
    return int(expression.subs({name: sizes[name.name] for name in expression.free_symbols}))


def draw(shape: tuple[int, ...], domain: str, generator: np.random.Generator, below: int | None = None) -> np.ndarray:
    """Return random numbers of the domain, away from its border by at least 1/10 and no greater than 2."""
    if below is not None:
        return generator.integers(0, below, size=shape)
    magnitudes = generator.uniform(0.1, 2.0, size=shape)
    return magnitudes if domain == "positive" else magnitudes * generator.choice([-1.0, 1.0], size=shape)


def borders(
    derivation: Derivation, generator: np.random.Generator, sizes: Mapping[str, int], draws: int = 4
) -> Iterator[dict[str, Any]]:
    """Yield inputs full of zeros and ties, on the border of the domain and, every other time, within it."""
    for draw_number in range(draws):
        values = inputs(derivation, generator, sizes)
        for one in derivation.inputs:
            if is_real(values[one.name]):
                inside = {"real": (-1.0, 0.0, 1.0), "nonzero": (-1.0, 1.0), "positive": (1.0, 2.0)}[one.domain]
                chosen = inside if draw_number % 2 else (0.0, *inside)
                values[one.name] = generator.choice(chosen, size=values[one.name].shape)
        yield values


def inputs(derivation: Derivation, generator: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return a float64 array for each input of the derivation; integers for labels and sizes."""
    values: dict[str, Any] = {}
    for one in derivation.inputs:
        if one.is_size is not None:
            values[one.name] = size(one.is_size, sizes)
        else:
            below = None if one.below is None else size(one.below, sizes)
            values[one.name] = draw(tuple(size(symbol, sizes) for symbol in one.shape), one.domain, generator, below)
    return values


def is_real(value: Any) -> bool:
    """Say whether an input is an array of real (or complex) numbers, and not of labels."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def output_shape(derivation: Derivation, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of the derivation's result."""
    return tuple(size(index.size, sizes) for index in derivation.output.where)


def exact(array: np.ndarray, denominator: int | None = 60) -> np.ndarray:
    """Return the same numbers as exact ones, rounded to fractions of that denominator unless it is None."""
    result = np.empty(array.shape, dtype=object)
    for position in np.ndindex(array.shape):
        number = float(array[position])
        result[position] = Number(
            Fraction(number) if denominator is None else Fraction(round(number * denominator), denominator)
        )
    return result


def several_sizes(derivation: Derivation) -> list[dict[str, int]]:
    """Return sizes to try a derivation at: its own, those in another order, and 1 for all."""
    own = dict(derivation.sizes)
    return [own, dict(zip(own, reversed(own.values()), strict=True)), dict.fromkeys(own, 1)]


def with_sizes(
    derivation: Derivation, arrays: Mapping[str, Any], cotangent: np.ndarray, sizes: Mapping[str, int]
) -> dict[str, Any]:
    """Return all that the derivation's formulas name: inputs, the cotangent, sizes, parameters."""
    parameters = {name.name: Number(Fraction(int(v.p), int(v.q))) for name, v in derivation.parameters.items()}
    # A formula names a single number as a symbol, not as an array without indices.
    named = {
        k: a[()] if isinstance(a, np.ndarray) and not a.ndim else a for k, a in {**arrays, COTANGENT: cotangent}.items()
    }
    return {**named, **sizes, **parameters}


def exact_values(
    derivation: Derivation, generator: np.random.Generator, sizes: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return exact inputs, a cotangent, sizes and parameters by name, to evaluate the derivation's formulas at."""
    sizes = sizes or derivation.sizes
    drawn = inputs(derivation, generator, sizes)
    cotangent = exact(draw(output_shape(derivation, sizes), "real", generator))
    return with_sizes(derivation, {k: exact(a) if is_real(a) else a for k, a in drawn.items()}, cotangent, sizes)


def unequal_lines(
    derivation: Derivation, lines: Sequence[Expr], sizes: Mapping[str, int]
) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """Yield each expression, by its place, that has another value than the one before it, with both values."""
    generator = np.random.default_rng([derivation.order, len(lines)])
    values = exact_values(derivation, generator, sizes)
    # Arrays that are no input, and inputs of a sequence, which has one value more than there were steps.
    for name, shape in _extents(lines, sizes).items():
        longer = np.shape(values.get(name, np.empty(0))) != shape and name in {one.name for one in derivation.inputs}
        if name not in values or (longer and derivation.inductions):
            values[name] = exact(draw(shape, "real", generator))
    where = sorted({i for line in lines for i in _free_indices(line)}, key=str)
    found = [entries(line, tuple(where), values) for line in lines]
    for place, (before, after) in enumerate(pairwise(found), start=1):
        for have, want in zip(after.flat, before.flat, strict=True):
            if not same(have.value, want.value):
                yield place, (want.value, have.value)
                break


@cache
def _free_indices(expression: Expr) -> set[Index]:
    labels = {entry.base.label for entry in expression.atoms(Indexed)}
    return {symbol for symbol in expression.free_symbols if isinstance(symbol, Index)} - labels


@cache
def _entries_of(expression: Expr) -> set[Indexed]:
    return set(expression.atoms(Indexed))


def _extents(lines: Sequence[Expr], sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return how large each array must be that is named in the expressions."""
    extents: dict[str, tuple[int, ...]] = {}
    for entry in {entry for line in lines for entry in _entries_of(line)}:
        if isinstance(entry.base.label, Index):
            continue
        ranges = [range_of(place) for place in entry.indices]
        needed = [size(place + 1 if r is None else r, sizes) for place, r in zip(entry.indices, ranges, strict=True)]
        known = extents.get(str(entry.base), (0,) * len(needed))
        extents[str(entry.base)] = tuple(map(max, known, needed))
    return extents
