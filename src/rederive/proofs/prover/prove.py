"""Equality of two expressions for all sizes, and derivatives by two routes."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache, reduce
from math import lcm
from random import Random
from typing import Any

from sympy import (
    Add,
    Dummy,
    Expr,
    Float,
    Indexed,
    IndexedBase,
    Mul,
    NumberSymbol,
    Pow,
    Rational,
    S,
    Sum,
    exp,
    expand,
    fraction,
    together,
)

from rederive.proofs.prover.indices import Index, bound_indices, rename_bound
from rederive.proofs.prover.normal_form import normal_form


class OutermostIndex(Index):
    """The index of an outermost sum: terms meet under one such name, however deep the sums inside them are."""

    __slots__ = ()


class InexactNumberError(ValueError):
    """A formula holds a number that is not exact, or none at all: with roundings nothing can be proved."""


@lru_cache(maxsize=20_000)
def refuse_inexact(expression: Expr) -> None:
    """Raise InexactNumberError if there is a floating-point number, an infinity or an imaginary unit in a formula."""
    found = expression.atoms(Float, NumberSymbol, type(S.ComplexInfinity), type(S.ImaginaryUnit))
    found |= expression.atoms(type(S.Infinity), type(S.NegativeInfinity), type(S.NaN))
    wrong = sorted((number for number in found if number not in (S.Exp1, S.Pi)), key=str)
    if wrong:
        raise InexactNumberError(f"{', '.join(map(str, wrong))} in a formula is no exact real number; write a Rational")


def equal(left: Expr, right: Expr) -> bool:
    """Say whether the two are proved equal for all sizes, on the domain where both are defined.

    True is a proof; False means that no proof was found, and `difference` shows what was left.
    """
    return difference(left, right) == 0


def difference(left: Expr, right: Expr) -> Expr:
    """Return 0 if the two are proved equal, else the normal form of their difference.

    Raises:
        InexactNumberError: One of them holds a number that is not exact.
    """
    refuse_inexact(left)
    refuse_inexact(right)
    rest = normal_form(left) - normal_form(right)
    if rest == 0 or _is_zero_fraction(rest):
        return S.Zero
    if all(_is_zero_fraction(body) for body in _bodies_by_range(rest)):
        return S.Zero
    return rest


@lru_cache(maxsize=20_000)
def gradient(value: Expr, entry: Indexed) -> Expr:
    """Return d value / d entry as SymPy differentiates it, deltas eliminated.

    The indices of `entry` must not be summed over in `value`: SymPy would differentiate by a bound name and silently
    give a wrong answer.
    """
    captured = bound_indices(value) & entry.free_symbols
    if captured:
        raise ValueError(f"differentiate by fresh indices: {captured} are summed over")
    return normal_form(value.diff(entry))


def pushforward(value: Expr, base: IndexedBase, tangent: IndexedBase) -> Expr:
    """Return d/de value(X + e V) at e = 0: the derivative along V, without any Kronecker delta."""
    step = Dummy("e")
    moved = value.replace(lambda x: isinstance(x, Indexed) and x.base == base, lambda x: x + step * tangent[x.indices])
    return moved.diff(step).subs(step, 0)


def substitute(expression: Expr, replacements: dict[Expr, Expr]) -> Expr:
    """Replace symbols or entries; the expression's own sums are renamed first, so that nothing is captured."""
    return rename_bound(expression).xreplace(replacements)


def _bodies_by_range(total: Expr) -> list[Expr]:
    """Join the terms that run over the same ranges under one sum, and return the bodies."""
    bodies: dict[tuple[Any, ...], list[Expr]] = defaultdict(list)
    for term in Add.make_args(total):
        sums = [factor for factor in Mul.make_args(term) if isinstance(factor, Sum)]
        if len(sums) != 1:
            bodies[()].append(term)
            continue
        outer = [index for index, _, _ in sums[0].limits]
        names = {index: OutermostIndex(str(k), index.size) for k, index in enumerate(outer)}
        key = tuple(index.size for index in outer)
        bodies[key].append(term / sums[0] * sums[0].function.xreplace(names))
    return [Add(*terms) for terms in bodies.values()]


# Is a rational function of opaque atoms identically zero?


PRIME = 2**61 - 1


def _is_zero_fraction(expression: Expr) -> bool:
    powers = {atom: _as_power(atom) for atom in _atoms(expression)}
    # b^(q r), q rational, is a power of one variable, b^(r / unit).
    units: dict[tuple[Expr, Expr], int] = defaultdict(lambda: 1)
    for base, rest, multiple in powers.values():
        units[base, rest] = lcm(units[base, rest], multiple.denominator)
    exponents = {a: int(multiple * units[base, rest]) for a, (base, rest, multiple) in powers.items()}
    # Values modulo a prime, at random, refute at once most of what is not zero.
    numbers = Random(1)
    point = {variable: numbers.randrange(1, PRIME) for variable in units}
    try:
        residues = {atom: pow(point[powers[atom][:2]], k, PRIME) for atom, k in exponents.items()}
        if _residue(expression, residues) != 0:
            return False
    except ValueError:  # a denominator is zero there
        pass
    symbols = {variable: Dummy() for variable in units}
    rational = _with_atoms(expression, {atom: symbols[powers[atom][:2]] ** k for atom, k in exponents.items()})
    numerator, _ = fraction(together(rational))
    return expand(numerator) == 0


def _residue(expression: Expr, atoms: Mapping[Expr, int]) -> int:
    """Return the value modulo the prime; a ValueError where what is divided by is zero."""
    if isinstance(expression, Rational):
        return expression.p * pow(expression.q, -1, PRIME) % PRIME
    if isinstance(expression, Add):
        return sum(_residue(part, atoms) for part in expression.args) % PRIME
    if isinstance(expression, Mul):
        return reduce(lambda value, part: value * _residue(part, atoms) % PRIME, expression.args, 1)
    if _is_polynomial_part(expression):
        return pow(_residue(expression.base, atoms), int(expression.exp), PRIME)
    return atoms[expression]


def _is_polynomial_part(expression: Expr) -> bool:
    if isinstance(expression, Pow):
        return bool(expression.exp.is_Integer)
    return isinstance(expression, (Add, Mul))


def _atoms(expression: Expr) -> set[Expr]:
    if expression.is_Rational:
        return set()
    if _is_polynomial_part(expression):
        parts = expression.args[:1] if isinstance(expression, Pow) else expression.args
        return set().union(*[_atoms(part) for part in parts])
    return {expression}


def _with_atoms(expression: Expr, replacements: Mapping[Expr, Expr]) -> Expr:
    if expression.is_Rational:
        return expression
    if isinstance(expression, Pow) and expression.exp.is_Integer:
        return Pow(_with_atoms(expression.base, replacements), expression.exp)
    if _is_polynomial_part(expression):
        return expression.func(*[_with_atoms(part, replacements) for part in expression.args])
    return replacements[expression]


def _as_power(atom: Expr) -> tuple[Expr, Expr, Fraction]:
    """Write the atom as base^(multiple * rest), multiple rational."""
    if isinstance(atom, exp):
        base, exponent = S.Exp1, atom.args[0]
    elif isinstance(atom, Pow):
        base, exponent = atom.args
    else:
        return atom, S.One, Fraction(1)
    multiple, rest = exponent.as_coeff_Mul()
    if not multiple.is_Rational:
        return atom, S.One, Fraction(1)
    return base, rest, Fraction(int(multiple.p), int(multiple.q))
