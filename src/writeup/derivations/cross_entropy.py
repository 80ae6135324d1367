"""Cross-entropy of the softmax of every row with the label of the row, summed over the rows."""

from typing import Any

from sympy import exp, log

from rederive.autograd.ops import LogSoftmax, Select, SoftmaxCrossEntropy
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
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace

y = array("y", below=m)
P = Definition("P", (i, j), exp(X[i, j]) / sum_over(exp(X[i, k]), k))
C = Definition("C", (), -sum_over(log(P[i, y[i]]), i))
g = G.label  # C is a single number, and so is its cotangent


def program(xp: Any, X: Any, y: Any) -> Any:
    """Return the cross-entropy with any array library."""
    log_probabilities = X - xp.log(xp.sum(xp.exp(X), axis=1, keepdims=True))
    own = xp.arange(X.shape[1]) == y[:, None]
    return -xp.sum(xp.where(own, log_probabilities, 0 * log_probabilities))


def composed() -> list[Any]:
    """The same loss composed of log-softmax, a selection and a sum."""
    labels = SymbolicArray.named("y", n, below=m)
    trace = Trace(
        lambda X: -Select.apply(LogSoftmax.apply(X), columns=labels).sum(), {"X": SymbolicArray.named("X", n, m)}
    )
    return [(found.left, found.right) for found in trace.comparisons()]


DERIVATION = Derivation(
    title="Cross-entropy of the softmax",
    order=82,
    inputs=(Input("X", (n, m)), Input("y", (n,), below=m)),
    output=C,
    definitions=(P,),
    chains=(
        gradient_chain(
            X[p, q],
            C,
            Line(
                -g * sum_over(delta(i, p) * (delta(q, y[i]) - P[i, q]), i),
                "the gradient of log-softmax",
            ),
            Line(g * (P[p, q] - delta(q, y[p])), "a sum over a Kronecker delta has one term"),
        ),
    ),
    program=program,
    code=lambda X, y: SoftmaxCrossEntropy.apply(X, labels=y.value),
    ops=(SoftmaxCrossEntropy, Select),
    native={
        "torch": lambda torch, X, y: torch.nn.functional.cross_entropy(X, y, reduction="sum"),
    },
    extra={"log-softmax, selection and sum": composed},
    equivalents={
        r"log_softmax: shifted = ": "A softmax does not change with what is subtracted from all entries of a row.",
        r"mark\(context\.xp, \w+, «x»\)": "Only the shape, the dtype or the device is asked for.",
    },
)
