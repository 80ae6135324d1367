"""The exponential of every entry."""

from sympy import HadamardProduct, exp

from rederive.autograd.ops import Exp, Pow
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Y_matrix, i, j, m, n, p, q
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), exp(X[i, j]))

DERIVATION = Derivation(
    title="Exponential",
    order=23,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * exp(X[i, j]) * delta(i, p) * delta(j, q), i, j),
                "the exponential is its own derivative",
            ),
            Line(G[p, q] * Y[p, q], "a sum over a Kronecker delta has one term", HadamardProduct(G_matrix, Y_matrix)),
        ),
    ),
    program=lambda xp, X: xp.exp(X),
    code=Exp.apply,
    ops=(Exp, Pow),
    matrix=each(exp, X_matrix),
)
