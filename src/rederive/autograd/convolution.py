"""Convolution of images: windows that are cut out by matrices of zeros and ones, and filters that are laid on them.

Images have shape (n, h, w, c): examples, rows, columns, channels. Which row of an image a window reads is a matrix: for
windows u and places a in them, R[u, a, h] is 1 where h = stride * u + a - padding and 0 elsewhere, so a place outside
the image reads zero. The sums that follow, and their gradients, hold for any R: stride, padding and the size of the
window are nothing but its entries. What is proved of these operations therefore holds for every stride and padding.
"""
# ruff: noqa: D102  (the class says what its forward and backward compute)

from typing import Any

import numpy as np

from rederive.autograd.graph import Array, Context, GraphError, Tensor, namespace
from rederive.autograd.op import Op


class Patches(Op):
    """Y_nuvcab = sum_hw X_nhwc R_uah S_vbw: what window (u, v) reads at its place (a, b) in channel c of image n."""

    signature = "n h w c, u a h, v b w"

    @staticmethod
    def forward(context: Context, x: Array, rows: Array, columns: Array) -> Array:
        xp = context.xp
        bands = xp.tensordot(x, rows, axes=((1,), (2,)))  # n w c u a
        context.save(
            x if context.needs[1] else None,
            rows if context.needs[0] else None,
            columns if context.needs[0] or context.needs[1] else None,
            bands if context.needs[2] else None,
        )
        windows = xp.tensordot(bands, columns, axes=((1,), (2,)))  # n c u a v b
        return xp.permute_dims(windows, (0, 2, 4, 1, 3, 5))

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None, Array | None]:
        x, rows, columns, bands = context.saved
        xp = context.xp
        dx = drows = dcolumns = None
        if context.needs[0] or context.needs[1]:
            dbands = xp.tensordot(cotangent, columns, axes=((2, 5), (0, 1)))  # n u c a w
            if context.needs[0]:
                pixels = xp.tensordot(dbands, rows, axes=((1, 3), (0, 1)))  # n c w h
                dx = xp.permute_dims(pixels, (0, 3, 2, 1))
            if context.needs[1]:
                drows = xp.tensordot(dbands, x, axes=((0, 2, 4), (0, 3, 2)))
        if context.needs[2]:
            dcolumns = xp.tensordot(cotangent, bands, axes=((0, 1, 3, 4), (0, 3, 2, 4)))
        return dx, drows, dcolumns


class Filters(Op):
    """Y_nuvf = sum_cab P_nuvcab W_fcab: the product of every window with every filter."""

    signature = "n u v c a b, f c a b"

    @staticmethod
    def forward(context: Context, patches: Array, weights: Array) -> Array:
        context.save(patches if context.needs[1] else None, weights if context.needs[0] else None)
        return context.xp.tensordot(patches, weights, axes=((3, 4, 5), (1, 2, 3)))

    @staticmethod
    def backward(context: Context, cotangent: Array) -> tuple[Array | None, Array | None]:
        patches, weights = context.saved
        xp = context.xp
        dpatches = xp.tensordot(cotangent, weights, axes=((3,), (0,))) if context.needs[0] else None
        dweights = xp.tensordot(cotangent, patches, axes=((0, 1, 2), (0, 1, 2))) if context.needs[1] else None
        return dpatches, dweights


def reading(size: int, window: int, stride: int, padding: int) -> np.ndarray:
    """Return which of `size` pixels the windows read along one axis, of shape (windows, window, size).

    Entry (u, a, h) is 1 where h = stride * u + a - padding. There are as many windows as fit into the axis with its
    padding: floor((size + 2 padding - window) / stride) + 1.

    Raises:
        GraphError: Not one window fits, or a number is impossible.
    """
    if window < 1 or stride < 1 or padding < 0:
        raise GraphError(f"window {window}, stride {stride}, padding {padding}: expected at least 1, 1 and 0.")
    count = (size + 2 * padding - window) // stride + 1
    if count < 1:
        raise GraphError(f"No window of {window} fits into {size} pixels with padding {padding}.")
    read = stride * np.arange(count)[:, None] + np.arange(window) - padding
    return np.equal(read[:, :, None], np.arange(size)).astype(np.float64)  # type: ignore[no-any-return]


def patches(x: Tensor, window: int | tuple[int, int], *, stride: int = 1, padding: int = 0) -> Tensor:
    """Return the windows (n, u, v, c, a, b) of images (n, h, w, c), window (u, v) with its places (a, b)."""
    _, height, width, _ = x.shape
    tall, wide = (window, window) if isinstance(window, int) else window
    return Patches.apply(
        x,
        _like(x.value, reading(height, tall, stride, padding)),
        _like(x.value, reading(width, wide, stride, padding)),
    )


def conv2d(x: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Return the cross-correlation that networks call convolution, as torch.nn.functional.conv2d.

    Args:
        x: Images (n, h, w, c); outside they count as zeros.
        weight: Filters (f, c, a, b).
        bias: A number for each filter, (f,).
        stride: How many pixels apart the windows lie.
        padding: How many rows and columns of zeros are put around an image.

    Returns:
        A tensor of shape (n, u, v, f).

    Raises:
        GraphError: The shapes do not fit, or not one window does.
    """
    windows = patches(x, weight.shape[2:], stride=stride, padding=padding)
    return Filters.apply(windows, weight) + bias  # type: ignore[no-any-return]


def _like(x: Array, values: np.ndarray) -> Any:
    return namespace(x).asarray(values, dtype=x.dtype, device=x.device)
