"""Rows divided by their sum."""

from sympy import HadamardProduct, Lambda, OneMatrix, S

from rederive.autograd.ops import Normalize
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
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Y_matrix, i, j, k, m, n, p, q, x
from rederive.proofs.prover.matrix_calculus import each

s = Definition("s", (i,), sum_over(X[i, k], k))
Y = Definition("Y", (i, j), X[i, j] / s[i])

across = OneMatrix(m, m)  # A @ across: every entry is the sum of its row of A
gradient = (G[p, q] - sum_over(G[p, j] * Y[p, j], j)) / s[p]

DERIVATION = Derivation(
    title="Rows divided by their sum",
    order=50,
    inputs=(Input("X", (n, m)),),
    output=Y,
    definitions=(s,),
    nonzero=(s[i],),
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * (delta(i, p) * delta(j, q) / s[i] - X[i, j] * delta(i, p) / s[i] ** 2), i, j),
                "the quotient rule: a row's sum contains each of its entries once",
            ),
            Line(
                G[p, q] / s[p] - sum_over(G[p, j] * X[p, j], j) / s[p] ** 2,
                "a sum over a Kronecker delta has one term",
            ),
            Line(
                gradient,
                "$X$ divided by its row sum is $Y$",
                HadamardProduct(
                    G_matrix - HadamardProduct(G_matrix, Y_matrix) * across,
                    each(Lambda(x, 1 / x), X_matrix * across),
                ),
            ),
        ),
        Chain(
            sum_over(X[p, q] * gradient, q),
            (
                Line(
                    sum_over(G[p, q] * Y[p, q], q) - sum_over(G[p, j] * Y[p, j], j) * sum_over(Y[p, q], q),
                    "multiply out; $X$ divided by its row sum is $Y$",
                ),
                Line(S.Zero, "a row of $Y$ sums to one: the gradient is orthogonal to the row (Euler's identity)"),
            ),
        ),
    ),
    program=lambda xp, X: X / xp.sum(X, axis=1, keepdims=True),
    code=Normalize.apply,
    ops=(Normalize,),
    matrix=HadamardProduct(X_matrix, each(Lambda(x, 1 / x), X_matrix * across)),
)
