"""Steps as certificates: SMT-LIB 2 text that a program which knows nothing of ours decides.

At given sizes an index sum is the finite sum that it abbreviates, and a Kronecker delta is 0 or 1. What is left is an
identity between rational functions of real unknowns: the entries of the arrays, and each application of a function to
one argument. Nothing of the prover's normal form is used. The certificate asserts what is not zero and what is
positive, and that the two sides differ at some position; that this is unsatisfiable proves the step for all real
values of the arrays at those sizes. For all sizes it is the prover that proves it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sympy import (
    Abs,
    Add,
    Expr,
    Indexed,
    Integer,
    KroneckerDelta,
    Mul,
    Pow,
    S,
    Sum,
    Symbol,
    exp,
    expand,
    log,
)

from rederive.proofs.prover.functions import AnyDerivative, AnyFunction, Step, in_exponentials
from rederive.proofs.prover.indices import Index

# The rules that are used beside the arithmetic of the reals, by the names that the index of the certificates gives.
RULES = {
    "finite sum": "a sum over an index of a known range is the sum of its terms",
    "Kronecker delta": "1 where the two indices are equal, else 0",
    "exponential": "exp(a + b) = exp(a) exp(b) and exp(c a) = exp(a)^c for whole c; exp(a) > 0",
    "logarithm": "log(exp(a) b) = a + log(b)",
    "power": "b^(c + d) = b^c b^d and b^(c d) = (b^d)^c for whole c, b positive",
    "root": "the q-th root of b is positive, and its q-th power is b",
    "step": "1 where its argument is positive, else 0",
    "hyperbolic": "tanh, sinh and cosh are written in exponentials",
    "congruence": "a function has one value at one argument",
    "division": "a/b = c/d where a d = c b; b and d are not zero",
}
LARGEST = 200_000  # characters of a certificate


class NotExpressibleError(ValueError):
    """The step says something that has no form in the arithmetic of the reals."""


@dataclass(frozen=True)
class Ratio:
    """A numerator, and the factors of a denominator, each a term of SMT-LIB."""

    over: str
    under: tuple[str, ...] = ()


@dataclass
class Certificate:
    """One identity at one choice of sizes.

    Attributes:
        atoms: The unknowns with what each stands for.
        assertions: What is known of them.
        sides: Both sides at each position.
        rules: The names of the rules that were used.
    """

    atoms: dict[str, str] = field(default_factory=dict)
    assertions: dict[str, None] = field(default_factory=dict)
    sides: list[tuple[Ratio, Ratio]] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)
    _applied: dict[Any, str] = field(default_factory=dict)

    def text(self, title: str) -> str:
        """Return the SMT-LIB 2 text. Raises NotExpressibleError where it would be too long to be of use."""
        differ = [f"(not (= {_times(one.over, *more)} {_times(other.over, *less)}))" for one, other in self.sides
                  for more, less in [_missing(one.under, other.under)]]  # fmt: skip
        lines = [
            *(f"; {line}" for line in title.splitlines()),
            "(set-logic QF_NRA)",
            *(f"(declare-const {name} Real) ; {meaning}" for name, meaning in self.atoms.items()),
            *(f"(assert {assertion})" for assertion in self.assertions),
            f"(assert (or {' '.join(differ)} false))",
            "(check-sat)",
        ]
        text = "\n".join(lines) + "\n"
        if len(text) > LARGEST:
            raise NotExpressibleError(f"written out it has {len(text)} characters, more than {LARGEST}")
        return text

    # Expressions

    def add(self, left: Expr, right: Expr) -> None:
        """Add a position: both sides of it, without sums."""
        self.sides.append((self.ratio(left), self.ratio(right)))

    def ratio(self, e: Expr) -> Ratio:
        """Return an expression without sums as a ratio of terms."""
        if e.is_Rational:
            return Ratio(_number(int(e.p)), (_number(int(e.q)),) if e.q != 1 else ())
        if isinstance(e, Symbol):
            return Ratio(self._atom(str(e), str(e)))
        if isinstance(e, Add):
            return _sum([self.ratio(part) for part in e.args])
        if isinstance(e, Mul):
            return _product([self.ratio(part) for part in e.args])
        if isinstance(e, exp):
            return self._power(S.Exp1, e.args[0])
        if isinstance(e, Pow):
            return self._raised(self.ratio(e.base), int(e.exp)) if e.exp.is_Integer else self._power(e.base, e.exp)
        if isinstance(e, log):
            return self._logarithm(e.args[0])
        if isinstance(e, Step):
            return self._step(e.args[0])
        if isinstance(e, (AnyFunction, AnyDerivative, Abs)):
            return Ratio(self._application(type(e).__name__, expand(e.args[0])))
        if e == S.Exp1:
            return self._power(S.Exp1, S.One)
        raise NotExpressibleError(f"{type(e).__name__} is no function that a certificate can hold")

    def _atom(self, name: str, meaning: str) -> str:
        clean = "".join(c if c.isalnum() else "_" for c in name)
        while self.atoms.get(clean, meaning) != meaning:
            clean += "_"
        self.atoms[clean] = meaning
        return clean

    def _application(self, name: str, *arguments: Expr) -> str:
        """Return the unknown for a function's value: one for each argument."""
        key = (name, *arguments)
        if key not in self._applied:
            self.rules.add("congruence")
            self._applied[key] = self._atom(
                f"{name}_{len(self._applied)}", f"{name} of {', '.join(map(str, arguments))}"
            )
        return self._applied[key]

    def _raised(self, ratio: Ratio, power: int) -> Ratio:
        if power >= 0:
            return _product([ratio] * power)
        if ratio.over == "0":
            raise NotExpressibleError("the reciprocal of zero")
        if ratio.over != "1":
            self.assertions[f"(not (= {ratio.over} 0))"] = None
            self.rules.add("division")
        return _product([Ratio(_times(*ratio.under), (ratio.over,) if ratio.over != "1" else ())] * -power)

    def _power(self, base: Expr, exponent: Expr) -> Ratio:
        parts = []
        self.rules.add("exponential" if base == S.Exp1 else "power")
        for term in Add.make_args(expand(exponent)):
            times, rest = term.as_coeff_Mul()
            if base != S.Exp1 and term.is_Integer:
                parts.append(self._raised(self.ratio(base), int(term)))
                continue
            if not times.is_Rational:
                times, rest = S.One, term
            unit = rest / int(times.q)
            known = ("power", base, unit) in self._applied
            atom = self._application("power", base, unit)
            if not known:
                self.assertions[f"(> {atom} 0)"] = None
                if base != S.Exp1 and unit.is_Rational:
                    self._is_root(atom, base, int(unit.q))
            parts.append(self._raised(Ratio(atom), int(times.p)))
        return _product(parts)

    def _is_root(self, atom: str, base: Expr, degree: int) -> None:
        self.rules.add("root")
        inside = self.ratio(base)
        self.assertions[f"(= {_times(*[atom] * degree, *inside.under)} {inside.over})"] = None

    def _logarithm(self, argument: Expr) -> Ratio:
        """log(exp(t) rest) = t + log(rest), where all terms of the argument share exp(t)."""
        terms = [_exponentials(term) for term in Add.make_args(expand(argument))]
        shared = {t: min(found[t] for found, _ in terms) for t in {t for found, _ in terms for t in found}}
        rest = Add(*[Mul(other, *[exp((n - shared[t]) * t) for t, n in found.items()]) for found, other in terms])
        # What a term lacks counts as exp(0 t), and is divided by the shared part as the others are.
        missing = [Mul(*[exp(-shared[t] * t) for t in shared if t not in found]) for found, _ in terms]
        if any(part != 1 for part in missing):
            rest = Add(*[Mul(other, lack, *[exp((n - shared[t]) * t) for t, n in found.items()])
                         for (found, other), lack in zip(terms, missing, strict=True)])  # fmt: skip
        self.rules.add("logarithm")
        out = [self.ratio(n * t) for t, n in shared.items() if n != 0]
        return _sum([*out, Ratio("0") if rest == 1 else Ratio(self._application("log", rest))])

    def _step(self, argument: Expr) -> Ratio:
        inside = self.ratio(argument)
        atom = self._application("step", expand(argument))
        self.rules.add("step")
        sign = _times(inside.over, *inside.under)  # a product has the sign of the quotient
        self.assertions[f"(or (and (> {sign} 0) (= {atom} 1)) (and (<= {sign} 0) (= {atom} 0)))"] = None
        return Ratio(atom)


def _exponentials(term: Expr) -> tuple[Counter[Expr], Expr]:
    """Return how often each exp(t) is a factor of a term, and the other factors."""
    found: Counter[Expr] = Counter()
    others = []
    for factor in Mul.make_args(term):
        base, times = factor.as_base_exp() if isinstance(factor, Pow) else (factor, S.One)
        if isinstance(base, exp):
            base, times = S.Exp1, times * base.args[0]
        if base == S.Exp1:
            for part in Add.make_args(expand(times)):
                coefficient, rest = part.as_coeff_Mul()
                found[rest] += coefficient
        else:
            others.append(factor)
    return found, Mul(*others)


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"


def _times(*factors: str) -> str:
    if "0" in factors:
        return "0"
    kept = [factor for factor in factors if factor != "1"]
    return "1" if not kept else kept[0] if len(kept) == 1 else f"(* {' '.join(kept)})"


def _missing(one: Sequence[str], other: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the factors that each lacks: those of the other's denominator first."""
    a, b = Counter(one), Counter(other)
    return tuple((b - a).elements()), tuple((a - b).elements())


def _sum(parts: list[Ratio]) -> Ratio:
    under: Counter[str] = Counter()
    for part in parts:
        under |= Counter(part.under)
    terms = [_times(part.over, *(under - Counter(part.under)).elements()) for part in parts]
    kept = [term for term in terms if term != "0"]
    if not kept:
        return Ratio("0")
    return Ratio(kept[0] if len(kept) == 1 else f"(+ {' '.join(kept)})", tuple(under.elements()))


def _product(parts: list[Ratio]) -> Ratio:
    over = _times(*[part.over for part in parts])
    return Ratio(over, () if over == "0" else tuple(factor for part in parts for factor in part.under if factor != "1"))


# Sums and indices at given sizes


def certify(left: Expr, right: Expr, sizes: Mapping[str, int], labels: Mapping[str, Sequence[int]]) -> Certificate:
    """Return the certificate that two formulas are equal at given sizes, at every value of their free indices.

    Args:
        left: One side, every defined name unfolded.
        right: The other.
        sizes: The sizes, by name.
        labels: The entries of arrays of integers, by name.

    Raises:
        NotExpressibleError: One side holds something that has no form in the arithmetic of the reals.
    """
    found = Certificate()
    both = [in_exponentials(side) for side in (left, right)]
    if both != [left, right]:
        found.rules.add("hyperbolic")
    labelled = {entry.base.label for side in both for entry in side.atoms(Indexed)}
    free = sorted({i for side in both for i in side.free_symbols if isinstance(i, Index)} - labelled, key=str)
    for rule, kind in (("finite sum", Sum), ("Kronecker delta", KroneckerDelta)):
        if any(side.atoms(kind) for side in both):
            found.rules.add(rule)
    written = _Written(sizes, labels)
    for place in product(*[range(written.size(index.size)) for index in free]):
        at = dict(zip(free, place, strict=True))
        found.add(*[written.out(side, at) for side in both])
    return found


class _Written:
    """Writes formulas out at given sizes."""

    def __init__(self, sizes: Mapping[str, int], labels: Mapping[str, Sequence[int]]) -> None:
        self._sizes = sizes
        self._labels = labels

    def size(self, e: Expr) -> int:
        value = self.out(e, {})
        if not value.is_Integer:
            raise NotExpressibleError(f"a range of {value} values")
        return int(value)

    def out(self, e: Expr, at: Mapping[Index, int]) -> Expr:
        """Return a formula without sums and deltas, its indices replaced by numbers."""
        if isinstance(e, Sum):
            return Add(*[self.out(e.function, inner) for inner in self._ranges(e, at)])
        if isinstance(e, Index):
            return Integer(at[e])
        if isinstance(e, Indexed):
            return self._entry(e, [self.out(place, at) for place in e.indices])
        if isinstance(e, Symbol):
            return Integer(self._sizes[e.name]) if e.name in self._sizes else Symbol(e.name, real=True)
        if isinstance(e, KroneckerDelta):
            one, other = (self.out(side, at) for side in e.args[:2])
            return S.One if one == other else S.Zero
        if not e.args:
            return e
        return e.func(*[self.out(part, at) for part in e.args])

    def _ranges(self, e: Sum, at: Mapping[Index, int]) -> Iterator[dict[Index, int]]:
        over = [limit[0] for limit in e.limits]
        # The last limit is the outermost, and an inner index of the same name hides it.
        for place in product(*[range(self.size(index.size)) for index in over]):
            yield {**at, **dict(reversed(list(zip(over, place, strict=True))))}

    def _entry(self, e: Indexed, places: list[Expr]) -> Expr:
        if not all(place.is_Integer for place in places):
            raise NotExpressibleError(f"an entry {e} at a place that is not known")
        if isinstance(e.base.label, Index):
            return Integer(self._labels[str(e.base.label)][int(places[0])])
        return Symbol("_".join([str(e.base), *map(str, places)]), real=True)
