"""One turn of the backward sweep, at any node of any graph: the step of the induction over the graph."""

from typing import Any

from rederive.autograd import Tensor
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Derivation,
    Input,
    Line,
    array,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import d, j, k, m, q, r, s

# m numbers were computed before the node, whose value are d numbers. J holds the derivatives of the latter by the
# former. u and v are what the sweep has collected so far at the earlier numbers and at the node, t is any direction.
u, v, J, t = (array(name) for name in ("u", "v", "J", "t"))
G = array("G").label  # the result is a single number, and so is its cotangent

T = Definition("T", (r,), sum_over(J[r, j] * t[j], j))
N = Definition("N", (j,), u[j] + sum_over(v[r] * J[r, j], r))
S = Definition("S", (), sum_over(u[j] * t[j], j) + sum_over(v[r] * T[r], r))


def program(xp: Any, u: Any, v: Any, J: Any, t: Any) -> Any:
    """Return the derivative along t as it stands before the node's turn, with any array library."""
    return xp.sum(u * t) + xp.sum(v * xp.sum(J * t[None, :], axis=1))


def code(u: Tensor, v: Tensor, J: Tensor, t: Tensor) -> Tensor:
    """Return the same with the engine: the gradient by t goes over two paths, which its sweep has to add up."""
    return (u * t).sum() + (v * (J * t).sum(axis=1)).sum()


DERIVATION = Derivation(
    title="A turn of the backward sweep",
    order=5,
    inputs=(Input("u", (m,)), Input("v", (d,)), Input("J", (d, m)), Input("t", (m,))),
    output=S,
    definitions=(T, N),
    chains=(
        Chain(
            S.symbol,
            (
                Line(
                    sum_over(u[j] * t[j], j) + sum_over(v[r] * sum_over(J[r, j] * t[j], j), r),
                    "when the earlier values move along $t$, the node's value moves along $T = J t$",
                ),
                Line(
                    sum_over(u[j] * t[j], j) + sum_over(sum_over(v[r] * J[r, j], r) * t[j], j),
                    "two finite sums may change places",
                ),
                Line(
                    sum_over((u[j] + sum_over(v[r] * J[r, j], r)) * t[j], j),
                    "both sums run over the same earlier values",
                ),
                Line(
                    sum_over(N[j] * t[j], j),
                    "this is what the node's turn leaves at the earlier values; the node is done with",
                ),
            ),
        ),
        gradient_chain(
            t[q],
            S,
            Line(G * (u[q] + sum_over(v[r] * J[r, q], r)), "the sum is linear in $t$"),
            Line(G * N[q], "what is collected at a value after the turn: the derivative by it over all paths so far"),
        ),
        gradient_chain(u[q], S, Line(G * t[q], "the sum is linear in $u$")),
        gradient_chain(
            v[s],
            S,
            Line(G * sum_over(J[s, k] * t[k], k), "the sum is linear in $v$"),
            Line(G * T[s], "the movement of the node's value"),
        ),
        gradient_chain(J[s, q], S, Line(G * v[s] * t[q], "a local derivative counts on one path")),
    ),
    program=program,
    code=code,
    mutate="stated",
)
