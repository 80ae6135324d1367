"""One matrix divided by another, entry by entry."""

from sympy import HadamardProduct, Lambda

from rederive.autograd.ops import Div
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Z, Z_matrix, i, j, m, n, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), X[i, j] / Z[i, j])

DERIVATION = Derivation(
    title="Division, entry by entry",
    order=10,
    inputs=(Input("X", (n, m)), Input("Z", (n, m), "nonzero")),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(sum_over(G[i, j] * delta(i, p) * delta(j, q) / Z[i, j], i, j), "$Y$ is linear in $X$"),
            Line(
                G[p, q] / Z[p, q],
                "a sum over a Kronecker delta has one term",
                HadamardProduct(G_matrix, each(Lambda(x, 1 / x), Z_matrix)),
            ),
        ),
        gradient_chain(
            Z[p, q],
            Y,
            Line(
                -sum_over(G[i, j] * X[i, j] * delta(i, p) * delta(j, q) / Z[i, j] ** 2, i, j),
                "the derivative of a reciprocal",
            ),
            Line(
                -G[p, q] * X[p, q] / Z[p, q] ** 2,
                "a sum over a Kronecker delta has one term",
                -HadamardProduct(G_matrix, X_matrix, each(Lambda(x, 1 / x**2), Z_matrix)),
            ),
        ),
    ),
    program=lambda xp, X, Z: X / Z,
    code=Div.apply,
    ops=(Div,),
    matrix=HadamardProduct(X_matrix, each(Lambda(x, 1 / x), Z_matrix)),
)
