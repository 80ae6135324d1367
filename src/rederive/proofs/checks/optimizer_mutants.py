"""Mutants of an optimiser's step: judged by the rules that are to be proved, and by steps in exact numbers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any
from unittest import mock

import numpy as np
from sympy import Expr

from rederive.autograd import Tensor
from rederive.proofs.checks import samples
from rederive.proofs.checks.mutants import Count
from rederive.proofs.checks.source_mutants import holds, source_mutants
from rederive.proofs.checks.sweep_mutants import have_values
from rederive.proofs.prover.prove import equal

STEPS = 3
RATE, EPSILON = Fraction(1, 7), Fraction(1, 50)

# An optimiser's options, and how it is to change weights by a gradient: (w, state, g) to (w, state), state {} at first.
Run = tuple[dict[str, Any], Callable[[Any, dict[str, Any], Any], tuple[Any, dict[str, Any]]]]


def among(weights: Tensor) -> list[Tensor]:
    """Return a parameter between two that have no gradient: to take one's place for another's then shows."""
    before, after = (Tensor(weights.value + 0, requires_grad=True) for _ in range(2))
    return [before, weights, after]


def runs_of_sgd() -> Iterator[Run]:
    """v = m v + g + d w, w = w - a v: with and without momentum and decay."""
    for momentum, decay in product((0, Fraction(2, 3)), (0, Fraction(1, 5))):

        def follow(w: Any, state: Any, g: Any, momentum: Any = momentum, decay: Any = decay) -> Any:
            v = momentum * state.get("v", 0) + g + decay * w
            return w - RATE * v, {"v": v}

        yield {"momentum": momentum, "weight_decay": decay}, follow


def runs_of_rmsprop() -> Iterator[Run]:
    """s = a s + (1 - a) g^2, w = w - rate g / (sqrt(s) + e), with g + d w for g: with and without decay."""
    alpha = Fraction(3, 4)
    for decay in (0, Fraction(1, 5)):

        def follow(w: Any, state: Any, g: Any, decay: Any = decay) -> Any:
            g = g + decay * w
            s = alpha * state.get("s", 0) + (1 - alpha) * g * g
            return w - RATE * g / (_root(s) + EPSILON), {"s": s}

        yield {"alpha": alpha, "epsilon": EPSILON, "weight_decay": decay}, follow


def runs_of_adam(decoupled: bool) -> Iterator[Run]:
    """Adam, or AdamW with its decoupled decay, from the weighted sums themselves: with and without decay."""
    b, c = Fraction(3, 4), Fraction(4, 5)
    for decay in (0, Fraction(1, 5)):

        def follow(w: Any, state: Any, g: Any, decay: Any = decay) -> Any:
            past = [*state.get("past", []), g if decoupled else g + decay * w]
            first, second = _mean(past, b), _mean([x * x for x in past], c)
            kept = w * (1 - RATE * decay) if decoupled else w
            return kept - RATE * first / (_root(second) + EPSILON), {"past": past}

        yield {"betas": (b, c), "epsilon": EPSILON, "weight_decay": decay}, follow


def _mean(values: Sequence[Any], rate: Fraction) -> Any:
    """The weighted mean in which every step back counts `rate` times less."""
    weights = [rate**back for back in reversed(range(len(values)))]
    total = sum(weights)
    return sum(x * (weight / total) for x, weight in zip(values, weights, strict=True))


def _root(values: Any) -> Any:
    return np.array([x.sqrt() for x in values], dtype=object)


def check_optimizer(
    optimizer: type[Any],
    rules: Callable[[], Iterable[tuple[Expr, Expr]]],
    runs: Iterable[Run],
    *,
    swap_names: bool = True,
    seed: int = 0,
) -> Count:
    """Judge every mutant of an optimiser's `step`: by the rules that are to be proved, and by exact numbers.

    Args:
        optimizer: The optimiser.
        rules: What is to be proved of its step; both sides of each equation.
        runs: Its options, each with the steps that are right.
        swap_names: Whether one name in the place of another is a mutant, too.
        seed: Of the weights and gradients.
    """
    count = Count()
    known = [_followed(run, seed) for run in runs]
    name = optimizer.__name__

    def verdicts() -> tuple[bool, bool]:
        proved = holds(equal(left, right) for left, right in _late(rules))
        return proved, holds(_steps_are_right(optimizer, known))

    if verdicts() != (True, True):
        count.disagreements.append(f"{name}.step itself is not judged to be right")
    owner = next(one for one in optimizer.__mro__ if "step" in vars(one))
    for what, mutant in source_mutants(optimizer.step, swap_names=swap_names):
        with mock.patch.object(owner, "step", mutant):
            count.add(f"{name}.step: {what}", *verdicts())
    return count


def _late(rules: Callable[[], Iterable[tuple[Expr, Expr]]]) -> Iterator[tuple[Expr, Expr]]:
    """Yield the rules; an error in them is one of the judgement, not of its beginning."""
    yield from rules()


@dataclass(frozen=True)
class Followed:
    """Steps in exact numbers, as they are to be: the options, the weights at first, each gradient and what it makes."""

    options: dict[str, Any]
    weights: np.ndarray
    steps: list[tuple[np.ndarray, np.ndarray]]


def _followed(run: Run, seed: int) -> Followed:
    generator = np.random.default_rng(seed)
    options, follow = run
    first = w = samples.exact(samples.draw((3,), "real", generator))
    state: dict[str, Any] = {}
    steps = []
    for _ in range(STEPS):
        g = samples.exact(samples.draw((3,), "real", generator))
        w, state = follow(w, state, g)
        steps.append((g, w))
    return Followed(options, first, steps)


def _steps_are_right(optimizer: type[Any], runs: Iterable[Followed]) -> Iterator[bool]:
    """Take steps in exact numbers, and say of each whether it is what it should be."""
    for run in runs:
        weights = Tensor(run.weights.copy(), requires_grad=True)
        parameters = among(weights)
        untouched = [one.value.copy() for one in parameters]
        tool = optimizer(parameters, RATE, **run.options)
        for g, w in run.steps:
            weights.grad = g.copy()
            tool.step()
            yield weights.grad is None
            yield have_values(weights.value, w)
            yield all(have_values(parameters[k].value, untouched[k]) for k in (0, 2))
