"""Arrays of symbolic shape: the unmodified code of an operation runs on them and gives entries in index notation.

`SymbolicArray` has the part of the Python array API standard that operations on rows, columns and matrices use, so
`array_api_compat.array_namespace(x)` finds `SymbolicNamespace` and code written for arrays computes expressions.
Anything it cannot represent for all sizes at once is refused with `NotSymbolicError`, never guessed.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import sympy as sy
from sympy import Expr, Indexed, IndexedBase, KroneckerDelta, S, Symbol

from rederive.proofs.prover.definedness import Need, demand
from rederive.proofs.prover.functions import Step
from rederive.proofs.prover.indices import Array, Index, array, range_of, sum_over
from rederive.proofs.prover.size import NotSymbolicError, Size, exact

Entry = Callable[..., Expr]

# What an array holds: conditions, as entries 1 and 0; integers; real numbers. Together they make the last of them.
KINDS = ("bool", "integer", "real")

_serial = count()


class OpaqueName(Symbol):
    """The name of an array whose entries the code computed in a way that has no derivative here."""

    __slots__ = ()


def opaque_entries(expression: Expr) -> set[Indexed]:
    """Return the entries of opaque arrays in an expression."""
    return {entry for entry in expression.atoms(Indexed) if isinstance(entry.base.label, OpaqueName)}


class ShapeError(ValueError):
    """The shapes do not fit for all sizes."""


class SymbolicArray:
    """An array given by its shape and by the expression of each entry."""

    __slots__ = ("dtype", "entry", "fixed", "shared", "sizes")
    __array_priority__ = 1000
    device = "symbolic"

    def __init__(self, shape: Iterable[Expr | int], entry: Entry, dtype: str = "real") -> None:
        if dtype not in KINDS:
            raise NotSymbolicError(f"{dtype!r} is none of {', '.join(KINDS)}")
        self.dtype = dtype
        self.sizes: tuple[Expr, ...] = tuple(_size(size) for size in shape)
        # An entry that is asked for again is the same expression: what is proved of it once need not be again.
        self.entry: Entry = entry if hasattr(entry, "cache_info") else cache(entry)
        self.shared = False  # whether it is a view of another array, or another one of it
        self.fixed = False  # whether it may not be changed in place

    @classmethod
    def named(cls, name: str, *shape: Expr | int, below: Expr | int | None = None) -> "SymbolicArray":
        """Return the array X with entries X[i, j]; with `below`, an array of integers in [0, below)."""
        return cls(shape, named_entry(array(name, below)), "real" if below is None else "integer")

    @property
    def shape(self) -> tuple[Size | int, ...]:
        """The sizes, as the code sees them: it may compute with those that are symbolic, and not decide by them."""
        return tuple(int(size) if size.is_Integer else Size(size) for size in self.sizes)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.sizes)

    @property
    def size(self) -> Size | int:
        """The number of entries."""
        return math.prod(self.shape)  # type: ignore[arg-type]

    @property
    def T(self) -> "SymbolicArray":  # noqa: N802
        """The transposed matrix."""
        return SymbolicNamespace.matrix_transpose(self)

    mT = T  # noqa: N815

    def at(self, *position: Expr) -> Expr:
        """Return the entry at the position; along axes of size one the position is 0."""
        return self.entry(*[S.Zero if size == 1 else place for place, size in zip(position, self.sizes, strict=True)])

    def frozen(self) -> "SymbolicArray":
        """Return the array as it is now: what is computed from it must not follow a later change in place."""
        return SymbolicArray(self.sizes, self.entry, self.dtype)

    def read_only(self) -> "SymbolicArray":
        """Return a view that cannot be changed in place, nor can its own views."""
        view = _view(self.frozen(), self)
        view.fixed = True
        return view

    def _become(self, other: "SymbolicArray") -> "SymbolicArray":
        if other.sizes != self.sizes:
            raise ShapeError(f"an array of shape {self.sizes} cannot become one of shape {other.sizes} in place")
        if self.fixed:
            raise NotSymbolicError("a change in place of an array that is read-only, such as the cotangent")
        if self.shared:
            raise NotSymbolicError("a change in place of a view, or of what has views, changes both: copy it first")
        if _together(self, other) != self.dtype:
            raise NotSymbolicError(f"an array of dtype {self.dtype} cannot become one of {other.dtype} in place")
        self.entry = other.entry
        return self

    def __array_namespace__(self, api_version: str | None = None) -> type["SymbolicNamespace"]:
        """Tell code for the array API standard where the functions are."""
        return SymbolicNamespace

    def __array_ufunc__(self, function: np.ufunc, method: str, *inputs: Any, **options: Any) -> "SymbolicArray":
        """Let NumPy's own functions, `np.exp(x)` or `2.0 * x` with a NumPy scalar, arrive here."""
        names = {"true_divide": "divide", "power": "pow"}
        name = names.get(function.__name__, function.__name__)
        if method != "__call__" or options or not hasattr(SymbolicNamespace, name):
            raise NotSymbolicError(f"numpy.{function.__name__} is not defined for arrays of symbolic shape")
        return getattr(SymbolicNamespace, name)(*inputs)

    def __getitem__(self, key: Any) -> "SymbolicArray":
        """Support x[:, None], x[..., 0] and the like: whole axes, new axes, fixed positions."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if not all(map(_is_key, keys)):
            raise NotSymbolicError(f"cannot take x[{key}] of an array of symbolic shape")
        if Ellipsis not in keys:
            keys.append(Ellipsis)
        hidden = self.ndim - sum(1 for k in keys if k is not None and k is not Ellipsis)
        keys[keys.index(Ellipsis) : keys.index(Ellipsis) + 1] = [slice(None)] * hidden

        now, sizes = self.frozen(), iter(self.sizes)
        shape: list[Expr] = []
        for number, k in enumerate(keys):
            size = S.One if k is None else next(sizes)
            if k is None or isinstance(k, slice):
                shape.append(size)
            else:
                keys[number] = _place(sy.sympify(k), size)

        def entry(*position: Expr) -> Expr:
            places = iter(position)
            old = []
            for k in keys:
                place = next(places) if k is None or isinstance(k, slice) else k
                if k is not None:
                    old.append(place)
            return now.at(*old)

        return _view(SymbolicArray(shape, entry, self.dtype), self)

    def __bool__(self) -> bool:
        raise NotSymbolicError("a decision on the values of a symbolic array would hold for some values only")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise NotSymbolicError("the entries of a symbolic array cannot be assigned to")


def named_entry(base: IndexedBase) -> Entry:
    """Return the entries X[i, j] of a named array; those of a scalar are the scalar."""
    return lambda *position: base[position] if position else base.label


def _size(size: Any) -> Expr:
    size = sy.sympify(size)
    if not size.is_integer:
        raise NotSymbolicError(f"{size} is no number of entries")
    return size


def _is_key(key: Any) -> bool:
    if isinstance(key, slice):
        return key == slice(None)
    return key is None or key is Ellipsis or isinstance(key, (Expr, Size)) or type(key) is int


def _place(place: Expr, size: Expr) -> Expr:
    """Return a position along an axis, counted from the end if it is negative; refuse one that may be outside."""
    if range_of(place) == size:
        return place
    place = place + size if place.is_negative else place
    if not (place.is_nonnegative and (size - place).is_positive):
        raise NotSymbolicError(f"not every axis of {size} entries has one at {place}")
    return place


def _view(view: SymbolicArray, *bases: Any) -> SymbolicArray:
    """Mark an array as a view: libraries let it share memory, and a change of one would have to change the other."""
    for one in (view, *bases):
        one.shared = True
    view.fixed = any(base.fixed for base in bases)
    return view


def _together(*arrays: SymbolicArray) -> str:
    """Return what several arrays make together: integers and real numbers are real numbers."""
    return max((one.dtype for one in arrays), key=KINDS.index)


def _as_array(value: Any) -> SymbolicArray:
    if isinstance(value, SymbolicArray):
        return value.frozen()
    if isinstance(value, np.ndarray) and value.ndim:
        raise NotSymbolicError("an array of numbers has one size; it cannot meet arrays of every size")
    number = value.expression if isinstance(value, Size) else getattr(value, "item", lambda: value)()
    entry = exact(number)
    whole = entry.is_integer and not isinstance(number, float)  # 2.0 is a real number
    return SymbolicArray((), lambda: entry, "bool" if isinstance(number, bool) else "integer" if whole else "real")


def _common_shape(shapes: Sequence[tuple[Expr, ...]]) -> tuple[Expr, ...]:
    longest = max(len(shape) for shape in shapes)
    result = []
    for axis in range(longest):
        found = {shape[axis - longest + len(shape)] for shape in shapes if axis - longest + len(shape) >= 0} - {S.One}
        if len(found) > 1:
            raise ShapeError(f"shapes {', '.join(map(str, shapes))} do not broadcast for all sizes")
        result.append(found.pop() if found else S.One)
    return tuple(result)


def _broadcast(value: SymbolicArray, shape: Sequence[Expr | int]) -> SymbolicArray:
    value, wanted = value.frozen(), tuple(_size(size) for size in shape)
    if len(wanted) < value.ndim or _common_shape([value.sizes, wanted]) != wanted:
        raise ShapeError(f"shape {value.sizes} does not broadcast to {wanted}")
    return SymbolicArray(wanted, lambda *position: value.at(*position[len(position) - value.ndim :]), value.dtype)


def _elementwise(function: Callable[..., Expr], *values: Any, dtype: str) -> SymbolicArray:
    arrays = [_as_array(value) for value in values]
    shape = _common_shape([one.sizes for one in arrays])
    spread = [_broadcast(one, shape) for one in arrays]
    return SymbolicArray(shape, lambda *position: function(*[one.at(*position) for one in spread]), dtype)


def _arithmetic(function: Callable[..., Expr], *values: Any) -> SymbolicArray:
    arrays = [_as_array(value) for value in values]
    if _together(*arrays) == "bool":
        # True + True is True in NumPy, an error for other operators, and 2 or an error in other libraries.
        raise NotSymbolicError("arithmetic on conditions alone: make numbers of them first, with astype or where")
    return _elementwise(function, *arrays, dtype=_together(*arrays))


def position(value: SymbolicArray, letters: str = "pquvwxyz") -> tuple[Expr, ...]:
    """Return one index for each axis of the array, 0 along axes of size one."""
    pairs = zip(letters, value.sizes, strict=False)
    return tuple(S.Zero if size == 1 else Index(letter, size) for letter, size in pairs)


def inner_position(value: SymbolicArray) -> tuple[Expr, ...]:
    """Return the same under names that are those of no other indices."""
    return tuple(index.inner() if isinstance(index, Index) else index for index in position(value, "ijklabcd"))


def _content(value: SymbolicArray) -> Expr:
    """Return the entry at any position: two arrays of one shape are equal where theirs is the same expression."""
    return value.at(*inner_position(value))


# Names by content: what is computed again has the names that it had, and so is the same expression, of which all is
# known that was proved before. No array can be made of itself, so that an index of a sum never occurs inside it.


def _summed(value: SymbolicArray, axis: int, *others: SymbolicArray) -> Index:
    """Return the index of a sum along an axis of an array, joined with others."""
    return _index_over(value.sizes[axis], axis, _content(value), *map(_content, others))


@cache
def _index_over(size: Expr, axis: int, *_: Expr) -> Index:
    return Index("s", size).fresh()


@cache
def _maximum_of(content: Expr, axes: tuple[int, ...]) -> OpaqueName:
    return OpaqueName(f"c_{next(_serial)}", real=True)


def _demanded(value: Any, need: Need, why: str) -> SymbolicArray:
    """Note that the entries must be other than zero, or positive: see `definedness`."""
    value = _as_array(value)
    demand(_content(value), need, why)
    return value


def _function(function: Callable[..., Expr], *values: Any) -> SymbolicArray:
    """Apply a function whose values are real numbers, even those of integers."""
    result = _arithmetic(function, *values)
    return SymbolicArray(result.sizes, result.entry)


def _step(difference: Expr) -> Expr:
    """Return 1 where the difference is positive and 0 elsewhere, ties included.

    Two numbers that an input may have at will are equal almost nowhere. There x < 0 is proved to be the opposite of
    x > 0, and ties are outside the domain of the proof. Integers, indices, maxima and what was computed may be equal
    anywhere: x < y is one thing and the opposite of x > y another.
    """
    if _almost_nowhere_zero(difference) and difference.could_extract_minus_sign():
        return 1 - Step(-difference)
    return Step(difference)


def _almost_nowhere_zero(difference: Expr) -> bool:
    """Say whether it is a sum of a number and multiples of entries, each of another array of any real numbers."""
    entries = [term for term in difference.as_coefficients_dict() if term is not S.One]
    free = all(isinstance(e, Indexed) and not isinstance(e.base.label, (Index, OpaqueName)) for e in entries)
    return bool(entries) and free and len({e.base for e in entries}) == len(entries)


def _sign(a: Expr) -> Expr:
    return _step(a) - _step(-a)


def _indices(value: Any) -> SymbolicArray:
    value = _as_array(value)
    if value.dtype != "integer":
        raise NotSymbolicError(f"integers are expected, not {value.dtype}")
    return value


def _condition(value: Any) -> SymbolicArray:
    if not isinstance(value, SymbolicArray) or value.dtype != "bool":
        raise NotSymbolicError("a condition is expected, such as x > 0, not numbers")
    return value


def _axes(axis: int | Sequence[int] | None, ndim: int) -> set[int]:
    if axis is None:
        return set(range(ndim))
    chosen = [axis] if isinstance(axis, int) else list(axis)
    if any(not -ndim <= one < ndim for one in chosen):
        raise ShapeError(f"there is no axis {axis} in an array of {ndim} axes")
    if len({one % ndim for one in chosen}) < len(chosen):
        raise ShapeError(f"an axis is named twice in {axis}")
    return {one % ndim for one in chosen}


def _reduced(
    value: SymbolicArray, axis: Any, keepdims: bool, join: Callable[[Expr, list[Index]], Expr]
) -> SymbolicArray:
    value, axes = value.frozen(), _axes(axis, value.ndim)
    shape = [S.One if k in axes else size for k, size in enumerate(value.sizes) if keepdims or k not in axes]

    new = {k: _summed(value, k) for k in axes if value.sizes[k] != 1}

    def entry(*position: Expr) -> Expr:
        rest = iter([place for k, place in enumerate(position) if not (keepdims and k in axes)])
        return join(value.at(*[new.get(k, S.Zero) if k in axes else next(rest) for k in range(value.ndim)]),
                    list(new.values()))  # fmt: skip

    return SymbolicArray(shape, entry, "real" if value.dtype == "real" else "integer")


class SymbolicNamespace:
    """The functions of the array API standard that have a meaning for arrays of every size."""

    float64 = float32 = "real"
    int64 = "integer"
    pi, e, newaxis = sy.pi, sy.E, None

    # Element by element

    add = staticmethod(lambda x, y: _arithmetic(lambda a, b: a + b, x, y))
    subtract = staticmethod(lambda x, y: _arithmetic(lambda a, b: a - b, x, y))
    multiply = staticmethod(lambda x, y: _arithmetic(lambda a, b: a * b, x, y))
    divide = staticmethod(lambda x, y: _function(lambda a, b: a / b, x, _demanded(y, "nonzero", "the reciprocal")))
    negative = staticmethod(lambda x: _arithmetic(lambda a: -a, x))
    positive = staticmethod(lambda x: _arithmetic(lambda a: a, x))
    square = staticmethod(lambda x: _arithmetic(lambda a: a**2, x))
    exp = staticmethod(lambda x: _function(sy.exp, x))
    expm1 = staticmethod(lambda x: _function(lambda a: sy.exp(a) - 1, x))
    log = staticmethod(lambda x: _function(sy.log, _demanded(x, "positive", "the logarithm")))
    log1p = staticmethod(lambda x: SymbolicNamespace.log(SymbolicNamespace.add(1, x)))
    sqrt = staticmethod(lambda x: _function(sy.sqrt, _demanded(x, "positive", "the square root")))
    tanh = staticmethod(lambda x: _function(sy.tanh, x))
    sin = staticmethod(lambda x: _function(sy.sin, x))
    cos = staticmethod(lambda x: _function(sy.cos, x))

    # A comparison gives 1 or 0: see `_step`.
    greater = staticmethod(lambda x, y: _elementwise(lambda a, b: _step(a - b), x, y, dtype="bool"))
    less = staticmethod(lambda x, y: _elementwise(lambda a, b: _step(b - a), x, y, dtype="bool"))
    greater_equal = staticmethod(lambda x, y: _elementwise(lambda a, b: 1 - _step(b - a), x, y, dtype="bool"))
    less_equal = staticmethod(lambda x, y: _elementwise(lambda a, b: 1 - _step(a - b), x, y, dtype="bool"))
    maximum = staticmethod(lambda x, y: _arithmetic(lambda a, b: b + (a - b) * _step(a - b), x, y))
    minimum = staticmethod(lambda x, y: _arithmetic(lambda a, b: a + (b - a) * _step(a - b), x, y))
    abs = staticmethod(lambda x: _arithmetic(lambda a: a * _sign(a), x))
    sign = staticmethod(lambda x: _arithmetic(_sign, x))
    logical_not = staticmethod(lambda x: _elementwise(lambda a: 1 - a, _condition(x), dtype="bool"))
    # Two indices are equal or not: a Kronecker delta.
    equal = staticmethod(lambda x, y: _elementwise(KroneckerDelta, _indices(x), _indices(y), dtype="bool"))

    @staticmethod
    def pow(x: Any, y: Any) -> SymbolicArray:
        """Raise to a power: of any number to a whole one, of a positive number to any."""
        exponent = _as_array(y).entry() if not _as_array(y).sizes else None
        if exponent is None or not exponent.is_integer:
            x = _demanded(x, "positive", "a power")
        elif not exponent.is_nonnegative:
            x = _demanded(x, "nonzero", "the reciprocal")
        return _function(lambda a, b: a**b, x, y)

    @staticmethod
    def reciprocal(x: SymbolicArray) -> SymbolicArray:
        """Return 1 / x for real numbers; of integers NumPy cuts off what follows the point."""
        if x.dtype != "real":
            raise NotSymbolicError("the reciprocal of integers depends on the library")
        return SymbolicNamespace.divide(1, x)

    @staticmethod
    def where(condition: SymbolicArray, x: Any, y: Any) -> SymbolicArray:
        """Choose between the entries of x and of y."""
        chosen = _condition(condition), _as_array(x), _as_array(y)
        return _elementwise(lambda k, a, b: k * a + (1 - k) * b, *chosen, dtype=_together(*chosen[1:]))

    # Along axes

    @staticmethod
    def sum(x: SymbolicArray, *, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> SymbolicArray:
        """Sum over the axes, all of them by default."""
        total = _reduced(x, axis, keepdims, lambda body, new: sum_over(body, *new) if new else body)
        return SymbolicNamespace.astype(total, dtype or total.dtype)

    @staticmethod
    def mean(x: SymbolicArray, *, axis: Any = None, keepdims: bool = False) -> SymbolicArray:
        """Return the sum divided by the number of values."""
        count = sy.Mul(*[x.sizes[k] for k in _axes(axis, x.ndim)])
        return SymbolicNamespace.sum(x, axis=axis, keepdims=keepdims) / count

    @staticmethod
    def max(x: SymbolicArray, *, axis: Any = None, keepdims: bool = False) -> SymbolicArray:
        """Return an array of unknown numbers, one for each maximum, the same for the same entries.

        Nothing is assumed of them, so what is proved holds for any numbers in their place. Whoever proves a gradient
        has to show besides that the value does not change with them: see `opaque_entries`.
        """
        axes = _axes(axis, x.ndim)
        sizes = [S.One if k in axes else size for k, size in enumerate(x.sizes)]
        kept = SymbolicArray(sizes, named_entry(Array(_maximum_of(_content(x), tuple(sorted(axes))))))
        return kept if keepdims else SymbolicNamespace.squeeze(kept, axis=tuple(axes)).frozen()

    # Shapes

    @staticmethod
    def matmul(x: SymbolicArray, y: SymbolicArray) -> SymbolicArray:
        """Multiply two matrices."""
        if x.ndim != 2 or y.ndim != 2 or x.sizes[1] != y.sizes[0]:
            raise ShapeError(f"matrices of shapes {x.sizes} and {y.sizes} do not multiply")
        if _together(x, y) == "bool":
            raise NotSymbolicError("the product of matrices of conditions depends on the library")
        x, y = x.frozen(), y.frozen()
        r = S.Zero if x.sizes[1] == 1 else _summed(x, 1, y)

        def entry(i: Expr, j: Expr) -> Expr:
            body = x.at(i, r) * y.at(r, j)
            return sum_over(body, r) if isinstance(r, Index) else body

        return SymbolicArray((x.sizes[0], y.sizes[1]), entry, _together(x, y))

    @staticmethod
    def tensordot(x: SymbolicArray, y: SymbolicArray, *, axes: tuple[Sequence[int], Sequence[int]]) -> SymbolicArray:
        """Sum over pairs of axes, of x and of y; the other axes of x come first, then those of y."""
        x, y = x.frozen(), y.frozen()
        first, second = ([axis % one.ndim for axis in chosen] for one, chosen in zip((x, y), axes, strict=True))
        if [x.sizes[k] for k in first] != [y.sizes[k] for k in second] or len({*first}) < len(first):
            raise ShapeError(f"axes {axes} of shapes {x.sizes} and {y.sizes} are not of the same sizes")
        if _together(x, y) == "bool":
            raise NotSymbolicError("the product of arrays of conditions depends on the library")
        rest = [[k for k in range(one.ndim) if k not in used] for one, used in ((x, first), (y, second))]
        over = [S.Zero if x.sizes[k] == 1 else _summed(x, k, y) for k in first]

        def entry(*position: Expr) -> Expr:
            of_x = dict(zip(first, over, strict=True)) | dict(zip(rest[0], position, strict=False))
            of_y = dict(zip(second, over, strict=True)) | dict(zip(rest[1], position[len(rest[0]) :], strict=True))
            body = x.at(*[of_x[k] for k in range(x.ndim)]) * y.at(*[of_y[k] for k in range(y.ndim)])
            bound = [index for index in over if isinstance(index, Index)]
            return sum_over(body, *bound) if bound else body

        sizes = [x.sizes[k] for k in rest[0]] + [y.sizes[k] for k in rest[1]]
        return SymbolicArray(sizes, entry, _together(x, y))

    @staticmethod
    def permute_dims(x: SymbolicArray, axes: Sequence[int]) -> SymbolicArray:
        """Reorder the axes."""
        if sorted(axis % x.ndim for axis in axes) != list(range(x.ndim)):
            raise ShapeError(f"{axes} is no order of {x.ndim} axes")
        now = x.frozen()

        def entry(*position: Expr) -> Expr:
            old = {axis % now.ndim: place for axis, place in zip(axes, position, strict=True)}
            return now.at(*[old[k] for k in range(now.ndim)])

        return _view(SymbolicArray([x.sizes[axis] for axis in axes], entry, x.dtype), x)

    @staticmethod
    def swapaxes(x: SymbolicArray, first: int, second: int) -> SymbolicArray:
        """Exchange two axes."""
        order = list(range(x.ndim))
        order[first], order[second] = order[second], order[first]
        return SymbolicNamespace.permute_dims(x, order)

    @staticmethod
    def matrix_transpose(x: SymbolicArray) -> SymbolicArray:
        """Exchange the last two axes."""
        if x.ndim < 2:
            raise ShapeError(f"an array of shape {x.sizes} has no transposed matrix")
        return SymbolicNamespace.permute_dims(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])

    @staticmethod
    def expand_dims(x: SymbolicArray, *, axis: int = 0) -> SymbolicArray:
        """Insert an axis of size one."""
        place = axis % (x.ndim + 1)
        return x[(*[slice(None)] * place, None, ...)]

    @staticmethod
    def squeeze(x: SymbolicArray, axis: int | Sequence[int]) -> SymbolicArray:
        """Remove axes of size one."""
        axes = _axes(axis, x.ndim)
        if any(x.sizes[k] != 1 for k in axes):
            raise ShapeError(f"axes {sorted(axes)} of shape {x.sizes} are not all of size one")
        return x[tuple(0 if k in axes else slice(None) for k in range(x.ndim))]

    @staticmethod
    def reshape(x: SymbolicArray, shape: Sequence[Expr | int]) -> SymbolicArray:
        """Insert or remove axes of size one; other shapes would need the sizes."""
        wanted = tuple(_size(size) for size in shape)
        old = [k for k, size in enumerate(x.sizes) if size != 1]
        new = [k for k, size in enumerate(wanted) if size != 1]
        if [x.sizes[k] for k in old] != [wanted[k] for k in new]:
            raise NotSymbolicError(f"the order of entries from {x.sizes} to {wanted} depends on the sizes")
        now = x.frozen()

        def entry(*position: Expr) -> Expr:
            places = dict(zip(old, (position[k] for k in new), strict=True))
            return now.at(*[places.get(k, S.Zero) for k in range(now.ndim)])

        return _view(SymbolicArray(wanted, entry, x.dtype), x)

    @staticmethod
    def broadcast_to(x: Any, shape: Sequence[Expr | int]) -> SymbolicArray:
        """Repeat along axes of size one."""
        x = x if isinstance(x, SymbolicArray) else _as_array(x)
        return _view(_broadcast(x, shape), x)

    @staticmethod
    def repeat(x: SymbolicArray, repeats: Expr | int, *, axis: int) -> SymbolicArray:
        """Repeat along an axis, which must have size one: other orders of entries would need the sizes."""
        place = axis % x.ndim
        if x.sizes[place] != 1:
            raise NotSymbolicError(f"repeating axis {axis} of shape {x.sizes} depends on the sizes")
        return _broadcast(x, [sy.sympify(repeats) if k == place else size for k, size in enumerate(x.sizes)])

    @staticmethod
    def take_along_axis(x: SymbolicArray, indices: SymbolicArray, *, axis: int = -1) -> SymbolicArray:
        """Take, along the axis, the entries which the integer array names."""
        x, indices, along = x.frozen(), _indices(indices), axis % x.ndim

        def entry(*position: Expr) -> Expr:
            chosen = _place(indices.at(*position), x.sizes[along])
            return x.at(*[chosen if k == along else where for k, where in enumerate(position)])

        entry(*[Index("t", size) for size in indices.sizes])  # refused now, not when an entry is asked for
        return SymbolicArray(indices.sizes, entry, x.dtype)

    # Making arrays

    @staticmethod
    def arange(stop: Expr | int, *, dtype: str = "integer", device: Any = None) -> SymbolicArray:
        """Return the array whose entry at i is i."""
        return SymbolicNamespace.astype(SymbolicArray((stop,), lambda i: i, "integer"), dtype)

    @staticmethod
    def asarray(x: Any, *, dtype: str | None = None, device: Any = None, copy: bool | None = None) -> SymbolicArray:
        """Return a symbolic array; of numbers only a single one."""
        x = x if isinstance(x, SymbolicArray) else _as_array(x)
        return SymbolicNamespace.astype(x, dtype or x.dtype, copy=bool(copy))

    @staticmethod
    def astype(x: SymbolicArray, dtype: str, *, copy: bool = True) -> SymbolicArray:
        """Return the same entries: conditions become 1 and 0, integers real numbers. The way back loses something."""
        result = SymbolicArray(x.sizes, x.entry, dtype)
        if _together(x, result) != dtype:
            raise NotSymbolicError(f"numbers of dtype {x.dtype} are not known to be of dtype {dtype}")
        return result if copy else _view(result, x)

    @staticmethod
    def full(
        shape: Sequence[Expr | int] | Expr | int, value: Any, *, dtype: str | None = None, **_: Any
    ) -> SymbolicArray:
        """Return an array of one value."""
        result = _broadcast(_as_array(value), shape if isinstance(shape, Sequence) else (shape,))
        return SymbolicNamespace.astype(result, dtype or result.dtype)

    @staticmethod
    def full_like(x: SymbolicArray, value: Any, *, dtype: str | None = None, **_: Any) -> SymbolicArray:
        """Return an array of one value, in the shape and of the dtype of another."""
        return SymbolicNamespace.full(x.sizes, value, dtype=dtype or x.dtype)

    zeros = staticmethod(lambda shape, *, dtype="real", **_: SymbolicNamespace.full(shape, 0, dtype=dtype))
    ones = staticmethod(lambda shape, *, dtype="real", **_: SymbolicNamespace.full(shape, 1, dtype=dtype))
    zeros_like = staticmethod(lambda x, **options: SymbolicNamespace.full_like(x, 0, **options))
    ones_like = staticmethod(lambda x, **options: SymbolicNamespace.full_like(x, 1, **options))


def _in_place(name: str) -> Callable[..., Any]:
    def method(self: SymbolicArray, other: Any) -> SymbolicArray:
        return self._become(getattr(SymbolicNamespace, name)(self, other))

    return method


def _operator(name: str, swapped: bool = False) -> Callable[..., Any]:
    def method(self: SymbolicArray, other: Any) -> SymbolicArray:
        pair = (other, self) if swapped else (self, other)
        return getattr(SymbolicNamespace, name)(*pair)

    return method


for _symbol, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "pow",
    "matmul": "matmul",
}.items():
    setattr(SymbolicArray, f"__{_symbol}__", _operator(_name))
    setattr(SymbolicArray, f"__r{_symbol}__", _operator(_name, swapped=True))
    setattr(SymbolicArray, f"__i{_symbol}__", _in_place(_name))
for _symbol, _name in {"gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal"}.items():
    setattr(SymbolicArray, f"__{_symbol}__", _operator(_name))
SymbolicArray.__eq__ = _operator("equal")  # type: ignore[method-assign]
SymbolicArray.__neg__ = lambda self: SymbolicNamespace.negative(self)  # type: ignore[operator]
SymbolicArray.__invert__ = lambda self: SymbolicNamespace.logical_not(self)  # type: ignore[operator]
