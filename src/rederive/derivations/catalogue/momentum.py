"""Gradient descent with momentum: the velocity after t steps in closed form."""

from typing import Any

from sympy import Rational, S, Symbol

from rederive.autograd import Tensor
from rederive.autograd.optimizers import SGD
from rederive.derivations.derivation import (
    Chain,
    Definition,
    Derivation,
    Index,
    Input,
    Line,
    Named,
    array,
    delta,
    gradient_chain,
    sizes,
    sum_over,
)
from rederive.derivations.notation import G, j, m, q
from rederive.derivations.symbolic.array import SymbolicArray

(t,) = sizes("t")  # steps taken
mu = Symbol("mu", positive=True)
eta = Symbol("eta", positive=True)
k, p = Index("k", t), Index("p", t)  # steps before t
g, v, w, z = array("g"), array("v"), array("w"), array("z")

V = Definition("v", (j,), sum_over(mu ** (t - 1 - k) * g[k, j], k))


def velocity(steps: Any, entry: Any) -> Any:
    """The closed form after a number of steps."""
    index = Index("k", steps)
    return sum_over(mu ** (steps - 1 - index) * g[index, entry], index)


def program(xp: Any, g: Any) -> Any:
    """Return the velocity by the recurrence, as an optimiser computes it."""
    result = 0 * g[0]
    for step in range(g.shape[0]):
        result = MOMENTUM * result + g[step]
    return result


def optimizer_step() -> list:
    """One step of the training's own optimiser, from the closed form after t steps: the closed form after t + 1."""
    weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
    optimizer = SGD([weights], eta, momentum=mu)
    state = SymbolicArray((m,), lambda j: velocity(t, j))
    optimizer.velocities[0] = state
    weights.grad = SymbolicArray((m,), lambda j: g[t, j])
    optimizer.step()
    after = velocity(t + 1, q)
    return [(after, state.at(q)), (w[q] - eta * after, weights.value.at(q))]


def first_steps() -> list:
    """The recurrence itself, run for one to five steps."""
    pairs = []
    for steps in range(1, 6):
        gradients = SymbolicArray((steps, m), lambda step, entry: g[step, entry])
        weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
        optimizer = SGD([weights], eta, momentum=mu)
        for step in range(steps):
            weights.grad = gradients[step]
            optimizer.step()
        state = optimizer.velocities[0]
        assert state is not None
        pairs.append((velocity(S(steps), q).doit(), state.at(q)))
    return pairs


MOMENTUM = 0.9

DERIVATION = Derivation(
    title="Gradient descent with momentum",
    order=100,
    domain="Momentum mu > 0, not 1 in the geometric sum; the velocity begins at zero.",
    inputs=(Input("g", (t, m)),),
    output=V,
    chains=(
        Chain(
            Named(v[1, j], mu * 0 + g[0, j]),
            (
                Line(g[0, j], "the velocity begins at zero"),
                Line(velocity(S.One, j), "the closed form for one step: the induction begins"),
            ),
        ),
        Chain(
            Named(v[t + 1, j], mu * velocity(t, j) + g[t, j]),
            (
                Line(mu * Named(v[t, j], velocity(t, j)) + g[t, j], "a step of the optimiser"),
                Line(mu * velocity(t, j) + g[t, j], "the closed form for t steps: the induction hypothesis"),
                Line(sum_over(mu ** (t - k) * g[k, j], k) + g[t, j], "a factor taken into the sum"),
                Line(velocity(t + 1, j), "the last term of the sum: the closed form for t + 1 steps"),
            ),
        ),
        Chain(
            Named(z[1], mu * 0 + 1),
            (Line(S.One, "under a constant gradient, in units of it: the geometric sum of one term"),),
        ),
        Chain(
            Named(z[t + 1], mu * (1 - mu**t) / (1 - mu) + 1),
            (
                Line(
                    mu * Named(z[t], (1 - mu**t) / (1 - mu)) + 1,
                    "a step of the optimiser",
                ),
                Line(
                    (1 - mu ** (t + 1)) / (1 - mu),
                    "the induction hypothesis: steps grow by a factor of at most 1 / (1 - mu)",
                ),
            ),
        ),
        gradient_chain(
            g[p, q],
            V,
            Line(
                sum_over(G[j] * sum_over(mu ** (t - 1 - k) * delta(k, p) * delta(j, q), k), j),
                "the closed form is linear in the gradients",
            ),
            Line(mu ** (t - 1 - p) * G[q], "a gradient counts mu times less with every later step"),
        ),
    ),
    program=program,
    parameters={mu: Rational(9, 10)},
    sizes={"t": 5, "m": 3},
    extra={"a step of SGD": optimizer_step, "five steps of SGD": first_steps},
    symbolic_program=False,
    show_limits=True,
)
