"""The differentiable operations.

Each class is one rule of calculus: the value Y and, under it, the gradient of <G, Y> with respect to each input, where
G is the cotangent. The sources are written for arrays of any library and any shape, symbolic ones too: the derivations
prove them as they stand here.
"""
# ruff: noqa: D102  (the class says what its forward and backward compute)

import math
from typing import Any

import numpy as np

from rederive.autograd.examples import Example, Labels
from rederive.autograd.graph import Array, Context, Tensor, format_shape
from rederive.autograd.op import Op

BROADCAST = tuple(map(Example, ("n m, n m", "n m, m", "n m, n 1", "1 m, n 1", "n m,", "n 1, n m")))


class Add(Op):
    """Y = X + Z, entry by entry, with broadcasting."""

    examples = BROADCAST

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        return x + z

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array, Array]:
        return cotangent, cotangent


class Sub(Op):
    """Y = X - Z, entry by entry, with broadcasting."""

    examples = BROADCAST

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        return x - z

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array, Array | None]:
        return cotangent, -cotangent if context.needs[1] else None


class Mul(Op):
    """Y = X * Z, entry by entry, with broadcasting."""

    examples = BROADCAST

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        context.save(x if context.needs[1] else None, z if context.needs[0] else None)
        return x * z

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None]:
        x, z = context.saved
        return cotangent * z if context.needs[0] else None, cotangent * x if context.needs[1] else None


class Div(Op):
    """Y = X / Z, entry by entry, with broadcasting; Z nowhere 0."""

    examples = BROADCAST
    domain = ("real", "nonzero")

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        context.save(x if context.needs[1] else None, z)
        return x / z

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None]:
        x, z = context.saved
        return cotangent / z if context.needs[0] else None, -cotangent * x / (z * z) if context.needs[1] else None


class Neg(Op):
    """Y = -X."""

    examples = (Example("n m"),)

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        return -x

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        return -cotangent


class Pow(Op):
    """Y = X ** Z, entry by entry, with broadcasting.

    X is positive, unless Z is a whole number other than 0 and needs no gradient.
    """

    examples = BROADCAST
    domain = ("positive", "real")

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        y = x**z
        context.save(x, z if context.needs[0] else None, y if context.needs[1] else None)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None]:
        x, z, y = context.saved
        dx = cotangent * z * x ** (z - 1) if context.needs[0] else None
        dz = cotangent * y * context.xp.log(x) if context.needs[1] else None
        return dx, dz


class MatMul(Op):
    """Y = X Z, the product of matrices."""

    signature = "n d, d m"

    @staticmethod
    def forward(context: Context, x: Array, z: Array) -> Array:
        context.save(x if context.needs[1] else None, z if context.needs[0] else None)
        return x @ z

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None]:
        x, z = context.saved
        return cotangent @ z.T if context.needs[0] else None, x.T @ cotangent if context.needs[1] else None


class Transpose(Op):
    """Y = X^T."""

    signature = "n m"

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        return x.T

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        return cotangent.T


class Sum(Op):
    """The sum of all entries, or along one axis."""

    examples = (
        Example("n m"),
        Example("n m", axis=0),
        Example("n m", axis=-1),
        Example("n m", axis=1, keepdims=True),
        Example("n m", keepdims=True),
    )

    @staticmethod
    def forward(context: Context, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        context.save(axis, keepdims)
        return context.xp.sum(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        axis, keepdims = context.saved
        if axis is not None and not keepdims:
            cotangent = context.xp.expand_dims(cotangent, axis=axis)
        return context.xp.broadcast_to(cotangent, context.shapes[0])


class Mean(Op):
    """The mean of all entries, or along one axis."""

    examples = Sum.examples

    @staticmethod
    def forward(context: Context, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        count = math.prod(context.shapes[0]) if axis is None else context.shapes[0][axis]
        context.save(axis, keepdims, count)
        return context.xp.sum(x, axis=axis, keepdims=keepdims) / count

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        axis, keepdims, count = context.saved
        if axis is not None and not keepdims:
            cotangent = context.xp.expand_dims(cotangent, axis=axis)
        return context.xp.broadcast_to(cotangent / count, context.shapes[0])


class Exp(Op):
    """Y = exp(X), entry by entry."""

    examples = (Example("n m"),)

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        y = context.xp.exp(x)
        context.save(y)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (y,) = context.saved
        return cotangent * y


class Log(Op):
    """Y = log(X), entry by entry; X positive."""

    examples = (Example("n m"),)
    domain = "positive"

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        context.save(x)
        return context.xp.log(x)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (x,) = context.saved
        return cotangent / x


class Sigmoid(Op):
    """Y = 1 / (1 + exp(-X)), entry by entry."""

    examples = (Example("n m"),)

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        # Where exp(-x) overflows to infinity, 1 / infinity = 0 is the value to full precision: nothing to warn of.
        with np.errstate(over="ignore"):
            y = 1 / (1 + context.xp.exp(-x))
        context.save(y)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (y,) = context.saved
        return cotangent * y * (1 - y)


class Tanh(Op):
    """Y = tanh(X), entry by entry."""

    examples = (Example("n m"),)

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        y = context.xp.tanh(x)
        context.save(y)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (y,) = context.saved
        return cotangent * (1 - y * y)


class ReLU(Op):
    """Y = max(X, 0), entry by entry. It has no derivative at 0; the gradient there is 0 by convention."""

    examples = (Example("n m"),)
    domain = "nonzero"

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        context.save(x > 0)
        # The number 0 would be copied to a GPU in every step, which a step that is replayed may not do.
        return context.xp.maximum(x, context.xp.zeros_like(x))

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (positive,) = context.saved
        return context.xp.where(positive, cotangent, 0)


class Normalize(Op):
    """Each row divided by its sum; no row sums to 0."""

    signature = "n m"
    domain = "positive"

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        total = context.xp.sum(x, axis=1, keepdims=True)
        y = x / total
        context.save(y, total)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        y, total = context.saved
        return (cotangent - context.xp.sum(cotangent * y, axis=1, keepdims=True)) / total


class Expand(Op):
    """X repeated along its axes of size 1, and along new ones before them, to a given shape."""

    examples = (
        Example("n 1", shape=("n", "m")),
        Example("1 m", shape=("n", "m")),
        Example("m", shape=("n", "m")),
        Example("", shape=("n", "m")),
    )

    @staticmethod
    def forward(context: Context, x: Array, shape: tuple[Any, ...]) -> Array:
        return context.xp.broadcast_to(x, shape)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        return cotangent  # the sweep sums it to the shape of X, as for every operand that broadcasts


class RepeatColumns(Op):
    """The matrix whose columns are all the vector x."""

    signature = "n"
    examples = (Example("n", columns="m"),)

    @staticmethod
    def forward(context: Context, x: Array, columns: Any) -> Array:
        xp = context.xp
        return xp.broadcast_to(xp.expand_dims(x, axis=1), (*context.shapes[0], columns))

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        return context.xp.sum(cotangent, axis=1)


class Reshape(Op):
    """The same entries, in the same order, in another shape."""

    examples = (Example("n m", shape=("m", "n")),)
    unproved = "The order of the entries depends on the sizes, which a symbolic shape does not have."

    @staticmethod
    def forward(context: Context, x: Array, shape: tuple[int, ...]) -> Array:
        return context.xp.reshape(x, shape)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        return context.xp.reshape(cotangent, context.shapes[0])


class Select(Op):
    """One entry of each row: y_i = x_{i, columns_i}."""

    signature = "n m"
    examples = (Example("n m", columns=Labels(("n",), "m")),)

    @staticmethod
    def forward(context: Context, x: Array, columns: Array) -> Array:
        chosen = mark(context.xp, columns, x)
        context.save(chosen)
        return context.xp.sum(context.xp.where(chosen, x, 0), axis=1)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (chosen,) = context.saved
        return context.xp.where(chosen, context.xp.expand_dims(cotangent, axis=1), 0)


class LogSoftmax(Op):
    """y_ij = log(exp(x_ij) / sum_k exp(x_ik)): the logarithms of probabilities, from any numbers."""

    signature = "n m"

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        y, probabilities = log_softmax(context.xp, x)
        context.save(probabilities)
        return y

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (probabilities,) = context.saved
        return cotangent - probabilities * context.xp.sum(cotangent, axis=1, keepdims=True)


class SoftmaxCrossEntropy(Op):
    """- sum_i log softmax(x_i)_{labels_i}: the cross-entropy of a batch of logits, summed over its rows."""

    signature = "n m"
    examples = (Example("n m", labels=Labels(("n",), "m")),)

    @staticmethod
    def forward(context: Context, x: Array, labels: Array) -> Array:
        y, probabilities = log_softmax(context.xp, x)
        right = mark(context.xp, labels, x)
        context.save(probabilities, right)
        return -context.xp.sum(context.xp.where(right, y, 0))

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        probabilities, right = context.saved
        return cotangent * context.xp.where(right, probabilities - 1, probabilities)


class Linear(Op):
    """Y = X W^T + b, row by row: a layer with weights W of shape (outputs, inputs) and a bias b."""

    signature = "n d, k d, k"

    @staticmethod
    def forward(context: Context, x: Array, W: Array, b: Array) -> Array:
        context.save(x if context.needs[1] else None, W if context.needs[0] else None)
        return x @ W.T + b

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None, Array | None]:
        x, W = context.saved
        dx = cotangent @ W if context.needs[0] else None
        dW = cotangent.T @ x if context.needs[1] else None
        db = context.xp.sum(cotangent, axis=0) if context.needs[2] else None
        return dx, dW, db


def log_softmax(xp: Any, x: Array) -> tuple[Array, Array]:
    """Return log softmax of each row, and softmax.

    Subtracting a number from every entry of a row changes neither, whatever the number; the row's maximum keeps exp
    from overflowing. A proof may take `xp.max` for any row constants.
    """
    shifted = x - xp.max(x, axis=1, keepdims=True)
    exponentials = xp.exp(shifted)
    total = xp.sum(exponentials, axis=1, keepdims=True)
    return shifted - xp.log(total), exponentials / total


def mark(xp: Any, columns: Array, x: Array) -> Array:
    """Return the matrix of the shape of `x` that is true in row i at columns_i and false elsewhere."""
    rows, width = x.shape
    if tuple(columns.shape) != (rows,):
        raise ValueError(f"labels of shape {format_shape(columns.shape)}, expected one for each row")
    # On a GPU a look at the labels would make the processor wait for them.
    if str(columns.device) == "cpu" and rows:
        low, high = int(xp.min(columns)), int(xp.max(columns))
        if low < 0 or high >= width:
            raise ValueError(f"labels from {low} to {high}, expected 0 to {width - 1}")
    return xp.equal(xp.expand_dims(columns, axis=1), xp.arange(width, device=x.device))


def _operators(op: Any) -> tuple[Any, Any]:
    return lambda self, other: op.apply(self, other), lambda self, other: op.apply(other, self)


Tensor.__add__, Tensor.__radd__ = _operators(Add)
Tensor.__sub__, Tensor.__rsub__ = _operators(Sub)
Tensor.__mul__, Tensor.__rmul__ = _operators(Mul)
Tensor.__truediv__, Tensor.__rtruediv__ = _operators(Div)
Tensor.__matmul__, Tensor.__rmatmul__ = _operators(MatMul)
Tensor.__pow__ = lambda self, exponent: Pow.apply(self, exponent)
Tensor.__rpow__ = lambda self, base: (
    Exp.apply(self * math.log(base)) if isinstance(base, int | float) else Pow.apply(base, self)
)
Tensor.__neg__ = lambda self: Neg.apply(self)
Tensor.T = property(lambda self: Transpose.apply(self))
Tensor.sum = lambda self, axis=None, keepdims=False: Sum.apply(self, axis=axis, keepdims=keepdims)
Tensor.mean = lambda self, axis=None, keepdims=False: Mean.apply(self, axis=axis, keepdims=keepdims)
