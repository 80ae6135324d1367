"""The backward sweep: what it computes, what it frees, what it refuses."""

import gc
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rederive.autograd import MLP, SGD, Context, GraphError, Op, Tensor, no_grad, ops


@pytest.fixture
def no_cycle_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ops that a test defines are not left to other tests."""
    monkeypatch.setattr(Op, "_defined", list(Op._defined))


def leaf(*values: Any) -> Tensor:
    return Tensor(list(values), requires_grad=True)


# What it computes


def test_a_diamond_sums_over_its_paths() -> None:
    x = leaf(3.0)
    a = x * x
    (a * x + a).sum().backward()  # x^3 + x^2
    np.testing.assert_array_equal(x.grad, [3 * 9 + 2 * 3])


def test_one_tensor_as_both_operands() -> None:
    x = leaf(3.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [6.0])
    y = Tensor(np.asarray([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)
    (y @ y).sum().backward()
    np.testing.assert_array_equal(y.grad, [[7.0, 11.0], [9.0, 13.0]])


def test_an_unused_branch_changes_nothing() -> None:
    x, z = leaf(2.0), leaf(5.0)
    y = x * 3.0
    unused = y * z
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0])
    assert z.grad is None
    assert unused.grad is None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_any_graph_has_the_gradients_of_torch(program: list[tuple[str, int, int]]) -> None:
    """Straight-line programs: each line combines any two earlier values, so sharing of every kind occurs."""
    operators: dict[str, Any] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / (b * b + 1.0),
    }
    generator = np.random.default_rng(len(program))
    starts = [generator.uniform(-1, 1, (2, 3)), generator.uniform(-1, 1, (1, 3)), generator.uniform(-1, 1, (3,))]
    results = []
    for make in (lambda v: Tensor(v, requires_grad=True), lambda v: torch.tensor(v, requires_grad=True)):
        leaves = [make(start) for start in starts]
        values: list[Any] = list(leaves)
        for operator, i, j in program:
            values.append(operators[operator](values[i % len(values)], values[j % len(values)]))
        values[-1].sum().backward()
        results.append([None if one.grad is None else np.asarray(one.grad) for one in leaves])
    for ours, theirs in zip(*results, strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_depth_is_not_limited_by_recursion() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y + x
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [10_001.0])


def test_gradients_add_up_over_sweeps() -> None:
    x = leaf(2.0)
    (x * 3.0).sum().backward()
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [7.0])


def test_a_leaf_can_be_the_root() -> None:
    x = leaf(2.0)
    x.backward()
    np.testing.assert_array_equal(x.grad, [1.0])


def test_a_cotangent_starts_the_sweep_of_a_matrix() -> None:
    x = Tensor(np.asarray([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)
    (x * x).backward([[1.0, 0.0], [0.0, 10.0]])
    np.testing.assert_array_equal(x.grad, [[2.0, 0.0], [0.0, 80.0]])


def test_keep_graph_allows_another_sweep_and_keeps_inner_gradients() -> None:
    x = leaf(2.0)
    inner = x * x
    y = (inner * 3.0).sum()
    y.backward(keep_graph=True)
    np.testing.assert_array_equal(inner.grad, [3.0])
    y.backward()
    np.testing.assert_array_equal(x.grad, [24.0])


def test_no_grad_records_nothing() -> None:
    x = leaf(2.0)
    with no_grad():
        y = x * x
    assert y.source is None
    assert not y.requires_grad
    assert (x * x).requires_grad


def test_constants_get_no_gradient_and_record_nothing() -> None:
    assert (Tensor([1.0]) + Tensor([2.0])).source is None
    x, c = leaf(2.0), Tensor([5.0])
    (x * c).sum().backward()
    assert c.grad is None


# What it frees


@pytest.mark.usefixtures("no_cycle_collector")
def test_a_dropped_graph_is_freed_at_once() -> None:
    x = leaf(1.0, 2.0)
    inner = ops.Exp.apply(x)
    result = (inner * inner).sum()
    watched = [weakref.ref(thing) for thing in (inner, inner.value, result)]
    del inner, result
    assert [ref() for ref in watched] == [None] * 3


@pytest.mark.usefixtures("no_cycle_collector")
def test_a_swept_graph_is_freed_though_its_result_lives() -> None:
    x = leaf(1.0, 2.0)
    inner = ops.Exp.apply(x)
    result = (inner * inner).sum()
    watched = [weakref.ref(thing) for thing in (inner, inner.value)]
    del inner
    result.backward()
    assert [ref() for ref in watched] == [None] * 2


@pytest.mark.usefixtures("no_cycle_collector", "own_registry")
def test_the_sweep_frees_on_its_way() -> None:
    alive_when_reached = []

    class Watch(Op):
        @staticmethod
        def forward(context: Context, x: Any) -> Any:
            return x * 1.0

        @staticmethod
        def backward(context: Context, cotangent: Any) -> Any:
            alive_when_reached.append(later() is not None)
            return cotangent

    last = ops.Exp.apply(Watch.apply(leaf(1.0, 2.0)))
    later = weakref.ref(last.value)
    last = last.sum()
    last.backward()
    assert alive_when_reached == [False]


@pytest.mark.usefixtures("no_cycle_collector")
@pytest.mark.parametrize("sweep", [True, False])
def test_a_deep_graph_is_freed_without_recursion(sweep: bool) -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    if sweep:
        y.sum().backward()
    inner = weakref.ref(y)
    del y
    assert inner() is None


@pytest.mark.usefixtures("no_cycle_collector")
def test_memory_does_not_grow_over_a_thousand_steps() -> None:
    generator = np.random.default_rng(0)
    network = MLP((20, 30, 30, 5), generator, dropout=0.1, skip_connections=True)
    optimizer = SGD(network.parameters(), 1e-3, momentum=0.9)
    batch, labels = generator.standard_normal((16, 20), np.float32), generator.integers(0, 5, 16)

    def train(steps: int) -> None:
        for _ in range(steps):
            ops.SoftmaxCrossEntropy.apply(network(Tensor(batch)), labels=labels).backward()
            optimizer.step()

    train(10)
    gc.collect()  # what the first step imported
    tracemalloc.start()
    try:
        memory = []
        for _ in range(2):
            train(1000)  # the first thousand fills the caches of small blocks that NumPy keeps
            assert gc.collect() == 0  # nothing for it to find; but it empties Python's own store of spare tuples
            memory.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert memory[1] - memory[0] < 20 * 1000  # bytes: no object is as small as 20


# What it refuses


def test_backward_from_a_matrix_needs_a_cotangent() -> None:
    y = leaf(1.0, 2.0) * 2.0
    with pytest.raises(GraphError, match=r"shape \(2\).*pass a cotangent"):
        y.backward()
    with pytest.raises(GraphError, match=r"cotangent of shape \(3\)"):
        y.backward(np.ones(3))


def test_a_second_sweep_through_a_freed_graph_is_refused_and_leaves_no_trace() -> None:
    x = leaf(2.0)
    inner = x * x
    y, z = inner.sum(), (inner * x).sum()
    y.backward()
    np.testing.assert_array_equal(x.grad, [4.0])
    for result in (y, z):
        with pytest.raises(GraphError, match="freed at .*keep_graph=True"):
            result.backward()
    np.testing.assert_array_equal(x.grad, [4.0])


def test_backward_without_anything_to_differentiate_is_refused() -> None:
    with pytest.raises(GraphError, match="requires_grad=True"):
        Tensor(1.0).backward()


def test_integers_have_no_gradient() -> None:
    for value in (np.arange(3), torch.arange(3), np.ones(2, bool)):
        with pytest.raises(GraphError, match="floating dtype"):
            Tensor(value, requires_grad=True)


def test_numpy_refuses_a_change_of_what_the_graph_needs_as_long_as_it_is_needed() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y, z = x * w, x * x
    for value in (x.value, w.value):
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 7.0
    y.sum().backward()
    w.value[0] = 7.0  # no longer needed
    with pytest.raises(ValueError, match="read-only"):
        x.value += 1.0  # still needed by z
    del z
    x.value += 1.0


def test_a_step_is_refused_where_the_graph_needs_a_view_of_the_parameter() -> None:
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = (x @ w.T).sum()  # MatMul saves the transpose, an array of its own in the same memory
    optimizer = SGD([w], 1.0)
    w.grad = np.ones((1, 2))
    with pytest.raises(GraphError, match="which a graph still needs"):
        optimizer.step()
    y.backward()
    np.testing.assert_array_equal(x.grad, [[3.0, 4.0]])
    optimizer.step()


def test_a_value_that_no_gradient_needs_may_change() -> None:
    x = leaf(1.0, 2.0)
    y = ((x + 1.0) * 2.0).sum()
    x.value[0] = 7.0
    y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])


def test_an_array_that_was_read_only_stays_so() -> None:
    value = np.ones(3)
    value.flags.writeable = False
    (Tensor(value, requires_grad=True) * Tensor(value)).sum().backward()
    assert not value.flags.writeable


def test_a_changed_torch_tensor_is_refused_with_the_reason() -> None:
    value = torch.ones(3)
    x = Tensor(value, requires_grad=True)
    y = (x * x).sum()
    value[0] = 5.0
    with pytest.raises(GraphError, match=r"shape \(3\) which Mul needs .* changed in place"):
        y.backward()
    assert x.grad is None


def test_the_engine_runs_under_torch_inference_mode() -> None:
    with torch.inference_mode():
        x = Tensor(torch.full((2,), 3.0), requires_grad=True)
        (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_the_autograd_of_torch_stays_off() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    x = Tensor(parameter, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    assert y.value.grad_fn is None
    assert parameter.grad is None
    assert x.grad.tolist() == [2.0, 2.0]


def test_gradients_that_share_memory_cannot_be_changed_in_place() -> None:
    x, z = leaf(1.0), leaf(2.0)
    cotangent = np.ones(1)
    (x + z).backward(cotangent)
    with pytest.raises(ValueError, match="read-only"):
        x.grad *= 2.0
    cotangent += 1.0  # the caller's own array is no part of it
    np.testing.assert_array_equal(x.grad, [1.0])


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda cotangent: (cotangent, cotangent), r"Wrong.backward returned 2 gradients for 1 inputs"),
        (lambda cotangent: cotangent[:1], r"Wrong.backward returned shape \(1\) for Tensor\(shape \(3\)\)"),
    ],
)
def test_a_wrong_backward_is_named(returned: Any, words: str) -> None:
    class Wrong(Op):
        @staticmethod
        def forward(context: Context, x: Any) -> Any:
            return x * 2.0

        @staticmethod
        def backward(context: Context, cotangent: Any) -> Any:
            return returned(cotangent)

    with pytest.raises(GraphError, match=words):
        Wrong.apply(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_an_op_without_a_gradient_cannot_be_defined() -> None:
    with pytest.raises(TypeError, match="Half has a forward and no backward"):

        class Half(Op):
            @staticmethod
            def forward(context: Context, x: Any) -> Any:
                return x / 2.0


def test_importing_the_engine_loads_neither_matplotlib_nor_torch() -> None:
    code = "import sys, rederive.autograd; print([m for m in ('matplotlib', 'torch', 'sympy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_a_graph_alive_at_exit_is_dropped_in_silence() -> None:
    code = "import numpy as np; from rederive.autograd import *; x = Tensor([1.0], requires_grad=True); y = x * x"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == ""
