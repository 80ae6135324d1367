"""One normal form for expressions with sums over ranges of symbolic size.

A scalar in index notation is written as a sum of terms; each term is a coefficient times one flat sum, over some
indices, of a product:

    sum_j (X_pj + 1)  sum_l Y_pl   ->   sum_jl X_pj Y_pl  +  m sum_l Y_pl

The rules are those of finite sums of real numbers and need no size to be known: products of sums multiply out, a
Kronecker delta over a summed index of the same range disappears, a body without the index counts the range, the last
term of a sum over n + 1 values splits off, and sum_j t_j / sum_j t_j is one. Everything else (a function, a reciprocal)
is opaque: its argument is brought to normal form and it is compared as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, permutations, product
from typing import Any

from sympy import Add, Expr, Indexed, KroneckerDelta, Mul, Pow, S, Sum, default_sort_key, exp, log

from rederive.proofs.prover.functions import in_exponentials
from rederive.proofs.prover.indices import FRESH, Index, fresh_limits, range_of, sum_over


class CanonicalIndex(Index):
    """An index that this module named. No expression from outside has one that is free."""

    __slots__ = ()


class DifferentRangesError(ValueError):
    """A Kronecker delta joins indices of two ranges: the expression means nothing."""


@dataclass(frozen=True)
class Term:
    """The sum of `body`, a product without sums among its factors, over the indices `bound`."""

    bound: tuple[Index, ...]
    body: Expr


@lru_cache(maxsize=20_000)
def normal_form(expression: Expr) -> Expr:
    """Return the normal form: equal results mean equal expressions (not always the other way round).

    Raises `DifferentRangesError` where a delta compares indices of different ranges.
    """
    return Add(*[_written(term) for term in normal_terms(in_exponentials(expression))])


def normal_terms(expression: Expr) -> list[Term]:
    """Return the terms that add up to the expression, none of them with a removable delta or a constant sum."""
    return [simple for term in _terms(expression) for simple in _simplified(term)]


# Writing out: an expression becomes terms. What is inside a sum is written out under the sum's own index and renamed
# afterwards: so a part that occurs in many places is written out once, and not once for every name of an index.


@lru_cache(maxsize=20_000)
def _terms(expression: Expr) -> tuple[Term, ...]:
    """Return terms whose bound indices are fresh: no expression from outside has one that is free."""
    if isinstance(expression, Add):
        return tuple(term for argument in expression.args for term in _terms(argument))
    if isinstance(expression, Mul):
        return _product([_terms(factor) for factor in expression.args])
    if isinstance(expression, Sum):
        return _sum_terms(expression)
    if isinstance(expression, Pow) and expression.exp.is_Integer and expression.exp.is_positive:
        return _product([_terms(expression.base) for _ in range(int(expression.exp))])
    if isinstance(expression, (Indexed, KroneckerDelta)) or not expression.args:
        return (Term((), expression),)
    opaque = _opaque(expression)
    # What was split has parts of its own: exp(a + b), log(exp(a) b).
    return (Term((), opaque),) if opaque == expression or not isinstance(opaque, (Add, Mul)) else _terms(opaque)


def _sum_terms(expression: Sum) -> tuple[Term, ...]:
    for index, low, high in expression.limits:
        if low != 0 or not isinstance(index, Index) or high != index.size - 1:
            raise ValueError(f"a sum runs over the whole range of an index, not over {index} from {low} to {high}")
    over = fresh_limits(expression)
    bound = tuple(new for _, new in over)
    # What is a normal form already has canonical indices, which must not be free in what is written out.
    canonical = {index: _set_free(index) for index, _ in over if isinstance(index, CanonicalIndex)}
    body = expression.function.xreplace(canonical) if canonical else expression.function
    names = {canonical.get(index, index): new for index, new in reversed(over)}
    return tuple(Term((*bound, *term.bound), term.body.xreplace(names)) for term in _terms(body))


def _set_free(index: CanonicalIndex) -> Index:
    """Return a name for a canonical index while it is free; an inner sum of a normal form never has an outer's."""
    return Index._made(f"{FRESH}{FRESH}{index.name}", index.size)


def _product(factors: list[tuple[Term, ...]]) -> tuple[Term, ...]:
    return tuple(_multiplied(choice) for choice in product(*factors))


def _multiplied(factors: Sequence[Term]) -> Term:
    # The sums of a factor have indices that are free in no other; but the same sum may be a factor twice.
    bound: list[Index] = []
    bodies = []
    for term in factors:
        again = {index: index.fresh() for index in term.bound if index in bound}
        bound += [again.get(index, index) for index in term.bound]
        bodies.append(term.body.xreplace(again) if again else term.body)
    return Term(tuple(bound), Mul(*bodies))


@lru_cache(maxsize=20_000)
def _opaque(expression: Expr) -> Expr:
    """Bring the arguments of a function or of a power to normal form, and split what splits exactly."""
    if isinstance(expression, exp):
        # exp(a + b) = exp(a) exp(b)
        return Mul(*[exp(part) for part in Add.make_args(normal_form(expression.args[0]))])
    if isinstance(expression, log):
        return _logarithm(normal_form(expression.args[0]))
    if isinstance(expression, Pow):
        base, exponent = normal_form(expression.base), normal_form(expression.exp)
        # b^(c + d) = b^c b^d; an integer power of a product is the product of the powers
        factors = Mul.make_args(base) if exponent.is_Integer else (base,)
        return Mul(*[Pow(factor, part) for factor in factors for part in Add.make_args(exponent)])
    return expression.func(*[normal_form(argument) for argument in expression.args])


def _logarithm(argument: Expr) -> Expr:
    """log(exp(a) b) = a + log(b) for real a; log(b^k) = k log(b) for odd k, as both need b > 0."""
    exponentials = [factor for factor in Mul.make_args(argument) if isinstance(factor, exp)]
    rest = Mul(*[factor for factor in Mul.make_args(argument) if not isinstance(factor, exp)])
    odd = isinstance(rest, Pow) and rest.exp.is_Integer and rest.exp.is_odd
    logarithm = rest.exp * log(rest.base) if odd else log(rest)
    return Add(*[factor.args[0] for factor in exponentials], logarithm)


# Simplifying one term


def _simplified(term: Term) -> Iterator[Term]:
    """Apply the rules for deltas, constant sums, cancelling denominators and last terms, until none applies."""
    term = _without_deltas(term)
    if term.body == 0 or any(index.size == 0 for index in term.bound):
        return
    for rule in (_cancelled, _split):
        replaced = rule(term)
        if replaced is not None:
            for part in replaced:
                yield from _simplified(part)
            return
    yield _counted(term)


def _without_deltas(term: Term) -> Term:
    """sum_j delta_jq t_j = t_q, for j and q of one range; between free indices, write the rest in one of them.

    Only a delta that is a factor counts: one inside a function or a reciprocal is opaque like the rest of it.
    """
    bound, body = term.bound, term.body
    while (found := _removable(bound, body)) is not None:
        delta, one, other = found
        if range_of(one) != range_of(other):
            raise DifferentRangesError(f"{delta} joins {range_of(one)} and {range_of(other)} values")
        body = _without_factor(body, delta).xreplace({one: other})
        bound = tuple(index for index in bound if index != one)
    for delta in _deltas(body):
        free = [side for side in delta.args[:2] if side.is_Symbol and side not in bound]
        if free:
            replaced = max(free, key=default_sort_key)
            kept = next(side for side in delta.args[:2] if side != replaced)
            if not kept.has(replaced):
                body = _without_factor(body, delta).xreplace({replaced: kept}) * delta
    return Term(bound, body)


def _deltas(body: Expr) -> list[KroneckerDelta]:
    return sorted((f for f in Mul.make_args(body) if isinstance(f, KroneckerDelta)), key=default_sort_key)


def _removable(bound: tuple[Index, ...], body: Expr) -> tuple[KroneckerDelta, Index, Expr] | None:
    for delta in _deltas(body):
        first, second = delta.args[:2]
        for one, other in ((first, second), (second, first)):
            if one in bound and not other.has(one):
                return delta, one, other
    return None


def _without_factor(body: Expr, factor: Expr) -> Expr:
    return Mul(*[other for other in Mul.make_args(body) if other != factor])


def _counted(term: Term) -> Term:
    """The sum of what does not depend on the index: the number of its values times it."""
    bound, body = [], term.body
    for index in term.bound:
        if term.body.has(index):
            bound.append(index)
        else:
            body *= index.size
    return Term(tuple(bound), body)


def _cancelled(term: Term) -> list[Term] | None:
    """sum_j t_j (sum_j t_j)^-k = (sum_j t_j)^(1-k)."""
    for power in Mul.make_args(term.body):
        if not (isinstance(power, Pow) and isinstance(power.base, Sum) and power.exp.is_Integer and power.exp < 0):
            continue
        for index in term.bound:
            dependent = Mul(*[factor for factor in Mul.make_args(term.body) if factor.has(index)])
            if len(power.base.limits) != 1 or power.base.limits[0][0].size != index.size or power.has(index):
                continue
            if _written(Term((index,), dependent)) == power.base:
                bound = tuple(other for other in term.bound if other != index)
                return [Term(bound, term.body / dependent * power.base)]
    return None


def _split(term: Term) -> list[Term] | None:
    """The sum over n + 1 values is the sum over n values and the last one."""
    for index in term.bound:
        count, plus = index.size.as_coeff_Add()[::-1]
        if index.size == 1 or (plus.is_Integer and plus > 0 and count != 0):
            shorter = index.fresh(fewer=1)
            rest = tuple(other for other in term.bound if other != index)
            # The last term is written out again: under new names, which no sum in it can have.
            renamed = {other: other.fresh() for other in rest}
            last = term.body.xreplace({**renamed, index: shorter.size})
            return [
                Term((*rest, shorter), term.body.xreplace({index: shorter})),
                *[Term((*renamed.values(), *t.bound), t.body) for t in _terms(last)],
            ]
    return None


# Writing a term in the one chosen way


def _written(term: Term) -> Expr:
    """Return the term as coefficient times one sum whose indices have canonical names."""
    coefficient, body = term.body.as_independent(*term.bound, as_Add=False) if term.bound else (term.body, S.One)
    return coefficient * _canonical_sum(term.bound, body) if term.bound else coefficient


def _canonical_sum(bound: tuple[Index, ...], body: Expr) -> Expr:
    # Names count upwards from the innermost sum, so that an inner name is never captured by an outer one.
    inner = [int(index.name) for index in body.atoms(CanonicalIndex)]
    start = 1 + max(inner, default=-1)
    best = None
    for order in _orders(bound):
        names = {index: CanonicalIndex(str(start + k), index.size) for k, index in enumerate(order)}
        candidate = body.xreplace(names)
        key = default_sort_key(candidate)
        if best is None or key < best[0]:
            best = (key, candidate, names)
    assert best is not None
    _, candidate, names = best
    return sum_over(candidate, *names.values())


def _orders(bound: tuple[Index, ...]) -> Iterator[tuple[Index, ...]]:
    """All orders of the indices in which ranges of equal size stand together, in one order of the sizes."""

    def size_key(index: Index) -> tuple[Any, ...]:
        return default_sort_key(index.size)

    groups = [tuple(group) for _, group in groupby(sorted(bound, key=size_key), key=size_key)]
    for choice in product(*[permutations(group) for group in groups]):
        yield tuple(index for group in choice for index in group)
