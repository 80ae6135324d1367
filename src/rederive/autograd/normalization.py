"""Batch normalisation (Ioffe and Szegedy 2015)."""
# ruff: noqa: D102  (the class says what its forward and backward compute)

import math
from typing import Any

import numpy as np

from rederive.autograd.examples import Example
from rederive.autograd.graph import Array, Context, GraphError, Tensor, format_shape, namespace
from rederive.autograd.modules import Module
from rederive.autograd.op import Op


class Standardize(Op):
    """Y = (X - mean) / sqrt(variance + epsilon), mean and variance being those over some axes.

    The variance is that of the numbers that are there (divided by their number, not by one less).
    """

    examples = (Example("n m", axes=(0,)),)

    @staticmethod
    def forward(context: Context, x: Array, axes: tuple[int, ...], epsilon: Any = 1e-5) -> Array:
        xp = context.xp
        centred = x - xp.mean(x, axis=axes, keepdims=True)
        scale = xp.sqrt(xp.mean(xp.square(centred), axis=axes, keepdims=True) + epsilon)
        y = centred / scale
        context.save(y, scale, axes)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        y, scale, axes = context.saved
        xp = context.xp
        mean = xp.mean(cotangent, axis=axes, keepdims=True)
        along = xp.mean(cotangent * y, axis=axes, keepdims=True)
        return (cotangent - mean - y * along) / scale


class BatchNorm(Module):
    """Each channel, the last axis, standardised; then scaled and shifted by parameters.

    In training mean and variance are those of the batch, and the running ones follow them: r = (1 - m) r + m s, where s
    is the batch's mean, or its variance divided by one less than the number of values. Otherwise the running ones are
    taken.

    Attributes:
        weight: The scale of each channel, (c,); begins as ones.
        bias: The shift of each channel, (c,); begins as zeros.
        running: The running mean and variance of each channel, two arrays (c,).
    """

    def __init__(
        self, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5, dtype: Any = np.float32, name: str = ""
    ) -> None:
        self.weight = Tensor(np.ones(channels, dtype), requires_grad=True, name=f"{name}W")
        self.bias = Tensor(np.zeros(channels, dtype), requires_grad=True, name=f"{name}b")
        self.momentum = momentum
        self.epsilon = epsilon
        self.running: tuple[Array, Array] = (np.zeros(channels, dtype), np.ones(channels, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of `x`, whose last axis are the channels."""
        axes = tuple(range(len(x.shape) - 1))
        if self.training:
            self._follow(x.value, axes)
            y = Standardize.apply(x, axes=axes, epsilon=self.epsilon)
        else:
            mean, variance = self.running
            y = (x - mean) / namespace(variance).sqrt(variance + self.epsilon)
        return y * self.weight + self.bias  # type: ignore[no-any-return]

    def convert(self, function: Any) -> None:
        """Replace the parameters' values and the running statistics by `function` of them."""
        super().convert(function)
        self.running = (function(self.running[0]), function(self.running[1]))

    def _follow(self, x: Array, axes: tuple[int, ...]) -> None:
        xp, count = namespace(x), math.prod(x.shape[:-1])
        if count < 2:
            raise GraphError(f"Batch norm of shape {format_shape(x.shape)}: one value has no variance to follow.")
        mean = xp.mean(x, axis=axes)
        variance = xp.mean((x - mean) ** 2, axis=axes) * (count / (count - 1))
        before = self.running
        kept = 1 - self.momentum
        self.running = (kept * before[0] + self.momentum * mean, kept * before[1] + self.momentum * variance)
