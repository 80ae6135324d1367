"""Kullback-Leibler divergence of the softmax of every row from a one-hot target."""

from typing import Any

from sympy import exp, log

from rederive.autograd import Tensor
from rederive.autograd.graph import namespace
from rederive.autograd.ops import LogSoftmax, Mul, Sum, mark
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Derivation,
    Input,
    Line,
    Partial,
    array,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, X, i, j, k, m, n, p, q

y = array("y", below=m)
h = array("h")
P = Definition("P", (i, j), exp(X[i, j]) / sum_over(exp(X[i, k]), k))
T = Definition("T", (i, j), delta(j, y[i]))
K = Definition("K", (i,), h[i] - sum_over(T[i, j] * log(P[i, j]), j))
C = Definition("C", (i,), -log(P[i, y[i]]))


def program(xp: Any, X: Any, h: Any, y: Any) -> Any:
    """Return the divergence of every row with any array library."""
    log_probabilities = X - xp.log(xp.sum(xp.exp(X), axis=1, keepdims=True))
    target = xp.where(xp.arange(X.shape[1]) == y[:, None], 1 + 0 * X, 0 * X)
    return h - xp.sum(target * log_probabilities, axis=1)


def code(X: Tensor, h: Tensor, y: Tensor) -> Tensor:
    """Return the same with the engine."""
    xp = namespace(X.value)
    target = xp.where(mark(xp, y.value, X.value), 1 + 0 * X.value, 0)
    return h - (LogSoftmax.apply(X) * target).sum(axis=1)


def torch_program(torch: Any, X: Any, h: Any, y: Any) -> Any:
    """Return it with PyTorch's own function, in which the entropy of a one-hot target is zero."""
    target = torch.nn.functional.one_hot(y, X.shape[1]).to(X.dtype)
    logarithms = torch.log_softmax(X, dim=1)
    return h + torch.nn.functional.kl_div(logarithms, target, reduction="none").sum(dim=1)


DERIVATION = Derivation(
    title="KL divergence from one-hot targets",
    order=90,
    inputs=(Input("X", (n, m)), Input("h", (n,), differentiated=False), Input("y", (n,), below=m)),
    output=K,
    definitions=(P, T, C),
    chains=(
        gradient_chain(
            X[p, q],
            K,
            Line(
                -sum_over(G[i] * sum_over(T[i, j] * delta(i, p) * (delta(j, q) - P[i, q]), j), i),
                "the gradient of log-softmax; the target's own entropy does not depend on $X$",
            ),
            Line(
                G[p] * (P[p, q] * sum_over(T[p, j], j) - T[p, q]),
                "a sum over a Kronecker delta has one term",
            ),
            Line(G[p] * (P[p, q] - T[p, q]), "a target sums to one"),
        ),
        Chain(
            sum_over(G[i] * Partial(K[i], X[p, q]), i),
            (Line(sum_over(G[i] * Partial(C[i], X[p, q]), i), "both gradients are those of the cross-entropy $C$"),),
        ),
    ),
    program=program,
    code=code,
    ops=(Mul, Sum),
    native={"torch": torch_program},
    conventions=(
        r"The entropy term $h$ of a target, the sum of $T \log T$ over its row, does not depend on $X$; "
        r"for a one-hot target it is zero, with $0 \log 0 = 0$.",
    ),
    equivalents={
        r"«axis».* with -axis": "Where it counts, axis is 0 or the last of two: so is -axis.",
    },
)
