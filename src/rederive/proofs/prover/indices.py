"""Index notation: indices that know their range, named arrays, and sums."""

from itertools import count
from typing import Any

from sympy import Expr, Indexed, IndexedBase, S, Sum, Symbol, Tuple, cacheit, sympify

_serial = count()

FRESH = "~"  # in the names of indices that occur nowhere else


class Index(Symbol):
    """An index i with 0 <= i < size. Two indices are equal only if both name and size are."""

    __slots__ = ("size",)
    size: Expr

    def __new__(cls, name: str, size: Expr | int) -> "Index":
        """Make the index `name` of a range of `size` values.

        Raises:
            ValueError: The size may be something else than 0, 1, 2, ..., or the name is of those that `fresh` makes.
        """
        if FRESH in name:
            raise ValueError(f"{name!r}: names with {FRESH} are those of fresh indices, which nobody else may use")
        return cls._made(name, _checked_size(sympify(size)))

    @classmethod
    def _made(cls, name: str, size: Expr) -> "Index":
        self = Symbol.__xnew__(cls, name, integer=True, nonnegative=True)
        self.size = size
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._made, (self.name, self.size)

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), self.size)

    def sort_key(self, order: str | None = None) -> tuple[Any, ...]:
        """Order by name, then by size: two indices of one name must not change places between two runs."""
        return self.class_key(), (2, (self.name, str(self.size))), S.One.sort_key(), S.One

    def fresh(self, fewer: int = 0) -> "Index":
        """Return an index which occurs nowhere else, of the same range, or of one that is shorter by a number."""
        size = _checked_size(self.size - fewer) if fewer else self.size
        return Index._made(f"{self.name.split(FRESH)[0]}{FRESH}{next(_serial)}", size)

    def inner(self) -> "Index":
        """Return the index of the same range that stands for this one where it is summed over: always the same one."""
        return Index._made(f"{self.name}{FRESH}", self.size)


def _checked_size(size: Expr) -> Expr:
    if not (size.is_integer and size.is_nonnegative):
        raise ValueError(f"a range of {size} values: for some sizes that is no number of values, as it may be negative")
    if size.atoms(Index, Indexed):
        raise ValueError(f"a range of {size} values would be another one for every index in it")
    return size


def sizes(names: str) -> tuple[Symbol, ...]:
    """Return array sizes, positive integers, of the given names: `n, m = sizes("n m")`."""
    return tuple(Symbol(name, integer=True, positive=True) for name in names.split())


def indices(names: str, size: Expr | int) -> tuple[Index, ...]:
    """Return indices of one range: `i, p = indices("i p", n)`."""
    return tuple(Index(name, size) for name in names.split())


def array(name: str, below: Expr | int | None = None) -> IndexedBase:
    """Return an array of real entries, or of integers in [0, below), to be written X[i, j]."""
    return Array(name, real=True) if below is None else Array(Index(name, below))


# SymPy makes entries and sums anew wherever they stand, and deduces of each what is known of its sign. Here equal ones
# are one object, and of sums nothing is asked: the search takes longer than a proof, in vain.


class Array(IndexedBase):
    """SymPy's array, with entries that are made once."""

    def __getitem__(self, where: Any, **_: Any) -> "Entry":
        return Entry(self, *where) if isinstance(where, (tuple, Tuple)) else Entry(self, where)


class Entry(Indexed):
    """An entry X[i, j]."""

    @cacheit  # type: ignore[untyped-decorator]
    def __new__(cls, base: IndexedBase, *where: Any) -> "Entry":
        """Make the entry, or take the one that was made before."""
        return super().__new__(cls, base, *where)


class RangeSum(Sum):
    """SymPy's sum, of real numbers, over whole ranges."""

    is_number = False
    is_real = True

    @cacheit  # type: ignore[untyped-decorator]
    def __new__(cls, body: Expr, *limits: Any) -> "RangeSum":
        """Make the sum, or take the one that was made before."""
        return super().__new__(cls, body, *limits)

    @property
    def free_symbols(self) -> set[Symbol]:
        """The symbols of the body, without the indices that the sum runs over, and those of the sizes."""
        sizes = {symbol for _, _, high in self.limits for symbol in high.free_symbols}
        return self.function.free_symbols - {index for index, _, _ in self.limits} | sizes

    def _eval_is_zero(self) -> None:
        return None

    _eval_is_positive = _eval_is_negative = _eval_is_finite = _eval_is_extended_real = _eval_is_zero


def sum_over(body: Expr | int, *over: Index) -> Sum:
    """Return the sum of `body` over the whole range of each index."""
    return RangeSum(body, *[(index, 0, index.size - 1) for index in over])


def range_of(index: Expr) -> Expr | None:
    """Return the number of values of an index, or of an entry of an integer array; None where it is not known."""
    if isinstance(index, Index):
        return index.size
    if isinstance(index, Indexed) and isinstance(index.base.label, Index):
        return index.base.label.size
    return None


def bound_indices(expression: Expr) -> set[Symbol]:
    """Return the indices that sums anywhere in the expression run over."""
    return {limit[0] for term in expression.atoms(Sum) for limit in term.limits}


def rename_bound(expression: Expr) -> Expr:
    """Give every sum's index a fresh name, innermost first, so that a substitution cannot be captured."""
    if not expression.has(Sum):
        return expression
    arguments = [rename_bound(argument) for argument in expression.args]
    if isinstance(expression, Sum):
        body, over = arguments[0], fresh_limits(expression)
        limits = [(new, low, high) for (_, new), (_, low, high) in zip(over, expression.limits, strict=True)]
        return RangeSum(body.xreplace(dict(reversed(over))), *limits)
    return expression.func(*arguments)


def fresh_limits(expression: Sum) -> list[tuple[Index, Index]]:
    """Return each index that a sum runs over with a fresh one for it.

    SymPy joins sum_i sum_i u_i into one sum that runs over i twice. The first, inner one binds the body's i, so it
    has to come last in a dictionary made of the pairs.
    """
    return [(limit[0], limit[0].fresh()) for limit in expression.limits]
