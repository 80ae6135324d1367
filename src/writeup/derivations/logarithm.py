"""The natural logarithm of every entry."""

from sympy import HadamardProduct, Lambda, log

from rederive.autograd.ops import Log
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, i, j, m, n, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), log(X[i, j]))

DERIVATION = Derivation(
    title="Logarithm",
    order=24,
    inputs=(Input("X", (n, m), "positive"),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] / X[i, j] * delta(i, p) * delta(j, q), i, j),
                "the derivative of the logarithm is the reciprocal",
            ),
            Line(
                G[p, q] / X[p, q],
                "a sum over a Kronecker delta has one term",
                HadamardProduct(G_matrix, each(Lambda(x, 1 / x), X_matrix)),
            ),
        ),
    ),
    program=lambda xp, X: xp.log(X),
    code=Log.apply,
    ops=(Log,),
    matrix=each(log, X_matrix),
)
