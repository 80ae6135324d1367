"""The softmax of every row."""

from sympy import HadamardProduct, OneMatrix, S, exp

from rederive.autograd.ops import Exp, LogSoftmax
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Derivation,
    Input,
    Line,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, G_matrix, X, Y_matrix, i, j, k, m, n, p, q

Y = Definition("Y", (i, j), exp(X[i, j]) / sum_over(exp(X[i, k]), k))

gradient = Y[p, q] * (G[p, q] - sum_over(G[p, j] * Y[p, j], j))
across = OneMatrix(m, m)

DERIVATION = Derivation(
    title="Softmax",
    order=81,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * delta(i, p) * (Y[i, j] * delta(j, q) - Y[i, j] * Y[i, q]), i, j),
                "the quotient rule",
            ),
            Line(
                gradient,
                "a sum over a Kronecker delta has one term",
                HadamardProduct(Y_matrix, G_matrix - HadamardProduct(G_matrix, Y_matrix) * across),
            ),
        ),
        Chain(
            sum_over(gradient, q),
            (
                Line(
                    sum_over(G[p, q] * Y[p, q], q) - sum_over(G[p, j] * Y[p, j], j) * sum_over(Y[p, q], q),
                    "multiply out",
                ),
                Line(S.Zero, "a row of $Y$ sums to one: the gradient does not shift the row"),
            ),
        ),
    ),
    program=lambda xp, X: xp.exp(X) / xp.sum(xp.exp(X), axis=1, keepdims=True),
    code=lambda X: Exp.apply(LogSoftmax.apply(X)),
)
