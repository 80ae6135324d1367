"""The backward sweep on random graphs, against forward-mode differentiation in exact rational numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rederive.autograd import Tensor, ops
from rederive.proofs.checks.exact import Number

SHAPES = [(2, 3), (3,), (2, 1), (1, 1)]
RESULT = (2, 3)

# What joins values of any of the shapes, and what is computed of one (2, 3).
BINARY = [ops.Add, ops.Sub, ops.Mul]
UNARY: list[Any] = [
    ops.Neg.apply,
    lambda x: ops.Sum.apply(x, axis=1, keepdims=True),
    lambda x: ops.Mean.apply(x, axis=0),
    lambda x: ops.Transpose.apply(ops.Transpose.apply(x)),
    lambda x: ops.MatMul.apply(ops.MatMul.apply(x, ops.Transpose.apply(x)), x),
    lambda x: ops.Div.apply(x, ops.Add.apply(ops.Mul.apply(x, x), 1)),
    lambda x: ops.Sub.apply(2, x),
]

Leaf = tuple[tuple[int, ...], bool]  # shape, and whether its gradient is wanted
Node = tuple[int, int, int]  # which operation, and the places of its operands among the values before


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Leaf], list[Node], int]:
    """Draw leaves, nodes that may use any value before them any number of times, and a seed for the numbers."""
    leaves = draw(st.lists(st.tuples(st.sampled_from(SHAPES), st.booleans()), min_size=1, max_size=4))
    leaves[0] = (RESULT, True)
    nodes = []
    for count in range(len(leaves), len(leaves) + draw(st.integers(1, 7))):
        place = st.integers(0, count - 1)
        nodes.append((draw(st.integers(0, len(BINARY) + len(UNARY) - 1)), draw(place), draw(place)))
    return leaves, nodes, draw(st.integers(0, 2**16))


def run(nodes: list[Node], leaves: list[Tensor]) -> Tensor:
    """Compute the graph; its result is the last value and the first one."""
    values = list(leaves)
    for kind, first, second in nodes:
        if kind < len(BINARY):
            values.append(BINARY[kind].apply(values[first], values[second]))
        else:
            whole = ops.Add.apply(values[first], Tensor(exact(np.zeros(RESULT, int))))
            values.append(UNARY[kind - len(BINARY)](whole))
    return ops.Add.apply(values[-1], values[0])


def exact(numbers: np.ndarray) -> np.ndarray:
    result = np.empty(numbers.shape, dtype=object)
    for place in np.ndindex(numbers.shape):
        result[place] = Number(Fraction(int(numbers[place]), 3))
    return result


@settings(max_examples=80, deadline=None, derandomize=True)
@given(graphs())
def test_the_sweep_gives_the_exact_gradients_on_any_graph(graph: tuple[list[Leaf], list[Node], int]) -> None:
    leaves, nodes, seed = graph
    generator = np.random.default_rng(seed)
    arrays = [exact(np.asarray(generator.integers(-4, 5, shape))) for shape, _ in leaves]
    tensors = [Tensor(array, requires_grad=wanted) for array, (_, wanted) in zip(arrays, leaves, strict=True)]
    result = run(nodes, tensors)
    cotangent = exact(np.asarray(generator.integers(-4, 5, result.shape)))
    result.backward(cotangent)

    for k, (tensor, (shape, wanted)) in enumerate(zip(tensors, leaves, strict=True)):
        if not wanted:
            assert tensor.grad is None
            continue
        found: Any = exact(np.zeros(shape, int)) if tensor.grad is None else np.asarray(tensor.grad, dtype=object)
        assert found.shape == shape
        for place in np.ndindex(shape):
            moved: Any = arrays[k].copy()
            moved[place] = Number(moved[place].value, Fraction(1))
            changed = run(nodes, [Tensor(moved if j == k else array) for j, array in enumerate(arrays)]).value
            slope = sum((g * y for g, y in zip(cotangent.flat, changed.flat, strict=True)), Number(Fraction(0))).slope
            assert found[place].value == slope


def test_paths_are_counted_however_many_there_are() -> None:
    x = Tensor(exact(np.asarray([3])), requires_grad=True)
    y = x
    for _ in range(200):
        y = y + y
    y.backward(exact(np.asarray([3])))
    assert x.grad[0].value == 2**200
