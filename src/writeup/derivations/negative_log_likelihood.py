"""The mean over a batch of the negative log-likelihood of the labels: the loss of the convolutional networks."""

from typing import Any

from sympy import exp, log

from rederive.autograd import Tensor
from rederive.autograd.ops import LogSoftmax, Mean, Neg, Select
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
from rederive.proofs.language.notation import G, X, i, j, k, m, n, p, q

y = array("y", below=m)
P = Definition("P", (i, j), exp(X[i, j]) / sum_over(exp(X[i, k]), k))
C = Definition("C", (), -sum_over(log(P[i, y[i]]), i) / n)
g = G.label


def program(xp: Any, X: Any, y: Any) -> Any:
    """Return the loss with any array library."""
    log_probabilities = X - xp.log(xp.sum(xp.exp(X), axis=1, keepdims=True))
    own = xp.arange(X.shape[1]) == y[:, None]
    return -xp.sum(xp.where(own, log_probabilities, 0 * log_probabilities)) / X.shape[0]


def code(X: Tensor, y: Tensor) -> Tensor:
    """Return the loss as the engine's networks compute it."""
    return Neg.apply(Mean.apply(Select.apply(LogSoftmax.apply(X), columns=y.value)))


DERIVATION = Derivation(
    title="Negative log-likelihood of the log-softmax",
    order=83,
    inputs=(Input("X", (n, m)), Input("y", (n,), below=m)),
    output=C,
    definitions=(P,),
    chains=(
        gradient_chain(
            X[p, q],
            C,
            Line(-g / n * sum_over(delta(i, p) * (delta(q, y[i]) - P[i, q]), i), "the gradient of log-softmax"),
            Line(g / n * (P[p, q] - delta(q, y[p])), "a sum over a Kronecker delta has one term"),
        ),
    ),
    program=program,
    code=code,
    native={"torch": lambda torch, X, y: torch.nn.functional.nll_loss(torch.log_softmax(X, dim=1), y)},
)
