"""The two-layer network of the write-up, from the loss to every parameter."""

from typing import Any

import numpy as np
from sympy import exp, log

from rederive.autograd import Tensor
from rederive.autograd.modules import MLP
from rederive.autograd.ops import SoftmaxCrossEntropy
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    indices,
    sum_over,
)
from rederive.proofs.language.notation import G, X, c, d, h, i, n, p, r, s
from rederive.proofs.prover.matrix_calculus import matrix

a, v = indices("a v", h)  # hidden units
j, k, q = indices("j k q", c)  # classes
W1, b1, W2, b2 = (array(name) for name in ("W1", "b1", "W2", "b2"))
y = array("y", below=c)
g = G.label

H = Definition("H", (i, a), 1 / (1 + exp(-sum_over(X[i, r] * W1[a, r], r) - b1[a])))
A = Definition("A", (i, j), sum_over(H[i, a] * W2[j, a], a) + b2[j])
P = Definition("P", (i, j), exp(A[i, j]) / sum_over(exp(A[i, k]), k))
C = Definition("C", (), -sum_over(log(P[i, y[i]]), i))

# The gradients with respect to the pre-activations of the second and of the first layer
E = Definition("E", (i, j), g * (P[i, j] - delta(j, y[i])))
D = Definition("D", (i, a), sum_over(E[i, j] * W2[j, a], j) * H[i, a] * (1 - H[i, a]))

X_matrix, W1_matrix = matrix("X", n, d), matrix("W1", h, d)
H_matrix, D_matrix, E_matrix = matrix("H", n, h), matrix("D", n, h), matrix("E", n, c)


def program(xp: Any, X: Any, W1: Any, b1: Any, W2: Any, b2: Any, y: Any) -> Any:
    """Return the loss with any array library."""
    hidden = 1 / (1 + xp.exp(-(X @ xp.swapaxes(W1, 0, 1) + b1)))
    logits = hidden @ xp.swapaxes(W2, 0, 1) + b2
    log_probabilities = logits - xp.log(xp.sum(xp.exp(logits), axis=1, keepdims=True))
    own = xp.arange(b2.shape[0]) == y[:, None]
    return -xp.sum(xp.where(own, log_probabilities, 0 * log_probabilities))


def code(X: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, y: Tensor) -> Tensor:
    """Return the loss of the network that is trained, with these parameters in the place of its own."""
    network = MLP((1, 1, 1), np.random.default_rng(0), activation="sigmoid")
    first, second = network.layers
    first.weight, first.bias, second.weight, second.bias = W1, b1, W2, b2
    return SoftmaxCrossEntropy.apply(network(X), labels=y.value)


DERIVATION = Derivation(
    title="The two-layer network",
    order=33,
    inputs=(
        Input("X", (n, d)),
        Input("W1", (h, d)),
        Input("b1", (h,)),
        Input("W2", (c, h)),
        Input("b2", (c,)),
        Input("y", (n,), below=c),
    ),
    output=C,
    definitions=(P, A, H, E, D),
    chains=(
        gradient_chain(
            W2[q, v],
            C,
            Line(
                sum_over(E[i, q] * H[i, v], i),
                "the gradient of the cross-entropy with respect to $A$ is $E$; $A$ is linear in the weights",
                E_matrix.T * H_matrix,
            ),
        ),
        gradient_chain(b2[q], C, Line(sum_over(E[i, q], i), "every row adds the same bias")),
        gradient_chain(
            W1[v, s],
            C,
            Line(
                sum_over(sum_over(E[i, j] * W2[j, v], j) * H[i, v] * (1 - H[i, v]) * X[i, s], i),
                "through the second layer, the sigmoid and the first layer",
            ),
            Line(sum_over(D[i, v] * X[i, s], i), "the definition of $D$", D_matrix.T * X_matrix),
        ),
        gradient_chain(b1[v], C, Line(sum_over(D[i, v], i), "every row adds the same bias")),
        gradient_chain(
            X[p, s],
            C,
            Line(sum_over(D[p, a] * W1[a, s], a), "the first layer is linear in $X$", D_matrix * W1_matrix),
        ),
    ),
    program=program,
    code=code,
    sizes={"n": 2, "d": 2, "h": 3, "c": 4},
    mutate="stated",
)
