"""The maximum over the windows of an image."""
# ruff: noqa: D102  (the class says what its forward and backward compute)

from typing import Any

from rederive.autograd.convolution import patches
from rederive.autograd.examples import Example, Labels
from rederive.autograd.graph import Array, Context, Tensor, namespace
from rederive.autograd.op import Op


class Take(Op):
    """One entry of each row along the last axis: y_i = x_{i, places_i}, i standing for all other axes."""

    examples = (
        Example("n m", places=Labels(("n",), "m")),
        Example("n h c m", places=Labels(("n", "h", "c"), "m")),
    )

    @staticmethod
    def forward(context: Context, x: Array, places: Array) -> Array:
        taken = marked(context.xp, places, x)
        context.save(taken)
        return context.xp.sum(context.xp.where(taken, x, 0), axis=-1)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        (taken,) = context.saved
        return context.xp.where(taken, context.xp.expand_dims(cotangent, axis=-1), 0)


def marked(xp: Any, places: Array, x: Array) -> Array:
    """Return what is true at `places` along the last axis of `x`, and false elsewhere."""
    return xp.equal(xp.expand_dims(places, axis=-1), xp.arange(x.shape[-1], device=x.device))


def greatest(x: Tensor) -> Tensor:
    """Return the greatest entry along the last axis.

    Where several are equal it is the first of them, and the gradient goes to it alone, as in PyTorch. Elsewhere a small
    change of the entries does not move the place of the greatest: it counts as a constant.
    """
    return Take.apply(x, places=namespace(x.value).argmax(x.value, axis=-1))


def max_pool2d(x: Tensor, window: int, *, stride: int | None = None) -> Tensor:
    """Return the greatest entry of every window of images (n, h, w, c), of shape (n, u, v, c).

    Of equal entries the first one, row by row, takes the whole gradient, as in torch.nn.functional.max_pool2d: the
    first column that has a row's maximum, then the first row that has the maximum of those. Rows and columns that fill
    no window are left out. There is no padding: it would have to be minus infinity, not zero.

    Args:
        x: The images.
        window: Its height and width in pixels.
        stride: How many pixels apart windows lie; by default they touch.
    """
    return greatest(greatest(patches(x, window, stride=window if stride is None else stride)))
