"""Wrong formulas and wrong code, made by rule: the prover's verdict on each against exact numbers.

A prover that always says "not equal" finds every mistake. So what counts is not how many mutants are rejected but that
the prover's verdict and the numbers' agree on every one, the mutants that happen to be right included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from sympy import Add, Expr, Indexed, KroneckerDelta, Mul, Pow, S, Sum

from rederive.proofs.checks import samples
from rederive.proofs.checks.exact import Number, entries, evaluator, python_name, same
from rederive.proofs.language.derivation import Derivation
from rederive.proofs.prover.indices import Index, range_of
from rederive.proofs.prover.normal_form import DifferentRangesError
from rederive.proofs.prover.prove import equal, gradient

POINTS = 2


@dataclass
class Count:
    """How many mutants there were, and what became of them."""

    total: int = 0
    rejected: int = 0
    equivalent: int = 0
    equivalents: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    def add(self, mutant: str, proved: bool, correct: bool) -> None:
        """Record both verdicts on a mutant: the prover's, and that of exact numbers."""
        self.total += 1
        self.rejected += not proved
        self.equivalent += correct
        if correct:
            self.equivalents.append(mutant)
        if proved != correct:
            self.disagreements.append(f"{mutant}: {'proved' if proved else 'rejected'}, but the numbers say otherwise")

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.total + other.total,
            self.rejected + other.rejected,
            self.equivalent + other.equivalent,
            self.equivalents + other.equivalents,
            self.disagreements + other.disagreements,
        )

    @property
    def agreement(self) -> float:
        """The share of mutants on which both verdicts are the same."""
        return 1 - len(self.disagreements) / self.total if self.total else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the counts for the result file."""
        return {
            "total": self.total,
            "rejected": self.rejected,
            "equivalent": self.equivalent,
            "agreeing": self.total - len(self.disagreements),
            "agreement": self.agreement,
            "disagreements": self.disagreements,
        }


# Formulas


def formula_mutants(claim: Expr, where: Sequence[Expr]) -> list[Expr]:
    """Return the claim with one thing changed: a sign, a factor, an exponent, an index, a dropped part, a sum.

    `where` are the indices of the entry that the claim is about.
    """
    found: dict[Expr, None] = {}
    for path, part in _parts(claim):
        for other in _changes(part, where):
            try:
                mutant = _replaced(claim, path, other)
            except (ValueError, TypeError):
                continue  # not an expression at all
            if mutant != claim and not mutant.has(S.ComplexInfinity, S.NaN):  # nor is 1 / 0
                found.setdefault(mutant)
    return list(found)


def _parts(expression: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Expr]]:
    yield path, expression
    if isinstance(expression, (Indexed, KroneckerDelta)):
        return
    arguments = expression.args[:1] if isinstance(expression, Sum) else expression.args
    for place, argument in enumerate(arguments):
        yield from _parts(argument, (*path, place))


def _changes(part: Expr, where: Sequence[Expr]) -> Iterator[Expr]:
    yield from (-part, 2 * part, part + 1)
    if isinstance(part, Mul):
        yield from (part / factor for factor in part.args)
    if isinstance(part, Add):
        for term in part.args:
            yield part - term
            yield part - 2 * term
    if isinstance(part, Pow):
        yield from (part.base ** (part.exp - 1), part.base ** (part.exp + 1), part.base)
    if isinstance(part, Sum):
        yield part / part.limits[0][0].size  # the mean
        yield part**2
        yield from (part.func(term, *part.limits) for term in Mul.make_args(part.function))
    if isinstance(part, Indexed):
        if len(part.indices) == 2 and len({getattr(index, "size", None) for index in part.indices}) == 1:
            yield part.base[part.indices[::-1]]
        for place, index in enumerate(part.indices):
            for other in where:
                if isinstance(index, Index) and other != index and range_of(other) == index.size:
                    yield part.base[(*part.indices[:place], other, *part.indices[place + 1 :])]


def _replaced(expression: Expr, path: tuple[int, ...], new: Expr) -> Expr:
    if not path:
        return new
    arguments = list(expression.args)
    arguments[path[0]] = _replaced(arguments[path[0]], path[1:], new)
    return expression.func(*arguments)


def exact_gradient(derivation: Derivation, name: str, values: dict[str, Any]) -> np.ndarray:
    """Return dL/dX by differentiating the evaluation of L itself, number by number: no symbolic derivative."""
    loss = derivation.unfold(derivation.loss.meaning)
    function = evaluator(loss, tuple(map(python_name, values)))
    result = np.empty(np.shape(values[name]), dtype=object)
    for position in product(*map(range, result.shape)):
        moved = values[name].copy()
        moved[position] = Number(moved[position].value, Fraction(1))
        result[position] = function(*{**values, name: moved}.values())().slope
    return result


def gradient_is(reference: np.ndarray, claim: Expr, where: tuple[Expr, ...], values: dict[str, Any]) -> bool:
    """Say whether the claimed gradient has the reference's values."""
    try:
        claimed = entries(claim, where, values).reshape(reference.shape)
    except ArithmeticError:
        return False
    return all(same(have.value, want) for have, want in zip(claimed.flat, reference.flat, strict=True))


def check_formulas(derivation: Derivation, seed: int = 0) -> Count:
    """Judge every mutant of every claimed gradient, by the prover and by exact numbers at random points."""
    count = Count()
    points = [samples.exact_values(derivation, np.random.default_rng([seed, k])) for k in range(POINTS)]
    loss = derivation.unfold(derivation.loss.meaning)
    for name, chain in derivation.gradients.items():
        entry = chain.start.args[1]
        where = entry.indices if isinstance(entry, Indexed) else ()
        derived = gradient(loss, entry)
        references = [exact_gradient(derivation, name, values) for values in points]
        stated = derivation.mutate == "stated"
        for changed in formula_mutants(chain.result if stated else derivation.unfold(chain.result), where):
            mutant = derivation.unfold(changed) if stated else changed
            try:
                proved = equal(derived, mutant)
            except DifferentRangesError:
                proved = False
            correct = all(
                gradient_is(reference, mutant, where, values)
                for reference, values in zip(references, points, strict=True)
            )
            count.add(f"d{name}: {changed}", proved, correct)
    return count
