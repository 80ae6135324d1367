"""How the weights of a layer begin. All draw from a NumPy generator: one seed, one network, on every machine.

An initializer takes a generator and the shape (fan_out, fan_in) and returns an array of float64.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

Initializer = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
Initialization = Literal["glorot_normal", "he_normal", "zeros", "standard_normal"]


def glorot_normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12)."""
    return generator.standard_normal(shape) * np.sqrt(2 / sum(shape))  # type: ignore[no-any-return]


def he_normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal with variance 2 / fan_in (He et al. 2015, eq. 10)."""
    return generator.standard_normal(shape) * np.sqrt(2 / shape[1])  # type: ignore[no-any-return]


def standard_normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal with variance 1, whatever the shape."""
    return generator.standard_normal(shape)


def zeros(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Zeros; the generator is not used."""
    return np.zeros(shape)


INITIALIZERS: dict[Initialization, Initializer] = {
    "glorot_normal": glorot_normal,
    "he_normal": he_normal,
    "zeros": zeros,
    "standard_normal": standard_normal,
}
