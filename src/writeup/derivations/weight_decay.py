"""Weight decay, as a penalty in the loss and as a factor on the weights."""

from typing import Any

from sympy import Rational, Symbol, sqrt

from rederive.autograd import SGD, Tensor
from rederive.autograd.adaptive import Adam, AdamW
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
from rederive.proofs.language.notation import G, j, k, m, q
from rederive.proofs.prover.array import SymbolicArray

eta, lamda, beta, gamma, epsilon = (Symbol(x, positive=True) for x in ("eta", "lamda", "beta", "gamma", "epsilon"))
w, g, a, s = (array(name) for name in ("w", "g", "a", "s"))

Q = Definition("Q", (), lamda / 2 * sum_over(w[k] ** 2, k))
Y = Definition("Y", (j,), w[j] - eta * (g[j] + lamda * w[j]))

ETA, LAMBDA = 0.125, 0.25


def step_of_sgd() -> list[Any]:
    """A step of the engine's gradient descent with weight decay."""
    weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
    weights.grad = SymbolicArray.named("g", m)
    SGD([weights], eta, weight_decay=lamda).step()
    return [((1 - eta * lamda) * w[q] - eta * g[q], weights.value.at(q))]


def steps_of_adam() -> list[Any]:
    """A step of Adam with a penalty and of AdamW, from any state: by what their decay differs."""
    pairs = []
    t = Symbol("t", integer=True, positive=True)
    for kind in (Adam, AdamW):
        weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
        optimizer = kind([weights], eta, betas=(beta, gamma), epsilon=epsilon, weight_decay=lamda)
        optimizer.means[0], optimizer.squares[0] = SymbolicArray.named("a", m), SymbolicArray.named("s", m)
        optimizer.steps[0] = t
        weights.grad = SymbolicArray.named("g", m)
        optimizer.step()
        used = g[q] + lamda * w[q] if kind is Adam else g[q]
        kept = w[q] if kind is Adam else (1 - eta * lamda) * w[q]
        mean = (beta * a[q] + (1 - beta) * used) / (1 - beta ** (t + 1))
        square = (gamma * s[q] + (1 - gamma) * used**2) / (1 - gamma ** (t + 1))
        pairs.append((kept - eta * mean / (sqrt(square) + epsilon), weights.value.at(q)))
    return pairs


DERIVATION = Derivation(
    title="Weight decay",
    order=101,
    inputs=(Input("w", (m,)), Input("g", (m,))),
    output=Y,
    definitions=(Q,),
    chains=(
        Chain(
            Partial(Q.symbol, w[q]),
            (
                Line(lamda / 2 * sum_over(2 * w[k] * delta(k, q), k), "the derivative of a square"),
                Line(lamda * w[q], "a penalty of half the sum of squares adds this to the gradient"),
            ),
        ),
        Chain(
            Y[q],
            (
                Line(w[q] - eta * (g[q] + lamda * w[q]), "a step against the gradient with that of the penalty"),
                Line(
                    (1 - eta * lamda) * w[q] - eta * g[q],
                    "the weights shrink by a factor, then the step is that of the loss alone",
                ),
            ),
        ),
        gradient_chain(
            w[q],
            Y,
            Line(sum_over(G[j] * (1 - eta * lamda) * delta(j, q), j), "the step is linear in the weights"),
            Line((1 - eta * lamda) * G[q], "a sum over a Kronecker delta has one term"),
        ),
        gradient_chain(g[q], Y, Line(-eta * G[q], "the step is linear in the gradient")),
    ),
    program=lambda xp, w, g: w - ETA * (g + LAMBDA * w),
    parameters={eta: Rational(1, 8), lamda: Rational(1, 4)},
    sizes={"m": 3},
    extra={"a step of SGD with weight decay": step_of_sgd, "a step of Adam and of AdamW": steps_of_adam},
    symbolic_program=False,
    conventions=(
        "In Adam the penalty's gradient goes into the running means and is divided by their scale; AdamW shrinks the "
        "weights by the factor instead, so that weights with large gradients decay as fast as others.",
    ),
)
