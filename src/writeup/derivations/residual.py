"""A layer with its input added to its output."""

from typing import Any

from sympy import exp

from rederive.autograd import Tensor
from rederive.autograd.ops import Add, Linear, Sigmoid
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    delta,
    gradient_chain,
    indices,
    sum_over,
)
from rederive.proofs.language.notation import G, W, X, b, d, i, n, p

j, k, q, r, s = indices("j k q r s", d)

S = Definition("S", (i, j), 1 / (1 + exp(-sum_over(X[i, r] * W[j, r], r) - b[j])))
E = Definition("E", (i, j), G[i, j] * S[i, j] * (1 - S[i, j]))
Y = Definition("Y", (i, j), X[i, j] + S[i, j])


def program(xp: Any, X: Any, W: Any, b: Any) -> Any:
    """Return the block's value with any array library."""
    return X + 1 / (1 + xp.exp(-(X @ xp.swapaxes(W, 0, 1) + b)))


def code(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Return it with the engine; X is used twice, and its sweep adds both paths."""
    return Add.apply(Sigmoid.apply(Linear.apply(X, W, b)), X)


DERIVATION = Derivation(
    title="A residual connection",
    order=34,
    inputs=(Input("X", (n, d)), Input("W", (d, d)), Input("b", (d,))),
    output=Y,
    definitions=(S, E),
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(
                    G[i, j] * delta(i, p) * (delta(j, q) + S[i, j] * (1 - S[i, j]) * W[j, q]),
                    i,
                    j,
                ),
                "the derivative of a sum: one term for each path",
            ),
            Line(
                G[p, q] + sum_over(E[p, j] * W[j, q], j),
                "the gradient passes the connection as it is, and the layer as if there were no connection",
            ),
        ),
        gradient_chain(
            W[s, q],
            Y,
            Line(sum_over(E[i, s] * X[i, q], i), "the connection does not depend on the weights"),
        ),
        gradient_chain(b[q], Y, Line(sum_over(E[i, q], i), "nor on the bias")),
    ),
    program=program,
    code=code,
    sizes={"n": 2, "d": 3},
    mutate="stated",
)
