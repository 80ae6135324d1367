"""Random expressions: whatever the prover says of them is compared with exact numbers.

Of an expression and its normal form all values must be equal; of an expression and a mutant of it the prover must say
"equal" only where all values are. That it says "not equal" of two expressions whose values agree is no mistake of
soundness, and is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
from sympy import Expr, I, Integer, exp, log, sqrt, tanh
from sympy.core.cache import clear_cache

from rederive.proofs.checks.exact import Number, entries, same
from rederive.proofs.checks.mutants import formula_mutants
from rederive.proofs.prover.functions import Step
from rederive.proofs.prover.indices import array, indices, sizes, sum_over
from rederive.proofs.prover.normal_form import DifferentRangesError, normal_form
from rederive.proofs.prover.prove import equal

n, m = sizes("n m")
i, j, p = indices("i j p", n)
k, q = indices("k q", m)
u, v, w, X = (array(name) for name in "uvwX")
y = array("y", below=m)

SIZES = ((2, 3), (3, 2), (1, 2), (2, 1))

LEAVES = (
    u[i], u[j], u[p], v[i], v[p], w[k], w[q], X[i, k], X[p, k], X[i, q], X[p, q], X[i, y[i]], X[p, y[p]],
    Integer(2), Integer(-1), n, m,
)  # fmt: skip

# Arguments of logarithms and roots, and denominators, are positive as they are written.
GROWN: tuple[Callable[[Expr, Expr], Expr], ...] = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: sum_over(a, i),
    lambda a, b: sum_over(a, j),
    lambda a, b: sum_over(a, k),
    lambda a, b: sum_over(sum_over(a, i) * b, i),
    lambda a, b: a**2,
    lambda a, b: a / (b**2 + 1),
    lambda a, b: exp(a / (a**2 + 1)),
    lambda a, b: log(a**2 + 1),
    lambda a, b: sqrt(a**2 + 1),
    lambda a, b: Step(a) * b,
    lambda a, b: tanh(a / (a**2 + 1)),
)


@dataclass
class Found:
    """What a fuzz found.

    Attributes:
        expressions: How many were compared with their normal forms.
        pairs: How many mutants were judged.
        equal: How many of them were proved equal.
        missed: How many have the values of the original, at all points, and are not proved equal.
        mistakes: What was said to be equal and is not.
    """

    expressions: int = 0
    pairs: int = 0
    equal: int = 0
    missed: int = 0
    mistakes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.expressions} expressions and {self.pairs} pairs: {self.equal} pairs proved equal, "
            f"{self.missed} of equal values not proved, {len(self.mistakes)} mistakes"
        )


def fuzz(expressions: int, pairs: int, seed: int = 0) -> Found:
    """Compare random expressions with their normal forms, and with mutants, in exact numbers.

    Args:
        expressions: How many expressions.
        pairs: How many mutants, in all.
        seed: Of everything random.
    """
    random = Random(seed)
    points = [
        _point(np.random.default_rng([seed, number]), rows, columns) for number, (rows, columns) in enumerate(SIZES)
    ]
    found = Found()
    while found.expressions < expressions:
        expression = _expression(random, random.randint(1, 4))
        own = _values(expression, points)
        if own is None:
            continue
        found.expressions += 1
        clear_cache()  # nothing that was made for other expressions is asked for again
        normal = _values(normal_form(expression), points)
        if normal is None or not all(map(same, own, normal)):
            found.mistakes.append(f"{expression} and its normal form")
        mutants = formula_mutants(expression, (p, q))
        wanted = -(-(pairs - found.pairs) // (expressions - found.expressions + 1))
        for mutant in random.sample(mutants, min(wanted, len(mutants))):
            _judge(expression, mutant, own, points, found)
    return found


def _judge(expression: Expr, mutant: Expr, own: list[Any], points: list[dict[str, Any]], found: Found) -> None:
    values = _values(mutant, points)
    if values is None:
        return
    found.pairs += 1
    try:
        proved = equal(expression, mutant)
    except DifferentRangesError:
        proved = False
    agree = all(map(same, own, values))
    found.equal += proved
    found.missed += agree and not proved
    if proved and not agree:
        found.mistakes.append(f"{expression} and {mutant}")


def _expression(random: Random, depth: int) -> Expr:
    if depth == 0:
        return random.choice(LEAVES)
    grow = random.choice(GROWN)
    return grow(_expression(random, depth - 1), _expression(random, random.randint(0, depth - 1)))


def _point(generator: np.random.Generator, rows: int, columns: int) -> dict[str, Any]:
    def draw(*shape: int) -> np.ndarray:
        drawn = np.empty(shape, dtype=object)
        for where in np.ndindex(shape):
            drawn[where] = Number(Fraction(int(generator.integers(-9, 10)), int(generator.integers(1, 6))))
        return drawn

    arrays = {"u": draw(rows), "v": draw(rows), "w": draw(columns), "X": draw(rows, columns)}
    return {**arrays, "y": generator.integers(0, columns, size=rows), "n": rows, "m": columns}


def _values(expression: Expr, points: list[dict[str, Any]]) -> list[Any] | None:
    """Return the values at all points and all indices; None where there are no real ones, as of 1 / 0 and log(-2)."""
    if expression.has(I):
        return None
    try:
        return [number.value for point in points for number in entries(expression, (i, j, p, k, q), point).flat]
    except (ArithmeticError, IndexError, OverflowError):
        return None
