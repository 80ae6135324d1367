"""Convolution, pooling and batch normalisation against PyTorch, finite differences and sums written out."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from rederive.autograd import GraphError, Tensor
from rederive.autograd.convolution import conv2d, patches, reading
from rederive.autograd.normalization import BatchNorm
from rederive.autograd.pooling import greatest, max_pool2d


def to_channels_last(x: Any) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(np.asarray(x), 1, -1))


def to_channels_first(x: Any) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(np.asarray(x), -1, 1))


def leaves(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.tensor(array).requires_grad_() for array in arrays]


# Images n, c, h, w; filters f, kernel; stride, padding. Odd sizes, sizes of one, windows that leave a border unread.
CONVOLUTIONS = [
    ((2, 3, 7, 5), 4, (3, 3), 1, 0),
    ((2, 3, 7, 5), 4, (3, 3), 1, 1),
    ((1, 1, 1, 1), 1, (1, 1), 1, 0),
    ((1, 1, 1, 1), 1, (3, 3), 1, 1),
    ((3, 2, 8, 9), 5, (5, 5), 2, 0),
    ((3, 2, 8, 9), 5, (5, 5), 3, 2),
    ((1, 4, 6, 6), 2, (2, 3), 2, 1),
    ((2, 1, 5, 11), 3, (4, 1), 4, 3),
]


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize(("shape", "filters", "kernel", "stride", "padding"), CONVOLUTIONS)
def test_convolution_is_that_of_torch(
    convert: Any, shape: tuple[int, ...], filters: int, kernel: tuple[int, int], stride: int, padding: int
) -> None:
    generator = np.random.default_rng(0)
    images = generator.standard_normal(shape)
    weight = generator.standard_normal((filters, shape[1], *kernel))
    bias = generator.standard_normal(filters)
    x, w, b = (Tensor(convert(a), requires_grad=True) for a in (to_channels_last(images), weight, bias))
    y = conv2d(x, w, b, stride=stride, padding=padding)
    theirs = leaves(images, weight, bias)
    reference = functional.conv2d(theirs[0], theirs[1], theirs[2], stride=stride, padding=padding)
    cotangent = generator.standard_normal(tuple(reference.shape))
    reference.backward(torch.tensor(cotangent))
    y.backward(convert(to_channels_last(cotangent)))
    np.testing.assert_allclose(to_channels_first(y.value), reference.detach(), atol=1e-13)
    for ours, gradient in zip((to_channels_first(x.grad), w.grad, b.grad), theirs, strict=True):
        np.testing.assert_allclose(np.asarray(ours), gradient.grad, atol=1e-12)


def test_a_convolution_is_the_sum_that_defines_it() -> None:
    generator = np.random.default_rng(1)
    x, w = generator.standard_normal((2, 5, 4, 3)), generator.standard_normal((2, 3, 3, 2))
    stride, padding = 2, 1
    y = conv2d(Tensor(x), Tensor(w), Tensor(np.zeros(2)), stride=stride, padding=padding).value
    assert y.shape == (2, 3, 3, 2)
    for n, u, v, f in np.ndindex(y.shape):
        total = 0.0
        for c, a, b in np.ndindex(3, 3, 2):
            row, column = stride * u + a - padding, stride * v + b - padding
            if 0 <= row < 5 and 0 <= column < 4:
                total += w[f, c, a, b] * x[n, row, column, c]
        assert y[n, u, v, f] == pytest.approx(total, abs=1e-13)


def test_gradients_of_convolution_and_pooling_are_those_of_finite_differences() -> None:
    generator = np.random.default_rng(2)
    arrays = [generator.standard_normal(shape) for shape in ((2, 6, 5, 2), (3, 2, 2, 2), (3,))]
    cotangent = generator.standard_normal((2, 3, 3, 3))

    def value(*values: np.ndarray) -> Tensor:
        tensors = [Tensor(one, requires_grad=True) for one in values]
        result = max_pool2d(conv2d(*tensors, padding=1), 2)
        result.backward(cotangent)
        value.gradients = [tensor.grad for tensor in tensors]  # type: ignore[attr-defined]
        return result

    value(*arrays)
    gradients = value.gradients  # type: ignore[attr-defined]
    step = 1e-6
    for place, array in enumerate(arrays):
        direction = generator.standard_normal(array.shape)
        ends = [
            value(*[one + sign * step * direction if k == place else one for k, one in enumerate(arrays)]).value
            for sign in (1, -1)
        ]
        slope = np.sum(cotangent * (ends[0] - ends[1])) / (2 * step)
        assert np.sum(gradients[place] * direction) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    ("shape", "window", "stride"),
    [((2, 3, 6, 4), 2, 2), ((1, 1, 1, 1), 1, 1), ((2, 2, 7, 5), 2, 2), ((1, 2, 7, 8), 3, 2), ((3, 1, 5, 5), 2, 1)],
)
@pytest.mark.parametrize("values", ["normal", "ties", "equal"])
def test_pooling_is_that_of_torch_ties_included(
    convert: Any, shape: tuple[int, ...], window: int, stride: int, values: str
) -> None:
    generator = np.random.default_rng(3)
    draws: dict[str, Callable[..., Any]] = {
        "normal": generator.standard_normal,
        "ties": lambda s: generator.integers(0, 2, s) * 1.0,
        "equal": np.ones,
    }
    images = draws[values](shape)
    x = Tensor(convert(to_channels_last(images)), requires_grad=True)
    y = max_pool2d(x, window, stride=stride)
    (theirs,) = leaves(images)
    reference = functional.max_pool2d(theirs, window, stride)
    cotangent = generator.standard_normal(tuple(reference.shape))
    reference.backward(torch.tensor(cotangent))
    y.backward(convert(to_channels_last(cotangent)))
    np.testing.assert_array_equal(to_channels_first(y.value), reference.detach())
    np.testing.assert_allclose(to_channels_first(x.grad), theirs.grad, atol=1e-14)


def test_of_equal_entries_the_first_takes_the_gradient() -> None:
    x = Tensor(np.asarray([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), requires_grad=True)
    y = greatest(x)
    y.backward(np.asarray([5.0, 7.0]))
    np.testing.assert_array_equal(y.value, [3.0, 2.0])
    np.testing.assert_array_equal(x.grad, [[0.0, 5.0, 0.0], [7.0, 0.0, 0.0]])


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("shape", [(4, 3, 2, 5), (2, 1, 1, 1), (1, 2, 3, 1), (5, 2)])
def test_batch_norm_is_that_of_torch_in_training_and_evaluation(convert: Any, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(4)
    kind = torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d
    theirs, ours = kind(shape[1]).double(), BatchNorm(shape[1], dtype=np.float64)
    parameters = generator.standard_normal((2, shape[1]))
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(parameters[0]))
        theirs.bias.copy_(torch.tensor(parameters[1]))
    ours.weight.value, ours.bias.value = parameters
    ours.convert(convert)
    for training, _ in product((True, False), range(3)):
        theirs.train(training)
        ours.train(training)
        images = 3 * generator.standard_normal(shape) + 1
        x = Tensor(convert(to_channels_last(images)), requires_grad=True)
        (reference,) = leaves(images)
        expected = theirs(reference)
        cotangent = generator.standard_normal(shape)
        theirs.zero_grad()
        expected.backward(torch.tensor(cotangent))
        ours.weight.grad = ours.bias.grad = None
        y = ours(x)
        y.backward(convert(to_channels_last(cotangent)))
        np.testing.assert_allclose(to_channels_first(y.value), expected.detach(), atol=1e-12)
        np.testing.assert_allclose(to_channels_first(x.grad), reference.grad, atol=1e-11)
        np.testing.assert_allclose(np.asarray(ours.weight.grad), theirs.weight.grad, atol=1e-11)
        np.testing.assert_allclose(np.asarray(ours.bias.grad), theirs.bias.grad, atol=1e-11)
        np.testing.assert_allclose(np.asarray(ours.running[0]), theirs.running_mean, atol=1e-13)
        np.testing.assert_allclose(np.asarray(ours.running[1]), theirs.running_var, atol=1e-13)


def test_windows_read_what_the_padding_says() -> None:
    np.testing.assert_array_equal(reading(2, 3, 1, 1), [[[0, 0], [1, 0], [0, 1]], [[1, 0], [0, 1], [0, 0]]])
    assert reading(7, 3, 2, 0).shape == (3, 3, 7)


def ones(*shape: int) -> Tensor:
    return Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (
            lambda x: conv2d(x, Tensor(np.ones((1, 2, 5, 5))), Tensor(np.ones(1))),
            ["window of 5", "3 pixels", "padding 0"],
        ),
        (lambda x: patches(x, 2, stride=0), ["stride 0"]),
        (lambda x: conv2d(x, ones(1, 3, 2, 2), ones(1)), ["Filters", "(1, 3, 2, 2)"]),
        (lambda x: BatchNorm(2, dtype=np.float64)(Tensor(np.ones((1, 1, 1, 2)))), ["(1, 1, 1, 2)", "one value"]),
    ],
)
def test_what_does_not_fit_is_said(attempt: Any, words: list[str]) -> None:
    with pytest.raises(GraphError) as caught:
        attempt(Tensor(np.ones((1, 3, 4, 2))))
    assert all(word in str(caught.value) for word in words), str(caught.value)
