"""The size of an array of every size: something to compute with, and nothing to decide by.

Were a size a plain symbol, `shape[0] == 128` would be false, without a word, and code that is wrong for 128 rows would
be proved. A `Size` is equal to itself; every other question about it is refused.
"""

import math
import operator
from fractions import Fraction
from typing import Any, NoReturn

from sympy import Expr, Float, Integer, Rational, sympify


class NotSymbolicError(TypeError):
    """The code does something which has no meaning for arrays of every size."""


def exact(number: Any) -> Expr:
    """Return a Python or NumPy number, or an exact expression, as it is: 0.1 is the fraction that a float holds.

    Raises:
        NotSymbolicError: It is not finite, not real, or an expression with floating-point numbers.
    """
    if isinstance(number, Expr):
        if number.has(Float):
            raise NotSymbolicError(f"{number} holds a number that is not exact; write a Rational")
        return number
    if isinstance(number, int):
        return Integer(number)
    if isinstance(number, float) and math.isfinite(number):
        value = Fraction(number)
        return Rational(value.numerator, value.denominator)
    raise NotSymbolicError(f"{number!r} is no real number that is finite")


class Size:
    """A number of entries along an axis; sums, products and quotients of sizes are sizes."""

    __slots__ = ("expression",)

    def __init__(self, expression: Expr | int) -> None:
        self.expression: Expr = sympify(expression)

    def _sympy_(self) -> Expr:
        return self.expression

    def __repr__(self) -> str:
        return str(self.expression)

    def __eq__(self, other: object) -> bool:
        same = sympify(other) if isinstance(other, (Size, Expr, int)) else None
        if same == self.expression:
            return True
        raise NotSymbolicError(f"whether a size {self} is equal to {other} has an answer for some sizes only")

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # so that a size is not found, or missed, in a set


def _arithmetic(function: Any, swapped: bool = False) -> Any:
    def method(self: Size, other: Any) -> Any:
        if not isinstance(other, (Size, int, float)):
            return NotImplemented
        pair = self.expression, other.expression if isinstance(other, Size) else exact(other)
        return Size(function(*(pair[::-1] if swapped else pair)))

    return method


def _refusal(name: str) -> Any:
    def method(self: Size, *_: Any) -> NoReturn:
        raise NotSymbolicError(f"{name} of a size {self} has an answer for some sizes only")

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Size, f"__{_name}__", _arithmetic(getattr(operator, _name)))
    setattr(Size, f"__r{_name}__", _arithmetic(getattr(operator, _name), swapped=True))
for _name in ("lt", "le", "gt", "ge", "bool", "int", "float", "index", "mod", "rmod", "floordiv", "rfloordiv",
              "divmod", "rdivmod", "round", "trunc", "floor", "ceil", "neg", "abs", "contains", "iter"):  # fmt: skip
    setattr(Size, f"__{_name}__", _refusal(_name))
