"""Numbers to try a derivation on: random, from the domain, the same in every run."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, sympify

from rederive.derivations.derivation import Derivation
from rederive.derivations.symbolic.code import COTANGENT
from rederive.derivations.symbolic.exact import Number


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


def with_sizes(derivation: Derivation, arrays: Mapping[str, Any], cotangent: np.ndarray) -> dict[str, Any]:
    """Return all that the derivation's formulas name: inputs, the cotangent, sizes, parameters."""
    parameters = {name.name: Number(Fraction(int(v.p), int(v.q))) for name, v in derivation.parameters.items()}
    named = {COTANGENT: cotangent if cotangent.ndim else cotangent[()]}
    return {**arrays, **named, **derivation.sizes, **parameters}


def exact_values(derivation: Derivation, generator: np.random.Generator) -> dict[str, Any]:
    """Return exact inputs, a cotangent, sizes and parameters by name, to evaluate the derivation's formulas at."""
    drawn = inputs(derivation, generator, derivation.sizes)
    cotangent = exact(draw(output_shape(derivation, derivation.sizes), "real", generator))
    return with_sizes(derivation, {k: exact(a) if is_real(a) else a for k, a in drawn.items()}, cotangent)
