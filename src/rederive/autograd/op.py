"""What an operation is: its value, its gradient, and how both can be checked."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rederive.autograd.examples import Example, parse_shapes
from rederive.autograd.graph import Array, Context, GraphError, Node, Shape, Tensor, format_shape, namespace, recording


class Op(ABC):
    """A differentiable operation: `forward` and `backward`, side by side. Defining a subclass registers it.

    Both are written against the array API standard, with `context.xp` for its functions, so that one source runs on
    NumPy, on PyTorch and on arrays of symbolic shape. Operands may broadcast: `backward` returns their gradients in
    the shape of the result, and the sweep sums each to the shape of its operand.

    The class attributes tell the tests how to check the op, without another line of code (docs/engine.md).

    Attributes:
        signature: The shapes of the inputs, such as "n d, k d, k", checked at every application; "" for any shapes.
        examples: Shapes and constants to test it with; by default the signature alone.
        domain: Of all inputs, or of each: "real", "positive" or "nonzero".
        unproved: Why the op cannot be proved on arrays of symbolic shape; "" where it can.
    """

    signature: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    domain: ClassVar[str | tuple[str, ...]] = "real"
    unproved: ClassVar[str] = ""

    _defined: ClassVar[list[type["Op"]]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in cls.__dict__:
            if cls.backward is Op.backward:
                raise TypeError(f"{cls.__name__} has a forward and no backward.")
            Op._defined.append(cls)
        if "signature" in cls.__dict__ and "examples" not in cls.__dict__:
            cls.examples = (Example(cls.signature),)

    @staticmethod
    @abstractmethod
    def forward(context: Context, *arrays: Array, **constants: Any) -> Array:
        """Compute the value from arrays and numbers, saving in `context` what `backward` needs."""

    @staticmethod
    @abstractmethod
    def backward(context: Context, cotangent: Array) -> Array | tuple[Array | None, ...]:
        """Return the gradient of <cotangent, value> with respect to each input, None for one that has none."""

    @classmethod
    def apply(cls, *operands: Any, **constants: Any) -> Tensor:
        """Compute the op on tensors, arrays and numbers, and record it if a gradient may be wanted.

        Raises:
            GraphError: If the op cannot be computed from these operands.
        """
        inputs = tuple(map(_operand, operands))
        arrays = tuple(item.value if isinstance(item, Tensor) else item for item in inputs)
        shapes = tuple(item.shape if isinstance(item, Tensor) else () for item in inputs)
        needs = tuple(isinstance(item, Tensor) and item.requires_grad and recording.get() for item in inputs)
        try:
            _check_signature(cls.signature, shapes)
            context = Context(namespace(*arrays), needs, shapes)
            result = Tensor(cls.forward(context, *arrays, **constants))
        except Exception as error:
            raise GraphError(f"{cls.__name__} of {', '.join(map(format_shape, shapes))}: {error}") from error
        if any(needs):
            result.requires_grad = True
            result.source = Node(cls, inputs, constants, context)
        return result


def all_ops() -> list[type[Op]]:
    """Return every op that has been defined, built-in or not, in the order of definition."""
    return list(Op._defined)


def _operand(item: Any) -> Any:
    # A number takes the dtype of what it meets; an array is a constant.
    if isinstance(item, Tensor):
        return item
    if isinstance(item, int | float):
        return item if type(item) is int else float(item)
    return Tensor(item)


def _check_signature(signature: str, shapes: tuple[Shape, ...]) -> None:
    if not signature:
        return
    expected = parse_shapes(signature)
    sizes: dict[str, Any] = {"1": 1}
    fits = [len(shape) for shape in shapes] == [len(letters) for letters in expected] and all(
        sizes.setdefault(letter, size) == size
        for shape, letters in zip(shapes, expected, strict=True)
        for letter, size in zip(letters, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"expected shapes {', '.join(map(format_shape, expected))}")
