"""RMSprop: the running mean of squared gradients after t steps in closed form."""

from typing import Any

from sympy import Rational, S, Symbol, sqrt

from rederive.autograd import Tensor
from rederive.autograd.adaptive import RMSprop
from rederive.proofs.checks.optimizer_mutants import among, check_optimizer, runs_of_rmsprop
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
alpha, eta, epsilon, lamda = (Symbol(name, positive=True) for name in ("alpha", "eta", "epsilon", "lamda"))
k, p = Index("k", t), Index("p", t)  # steps before t
g, s, w, z = array("g"), array("s"), array("w"), array("z")

V = Definition("v", (j,), (1 - alpha) * sum_over(alpha ** (t - 1 - k) * g[k, j] ** 2, k))


def square(steps: Any, entry: Any) -> Any:
    """The closed form after a number of steps."""
    index = Index("k", steps)
    return (1 - alpha) * sum_over(alpha ** (steps - 1 - index) * g[index, entry] ** 2, index)


def program(xp: Any, g: Any) -> Any:
    """Return the running mean by the recurrence, as an optimiser computes it."""
    result = 0 * g[0]
    for step in range(g.shape[0]):
        result = ALPHA * result + (1 - ALPHA) * g[step] * g[step]
    return result


def step_of_the_engine() -> list[Any]:
    """One step of the engine's optimiser, with and without decay, from the closed form after t steps."""
    pairs = []
    for decay in (0, lamda):
        weights = Tensor(SymbolicArray.named("w", m), requires_grad=True)
        optimizer = RMSprop(among(weights), eta, alpha=alpha, epsilon=epsilon, weight_decay=decay)
        optimizer.squares[1] = SymbolicArray((m,), lambda j: square(t, j))
        weights.grad = SymbolicArray((m,), lambda j: g[t, j])
        optimizer.step()
        used = g[t, q] + decay * w[q]
        after = alpha * square(t, q) + (1 - alpha) * used**2
        pairs.append((after if decay else square(t + 1, q), optimizer.squares[1].at(q)))
        pairs.append((w[q] - eta * used / (sqrt(after) + epsilon), weights.value.at(q)))
        pairs.append((S.Zero, S.Zero if weights.grad is None else S.One))
    return pairs


ALPHA = 0.875

squares = Induction(
    s,
    (j,),
    t,
    initial=S.Zero,
    following=lambda value, steps: alpha * value + (1 - alpha) * g[steps, j] ** 2,
    closed=lambda steps: square(steps, j),
    begins=(
        Line((1 - alpha) * g[0, j] ** 2, "the running mean begins at zero"),
        Line(square(S.One, j), "the closed form for one step: the induction begins"),
    ),
    continues=lambda hypothesis: (
        Line(alpha * hypothesis + (1 - alpha) * g[t, j] ** 2, "a step of the optimiser"),
        Line(alpha * square(t, j) + (1 - alpha) * g[t, j] ** 2, "the induction hypothesis"),
        Line(square(t + 1, j), "a factor taken into the sum, whose last term joins it"),
    ),
)
weights_sum = Induction(
    z,
    (),
    t,
    initial=S.Zero,
    following=lambda value, steps: alpha * value + (1 - alpha),
    closed=lambda steps: 1 - alpha**steps,
    begins=(Line(1 - alpha, "squares that are all one: the sum of the weights after one step"),),
    continues=lambda hypothesis: (
        Line(alpha * hypothesis + (1 - alpha), "a step of the optimiser"),
        Line(1 - alpha ** (t + 1), "the induction hypothesis: the weights sum to less than one, at first to little"),
    ),
)

DERIVATION = Derivation(
    title="RMSprop",
    order=102,
    inputs=(Input("g", (t, m)),),
    output=V,
    chains=(
        *squares.chains,
        *weights_sum.chains,
        gradient_chain(
            g[p, q],
            V,
            Line(
                sum_over(
                    G[j] * (1 - alpha) * sum_over(alpha ** (t - 1 - k) * 2 * g[k, j] * delta(k, p) * delta(j, q), k), j
                ),
                "the derivative of a square",
            ),
            Line(
                2 * (1 - alpha) * alpha ** (t - 1 - p) * g[p, q] * G[q],
                "a gradient counts alpha times less with every later step",
            ),
        ),
    ),
    program=program,
    inductions=(squares, weights_sum),
    parameters={alpha: Rational(7, 8)},
    sizes={"t": 5, "m": 3},
    audits={"RMSprop.step": lambda: check_optimizer(RMSprop, step_of_the_engine, runs_of_rmsprop())},
    extra={"a step of RMSprop": step_of_the_engine},
    symbolic_program=False,
    show_limits=True,
)
