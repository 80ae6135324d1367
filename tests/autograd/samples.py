"""Random operands for the ops, in every layout that an array can have."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rederive.autograd import Op
from rederive.autograd.examples import Example

LAYOUTS = ("contiguous", "transposed", "strided", "reversed", "broadcast")


def draw_values(generator: np.random.Generator, shape: tuple[int, ...], domain: str) -> np.ndarray:
    """Return normal numbers, or numbers of size about 1 where the domain excludes 0 or what is below."""
    values = np.asarray(generator.standard_normal(shape))
    if domain == "real":
        return values
    size = np.asarray(np.exp(0.5 * values))
    return size if domain == "positive" else np.asarray(size * generator.choice([-1.0, 1.0], shape))


def laid_out(values: np.ndarray, layout: str) -> np.ndarray:
    """Return the values in another memory layout; a broadcast array repeats those of its first place."""
    if values.ndim == 0 or values.size == 0:
        return values
    if layout == "transposed":
        return np.asfortranarray(values)
    if layout == "strided":
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return values[::-1].copy()[::-1]
    if layout == "broadcast":
        return np.broadcast_to(values[:1], values.shape)
    return values


def domains(op: type[Op], count: int) -> tuple[str, ...]:
    """Return the domain of each of `count` operands."""
    return op.domain if isinstance(op.domain, tuple) else (op.domain,) * count


@st.composite
def applications(draw: st.DrawFn, op: type[Op], example: Example) -> tuple[list[np.ndarray], dict[str, Any], int]:
    """Draw operands, constants and a seed for the cotangent."""
    # Of nothing there is no maximum, no mean and no label.
    smallest = {"m": 1} if op.__name__ in ("LogSoftmax", "SoftmaxCrossEntropy", "Select", "Take") else {}
    if op.__name__ in ("Mean", "Standardize"):
        smallest = {"n": 1, "m": 1}
    largest = 5 if len(example.letters) <= 4 else 3
    sizes = {letter: draw(st.integers(smallest.get(letter, 0), largest), letter) for letter in example.letters}
    seed = draw(st.integers(0, 2**32 - 1), "seed")
    generator = np.random.default_rng(seed)
    shapes, constants = example.bind(sizes, lambda shape, below: generator.integers(0, below, shape))
    operands = [
        laid_out(draw_values(generator, shape, domain), draw(st.sampled_from(LAYOUTS)))
        for shape, domain in zip(shapes, domains(op, len(shapes)), strict=True)
    ]
    return operands, constants, seed
