"""The positive part of every entry."""

from sympy import HadamardProduct, Lambda

from rederive.autograd.ops import ReLU
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    Step,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, i, j, m, n, p, q, x
from rederive.proofs.prover.matrix_calculus import each

Y = Definition("Y", (i, j), X[i, j] * Step(X[i, j]))

DERIVATION = Derivation(
    title="ReLU",
    order=60,
    inputs=(Input("X", (n, m), "nonzero"),),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * Step(X[i, j]) * delta(i, p) * delta(j, q), i, j),
                "on either side of zero the factor is constant",
            ),
            Line(
                G[p, q] * Step(X[p, q]),
                "a sum over a Kronecker delta has one term",
                HadamardProduct(G_matrix, each(Lambda(x, Step(x)), X_matrix)),
            ),
        ),
    ),
    program=lambda xp, X: xp.where(X > 0, X, 0 * X),
    code=ReLU.apply,
    ops=(ReLU,),
    matrix=each(Lambda(x, x * Step(x)), X_matrix),
    analytic=False,
    conventions=("At zero ReLU has no derivative; the code's gradient there is zero, as it is in PyTorch.",),
    equivalents={
        r"«x» > 0\) with 2": "Twice a number has its sign.",
    },
)
