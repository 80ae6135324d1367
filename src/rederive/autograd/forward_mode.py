"""Forward mode: the operations' own sources on dual numbers, arrays of values and of their slopes along a direction.

An op's `forward` on dual arrays gives J v, the change of the value along v; its `backward` on dual arrays gives the
change of the gradient along v, which is the Hessian times v. Nothing is written twice: what is differentiated is the
source that trains.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rederive.autograd.graph import Array, Tensor, namespace

Function = Callable[..., Tensor]


def jvp(function: Function, values: Sequence[Array], directions: Sequence[Array]) -> tuple[Array, Array]:
    """Return the function's value, and its derivative along the directions.

    Args:
        function: Computes a tensor from tensors.
        values: Where: an array for each tensor.
        directions: For each array one of its shape.
    """
    result = function(*[Tensor(Dual(x, v)) for x, v in zip(values, directions, strict=True)]).value
    return (result.value, result.slope) if isinstance(result, Dual) else (result, namespace(result).zeros_like(result))


def hessian_vector_product(function: Function, values: Sequence[Array], directions: Sequence[Array]) -> list[Array]:
    """Return the Hessian of a function, whose value is a single number, times the directions: an array for each.

    Forward over reverse: one sweep on dual arrays (Pearlmutter 1994).
    """
    tensors = [Tensor(Dual(x, v), requires_grad=True) for x, v in zip(values, directions, strict=True)]
    function(*tensors).backward()
    return [
        tensor.grad.slope if isinstance(tensor.grad, Dual) else namespace(x).zeros_like(x)
        for tensor, x in zip(tensors, values, strict=True)
    ]


class Dual:
    """value + slope e with e^2 = 0, for arrays of one shape."""

    __slots__ = ("slope", "value")
    __array_ufunc__ = None  # so that `array * dual` comes here

    def __init__(self, value: Array, slope: Array) -> None:
        self.value = value
        self.slope = slope

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    dtype = property(lambda self: self.value.dtype)
    device = property(lambda self: self.value.device)
    T = property(lambda self: Dual(self.value.T, self.slope.T))

    def __array_namespace__(self, api_version: str | None = None) -> type["DualNamespace"]:
        """Tell code for the array API standard where the functions are."""
        return DualNamespace

    def __gt__(self, other: Any) -> Array:
        return self.value > _parts(other)[0]

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.slope)


def _parts(x: Any) -> tuple[Any, Any]:
    """Return value and slope; None for the slope of a constant."""
    return (x.value, x.slope) if isinstance(x, Dual) else (x, None)


def _dual(value: Array, *slopes: Any) -> Any:
    """Return the value with the sum of the slopes, spread to its shape; without slopes the value alone."""
    known = [slope for slope in slopes if slope is not None]
    if not known:
        return value
    total = known[0] if len(known) == 1 else known[0] + known[1]
    return Dual(value, namespace(value).broadcast_to(total, value.shape))


def _times(slope: Any, function: Callable[[Any], Any]) -> Any:
    return None if slope is None else function(slope)


def _bilinear(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(x: Any, y: Any, **options: Any) -> Any:
        (a, da), (b, db) = _parts(x), _parts(y)
        of_x = _times(da, lambda slope: function(slope, b, **options))
        return _dual(function(a, b, **options), of_x, _times(db, lambda slope: function(a, slope, **options)))

    return apply


def _linear(name: str) -> Callable[..., Any]:
    def apply(x: Any, *arguments: Any, **options: Any) -> Any:
        a, da = _parts(x)
        function = getattr(namespace(a), name)
        return _dual(function(a, *arguments, **options), _times(da, lambda v: function(v, *arguments, **options)))

    return apply


def _smooth(name: str, slope: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
    """Make a function of every entry; `slope` is its derivative, from the namespace, the argument and the value."""

    def apply(x: Any) -> Any:
        a, da = _parts(x)
        y = getattr(namespace(a), name)(a)
        return _dual(y, _times(da, lambda v: v * slope(namespace(a), a, y)))

    return apply


def _constant(name: str) -> Callable[..., Any]:
    def apply(x: Any, *arguments: Any, **options: Any) -> Any:
        a, _ = _parts(x)
        return getattr(namespace(a), name)(a, *arguments, **options)

    return apply


def _add(x: Any, y: Any) -> Any:
    (a, da), (b, db) = _parts(x), _parts(y)
    return _dual(a + b, da, db)


def _subtract(x: Any, y: Any) -> Any:
    (a, da), (b, db) = _parts(x), _parts(y)
    return _dual(a - b, da, _times(db, lambda v: -v))


def _divide(x: Any, y: Any) -> Any:
    (a, da), (b, db) = _parts(x), _parts(y)
    return _dual(a / b, _times(da, lambda v: v / b), _times(db, lambda v: -v * a / (b * b)))


def _power(x: Any, y: Any) -> Any:
    (a, da), (b, db) = _parts(x), _parts(y)
    value = a**b
    of_x = _times(da, lambda v: v * b * a ** (b - 1))
    return _dual(value, of_x, _times(db, lambda v: v * value * namespace(a, v).log(namespace(a, v).asarray(a))))


@dataclass(frozen=True)
class Range:
    """The integers from 0 up to but not including `stop`, of no library yet."""

    stop: Any
    device: Any


class DualNamespace:
    """The functions that the operations use, with the rule for the slope of each."""

    add, subtract, divide, pow = map(staticmethod, (_add, _subtract, _divide, _power))
    multiply = staticmethod(_bilinear(lambda a, b: a * b))
    matmul = staticmethod(_bilinear(lambda a, b: a @ b))
    tensordot = staticmethod(_bilinear(lambda a, b, axes: namespace(a, b).tensordot(a, b, axes=axes)))
    sum, mean, reshape, broadcast_to, expand_dims, permute_dims = map(
        staticmethod, map(_linear, ("sum", "mean", "reshape", "broadcast_to", "expand_dims", "permute_dims"))
    )
    exp = staticmethod(_smooth("exp", lambda xp, x, y: y))
    log = staticmethod(_smooth("log", lambda xp, x, y: 1 / x))
    tanh = staticmethod(_smooth("tanh", lambda xp, x, y: 1 - y * y))
    sqrt = staticmethod(_smooth("sqrt", lambda xp, x, y: 1 / (2 * y)))
    square = staticmethod(_smooth("square", lambda xp, x, y: 2 * x))
    # What log-softmax subtracts from a row, its greatest entry, changes nothing: it counts as a constant.
    max, min, zeros_like, ones_like, argmax = map(
        staticmethod, map(_constant, ("max", "min", "zeros_like", "ones_like", "argmax"))
    )

    @staticmethod
    def arange(stop: Any, *, device: Any = None) -> "Range":
        """Return the numbers from 0 on, as an array of the library of what they are compared with."""
        return Range(stop, device)

    @staticmethod
    def equal(x: Any, y: Any) -> Array:
        """Compare integers."""
        xp = namespace(x)
        return xp.equal(x, xp.arange(y.stop, device=y.device) if isinstance(y, Range) else y)

    @staticmethod
    def maximum(x: Any, y: Any) -> Any:
        """Return the greater of two entries; where they are equal its slope is that of the second."""
        (a, da), (b, db) = _parts(x), _parts(y)
        xp = namespace(a, b)
        return _dual(
            xp.maximum(a, b), _times(da, lambda v: xp.where(a > b, v, 0)), _times(db, lambda v: xp.where(a > b, 0, v))
        )

    @staticmethod
    def where(condition: Array, x: Any, y: Any) -> Any:
        """Choose between the entries of x and of y."""
        (a, da), (b, db) = _parts(x), _parts(y)
        xp = namespace(condition)
        return _dual(
            xp.where(condition, a, b),
            _times(da, lambda v: xp.where(condition, v, 0)),
            _times(db, lambda v: xp.where(condition, 0, v)),
        )

    @staticmethod
    def asarray(x: Any, **options: Any) -> Any:
        """Return a dual array; of one that was none the slope is zero."""
        a, da = _parts(x)
        xp = namespace(a)
        value = xp.asarray(a, **options)
        return Dual(value, xp.zeros_like(value) if da is None else xp.asarray(da, **options))

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        """Return the same in another precision."""
        a, da = _parts(x)
        xp = namespace(a)
        return _dual(xp.astype(a, dtype), _times(da, lambda v: xp.astype(v, dtype)))


def _operator(name: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    function = getattr(DualNamespace, name)
    return (lambda self, other: function(other, self)) if swapped else (lambda self, other: function(self, other))


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow", "matmul": "matmul",
}.items():  # fmt: skip
    setattr(Dual, f"__{_symbol}__", _operator(_name))
    setattr(Dual, f"__r{_symbol}__", _operator(_name, swapped=True))
