"""Is a formula, or what code computes, defined everywhere on a domain?

SymPy writes x * x / x as x, Step(x) / Step(x) as 1 and exp(2 log x) as x^2, as if there were no x where the left side
means nothing. So what is divided by, what a logarithm or a power is taken of, and where a step is differentiated, is
looked at before: for each the signs that it may have are found, from the signs of what it is made of. Sizes are 1 or
more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import product
from typing import Literal

from sympy import (
    Add,
    Expr,
    Indexed,
    KroneckerDelta,
    Mul,
    Pow,
    Sum,
    Symbol,
    cos,
    cosh,
    exp,
    log,
    pi,
    sin,
    sinh,
    tanh,
)

from rederive.proofs.prover.functions import AnyDerivative, AnyFunction, Step
from rederive.proofs.prover.indices import Index
from rederive.proofs.prover.prove import equal

Signs = frozenset[int]
Need = Literal["nonzero", "positive"]

ANY: Signs = frozenset((-1, 0, 1))
SIGNS: Mapping[str, Signs] = {"real": ANY, "positive": frozenset((1,)), "nonzero": frozenset((-1, 1))}


@dataclass(frozen=True)
class Demand:
    """Something that must be positive, or other than zero, for what is computed from it to be defined."""

    of: Expr
    need: Need
    why: str


_collected: ContextVar[list[Demand] | None] = ContextVar("collected", default=None)


@contextmanager
def collected() -> Iterator[list[Demand]]:
    """Give a list to which the arrays of symbolic shape add, within this block, all that they demand."""
    demands: list[Demand] = []
    token = _collected.set(demands)
    try:
        yield demands
    finally:
        _collected.reset(token)


def demand(of: Expr, need: Need, why: str) -> None:
    """Note a demand of what runs, where demands are collected."""
    demands = _collected.get()
    if demands is not None:
        demands.append(Demand(of, need, why))


class Domain:
    """Where variables may lie.

    Args:
        signs: For each array, by name, "real", "positive" or "nonzero"; arrays that are not named are real.
        nonzero: Expressions that are not zero on the domain; an index stands for any index of its range.
        meaning: What an entry of a defined name, or a symbol, stands for; None for one that stands for itself.
    """

    def __init__(
        self,
        signs: Mapping[str, str],
        nonzero: Iterable[Expr] = (),
        meaning: Callable[[Expr], Expr | None] = lambda _: None,
    ) -> None:
        self._arrays = {name: SIGNS[sign] for name, sign in signs.items()}
        self._nonzero = tuple(nonzero)
        self._meaning = meaning
        self._known: dict[Expr, Signs] = {}

    def refused(self, demands: Iterable[Demand]) -> list[str]:
        """Say of each demand that is not proved what is missing."""
        wanted = {"nonzero": {-1, 1}, "positive": {1}}
        return [
            f"{one.why} of {one.of}, which is not known to be {'positive' if one.need == 'positive' else 'nonzero'}"
            for one in dict.fromkeys(demands)
            if not self.signs(one.of) <= wanted[one.need]
        ]

    def signs(self, e: Expr) -> Signs:
        """Return the signs that an expression may have: a set of -1, 0 and 1."""
        if e not in self._known:
            found = self._signs(e)
            if 0 in found and any(self._is_declared(e, condition) for condition in self._nonzero):
                found -= {0}
            self._known[e] = found
        return self._known[e]

    def _signs(self, e: Expr) -> Signs:
        if e.is_Rational or e in (pi, exp(1)):
            return frozenset((int(e.is_positive) - int(e.is_negative),))
        if isinstance(e, (Indexed, Symbol)) and not isinstance(e, Index):
            meaning = self._meaning(e)
            return self._symbol(e) if meaning is None else self.signs(meaning)
        if isinstance(e, (Index, KroneckerDelta)):
            return frozenset((0, 1))
        if isinstance(e, Add):
            # n - 1 and the like: what SymPy knows of sizes
            known = frozenset((1,)) if e.is_positive and not e.atoms(Indexed) else ANY
            return _sum([self.signs(part) for part in e.args]) & known
        if isinstance(e, Mul):
            return _product([self.signs(part) for part in e.args])
        if isinstance(e, Pow):
            return self._power(e)
        if isinstance(e, Sum):
            signs = self.signs(e.function)
            total = _sum([signs, signs])
            return total if all(index.size.is_positive for index, _, _ in e.limits) else total | {0}
        if isinstance(e, (exp, cosh)):
            return frozenset((1,))
        if isinstance(e, (tanh, sinh)):
            return self.signs(e.args[0])
        if isinstance(e, Step):
            return frozenset(int(sign > 0) for sign in self.signs(e.args[0]))
        return ANY

    def _symbol(self, e: Expr) -> Signs:
        base = e.base.label if isinstance(e, Indexed) else e
        if isinstance(base, Index):  # an array of integers from 0 on
            return frozenset((0, 1))
        named = self._arrays.get(str(base), ANY)
        if e.is_positive:
            return named & {1}
        return named & {0, 1} if e.is_nonnegative else named

    def _power(self, e: Expr) -> Signs:
        base = self.signs(e.base)
        if e.exp.is_even:
            return frozenset(sign * sign for sign in base)
        return base if e.exp.is_odd else frozenset((1,)) if base == {1} else ANY

    def _is_declared(self, e: Expr, condition: Expr) -> bool:
        """Say whether an expression is the condition, or its negative, at some of its indices."""
        free = sorted((i for i in condition.free_symbols if isinstance(i, Index)), key=str)
        others = [[i for i in e.free_symbols if isinstance(i, Index) and i.size == one.size] for one in free]
        for choice in product(*others):
            stated = condition.xreplace(dict(zip(free, choice, strict=True)))
            if equal(e, stated) or equal(e, -stated):
                return True
        return False


def demands_of(e: Expr) -> Iterator[Demand]:
    """Yield what must be other than zero, or positive, for a formula to be defined.

    Raises:
        ValueError: It holds a function of which nothing is known here.
    """
    if isinstance(e, Indexed) or not e.args:
        if not (e.is_Symbol or isinstance(e, Indexed) or e.is_Rational or e in (pi, exp(1))):
            raise ValueError(f"{e} is no exact real number; write a Rational")
        return
    if isinstance(e, log):
        yield Demand(e.args[0], "positive", "the logarithm")
    elif isinstance(e, Pow):
        if not e.exp.is_integer:
            yield Demand(e.base, "positive", f"the power {e.exp}")
        elif not e.exp.is_nonnegative:
            yield Demand(e.base, "nonzero", "the reciprocal")
    elif not isinstance(e, KNOWN):
        raise ValueError(f"where {type(e).__name__} is defined is not known")
    for part in e.args[:1] if isinstance(e, Sum) else e.args:
        yield from demands_of(part)


KNOWN = (Add, Mul, Sum, KroneckerDelta, exp, tanh, sinh, cosh, sin, cos, Step, AnyFunction, AnyDerivative)


def kinks(value: Expr) -> Iterator[Demand]:
    """Yield what must be other than zero for a formula to have a derivative: the arguments of steps."""
    for step in sorted(value.atoms(Step), key=str):
        yield Demand(step.args[0], "nonzero", "the derivative of a step")


def _sum(parts: Iterable[Signs]) -> Signs:
    total: Signs = frozenset((0,))
    for part in parts:
        total = frozenset(sign for a in total for b in part for sign in _add(a, b))
    return total


def _add(a: int, b: int) -> tuple[int, ...]:
    return (a + b,) if 0 in (a, b) else (a,) if a == b else (-1, 0, 1)


def _product(parts: Iterable[Signs]) -> Signs:
    total: Signs = frozenset((1,))
    for part in parts:
        total = frozenset(a * b for a in total for b in part)
    return total
