"""Convolution of images with filters, for every stride and padding."""

from typing import Any

from rederive.autograd import Tensor
from rederive.autograd.convolution import Filters, Patches
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    indices,
    sizes,
    sum_over,
)
from rederive.proofs.language.notation import G

# n images of h by w pixels in c channels, u by v windows of a by b places, f filters
n, h, w, c, u, v, a, b, f = sizes("n h w c u v a b f")
i, p = indices("i p", n)
g, p1 = indices("g x", h)
e, p2 = indices("e y", w)
r, p3 = indices("r m", c)
k, l = indices("k l", u)[0], indices("l", v)[0]  # noqa: E741
s, q1 = indices("s x", a)
t, q2 = indices("t y", b)
o, q = indices("o q", f)

X, R, S, W, z = (array(name) for name in ("X", "R", "S", "W", "z"))

P = Definition("P", (i, k, l, r, s, t), sum_over(R[k, s, g] * S[l, t, e] * X[i, g, e, r], g, e))
Y = Definition("Y", (i, k, l, o), sum_over(P[i, k, l, r, s, t] * W[o, r, s, t], r, s, t) + z[o])


def program(xp: Any, X: Any, R: Any, S: Any, W: Any, z: Any) -> Any:
    """Return the convolution with any array library."""
    rows = R[None, :, :, None, None, :, None, None]  # i k s l t g e r
    columns = S[None, None, None, :, :, None, :, None]
    patches = xp.sum(xp.sum(X[:, None, None, None, None, :, :, :] * rows * columns, axis=5), axis=5)  # i k s l t r
    moved = xp.swapaxes(xp.swapaxes(W, 1, 2), 2, 3)  # o s t r
    products = (
        patches[:, :, :, :, :, :, None]
        * xp.swapaxes(xp.swapaxes(xp.swapaxes(moved, 0, 1), 1, 2), 2, 3)[None, None, :, None, :, :, :]
    )  # i k s l t r o
    return xp.sum(xp.sum(xp.sum(products, axis=2), axis=3), axis=3) + z


def code(X: Tensor, R: Tensor, S: Tensor, W: Tensor, z: Tensor) -> Tensor:
    """Return the convolution with the engine's operations, as `conv2d` joins them."""
    return Filters.apply(Patches.apply(X, R, S), W) + z


DERIVATION = Derivation(
    title="Convolution",
    order=110,
    inputs=(
        Input("X", (n, h, w, c)),
        Input("R", (u, a, h), differentiated=False),
        Input("S", (v, b, w), differentiated=False),
        Input("W", (f, c, a, b)),
        Input("z", (f,)),
    ),
    output=Y,
    definitions=(P,),
    chains=(
        gradient_chain(
            W[q, p3, q1, q2],
            Y,
            Line(
                sum_over(
                    G[i, k, l, o]
                    * sum_over(P[i, k, l, r, s, t] * delta(o, q) * delta(r, p3) * delta(s, q1) * delta(t, q2), r, s, t),
                    i,
                    k,
                    l,
                    o,
                ),
                "$Y$ is linear in the filters",
            ),
            Line(
                sum_over(G[i, k, l, q] * P[i, k, l, p3, q1, q2], i, k, l),
                "a sum over a Kronecker delta has one term: the windows, weighted with what arrives at them",
            ),
        ),
        gradient_chain(
            X[p, p1, p2, p3],
            Y,
            Line(
                sum_over(
                    G[i, k, l, o]
                    * sum_over(W[o, r, s, t] * R[k, s, p1] * S[l, t, p2] * delta(i, p) * delta(r, p3), r, s, t),
                    i,
                    k,
                    l,
                    o,
                ),
                "the windows are linear in the pixels, and $Y$ in the windows",
            ),
            Line(
                sum_over(G[p, k, l, o] * W[o, p3, s, t] * R[k, s, p1] * S[l, t, p2], k, l, o, s, t),
                "a sum over a Kronecker delta has one term: every window gives back to the pixels that it read",
            ),
        ),
        gradient_chain(z[q], Y, Line(sum_over(G[i, k, l, q], i, k, l), "every window adds the same bias")),
    ),
    program=program,
    code=code,
    sizes={"n": 2, "h": 3, "w": 2, "c": 2, "u": 2, "v": 1, "a": 2, "b": 2, "f": 2},
    mutate="stated",
    conventions=(
        "$R$ and $S$ say what the windows read: $R$ is one where the row of the image is stride times the number of "
        "the window, plus the place in it, less the padding, and zero elsewhere; $S$ is the same for columns. A place "
        "outside the image reads zero. The proof holds for any numbers in $R$ and $S$, and so for every stride, "
        "padding and size.",
    ),
)
