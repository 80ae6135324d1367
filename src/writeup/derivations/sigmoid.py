"""The logistic sigmoid of every entry."""

from sympy import HadamardProduct, Lambda, exp

from rederive.autograd.ops import Sigmoid
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Y_matrix, i, j, m, n, ones, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), 1 / (1 + exp(-X[i, j])))

DERIVATION = Derivation(
    title="Sigmoid",
    order=21,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * exp(-X[i, j]) / (1 + exp(-X[i, j])) ** 2 * delta(i, p) * delta(j, q), i, j),
                "the derivative of a reciprocal",
            ),
            Line(
                G[p, q] * exp(-X[p, q]) / (1 + exp(-X[p, q])) ** 2,
                "a sum over a Kronecker delta has one term",
            ),
            Line(
                G[p, q] * Y[p, q] * (1 - Y[p, q]),
                r"$e^{-X} = (1 - Y) / Y$",
                HadamardProduct(G_matrix, Y_matrix, ones - Y_matrix),
            ),
        ),
    ),
    program=lambda xp, X: 1 / (1 + xp.exp(-X)),
    code=Sigmoid.apply,
    ops=(Sigmoid,),
    matrix=each(Lambda(x, 1 / (1 + exp(-x))), X_matrix),
)
