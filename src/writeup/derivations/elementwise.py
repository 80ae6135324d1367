"""Any function of one variable, applied to every entry."""

from sympy import HadamardProduct

from rederive.proofs.language.derivation import (
    AnyDerivative,
    AnyFunction,
    Definition,
    Derivation,
    Input,
    Line,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, i, j, m, n, p, q
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), AnyFunction(X[i, j]))

DERIVATION = Derivation(
    title="Any function of every entry",
    order=20,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * AnyDerivative(X[i, j]) * delta(i, p) * delta(j, q), i, j),
                "an entry of $Y$ depends on one entry of $X$",
            ),
            Line(
                G[p, q] * AnyDerivative(X[p, q]),
                "a sum over a Kronecker delta has one term",
                HadamardProduct(G_matrix, each(AnyDerivative, X_matrix)),
            ),
        ),
    ),
    program=lambda xp, X: X * X * X + X * X + 2 * X,
    matrix=each(AnyFunction, X_matrix),
    conventions=("Where a number is needed, $f(x) = x^3 + x^2 + 2x$ stands for $f$.",),
)
