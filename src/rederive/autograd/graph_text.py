"""A traced graph as data and as text: what was computed from what."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rederive.autograd import ops
from rederive.autograd.graph import Array, Tensor, ancestors, format_shape
from rederive.autograd.modules import MLP
from rederive.errors import UserError

MAX_ENTRIES = 6  # of an array that is shown entry by entry


@dataclass(frozen=True)
class Step:
    """A tensor of the graph and how it was made.

    Attributes:
        label: Its name, or t1, t2, ... where it has none.
        tensor: The tensor.
        op: The name of the op that computed it, "" for a leaf.
        operands: The operands of the op: labels of earlier steps, or numbers as text.
        constants: The constants of the op as text.
    """

    label: str
    tensor: Tensor
    op: str
    operands: tuple[str, ...]
    constants: str


@dataclass(frozen=True)
class Graph:
    """The steps that lead to a result, each after its operands. As text, one line for each."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(map(_line, self.steps))


def graph_of(result: Tensor) -> Graph:
    """Return the graph from which `result` was computed; what a backward sweep has freed is gone."""
    labels: dict[int, str] = {}
    steps: list[Step] = []
    unnamed = 0
    for tensor in ancestors(result, lambda tensor: True):
        node = tensor.source
        label = tensor.name
        if not label or label in labels.values():
            unnamed += 1
            label = f"{label} t{unnamed}".strip()
        labels[id(tensor)] = label
        operands = () if node is None else tuple(labels.get(id(item)) or str(item) for item in node.inputs)
        constants = {} if node is None else node.constants
        steps.append(
            Step(
                label,
                tensor,
                node.op.__name__ if node else "",
                operands,
                ", ".join(f"{name}={describe(value)}" for name, value in constants.items()),
            )
        )
    return Graph(tuple(steps))


def demo_graph(name: str) -> Tensor:
    """Return the result of a small graph, after a backward sweep that kept it.

    Args:
        name: "add", the sum of two matrices, or "mlp", the loss of a small network.

    Raises:
        UserError: If there is no example of that name.
    """
    if name == "add":
        x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="X")
        z = Tensor([[5.0, 6.0], [7.0, 8.0]], requires_grad=True, name="Z")
        y = x + z
        y.name = "Y = X + Z"
        y.backward(np.asarray([[1.0, -1.0], [0.5, 2.0]]), keep_graph=True)
        return y  # type: ignore[no-any-return]
    if name == "mlp":
        generator = np.random.default_rng(0)
        network = MLP((4, 8, 3), generator, activation="sigmoid", dtype=np.float64)
        batch = Tensor(generator.standard_normal((5, 4)), name="batch")
        loss = ops.SoftmaxCrossEntropy.apply(network(batch), labels=np.asarray([0, 2, 1, 1, 0]))
        loss.name = "loss"
        loss.backward(keep_graph=True)
        return loss
    raise UserError(f'No example graph "{name}": expected "add" or "mlp".')


def describe(value: Any) -> str:
    """Return a small array entry by entry, of a larger one its shape, anything else as it is."""
    if not hasattr(value, "shape"):
        return str(value)
    return _entries(value) if _is_small(value) else f"array {format_shape(value.shape)}"


def describe_gradient(gradient: Array) -> str:
    """Return a small gradient entry by entry, of a larger one its Euclidean norm."""
    return _entries(gradient) if _is_small(gradient) else f"norm {float((gradient**2).sum()) ** 0.5:.3g}"


def _is_small(array: Array) -> bool:
    return all(isinstance(size, int) for size in array.shape) and 0 < np.prod(array.shape) <= MAX_ENTRIES


def _entries(array: Array) -> str:
    def text(part: Any) -> str:
        return f"[{', '.join(map(text, part))}]" if isinstance(part, list) else f"{part:.3g}"

    return text(array.tolist())


def _line(step: Step) -> str:
    arguments = ", ".join(filter(None, [*step.operands, step.constants]))
    made = f" = {step.op}({arguments})" if step.op else " requires a gradient" if step.tensor.requires_grad else ""
    gradient = "" if step.tensor.grad is None else f", gradient {describe_gradient(step.tensor.grad)}"
    return f"{step.label}: {format_shape(step.tensor.shape)}{made}{gradient}"
