"""The computation graph: tensors, the operations that made them, and the sweep that differentiates them.

A `Tensor` holds a value and, if an operation computed it, a `Node`: the `Op`, its inputs, and the `Context` in which
`forward` left what `backward` needs. References point from results to inputs and never back, so a graph is freed the
moment its last result is dropped, without waiting for Python's cycle collector.

Values are arrays of any library that follows the array API standard: NumPy, PyTorch, or arrays whose shape is
symbolic. Nothing here looks into a value, and no gradient exists before it is needed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from rederive.autograd.examples import Example, parse_shapes
from rederive.autograd.guard import Guard

Array = Any  # of NumPy, PyTorch, or any other library with an array API namespace
Shape = tuple[Any, ...]  # of integers, or of symbols

_recording: ContextVar[bool] = ContextVar("recording", default=True)


class GraphError(RuntimeError):
    """An operation or a backward sweep that cannot be carried out; the message says which, and why."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Within this block operations compute values and record nothing: for evaluation."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


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

    def __init__(self, value: Array, *, requires_grad: bool = False, name: str = "") -> None:
        if not hasattr(value, "shape"):
            value = np.asarray(value, dtype=np.float64)
        if requires_grad and isinstance(value, np.ndarray) and not np.issubdtype(value.dtype, np.inexact):
            raise GraphError(f"A tensor of {value.dtype} has no gradient: convert the value to a floating dtype.")
        self.value = value
        self.requires_grad = requires_grad
        self.name = name
        self.grad: Array | None = None
        self.source: Node | None = None

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return tuple(self.value.shape)

    def __repr__(self) -> str:
        made = f", made by {self.source.op.__name__}" if self.source else ""
        return f"Tensor({self.name + ', ' if self.name else ''}shape {format_shape(self.shape)}{made})"

    def backward(self, cotangent: Array | None = None, *, keep_graph: bool = False) -> None:
        """Add to the `grad` of every leaf that requires it the gradient of <cotangent, this tensor>.

        Reverse-mode differentiation: the tensors are visited in reverse topological order, so the gradient of each is
        complete when its turn comes. What has been used is dropped on the way. Gradients may share memory with each
        other: replace them, never change them in place.

        Args:
            cotangent: An array of this tensor's shape; by default 1, for a tensor with a single entry.
            keep_graph: Keep the graph for another sweep, and the gradients of inner tensors too.

        Raises:
            GraphError: If there is nothing to differentiate, the cotangent is missing or has another shape, the
                graph was freed by an earlier sweep, or a value that it needs was changed in place.
        """
        gradients = {id(self): self._first_cotangent(cotangent)}
        order = differentiable_ancestors(self)
        while order:
            tensor = order.pop()
            gradient = gradients.pop(id(tensor), None)
            node = tensor.source
            if gradient is not None:
                if node is None or keep_graph:
                    tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
                if node is not None:
                    for parent, part in node.pull_back(gradient):
                        known = gradients.get(id(parent))
                        gradients[id(parent)] = part if known is None else known + part
            if node is not None and not keep_graph:
                node.free()

    def _first_cotangent(self, cotangent: Array | None) -> Array:
        if not self.requires_grad:
            raise GraphError(f"{self} depends on no tensor with requires_grad=True: there is no gradient to compute.")
        if cotangent is None:
            if any(size != 1 for size in self.shape):
                raise GraphError(
                    f"backward() from {self}, which is not a single number: pass a cotangent of its shape, or "
                    "reduce it to a scalar first, for example with sum()."
                )
            return namespace(self.value).ones_like(self.value)
        if not hasattr(cotangent, "shape"):
            cotangent = np.asarray(cotangent, dtype=np.float64)
        if tuple(cotangent.shape) != self.shape:
            raise GraphError(f"backward() from {self} got a cotangent of shape {format_shape(cotangent.shape)}.")
        return _cast(cotangent, self.value)


class Context:
    """What `forward` leaves for `backward`.

    Attributes:
        xp: The array namespace of the inputs: the functions of the array API standard.
        needs: For each input whether its gradient is wanted. `backward` may return None for the others.
        shapes: The shape of each input; () for a number.
        saved: What `forward` passed to `save`.
    """

    __slots__ = ("guard", "needs", "saved", "shapes", "xp")

    def __init__(self, xp: Any, needs: tuple[bool, ...], shapes: tuple[Shape, ...]) -> None:
        self.xp = xp
        self.needs = needs
        self.shapes = shapes
        self.saved: tuple[Any, ...] = ()
        self.guard: Guard | None = None

    def save(self, *values: Any) -> None:
        """Keep arrays (or anything else) for `backward`, which finds them in `saved`."""
        self.saved = values


class Node:
    """One application of an op: what made a tensor, from what."""

    __slots__ = ("constants", "context", "inputs", "op")

    def __init__(self, op: type["Op"], inputs: tuple[Any, ...], constants: dict[str, Any], context: Context) -> None:
        self.op = op
        self.inputs = inputs
        self.constants = constants
        self.context: Context | None = context

    def pull_back(self, cotangent: Array) -> Iterator[tuple[Tensor, Array]]:
        """Yield each input that needs a gradient with <cotangent, output> differentiated with respect to it."""
        context = self.context
        assert context is not None
        gradients = self.op.backward(context, cotangent)
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        if len(gradients) != len(self.inputs):
            raise GraphError(
                f"{self.op.__name__}.backward returned {len(gradients)} gradients for {len(self.inputs)} inputs."
            )
        for tensor, gradient, needed in zip(self.inputs, gradients, context.needs, strict=True):
            if needed and gradient is not None:
                gradient = _cast(unbroadcast(context.xp, gradient, tensor.shape), tensor.value)
                if tuple(gradient.shape) != tensor.shape:
                    raise GraphError(
                        f"{self.op.__name__}.backward returned a gradient of shape {format_shape(gradient.shape)} "
                        f"for an input of shape {format_shape(tensor.shape)}."
                    )
                yield tensor, gradient

    def free(self) -> None:
        """Forget the inputs and all that was saved: this node can be traversed no more."""
        self.inputs = ()
        self.context = None


class Op(ABC):
    """A differentiable operation: `forward` and `backward`, side by side. Defining a subclass registers it.

    Both are written against the array API standard, with `context.xp` for its functions, so that one source runs on
    NumPy, on PyTorch and on arrays of symbolic shape. Operands may broadcast: `backward` returns the gradient in the
    shape of the result and the sweep sums it to the shape of the input.

    The class attributes tell the tests how to check the op, without another line of code (see docs/engine.md).

    Attributes:
        signature: The shapes of the inputs, such as "n d, k d, k", checked at every application; "" for any shapes.
        examples: Shapes and constants to test it with; by default the signature alone.
        domain: Of all inputs, or of each: "real", "positive" or "nonzero".
        unproved: Why the op cannot be proved on arrays of symbolic shape; "" where it can.
    """

    registry: ClassVar[list[type["Op"]]] = []

    signature: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    domain: ClassVar[str | tuple[str, ...]] = "real"
    unproved: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in cls.__dict__:
            Op.registry.append(cls)
        if "signature" in cls.__dict__ and "examples" not in cls.__dict__:
            cls.examples = (Example(cls.signature),)

    @staticmethod
    @abstractmethod
    def forward(context: Context, *arrays: Array, **constants: Any) -> Array:
        """Compute the value from arrays (or numbers), saving in `context` what `backward` needs."""

    @staticmethod
    @abstractmethod
    def backward(context: Context, cotangent: Array) -> Array | tuple[Array | None, ...]:
        """Return the gradient of <cotangent, value> with respect to each input."""

    @classmethod
    def apply(cls, *inputs: Any, **constants: Any) -> Tensor:
        """Compute the op on tensors, arrays and numbers, and record it if any input requires a gradient.

        Raises:
            GraphError: If the op cannot be computed for these shapes.
        """
        inputs = tuple(map(_operand, inputs))
        arrays = tuple(item.value if isinstance(item, Tensor) else item for item in inputs)
        shapes = tuple(item.shape if isinstance(item, Tensor) else () for item in inputs)
        recording = _recording.get()
        needs = tuple(recording and isinstance(item, Tensor) and item.requires_grad for item in inputs)
        try:
            _check_signature(cls.signature, shapes)
            context = Context(namespace(*arrays), needs, shapes)
            result = Tensor(cls.forward(context, *arrays, **constants))
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            operands = ", ".join(map(format_shape, shapes)) or "no operands"
            raise GraphError(f"{cls.__name__} of {operands}: {error}") from error
        if any(needs):
            context.guard = Guard(context.saved)
            result.requires_grad = True
            result.source = Node(cls, inputs, constants, context)
        return result


def all_ops() -> list[type[Op]]:
    """Return every op that has been defined, built-in or not, in the order of definition."""
    return list(Op.registry)


def differentiable_ancestors(root: Tensor) -> list[Tensor]:
    """Return `root` and the tensors it was computed from that require a gradient, each after its own inputs.

    Depth-first with a stack of its own: the graph may be deeper than Python's recursion limit.

    Raises:
        GraphError: If a part of the graph was freed, or a value that it needs was changed.
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
            if tensor.source is not None:
                inputs = _usable(tensor.source).inputs
                stack.extend((item, False) for item in inputs if isinstance(item, Tensor) and item.requires_grad)
    return order


def _usable(node: Node) -> Node:
    if node.context is None:
        raise GraphError(
            f"The graph was freed at {node.op.__name__} by an earlier backward(): compute the value again, or keep "
            "the graph with backward(keep_graph=True)."
        )
    changed = node.context.guard.changed() if node.context.guard else []
    if changed:
        raise GraphError(
            f"A value of shape {format_shape(changed[0].shape)} which {node.op.__name__} needs for its gradient was "
            "changed in place after the forward pass: change it after backward(), or change a copy."
        )
    return node


def unbroadcast(xp: Any, gradient: Array, shape: Shape) -> Array:
    """Sum `gradient` over the axes along which broadcasting repeated an operand of shape `shape`."""
    if tuple(gradient.shape) == shape:
        return gradient
    added = len(gradient.shape) - len(shape)
    if added > 0:
        gradient = xp.sum(gradient, axis=tuple(range(added)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and gradient.shape[axis] != 1)
    return xp.sum(gradient, axis=stretched, keepdims=True) if stretched else gradient


_namespaces: dict[type, Any] = {}


def namespace(*arrays: Array) -> Any:
    """Return the array namespace of the arrays, which must belong to one library; numbers belong to any."""
    found = None
    for array in arrays:
        if type(array) in (int, float):
            continue
        xp = _namespaces.get(type(array))
        if xp is None:
            xp = _namespaces[type(array)] = array_namespace(array)
        if found is not None and xp is not found:
            raise GraphError(f"arrays of two libraries, {found.__name__} and {xp.__name__}: convert one of them")
        found = xp
    return found


def format_shape(shape: Shape) -> str:
    """Return a shape as text: (128, 784), (3), ()."""
    return f"({', '.join(map(str, shape))})"


def _operand(item: Any) -> Any:
    # A number takes the dtype of what it meets; an array is a constant.
    if isinstance(item, Tensor):
        return item
    if isinstance(item, int | float):
        return item if type(item) is int else float(item)
    return Tensor(item)


def _cast(array: Array, like: Array) -> Array:
    # A float32 tensor has a float32 gradient, whatever it was multiplied with.
    dtype = getattr(like, "dtype", None)
    return array if dtype is None or array.dtype == dtype else namespace(array).astype(array, dtype)


def _check_signature(signature: str, shapes: tuple[Shape, ...]) -> None:
    if not signature:
        return
    expected = parse_shapes(signature)
    sizes: dict[str, Any] = {}
    matches = len(shapes) == len(expected) and all(
        len(shape) == len(letters)
        and all(
            (int(letter) if letter.isdigit() else sizes.setdefault(letter, size)) == size
            for letter, size in zip(letters, shape, strict=True)
        )
        for shape, letters in zip(shapes, expected, strict=True)
    )
    if not matches:
        raise ValueError(f"expected shapes {', '.join(map(format_shape, expected))}")
