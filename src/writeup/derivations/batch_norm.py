"""Batch normalisation in training: mean and variance are those of the batch."""

from typing import Any

from sympy import sqrt

from rederive.autograd import Tensor
from rederive.autograd.normalization import Standardize
from rederive.proofs.language.derivation import (
    Chain,
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
from rederive.proofs.prover.indices import indices

(k,) = indices("k", n)
gamma, beta, epsilon = array("gamma"), array("beta"), array("epsilon")

M = Definition("M", (j,), sum_over(X[k, j], k) / n)
D = Definition("D", (j,), sqrt(sum_over((X[k, j] - M[j]) ** 2, k) / n + epsilon.label))
H = Definition("H", (i, j), (X[i, j] - M[j]) / D[j])
Y = Definition("Y", (i, j), gamma[j] * H[i, j] + beta[j])

mean = sum_over(G[i, q], i) / n
along = sum_over(G[i, q] * H[i, q], i) / n


def program(xp: Any, X: Any, epsilon: Any, gamma: Any, beta: Any) -> Any:
    """Return the normalised batch with any array library."""
    centred = X - xp.sum(X, axis=0, keepdims=True) / X.shape[0]
    return gamma * centred / xp.sqrt(xp.sum(centred**2, axis=0, keepdims=True) / X.shape[0] + epsilon) + beta


def code(X: Tensor, epsilon: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Return it with the engine, as `BatchNorm` does in training."""
    return Standardize.apply(X, axes=(0,), epsilon=epsilon.value) * gamma + beta


DERIVATION = Derivation(
    title="Batch normalisation in training",
    order=112,
    inputs=(
        Input("X", (n, m)),
        Input("epsilon", (), "positive", differentiated=False),
        Input("gamma", (m,)),
        Input("beta", (m,)),
    ),
    output=Y,
    definitions=(M, D, H),
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(
                    G[i, j]
                    * gamma[j]
                    * delta(j, q)
                    * ((delta(i, p) - 1 / n) / D[j] - H[i, j] * (X[p, q] - M[q]) / (n * D[q] ** 2)),
                    i,
                    j,
                ),
                "the quotient rule; in the derivative of the variance the deviations from the mean cancel",
            ),
            Line(
                gamma[q] / D[q] * (G[p, q] - mean - H[p, q] * along),
                "a sum over a Kronecker delta has one term; the rest are means over the batch",
            ),
        ),
        gradient_chain(
            gamma[q],
            Y,
            Line(sum_over(G[i, q] * H[i, q], i), "$Y$ is linear in the scale"),
        ),
        gradient_chain(beta[q], Y, Line(sum_over(G[i, q], i), "$Y$ is linear in the shift")),
        Chain(
            sum_over(H[i, q], i),
            (
                Line((sum_over(X[i, q], i) - n * M[q]) / D[q], "one denominator for the column"),
                Line(sum_over(X[i, q], i) * 0, "the mean times its count is the sum: the column has mean zero"),
            ),
        ),
    ),
    program=program,
    code=code,
    mutate="nothing",
    conventions=(
        "A column of $X$ is a channel, its rows are all pixels of all images. The variance is divided by the number of "
        "values in training; the running variance, which evaluation takes, by one less, as in PyTorch.",
    ),
)
