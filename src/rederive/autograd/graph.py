"""The computation graph: tensors, the operations that made them, and the sweep that differentiates them.

A `Tensor` holds a value and, if an operation computed it, a `Node`: the `Op`, its inputs, and the `Context` in which
`forward` left what `backward` needs. References point from results to inputs and never back, so a graph is freed the
moment its last result is dropped, without waiting for Python's cycle collector.

Values are arrays of any library that follows the array API standard: NumPy, PyTorch, or arrays whose shape is
symbolic. Nothing here looks into a value, and no gradient exists before it is needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from rederive.autograd.guard import Guard, read_only, version

Array = Any  # of NumPy, PyTorch, or any other library with an array API namespace
Shape = tuple[Any, ...]  # of integers, or of symbols


class GraphError(RuntimeError):
    """An operation or a backward sweep that cannot be carried out; the message says which, and why."""


class Tensor:
    """A value in the graph.

    Args:
        value: An array, or numbers, which become a NumPy array of float64.
        requires_grad: Whether `backward` is to leave the gradient with respect to this tensor in `grad`.
        name: What messages and drawings call it.
    """

    __slots__ = ("__weakref__", "grad", "name", "requires_grad", "source", "value")

    __array_ufunc__ = None  # so that `array * tensor` comes to Tensor.__rmul__ instead of a loop over the entries

    # The operators are defined where the operations are, at the end of ops.py.
    __add__: Any
    __radd__: Any
    __sub__: Any
    __rsub__: Any
    __mul__: Any
    __rmul__: Any
    __truediv__: Any
    __rtruediv__: Any
    __pow__: Any
    __rpow__: Any
    __matmul__: Any
    __rmatmul__: Any
    __neg__: Any
    sum: Any
    mean: Any
    T: Any

    def __init__(self, value: Array, *, requires_grad: bool = False, name: str = "") -> None:
        if not hasattr(value, "shape"):
            if not isinstance(value, int | float | list | tuple):
                raise GraphError(f"A tensor of {value!r}: expected an array or numbers.")
            value = np.asarray(value, dtype=np.float64)
        # PyTorch's own autograd stays off: of a tensor that it follows only the memory is taken.
        self.value = value.detach() if getattr(value, "requires_grad", False) else value
        self.requires_grad = requires_grad
        self.name = name
        self.grad: Array | None = None
        self.source: Node | None = None
        if requires_grad and _is_integral(value):
            raise GraphError(f"{self} of {value.dtype} has no gradient: convert the value to a floating dtype.")

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return tuple(self.value.shape)

    def __repr__(self) -> str:
        words = [
            self.name,
            f"shape {format_shape(self.shape)}",
            f"from {self.source.op.__name__}" if self.source else "",
        ]
        return f"Tensor({', '.join(filter(None, words))})"

    def backward(self, cotangent: Array | None = None, *, keep_graph: bool = False) -> None:
        """Add to the `grad` of every leaf that requires it the gradient of <cotangent, this tensor>.

        Reverse-mode differentiation: tensors are visited in reverse topological order, so the gradient of each is
        complete when its turn comes. What has been used is dropped on the way. Gradients may share memory with each
        other and are not to be changed in place (NumPy refuses to); assign a new array instead.

        Args:
            cotangent: An array of this tensor's shape; by default 1, for a tensor with a single entry.
            keep_graph: Keep the graph for another sweep, and the gradients of inner tensors as well.

        Raises:
            GraphError: If there is nothing to differentiate, the cotangent is missing or has another shape, the
                graph was freed by an earlier sweep, or a value that it needs was changed in place.
        """
        gradients = {id(self): self._first_cotangent(cotangent)}
        order = ancestors(self, lambda tensor: tensor.requires_grad)
        for tensor in order:
            if tensor.source is not None:
                tensor.source.check()
        while order:
            tensor = order.pop()
            node = tensor.source
            gradient = gradients.pop(id(tensor), None)
            if gradient is not None:
                if node is None or keep_graph:
                    tensor.grad = read_only(gradient if tensor.grad is None else tensor.grad + gradient)
                if node is not None:
                    for parent, part in node.pull_back(gradient):
                        known = gradients.get(id(parent))
                        gradients[id(parent)] = part if known is None else known + part
            if node is not None and not keep_graph:
                node.free()

    def _first_cotangent(self, cotangent: Array | None) -> Array:
        if not self.requires_grad:
            raise GraphError(f"{self} depends on no tensor with requires_grad=True: there is no gradient to compute.")
        xp = namespace(self.value)
        if cotangent is None:
            if not all(map(_is_one, self.shape)):
                raise GraphError(
                    f"backward() from {self}, which is not a single number: pass a cotangent of its shape, or "
                    "reduce it to a scalar first, for example with sum()."
                )
            return xp.ones_like(self.value)
        cotangent = xp.asarray(cotangent, dtype=self.value.dtype, device=self.value.device, copy=True)
        if tuple(cotangent.shape) != self.shape:
            raise GraphError(f"backward() from {self} got a cotangent of shape {format_shape(cotangent.shape)}.")
        return cotangent


class Context:
    """What `forward` leaves for `backward`.

    Attributes:
        xp: The array namespace of the inputs: the functions of the array API standard.
        needs: For each input whether its gradient is wanted. `backward` may return None for the others.
        shapes: The shape of each input; () for a number.
        saved: What `forward` passed to `save`.
    """

    __slots__ = ("needs", "saved", "shapes", "xp")

    def __init__(self, xp: Any, needs: tuple[bool, ...], shapes: tuple[Shape, ...]) -> None:
        self.xp = xp
        self.needs = needs
        self.shapes = shapes
        self.saved: tuple[Any, ...] = ()

    def save(self, *values: Any) -> None:
        """Keep arrays (or anything else) for `backward`, which finds them in `saved`."""
        self.saved = values


class Node:
    """One application of an op: what made a tensor, from what."""

    __slots__ = ("constants", "context", "guard", "inputs", "op")

    def __init__(self, op: Any, inputs: tuple[Any, ...], constants: dict[str, Any], context: Context) -> None:
        self.op = op
        self.inputs = inputs  # tensors and numbers
        self.constants = constants
        self.context: Context | None = context
        self.guard: Guard | None = Guard(context.saved)

    def check(self) -> None:
        """Raise GraphError if the graph was freed here, or what it needs was changed."""
        if self.guard is None:
            raise GraphError(
                f"The graph was freed at {self.op.__name__} by an earlier backward(): compute the value again, or "
                "keep the graph with backward(keep_graph=True)."
            )
        if changed := self.guard.changed():
            raise GraphError(
                f"A value of shape {format_shape(changed[0].shape)} which {self.op.__name__} needs for its gradient "
                "was changed in place after the forward pass: change it after backward(), or change a copy."
            )

    def pull_back(self, cotangent: Array) -> Iterator[tuple[Tensor, Array]]:
        """Yield each input that needs it with its gradient of <cotangent, output>."""
        context, name = self.context, self.op.__name__
        assert context is not None
        before = version(cotangent)
        # The same array is the cotangent of other operations, too.
        gradients = self.op.backward(context, read_only(cotangent))
        if version(cotangent) != before:
            raise GraphError(f"{name}.backward changed its cotangent in place, which others use: compute a new array.")
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        if len(gradients) != len(self.inputs):
            raise GraphError(f"{name}.backward returned {len(gradients)} gradients for {len(self.inputs)} inputs.")
        for tensor, gradient, needed in zip(self.inputs, gradients, context.needs, strict=True):
            if needed and gradient is not None:
                gradient = _cast(unbroadcast(context.xp, gradient, tensor.shape), tensor.value)
                if tuple(gradient.shape) != tensor.shape:
                    raise GraphError(f"{name}.backward returned shape {format_shape(gradient.shape)} for {tensor}.")
                yield tensor, gradient

    def free(self) -> None:
        """Forget the inputs and all that was saved: no sweep can pass here again."""
        self.inputs = ()
        self.context = self.guard = None


def ancestors(root: Tensor, follow: Callable[[Tensor], bool]) -> list[Tensor]:
    """Return `root` and the tensors it was computed from, each after its own inputs, as far as `follow` allows.

    Depth-first with a stack of its own: a graph may be deeper than Python's recursion limit.
    """
    order: list[Tensor] = []
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        tensor, inputs_listed = stack.pop()
        if inputs_listed:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            inputs = tensor.source.inputs if tensor.source else ()
            stack.extend((item, False) for item in reversed(inputs) if isinstance(item, Tensor) and follow(item))
    return order


def unbroadcast(xp: Any, gradient: Array, shape: Shape) -> Array:
    """Sum `gradient` over the axes along which broadcasting repeated an operand of shape `shape`."""
    added = len(gradient.shape) - len(shape)
    if added > 0:
        gradient = xp.sum(gradient, axis=tuple(range(added)))
    stretched = tuple(k for k, size in enumerate(shape) if _is_one(size) and not _is_one(gradient.shape[k]))
    return xp.sum(gradient, axis=stretched, keepdims=True) if stretched else gradient


recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Within this block operations compute values and record nothing: for evaluation."""
    token = recording.set(False)
    try:
        yield
    finally:
        recording.reset(token)


_namespaces: dict[type, Any] = {}


def namespace(*arrays: Array) -> Any:
    """Return the array namespace of the arrays, which must belong to one library; numbers belong to any."""
    found = None
    for array in arrays:
        kind = type(array)
        if kind is float or kind is int:
            continue
        if kind not in _namespaces:
            _namespaces[kind] = array_namespace(array)
        xp = _namespaces[kind]
        if found is not None and xp is not found:
            raise GraphError(f"arrays of two libraries, {found.__name__} and {xp.__name__}: convert one of them")
        found = xp
    return found


def format_shape(shape: Shape) -> str:
    """Return a shape as text: (128, 784), (3), ()."""
    return f"({', '.join(map(str, shape))})"


def _cast(array: Array, like: Array) -> Array:
    # A float32 tensor has a float32 gradient, whatever it was multiplied with.
    return array if array.dtype == like.dtype else namespace(array).astype(array, like.dtype)


def _is_one(size: Any) -> bool:
    # Whether a symbolic size is 1 has no answer, and needs none: what is right for any size is right for 1.
    return type(size) is int and size == 1


def _is_integral(array: Array) -> bool:
    xp = namespace(array)
    return hasattr(xp, "isdtype") and xp.isdtype(array.dtype, ("bool", "integral"))
