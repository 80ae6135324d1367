"""Softplus of every entry: its slope is the sigmoid."""

from sympy import Lambda, exp, log

from digits.softplus import Softplus
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, X, X_matrix, i, j, m, n, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), log(1 + exp(X[i, j])))

DERIVATION = Derivation(
    title="Softplus",
    order=1,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * exp(X[i, j]) / (1 + exp(X[i, j])) * delta(i, p) * delta(j, q), i, j),
                "the derivative of a logarithm, and the chain rule",
            ),
            Line(G[p, q] * exp(X[p, q]) / (1 + exp(X[p, q])), "a sum over a Kronecker delta has one term"),
            Line(G[p, q] / (1 + exp(-X[p, q])), "numerator and denominator divided by exp(X)"),
        ),
    ),
    program=lambda xp, X: xp.log(1 + xp.exp(X)),
    code=Softplus.apply,
    ops=(Softplus,),
    matrix=each(Lambda(x, log(1 + exp(x))), X_matrix),
)
