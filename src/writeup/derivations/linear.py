"""A layer: the product with the transposed weights, and a bias added to every row."""

from typing import Any

from sympy import OneMatrix

from rederive.autograd.ops import Linear, MatMul, Transpose
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, W, X, b, d, i, j, m, n, p, q, r, s
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace
from rederive.proofs.prover.matrix_calculus import matrix

Y = Definition("Y", (i, j), sum_over(X[i, r] * W[j, r], r) + b[j])

X_matrix, W_matrix, b_row = matrix("X", n, d), matrix("W", m, d), matrix("b", 1, m)
down = OneMatrix(n, 1)


def composed() -> list[Any]:
    """The same layer composed of three operations, with the bias broadcast."""
    inputs = {
        "X": SymbolicArray.named("X", n, d),
        "W": SymbolicArray.named("W", m, d),
        "b": SymbolicArray.named("b", m),
    }
    trace = Trace(lambda X, W, b: MatMul.apply(X, Transpose.apply(W)) + b, inputs)
    return [(found.left, found.right) for found in trace.comparisons()]


DERIVATION = Derivation(
    title="A layer with a bias",
    order=31,
    inputs=(Input("X", (n, d)), Input("W", (m, d)), Input("b", (m,))),
    output=Y,
    chains=(
        gradient_chain(
            W[q, s],
            Y,
            Line(
                sum_over(G[i, j] * sum_over(X[i, r] * delta(j, q) * delta(r, s), r), i, j),
                "$Y$ is linear in $W$",
            ),
            Line(
                sum_over(G[i, q] * X[i, s], i),
                "a sum over a Kronecker delta has one term",
                G_matrix.T * X_matrix,
            ),
        ),
        gradient_chain(
            b[q],
            Y,
            Line(sum_over(G[i, j] * delta(j, q), i, j), "every row adds the same bias"),
            Line(sum_over(G[i, q], i), "a sum over a Kronecker delta has one term", down.T * G_matrix),
        ),
        gradient_chain(
            X[p, s],
            Y,
            Line(
                sum_over(G[i, j] * sum_over(delta(i, p) * delta(r, s) * W[j, r], r), i, j),
                "$Y$ is linear in $X$",
            ),
            Line(
                sum_over(G[p, j] * W[j, s], j),
                "a sum over a Kronecker delta has one term",
                G_matrix * W_matrix,
            ),
        ),
    ),
    program=lambda xp, X, W, b: X @ xp.swapaxes(W, 0, 1) + b,
    code=Linear.apply,
    ops=(Linear, Transpose),
    matrix=X_matrix * W_matrix.T + down * b_row,
    extra={"matrix product, transpose and broadcast addition": composed},
    equivalents={
        r"return \(dx, dW, «db»\)": "The sweep itself sums the gradient of what was repeated over all rows.",
        r"needs\[«2»\]": "Of three the last is the one at 2.",
    },
)
