"""How far rounding may move what an operation computes, and how far it does.

A running error analysis (Wilkinson 1963; Higham 2002, section 3.3): every array carries, entry by entry, a bound of its
error in units of u, half the distance from 1 to the next number. An operation adds its own rounding to what it passes
on, at most one u of its result; a sum of n terms, in whatever order, at most n - 1 of the sum of their sizes; exp, log,
tanh and sqrt at most `LIBRARY` units in the last place, which is more than NumPy states of its own. Terms of order u^2
are left out. The operations' own sources are what is run, forward and backward.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rederive.autograd import Op, Tensor
from rederive.proofs.checks import samples
from rederive.proofs.prover.code import domains_of

U = 2.0**-24  # of float32
LIBRARY = 4  # units in the last place


class Bounded:
    """Values, and for each a bound of its error in units of u."""

    __slots__ = ("error", "value")
    __array_ufunc__ = None  # so that `array * bounded` comes here

    def __init__(self, value: Any, error: Any) -> None:
        self.value = np.asarray(value)
        self.error = np.broadcast_to(np.asarray(error, dtype=np.float64), self.value.shape)

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    device = property(lambda self: self.value.device)
    T = property(lambda self: Bounded(self.value.T, self.error.T))

    def __array_namespace__(self, api_version: str | None = None) -> type["BoundedNamespace"]:
        """Tell code for the array API standard where the functions are."""
        return BoundedNamespace

    def __gt__(self, other: Any) -> Any:
        return self.value > _parts(other)[0]

    def __neg__(self) -> "Bounded":
        return Bounded(-self.value, self.error)

    def __getitem__(self, key: Any) -> "Bounded":
        return Bounded(self.value[key], self.error[key])


def _parts(x: Any) -> tuple[Any, Any]:
    return (x.value, x.error) if isinstance(x, Bounded) else (np.asarray(x), 0.0)


def _rounded(value: Any, error: Any, times: float = 1.0) -> Bounded:
    return Bounded(value, error + times * np.abs(value))


def _add(x: Any, y: Any) -> Bounded:
    (a, e), (b, f) = _parts(x), _parts(y)
    return _rounded(a + b, e + f)


def _subtract(x: Any, y: Any) -> Bounded:
    (a, e), (b, f) = _parts(x), _parts(y)
    return _rounded(a - b, e + f)


def _multiply(x: Any, y: Any) -> Bounded:
    (a, e), (b, f) = _parts(x), _parts(y)
    return _rounded(a * b, np.abs(b) * e + np.abs(a) * f)


def _divide(x: Any, y: Any) -> Bounded:
    (a, e), (b, f) = _parts(x), _parts(y)
    return _rounded(a / b, e / np.abs(b) + np.abs(a) * f / b**2)


def _power(x: Any, y: Any) -> Bounded:
    (a, e), (b, f) = _parts(x), _parts(y)
    value = a**b
    slope = np.abs(b * a ** (b - 1))
    of_exponent = np.abs(value * np.log(np.where(a > 0, a, 1))) * f
    return _rounded(value, slope * e + of_exponent, 2 * LIBRARY)


def _sum(x: Any, **options: Any) -> Bounded:
    a, e = _parts(x)
    total = np.sum(a, **options)
    terms = a.size / max(1, np.size(total))
    return Bounded(total, np.sum(e + 0 * a, **options) + (terms - 1) * np.sum(np.abs(a), **options))


def _mean(x: Any, **options: Any) -> Bounded:
    total = _sum(x, **options)
    return _divide(total, _parts(x)[0].size / max(1, np.size(total.value)))


def _product(function: Callable[[Any, Any], Any], terms: Callable[[Any, Any], int]) -> Callable[[Any, Any], Bounded]:
    def apply(x: Any, y: Any) -> Bounded:
        (a, e), (b, f) = _parts(x), _parts(y)
        sizes = function(np.abs(a), np.abs(b))
        passed = function(e + 0 * np.abs(a), np.abs(b)) + function(np.abs(a), f + 0 * np.abs(b))
        return Bounded(function(a, b), passed + terms(a, b) * sizes)

    return apply


def _function(function: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Callable[[Any], Bounded]:
    def apply(x: Any) -> Bounded:
        a, e = _parts(x)
        y = function(a)
        return _rounded(y, np.abs(slope(a, y)) * e, 2 * LIBRARY)

    return apply


def _moved(name: str) -> Callable[..., Bounded]:
    """Make a function that puts entries elsewhere, and computes nothing."""

    def apply(x: Any, *arguments: Any, **options: Any) -> Bounded:
        a, e = _parts(x)
        function = partial(getattr(np, name), **options)
        return Bounded(function(a, *arguments), function(e + np.zeros(a.shape), *arguments))

    return apply


def _constant(name: str) -> Callable[..., Any]:
    return lambda x, *arguments, **options: getattr(np, name)(_parts(x)[0], *arguments, **options)


class BoundedNamespace:
    """The functions that the operations use, each with what it does to a bound."""

    add, subtract, multiply, divide, pow = map(staticmethod, (_add, _subtract, _multiply, _divide, _power))
    sum, mean = map(staticmethod, (_sum, _mean))
    matmul = staticmethod(_product(np.matmul, lambda a, b: a.shape[-1]))
    reshape, broadcast_to, expand_dims, permute_dims = map(
        staticmethod, map(_moved, ("reshape", "broadcast_to", "expand_dims", "permute_dims"))
    )
    exp = staticmethod(_function(np.exp, lambda x, y: y))
    log = staticmethod(_function(np.log, lambda x, y: 1 / x))
    tanh = staticmethod(_function(np.tanh, lambda x, y: 1 - y * y))
    sqrt = staticmethod(_function(np.sqrt, lambda x, y: 1 / (2 * y)))
    # A row's greatest entry is one of its entries: subtracted by log-softmax it counts as a constant, as it cancels.
    max, min, zeros_like, ones_like, argmax = map(
        staticmethod, map(_constant, ("max", "min", "zeros_like", "ones_like", "argmax"))
    )

    @staticmethod
    def tensordot(x: Any, y: Any, *, axes: Any) -> Bounded:
        """Return the sum over the products of entries along axes."""
        terms = int(np.prod([_parts(x)[0].shape[k] for k in axes[0]]))
        return _product(lambda a, b: np.tensordot(a, b, axes=axes), lambda a, b: terms)(x, y)

    @staticmethod
    def square(x: Any) -> Bounded:
        """Return every entry times itself."""
        return _multiply(x, x)

    @staticmethod
    def arange(stop: int, *, device: Any = None) -> Any:
        """Return the numbers from 0 on."""
        return np.arange(stop)

    @staticmethod
    def equal(x: Any, y: Any) -> Any:
        """Compare integers."""
        return np.equal(_parts(x)[0], _parts(y)[0])

    @staticmethod
    def maximum(x: Any, y: Any) -> Bounded:
        """Return the greater of two entries."""
        (a, e), (b, f) = _parts(x), _parts(y)
        return Bounded(np.maximum(a, b), np.maximum(e, f) + 0 * (a + b))

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Bounded:
        """Choose between the entries of x and of y."""
        (a, e), (b, f) = _parts(x), _parts(y)
        return Bounded(np.where(condition, a, b), np.where(condition, e, f))

    @staticmethod
    def asarray(x: Any, **options: Any) -> Bounded:
        """Return an array with its bound."""
        return x if isinstance(x, Bounded) else Bounded(x, 0.0)

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        """Leave numbers as they are; conditions become numbers."""
        a, e = _parts(x)
        return Bounded(a.astype(np.float64), e)


def _operator(name: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    function = getattr(BoundedNamespace, name)
    return (lambda self, other: function(other, self)) if swapped else (lambda self, other: function(self, other))


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow", "matmul": "matmul",
}.items():  # fmt: skip
    setattr(Bounded, f"__{_symbol}__", _operator(_name))
    setattr(Bounded, f"__r{_symbol}__", _operator(_name, swapped=True))


@dataclass(frozen=True)
class Rounding:
    """What rounding does to an operation, at the worst entry of its value and of its gradients.

    Attributes:
        bound: The greatest bound, in units in the last place of the greatest entry of its array.
        measured: The greatest error that was measured in float32, in the same units.
        share: The greatest share of its own bound that an entry's error takes; at most 1 if the analysis is right.
    """

    bound: float
    measured: float
    share: float


def rounding(op: type[Op], draws: int = 5, seed: int = 0) -> Rounding:
    """Compare an operation's errors in float32, for each of its examples, with their bounds."""
    bound = measured = share = 0.0
    generator = np.random.default_rng(seed)
    for example in op.examples:
        for _ in range(draws):
            letters = dict(zip(example.letters, (5, 7, 4, 3, 6, 2, 2, 3, 2), strict=False))
            shapes, constants = example.bind(letters, lambda shape, below: generator.integers(0, below, size=shape))
            domains = domains_of(op, len(shapes))
            pairs = zip(shapes, domains, strict=True)
            arrays = [samples.draw(shape, domain, generator).astype(np.float32) for shape, domain in pairs]
            single = _value_and_gradients(op, arrays, constants, generator.spawn(1)[0], np.float32)
            for found, known in zip(single, _bounded(op, arrays, constants, single), strict=True):
                unit = np.spacing(np.float32(np.max(np.abs(known.value), initial=0.0) or 1.0))
                errors, bounds = np.abs(found.astype(np.float64) - known.value), U * known.error
                bound = max(bound, float(np.max(bounds, initial=0.0) / unit))
                measured = max(measured, float(np.max(errors, initial=0.0) / unit))
                with np.errstate(invalid="ignore", divide="ignore"):
                    shares = np.where(errors > 0, errors / bounds, 0.0)
                share = max(share, float(np.max(shares, initial=0.0)))
    return Rounding(bound, measured, share)


def _value_and_gradients(
    op: type[Op], arrays: list[np.ndarray], constants: Any, generator: np.random.Generator, dtype: Any
) -> list[Any]:
    """Return the value, the gradients, and the cotangent that was drawn for them."""
    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    result = op.apply(*tensors, **constants)
    cotangent = generator.standard_normal(result.shape).astype(dtype)
    result.backward(cotangent)
    return [np.asarray(result.value), *[np.asarray(tensor.grad) for tensor in tensors], cotangent]


def _bounded(op: type[Op], arrays: list[np.ndarray], constants: Any, single: list[Any]) -> list[Bounded]:
    tensors = [Tensor(Bounded(array.astype(np.float64), 0.0), requires_grad=True) for array in arrays]
    result = op.apply(*tensors, **constants)
    result.backward(Bounded(single[-1].astype(np.float64), 0.0))
    return [
        one if isinstance(one, Bounded) else Bounded(one, 0.0)
        for one in (result.value, *(tensor.grad for tensor in tensors), single[-1].astype(np.float64))
    ]
