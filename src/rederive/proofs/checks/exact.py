"""Exact numbers with an exact derivative: the verdict that shares nothing with the prover.

Formulas, and the code of operations on NumPy arrays of such numbers, are evaluated at small sizes. Rational
operations are carried out on fractions; exp, log and non-integer powers with 40 digits. Two values are equal if they
differ by less than 1e-25 of their size, which chance does not do.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext
from sympy import Abs, Add, Expr, Indexed, KroneckerDelta, Mul, Pow, S, Sum, Symbol, cosh, exp, log, sinh, tanh

from rederive.proofs.prover.functions import Step, example
from rederive.proofs.prover.indices import Index

mp = MPContext()
mp.dps = 40
mpf = mp.mpf
TOLERANCE = mpf(10) ** -25

Value = Any  # Fraction or mpf
ZERO = Fraction(0)


class Number:
    """value + slope e with e^2 = 0: forward-mode differentiation, exactly."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Value, slope: Value = ZERO) -> None:
        self.value = value
        self.slope = slope

    @staticmethod
    def of(value: Any) -> "Number":
        """Return the number, exactly; a float has the value that it has."""
        if isinstance(value, Number):
            return value
        if isinstance(value, (bool, np.bool_)):
            return Number(Fraction(int(value)))
        if isinstance(value, (int, float, Fraction, np.number)):
            return Number(Fraction(value.item() if isinstance(value, np.number) else value))
        raise TypeError(f"{value!r} is no number")

    def _mapped(self, function: Callable[[Value], Value], slope: Callable[[Value, Value], Value]) -> "Number":
        x = _float(self.value)
        y = function(x)
        return Number(y, slope(x, y) * _float(self.slope))

    def __add__(self, other: Any) -> "Number":
        if isinstance(other, np.ndarray):
            return NotImplemented  # entry by entry, which the array does
        b = Number.of(other)
        return Number(_plus(self.value, b.value), _plus(self.slope, b.slope))

    def __mul__(self, other: Any) -> "Number":
        if isinstance(other, np.ndarray):
            return NotImplemented  # entry by entry, which the array does
        b = Number.of(other)
        slope = _plus(_times(self.slope, b.value), _times(self.value, b.slope))
        return Number(_times(self.value, b.value), slope)

    def __neg__(self) -> "Number":
        return Number(-self.value, -self.slope)

    def __abs__(self) -> "Number":
        return -self if self.value < 0 else self

    def __sub__(self, other: Any) -> "Number":
        if isinstance(other, np.ndarray):
            return NotImplemented  # entry by entry, which the array does
        return self + -Number.of(other)

    def reciprocal(self) -> "Number":
        """Return 1 / x; a ZeroDivisionError if x is 0."""
        inverse = 1 / self.value
        return Number(inverse, -_times(_times(inverse, inverse), self.slope))

    def __truediv__(self, other: Any) -> "Number":
        if isinstance(other, np.ndarray):
            return NotImplemented  # entry by entry, which the array does
        return self * Number.of(other).reciprocal()

    def __pow__(self, other: Any) -> "Number":
        if isinstance(other, np.ndarray):
            return NotImplemented  # entry by entry, which the array does
        b = Number.of(other)
        if b.slope == 0 and b.value == int(b.value):
            power = int(b.value)
            base = self if power >= 0 else self.reciprocal()
            result = base if power else Number(Fraction(1))
            for _ in range(abs(power) - 1):
                result = result * base
            return result
        return (self.log() * b).exp()

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> "Number":
        return Number.of(other) - self

    def __rtruediv__(self, other: Any) -> "Number":
        return Number.of(other) / self

    def __rpow__(self, other: Any) -> "Number":
        return Number.of(other) ** self

    # The names under which NumPy looks for a function of an object.

    def exp(self) -> "Number":
        """exp(x)."""
        return self._mapped(mp.exp, lambda x, y: y)

    def log(self) -> "Number":
        """log(x), x positive."""
        if self.value <= 0:
            raise ArithmeticError("the logarithm of a number that is not positive")
        return self._mapped(mp.log, lambda x, y: 1 / x)

    def tanh(self) -> "Number":
        """tanh(x)."""
        return self._mapped(mp.tanh, lambda x, y: 1 - y * y)

    def sqrt(self) -> "Number":
        """The square root."""
        return self ** Fraction(1, 2)

    def __lt__(self, other: Any) -> bool:
        return _above(Number.of(other).value, self.value)

    def __gt__(self, other: Any) -> bool:
        return _above(self.value, Number.of(other).value)

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        return same(self.value, Number.of(other).value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Number({self.value}, {self.slope})"


# `type` and not `isinstance`, which looks into the abstract bases of Fraction and takes longer than the sum.


def _float(value: Value) -> Any:
    return mpf(value.numerator) / value.denominator if type(value) is Fraction else value


def _plus(a: Value, b: Value) -> Value:
    if a is ZERO or b is ZERO:
        return b if a is ZERO else a
    return a + b if type(a) is type(b) else _float(a) + _float(b)


def _times(a: Value, b: Value) -> Value:
    if a is ZERO or b is ZERO:
        return ZERO
    if type(a) is type(b):
        return a * b
    exact, rounded = (a, b) if type(a) is Fraction else (b, a)
    return rounded * exact.numerator / exact.denominator if exact else ZERO


def same(a: Value, b: Value) -> bool:
    """Say whether two exact values are equal."""
    if type(a) is Fraction and type(b) is Fraction:
        return a == b
    a, b = _float(a), _float(b)
    return bool(abs(a - b) <= TOLERANCE * max(1, abs(a), abs(b)))


def _above(a: Value, b: Value) -> bool:
    """Say whether a > b; an ArithmeticError if roundings decide."""
    if type(a) is Fraction and type(b) is Fraction:
        return a > b
    a, b = _float(a), _float(b)
    if a != b and same(a, b):
        raise ArithmeticError(f"{a} and {b}: which is greater is a matter of rounding")
    return bool(a > b)


# Formulas


@lru_cache(maxsize=1_000)
def evaluator(
    expression: Expr, names: tuple[str, ...], where: tuple[Index, ...] = ()
) -> Callable[..., Callable[..., Number]]:
    """Return a function of arrays, sizes and parameters, by name, that returns a function of indices: the formula.

    The formula is evaluated as it stands, but no part of it twice at the same indices.
    """
    written, _ = _Writer().write(example(expression))
    free = ", ".join(map(_index_name, where))
    return eval(f"lambda {', '.join(names)}: (lambda known: lambda {free}: {written})({{}})", dict(_FUNCTIONS))


_FUNCTIONS: Mapping[str, Any] = {
    "number": Number.of,
    "fraction": lambda p, q: Number(Fraction(p, q)),
    "pi": Number(+mp.pi),
    "e": Number(+mp.e),
    "exp": lambda x: Number.of(x).exp(),
    "log": lambda x: Number.of(x).log(),
    "tanh": lambda x: Number.of(x).tanh(),
    "sinh": lambda x: (Number.of(x).exp() - (-Number.of(x)).exp()) / 2,
    "cosh": lambda x: (Number.of(x).exp() + (-Number.of(x)).exp()) / 2,
    "step": lambda x: Number(Fraction(int(Number.of(x) > 0))),
    "abs": lambda x: abs(Number.of(x)),
    "total": lambda terms: sum(terms, Number(Fraction(0))),
}
_CONSTANTS = {S.Pi: "pi", S.Exp1: "e"}
_NAMES = {Abs: "abs", exp: "exp", log: "log", tanh: "tanh", sinh: "sinh", cosh: "cosh", Step: "step"}


def python_name(symbol: Symbol | str) -> str:
    """Return the name of a symbol in the generated code."""
    return "".join(character if character.isalnum() else "_" for character in str(symbol))


class _Writer:
    """Writes a formula as Python code in which `known` holds the values of parts, by their number and indices."""

    def __init__(self) -> None:
        self._written: dict[Expr, tuple[str, frozenset[str]]] = {}

    def write(self, e: Expr) -> tuple[str, frozenset[str]]:
        """Return the code, and the names of the indices that it depends on."""
        if e not in self._written:
            code, free = self._code(e)
            if isinstance(e, (Sum, Pow)) or type(e) in _NAMES:
                key = ", ".join([str(len(self._written)), *sorted(free)])
                code = f"(known[{key},] if ({key},) in known else known.setdefault(({key},), {code}))"
            self._written[e] = code, free
        return self._written[e]

    def _code(self, e: Expr) -> tuple[str, frozenset[str]]:
        if isinstance(e, Sum):
            body, free = self.write(e.function)
            loops = " ".join(f"for {_index_name(index)} in range({_integer(index.size)})" for index, _, _ in e.limits)
            return f"total({body} {loops})", free - {_index_name(index) for index, _, _ in e.limits}
        if isinstance(e, Indexed):
            places = ", ".join(_integer(index) for index in e.indices)
            return f"{python_name(e.base.label)}[{places}]", _indices(*e.indices)
        if isinstance(e, KroneckerDelta):
            return f"number({_integer(e.args[0])} == {_integer(e.args[1])})", _indices(*e.args[:2])
        if e.is_Rational:
            return f"fraction({e.p}, {e.q})", frozenset()
        if e in _CONSTANTS:
            return _CONSTANTS[e], frozenset()
        if isinstance(e, Index):
            return f"number({_index_name(e)})", _indices(e)
        if isinstance(e, Symbol):
            return f"number({python_name(e)})", frozenset()
        if isinstance(e, (Add, Mul, Pow)):
            sign = " + " if isinstance(e, Add) else " * " if isinstance(e, Mul) else " ** "
            return self._joined(e, "(" + sign.join(["{}"] * len(e.args)) + ")")
        if type(e) in _NAMES:
            return self._joined(e, f"{_NAMES[type(e)]}({{}})")
        raise TypeError(f"no exact value is known of {type(e).__name__}: {e}")

    def _joined(self, e: Expr, form: str) -> tuple[str, frozenset[str]]:
        parts = [self.write(part) for part in e.args]
        return form.format(*(code for code, _ in parts)), frozenset().union(*(free for _, free in parts))


def _indices(*places: Expr) -> frozenset[str]:
    """Return the names of the indices in the places of an entry."""
    found: set[str] = set()
    for place in places:
        if isinstance(place, Index):
            found.add(_index_name(place))
        elif isinstance(place, Indexed):  # the entry of an integer array, whose label is an index, too
            found |= _indices(*place.indices)
        else:
            found |= _indices(*place.args)
    return frozenset(found)


def _index_name(index: Index) -> str:
    # Two indices of one name and different ranges are two variables.
    return f"i_{python_name(index.name)}_{python_name(index.size)}"


def _integer(e: Expr) -> str:
    if isinstance(e, Index):
        return _index_name(e)
    if isinstance(e, Indexed):
        return f"int({python_name(e.base.label)}[{', '.join(_integer(index) for index in e.indices)}])"
    if e.is_Integer:
        return str(e)
    if isinstance(e, Symbol):
        return python_name(e)
    if isinstance(e, (Add, Mul)):
        sign = " + " if isinstance(e, Add) else " * "
        return "(" + sign.join(_integer(part) for part in e.args) + ")"
    raise TypeError(f"{e} is no index")


def entries(expression: Expr, where: tuple[Expr, ...], values: Mapping[str, Any]) -> np.ndarray:
    """Return the array of the values of a formula, for all values of the indices `where`.

    Args:
        expression: The formula of an entry.
        where: Its indices; a fixed position such as 0 counts as an axis of size one.
        values: Arrays, sizes and parameters by name.
    """
    free = tuple(index for index in where if isinstance(index, Index))
    function = evaluator(expression, tuple(map(python_name, values)), free)(*values.values())
    shape = [int(eval(_integer(index.size), {python_name(k): v for k, v in values.items()})) for index in free]
    result = np.empty(shape, dtype=object)
    for position in product(*map(range, shape)):
        result[position] = Number.of(function(*position))
    return result.reshape([1 if not isinstance(index, Index) else shape.pop(0) for index in where])
