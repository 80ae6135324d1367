"""The hyperbolic tangent of every entry."""

from sympy import HadamardProduct, Lambda, cosh, tanh

from rederive.autograd.ops import Tanh
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Y_matrix, i, j, m, n, ones, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), tanh(X[i, j]))

DERIVATION = Derivation(
    title="Hyperbolic tangent",
    order=22,
    inputs=(Input("X", (n, m)),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] / cosh(X[i, j]) ** 2 * delta(i, p) * delta(j, q), i, j),
                r"$\tanh = \sinh / \cosh$: the quotient rule, and $\cosh^2 - \sinh^2 = 1$",
            ),
            Line(G[p, q] / cosh(X[p, q]) ** 2, "a sum over a Kronecker delta has one term"),
            Line(
                G[p, q] * (1 - Y[p, q] ** 2),
                r"$1 / \cosh^2 = 1 - \tanh^2$",
                HadamardProduct(G_matrix, ones - HadamardProduct(Y_matrix, Y_matrix)),
            ),
        ),
    ),
    program=lambda xp, X: xp.tanh(X),
    code=Tanh.apply,
    ops=(Tanh,),
    matrix=each(Lambda(x, tanh(x)), X_matrix),
    equivalents={
        r"context\.save\(«y»\) with -": "Only its square is used.",
    },
)
