"""Every op that is defined, on random shapes and layouts, against PyTorch."""

import warnings
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rederive.autograd import GraphError, Op, Tensor, all_ops, ops
from rederive.autograd.examples import Example

from .oracles import ORACLES, expected, to_torch
from .samples import applications

CASES = [pytest.param(op, example, id=f"{op.__name__} {example}") for op in all_ops() for example in op.examples]


def assert_close(found: Any, reference: np.ndarray, tolerance: float, what: str) -> None:
    found = np.asarray(found)
    assert found.shape == reference.shape, what
    if reference.size:
        error = np.max(np.abs(found - reference))
        assert error <= tolerance * np.max(np.abs(reference)) + 1e-14, f"{what}: {found} instead of {reference}"


def check_against_torch(op: type[Op], example: Example, max_examples: int = 30) -> None:
    @settings(max_examples=max_examples, deadline=None, derandomize=True)
    @given(applications(op, example))
    def check(application: tuple[list[np.ndarray], dict[str, Any], int]) -> None:
        operands, constants, seed = application
        tensors = [Tensor(operand, requires_grad=True) for operand in operands]
        result = op.apply(*tensors, **constants)
        cotangent = np.asarray(np.random.default_rng(seed).standard_normal(result.shape))
        result.backward(cotangent)
        value, gradients = expected(op, operands, constants, cotangent)
        assert_close(result.value, value, 1e-12, "value")
        for k, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
            assert_close(tensor.grad, gradient, 1e-12, f"gradient {k}")

    check()


@pytest.mark.parametrize(("op", "example"), CASES)
def test_value_and_gradients_are_those_of_torch(op: type[Op], example: Example) -> None:
    check_against_torch(op, example)


def test_every_built_in_op_is_compared_with_a_function_of_torch_itself() -> None:
    assert {op for op in all_ops() if op.__module__.startswith("rederive.autograd.")} == set(ORACLES)


@pytest.mark.parametrize(("op", "example"), CASES)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(data=st.data())
def test_numpy_and_torch_arrays_give_the_same(op: type[Op], example: Example, data: st.DataObject) -> None:
    operands, constants, seed = data.draw(applications(op, example))
    results = []
    for convert in (lambda value: value, to_torch):
        tensors = [Tensor(convert(operand), requires_grad=True) for operand in operands]
        result = op.apply(*tensors, **{name: convert(value) for name, value in constants.items()})
        result.backward(convert(np.asarray(np.random.default_rng(seed).standard_normal(result.shape))))
        results.append([result.value, *[tensor.grad for tensor in tensors]])
    assert all(isinstance(array, torch.Tensor) and not array.requires_grad for array in results[1])
    for k, (ours, theirs) in enumerate(zip(*results, strict=True)):
        assert_close(theirs.numpy(), np.asarray(ours), 1e-13, f"array {k}")


@pytest.mark.parametrize(("op", "example"), CASES)
@pytest.mark.parametrize("convert", [np.asarray, to_torch], ids=["numpy", "torch"])
def test_float32_stays_float32(op: type[Op], example: Example, convert: Any) -> None:
    generator = np.random.default_rng(0)
    sizes = dict(zip(example.letters, cycle((2, 3, 4)), strict=False))
    shapes, constants = example.bind(sizes, lambda shape, below: generator.integers(0, below, shape))
    values = [generator.uniform(0.5, 2.0, shape).astype(np.float32) for shape in shapes]
    tensors = [Tensor(convert(np.asarray(value)), requires_grad=True) for value in values]
    result = op.apply(*tensors, **{name: to_torch(v) if convert is to_torch else v for name, v in constants.items()})
    result.backward(convert(np.ones(result.shape, np.float32)))
    assert {str(array.dtype).removeprefix("torch.") for array in [result.value, *[t.grad for t in tensors]]} == {
        "float32"
    }


def test_the_gradient_has_the_dtype_of_its_tensor_whatever_it_meets() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    w = Tensor(np.ones(3), requires_grad=True)
    (x * w * np.float64(2) * 3.0).sum().backward()
    assert x.grad.dtype == np.float32
    assert w.grad.dtype == np.float64


@pytest.mark.parametrize("op", [ops.Mul, ops.Div, ops.Pow, ops.MatMul, ops.Linear])
def test_a_gradient_that_is_not_wanted_is_not_computed(op: type[Op]) -> None:
    """The gradient of the input images would be a third of the work of a network's first layer."""
    shapes, _ = op.examples[0].bind({"n": 2, "m": 3, "d": 4, "k": 5}, lambda shape, below: None)
    for wanted in range(len(shapes)):
        tensors = [Tensor(np.ones(shape), requires_grad=k == wanted) for k, shape in enumerate(shapes)]
        result = op.apply(*tensors)
        gradients = op.backward(result.source.context, np.ones(result.shape))
        assert [gradient is not None for gradient in gradients] == [k == wanted for k in range(len(shapes))]
        result.backward(np.ones(result.shape))
        assert [tensor.grad is not None for tensor in tensors] == [k == wanted for k in range(len(shapes))]


def test_sigmoid_of_large_numbers_is_exact_and_does_not_warn() -> None:
    x = Tensor(np.asarray([-1e4, -700.0, -30.0, 0.0, 1e4]), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ops.Sigmoid.apply(x)
        y.sum().backward()
    reference = torch.tensor(x.value).requires_grad_()
    torch.sigmoid(reference).sum().backward()
    np.testing.assert_allclose(y.value, torch.sigmoid(reference).detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, reference.grad.numpy(), rtol=1e-12)


def test_softmax_of_large_numbers_does_not_overflow() -> None:
    x = Tensor(np.asarray([[1000.0, 0.0, -1000.0]]), requires_grad=True)
    loss = ops.SoftmaxCrossEntropy.apply(x, labels=np.asarray([1]))
    loss.backward()
    assert loss.value == 1000.0
    np.testing.assert_array_equal(x.grad, [[1.0, -1.0, 0.0]])


def test_a_logit_that_is_minus_infinity_rules_a_class_out() -> None:
    x = Tensor(np.asarray([[0.0, -np.inf, np.log(3.0)]]), requires_grad=True)
    loss = ops.SoftmaxCrossEntropy.apply(x, labels=np.asarray([0]))
    loss.backward()
    np.testing.assert_allclose(loss.value, np.log(4.0))
    np.testing.assert_allclose(x.grad, [[-0.75, 0.0, 0.75]])


def test_relu_passes_not_a_number_on_and_has_gradient_zero_at_zero() -> None:
    x = Tensor([-np.inf, -1.0, 0.0, 2.0, np.nan], requires_grad=True)
    y = ops.ReLU.apply(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.value, [0.0, 0.0, 0.0, 2.0, np.nan])
    np.testing.assert_array_equal(x.grad[:4], [0.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize("number", [2, 0.5, -3])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, c: x + c,
        lambda x, c: c + x,
        lambda x, c: x - c,
        lambda x, c: c - x,
        lambda x, c: x * c,
        lambda x, c: c * x,
        lambda x, c: x / c,
        lambda x, c: c / x,
        lambda x, c: x**c,
        lambda x, c: abs(c) ** x,
        lambda x, c: -x,
    ],
)
def test_operators_with_numbers_on_either_side(function: Any, number: float) -> None:
    x = Tensor(np.asarray([0.5, 1.5, 3.0]), requires_grad=True)
    reference = torch.tensor(x.value).requires_grad_()
    function(x, number).sum().backward()
    function(reference, number).sum().backward()
    assert_close(x.grad, reference.grad.numpy(), 1e-12, "gradient")


@pytest.mark.parametrize("convert", [np.asarray, to_torch], ids=["numpy", "torch"])
def test_operators_with_arrays_on_either_side(convert: Any) -> None:
    values = np.asarray([[1.0, 2.0], [3.0, 5.0]])
    array, x = convert(values), Tensor(convert(values), requires_grad=True)
    for function in (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: a**b,
        lambda a, b: a @ b,
    ):
        for result in (function(array, x), function(x, array)):
            assert isinstance(result, Tensor)
            np.testing.assert_array_equal(np.asarray(result.value), function(values, values))
    np.testing.assert_array_equal(np.asarray(x.T.value), values.T)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: x @ x, ["MatMul", "(2, 3), (2, 3)", "(n, d), (d, m)"]),
        (lambda x: x + np.ones(4), ["Add", "(2, 3), (4)"]),
        (lambda x: x * torch.ones(3), ["Mul", "numpy", "torch"]),
        (lambda x: ops.Linear.apply(x, x, np.ones(3)), ["Linear", "(2, 3), (2, 3), (3)", "(n, d), (k, d), (k)"]),
        (lambda x: ops.LogSoftmax.apply(np.ones((2, 0))), ["LogSoftmax", "(2, 0)"]),
        (lambda x: ops.SoftmaxCrossEntropy.apply(x, labels=np.asarray([0, 3])), ["0 to 3", "0 to 2"]),
        (lambda x: ops.Select.apply(x, columns=np.asarray([-1, 0])), ["-1 to 0", "0 to 2"]),
        (lambda x: ops.Select.apply(torch.ones(2, 3), columns=torch.tensor([0, 3])), ["0 to 3", "0 to 2"]),
        (lambda x: ops.Select.apply(x, columns=np.asarray([1])), ["Select of (2, 3)", "labels of shape (1)"]),
        (lambda x: ops.Reshape.apply(x, shape=(4, 2)), ["Reshape", "(2, 3)"]),
        (lambda x: x.sum(axis=2), ["Sum", "(2, 3)", "axis 2"]),
        (lambda x: x + None, ["None", "array or numbers"]),
    ],
)
def test_an_op_that_cannot_be_computed_says_which_and_for_what_shapes(attempt: Any, words: list[str]) -> None:
    with pytest.raises(GraphError) as caught:
        attempt(Tensor(np.ones((2, 3)), requires_grad=True))
    assert all(word in str(caught.value) for word in words), str(caught.value)
