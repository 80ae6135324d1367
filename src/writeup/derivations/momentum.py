"""Gradient descent with momentum: the velocity after t steps in closed form."""

from typing import Any

from sympy import Rational, S, Symbol

from rederive.autograd import Tensor
from rederive.autograd.optimizers import SGD
from rederive.proofs.checks.optimizer_mutants import among, check_optimizer, runs_of_sgd
from rederive.proofs.language.derivation import (
    Definition,
    Derivation,
    Index,
    Induction,
    Input,
    Line,
    array,
    delta,
    gradient_chain,
    sizes,
    sum_over,
)
from rederive.proofs.language.notation import G, j, m, q
from rederive.proofs.prover.array import SymbolicArray

(t,) = sizes("t")  # steps taken
mu = Symbol("mu", positive=True)
eta = Symbol("eta", positive=True)
lamda = Symbol("lambda", positive=True)  # the weight decay
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


def optimizer_step() -> list[Any]:
    """One step of the training's own optimiser, from the closed form after t steps: the closed form after t + 1."""
    weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
    optimizer = SGD([weights], eta, momentum=mu)
    state = SymbolicArray((m,), lambda j: velocity(t, j))
    optimizer.velocities[0] = state
    weights.grad = SymbolicArray((m,), lambda j: g[t, j])
    optimizer.step()
    after = velocity(t + 1, q)
    return [(after, state.at(q)), (w[q] - eta * after, weights.value.at(q))]


def update_rules() -> list[Any]:
    """One step of the optimiser with and without momentum, with and without weight decay, from the first and later."""
    return [
        pair
        for momentum in (0, mu)
        for decay in (0, lamda)
        for before in (None, array("u"))
        if momentum or before is None
        for pair in update_rule(momentum, decay, before)
    ]


def update_rule(momentum: Any, decay: Any, before: Any) -> list[Any]:
    """What the optimiser makes of a velocity and of the weights, against v = m v + (g + d w) and w = w - a v."""
    weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
    optimizer = SGD(among(weights), eta, momentum=momentum, weight_decay=decay)
    if before is not None:
        optimizer.velocities[1] = SymbolicArray((m,), lambda j: before[j])
    weights.grad = SymbolicArray.named("h", m)
    optimizer.step()
    velocity = momentum * (0 if before is None else before[q]) + array("h")[q] + decay * w[q]
    used_up = S.Zero if weights.grad is None else S.One
    pairs = [(w[q] - eta * velocity, weights.value.at(q)), (S.Zero, used_up)]
    state: Any = optimizer.velocities[1]
    return [*pairs, (velocity, state.at(q))] if momentum else pairs


def first_steps() -> list[Any]:
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

velocities = Induction(
    v,
    (j,),
    t,
    initial=S.Zero,
    following=lambda value, steps: mu * value + g[steps, j],
    closed=lambda steps: velocity(steps, j),
    begins=(
        Line(g[0, j], "the velocity begins at zero"),
        Line(velocity(S.One, j), "the closed form for one step: the induction begins"),
    ),
    continues=lambda hypothesis: (
        Line(mu * hypothesis + g[t, j], "a step of the optimiser"),
        Line(mu * velocity(t, j) + g[t, j], "the closed form for $t$ steps: the induction hypothesis"),
        Line(sum_over(mu ** (t - k) * g[k, j], k) + g[t, j], "a factor taken into the sum"),
        Line(velocity(t + 1, j), "the last term of the sum: the closed form for $t + 1$ steps"),
    ),
)
constant = Induction(
    z,
    (),
    t,
    initial=S.Zero,
    following=lambda value, steps: mu * value + 1,
    closed=lambda steps: (1 - mu**steps) / (1 - mu),
    begins=(Line(S.One, "under a constant gradient, in units of it: the geometric sum of one term"),),
    continues=lambda hypothesis: (
        Line(mu * hypothesis + 1, "a step of the optimiser"),
        Line(
            (1 - mu ** (t + 1)) / (1 - mu),
            r"the induction hypothesis: steps grow by a factor of at most $1 / (1 - \mu)$",
        ),
    ),
)

DERIVATION = Derivation(
    title="Gradient descent with momentum",
    order=100,
    inputs=(Input("g", (t, m)),),
    output=V,
    chains=(
        *velocities.chains,
        *constant.chains,
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
    nonzero=(1 - mu,),
    inductions=(velocities, constant),
    parameters={mu: Rational(9, 10)},
    sizes={"t": 5, "m": 3},
    extra={
        "a step of SGD": optimizer_step,
        "five steps of SGD": first_steps,
        "SGD with and without momentum and weight decay": update_rules,
    },
    audits={"SGD.step": lambda: check_optimizer(SGD, update_rules, runs_of_sgd())},
    symbolic_program=False,
    show_limits=True,
    equivalents={
        r"is_locked\(«": "No graph needs the weights: neither they nor what is computed from them are locked.",
    },
)
