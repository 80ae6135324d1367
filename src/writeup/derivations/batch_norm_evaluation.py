"""Batch normalisation in evaluation: mean and variance are the running ones, which are constants."""

from typing import Any

from sympy import sqrt

from rederive.autograd import Tensor
from rederive.autograd.normalization import BatchNorm
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, X, i, j, m, n, p, q

gamma, beta, epsilon, M, U = (array(name) for name in ("gamma", "beta", "epsilon", "M", "U"))

D = Definition("D", (j,), sqrt(U[j] + epsilon.label))
Y = Definition("Y", (i, j), gamma[j] * (X[i, j] - M[j]) / D[j] + beta[j])


def program(xp: Any, X: Any, M: Any, U: Any, epsilon: Any, gamma: Any, beta: Any) -> Any:
    """Return the normalised rows with any array library."""
    return gamma * (X - M) / xp.sqrt(U + epsilon) + beta


def code(X: Tensor, M: Tensor, U: Tensor, epsilon: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Return what the engine's module computes when it is not training."""
    module = BatchNorm(1)
    module.train(False)
    module.weight, module.bias, module.running, module.epsilon = gamma, beta, (M.value, U.value), epsilon.value
    return module(X)


DERIVATION = Derivation(
    title="Batch normalisation in evaluation",
    order=113,
    inputs=(
        Input("X", (n, m)),
        Input("M", (m,), differentiated=False),
        Input("U", (m,), "positive", differentiated=False),
        Input("epsilon", (), "positive", differentiated=False),
        Input("gamma", (m,)),
        Input("beta", (m,)),
    ),
    output=Y,
    definitions=(D,),
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * gamma[j] / D[j] * delta(i, p) * delta(j, q), i, j),
                "the running mean and variance do not depend on $X$",
            ),
            Line(G[p, q] * gamma[q] / D[q], "a sum over a Kronecker delta has one term"),
        ),
        gradient_chain(gamma[q], Y, Line(sum_over(G[i, q] * (X[i, q] - M[q]) / D[q], i), "$Y$ is linear in the scale")),
        gradient_chain(beta[q], Y, Line(sum_over(G[i, q], i), "$Y$ is linear in the shift")),
    ),
    program=program,
    code=code,
    mutate="stated",
)
