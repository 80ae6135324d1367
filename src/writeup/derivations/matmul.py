"""The product of two matrices."""

from rederive.autograd.ops import MatMul
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, W, X, d, i, j, m, n, p, q, r, s
from rederive.proofs.prover.matrix_calculus import matrix

Y = Definition("Y", (i, j), sum_over(X[i, r] * W[r, j], r))

X_matrix, W_matrix = matrix("X", n, d), matrix("W", d, m)

DERIVATION = Derivation(
    title="Matrix product",
    order=30,
    inputs=(Input("X", (n, d)), Input("W", (d, m))),
    output=Y,
    chains=(
        gradient_chain(
            W[s, q],
            Y,
            Line(
                sum_over(G[i, j] * sum_over(X[i, r] * delta(r, s) * delta(j, q), r), i, j),
                "$Y$ is linear in $W$",
            ),
            Line(
                sum_over(X[i, s] * G[i, q], i),
                "a sum over a Kronecker delta has one term",
                X_matrix.T * G_matrix,
            ),
        ),
        gradient_chain(
            X[p, s],
            Y,
            Line(
                sum_over(G[i, j] * sum_over(delta(i, p) * delta(r, s) * W[r, j], r), i, j),
                "$Y$ is linear in $X$",
            ),
            Line(
                sum_over(G[p, j] * W[s, j], j),
                "a sum over a Kronecker delta has one term",
                G_matrix * W_matrix.T,
            ),
        ),
    ),
    program=lambda xp, X, W: X @ W,
    code=MatMul.apply,
    ops=(MatMul,),
    matrix=X_matrix * W_matrix,
)
