"""Adam: the running mean of the gradients after t steps, and its bias correction."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sympy import Rational, S, Symbol, sqrt

from rederive.autograd import Tensor
from rederive.autograd.adaptive import Adam, AdamW
from rederive.proofs.checks.optimizer_mutants import among, check_optimizer, runs_of_adam
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
beta, gamma, eta, epsilon, lamda = (Symbol(x, positive=True) for x in ("beta", "gamma", "eta", "epsilon", "lamda"))
k, p = Index("k", t), Index("p", t)  # steps before t
g, a, w, z = array("g"), array("a"), array("w"), array("z")

M = Definition("M", (j,), (1 - beta) / (1 - beta**t) * sum_over(beta ** (t - 1 - k) * g[k, j], k))


def running(rate: Any, steps: Any, of: Any) -> Any:
    """The closed form of a running mean after a number of steps, of values at each step."""
    index = Index("k", steps)
    return (1 - rate) * sum_over(rate ** (steps - 1 - index) * of(index), index)


def program(xp: Any, g: Any) -> Any:
    """Return the corrected mean by the recurrence, as an optimiser computes it."""
    result = 0 * g[0]
    for step in range(g.shape[0]):
        result = BETA * result + (1 - BETA) * g[step]
    return result / (1 - BETA ** g.shape[0])


def step_of_the_engine() -> list[Any]:
    """A step of the engine's Adam, from the closed forms after t steps: the closed forms after t + 1."""
    weights, optimizer = _optimizer(Adam, 0)
    optimizer.means[1] = SymbolicArray((m,), lambda j: running(beta, t, lambda k: g[k, j]))
    optimizer.squares[1] = SymbolicArray((m,), lambda j: running(gamma, t, lambda k: g[k, j] ** 2))
    optimizer.steps[1] = t
    weights.grad = SymbolicArray((m,), lambda j: g[t, j])
    optimizer.step()
    mean, square = running(beta, t + 1, lambda k: g[k, q]), running(gamma, t + 1, lambda k: g[k, q] ** 2)
    # Under the root the mean of squares as the step computes it: the pair for `squares` says what it is.
    squares = gamma * running(gamma, t, lambda k: g[k, q] ** 2) + (1 - gamma) * g[t, q] ** 2
    corrected = mean / (1 - beta ** (t + 1)), squares / (1 - gamma ** (t + 1))
    return [
        (mean, optimizer.means[1].at(q)),
        (square, optimizer.squares[1].at(q)),
        (t + 1, optimizer.steps[1]),
        (w[q] - eta * corrected[0] / (sqrt(corrected[1]) + epsilon), weights.value.at(q)),
        (S.Zero, S.Zero if weights.grad is None else S.One),
    ]


def first_step() -> list[Any]:
    """The first step: the correction undoes the small weight of a single gradient, with each kind of weight decay."""
    pairs = []
    for kind, decay in ((Adam, 0), (Adam, lamda), (AdamW, 0), (AdamW, lamda)):
        weights, optimizer = _optimizer(kind, decay)
        weights.grad = SymbolicArray((m,), lambda j: g[0, j])
        optimizer.step()
        used = g[0, q] + (decay * w[q] if kind is Adam else 0)
        before = w[q] if kind is Adam else (1 - eta * decay) * w[q]
        pairs.append((before - eta * used / (sqrt(used**2) + epsilon), weights.value.at(q)))
    return pairs


def _optimizer(kind: Any, decay: Any) -> tuple[Tensor, Any]:
    weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
    return weights, kind(among(weights), eta, betas=(beta, gamma), epsilon=epsilon, weight_decay=decay)


def rules_of(kind: Any) -> Iterator[tuple[Any, Any]]:
    """The first step, and a step from any state, with and without decay."""
    for decay in (0, lamda):
        weights, optimizer = _optimizer(kind, decay)
        weights.grad = SymbolicArray((m,), lambda j: g[0, j])
        optimizer.step()
        used = g[0, q] + (decay * w[q] if kind is Adam else 0)
        before = w[q] if kind is Adam else (1 - eta * decay) * w[q]
        yield before - eta * used / (sqrt(used**2) + epsilon), weights.value.at(q)
        yield S.Zero, S.Zero if weights.grad is None else S.One
        # From any state: the means a and s after t steps.
        optimizer.means[1], optimizer.squares[1] = SymbolicArray.named("a", m), SymbolicArray.named("s", m)
        optimizer.steps[1] = t
        weights.grad = SymbolicArray((m,), lambda j: g[1, j])
        before = weights.value.at(q)
        optimizer.step()
        used = g[1, q] + (decay * before if kind is Adam else 0)
        kept = before if kind is Adam else (1 - eta * decay) * before
        mean, square = beta * a[q] + (1 - beta) * used, gamma * array("s")[q] + (1 - gamma) * used**2
        scale = sqrt(square / (1 - gamma ** (t + 1))) + epsilon
        yield mean, optimizer.means[1].at(q)
        yield square, optimizer.squares[1].at(q)
        yield t + 1, optimizer.steps[1]
        yield kept - eta * mean / (1 - beta ** (t + 1)) / scale, weights.value.at(q)


BETA = 0.875

means = Induction(
    a,
    (j,),
    t,
    initial=S.Zero,
    following=lambda value, steps: beta * value + (1 - beta) * g[steps, j],
    closed=lambda steps: running(beta, steps, lambda k: g[k, j]),
    begins=(
        Line((1 - beta) * g[0, j], "the running mean begins at zero"),
        Line(running(beta, S.One, lambda k: g[k, j]), "the closed form for one step: the induction begins"),
    ),
    continues=lambda hypothesis: (
        Line(beta * hypothesis + (1 - beta) * g[t, j], "a step of the optimiser"),
        Line(beta * running(beta, t, lambda k: g[k, j]) + (1 - beta) * g[t, j], "the induction hypothesis"),
        Line(
            running(beta, t + 1, lambda k: g[k, j]),
            "a factor taken into the sum, whose last term joins it; for the squares it is the same",
        ),
    ),
)
weights_sum = Induction(
    z,
    (),
    t,
    initial=S.Zero,
    following=lambda value, steps: beta * value + (1 - beta),
    closed=lambda steps: 1 - beta**steps,
    begins=(Line(1 - beta, "gradients that are all one: the sum of the weights after one step"),),
    continues=lambda hypothesis: (
        Line(beta * hypothesis + (1 - beta), "a step of the optimiser"),
        Line(
            1 - beta ** (t + 1),
            "the induction hypothesis: what Adam divides by is the sum of the weights, so $M$ is a weighted mean",
        ),
    ),
)

DERIVATION = Derivation(
    title="Adam with its bias correction",
    order=103,
    inputs=(Input("g", (t, m)),),
    output=M,
    chains=(
        *means.chains,
        *weights_sum.chains,
        gradient_chain(
            g[p, q],
            M,
            Line(
                sum_over(
                    G[j] * (1 - beta) / (1 - beta**t) * sum_over(beta ** (t - 1 - k) * delta(k, p) * delta(j, q), k),
                    j,
                ),
                "the corrected mean is linear in the gradients",
            ),
            Line(
                (1 - beta) * beta ** (t - 1 - p) / (1 - beta**t) * G[q],
                "the weight of a gradient in the mean",
            ),
        ),
    ),
    program=program,
    nonzero=(1 - beta**t,),
    inductions=(means, weights_sum),
    parameters={beta: Rational(7, 8)},
    sizes={"t": 5, "m": 3},
    audits={
        "Adam.step": lambda: check_optimizer(Adam, partial(rules_of, Adam), runs_of_adam(decoupled=False)),
        "AdamW.step": lambda: check_optimizer(
            AdamW, partial(rules_of, AdamW), runs_of_adam(decoupled=True), swap_names=False
        ),
    },
    extra={"a step of Adam": step_of_the_engine, "the first step of Adam and AdamW": first_step},
    symbolic_program=False,
    show_limits=True,
    equivalents={
        r"^Adam\.step: .*\*=": "Adam's own decay is not decoupled: AdamW's line does not run.",
        r"^AdamW\.step: gradient = ": "AdamW's decay is decoupled: the line of Adam's own does not run.",
    },
)
