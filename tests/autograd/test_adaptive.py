"""RMSprop, Adam, AdamW and SGD against torch.optim, on random sequences of gradients."""

from typing import Any

import numpy as np
import pytest
import torch

from rederive.autograd import SGD, GraphError, Tensor, ops
from rederive.autograd.adaptive import Adam, AdamW, RMSprop

PAIRS: dict[str, tuple[Any, Any]] = {
    "sgd": (SGD, torch.optim.SGD),
    "rmsprop": (RMSprop, torch.optim.RMSprop),
    "adam": (Adam, torch.optim.Adam),
    "adamw": (AdamW, torch.optim.AdamW),
}


@pytest.mark.parametrize("convert", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", PAIRS)
def test_a_hundred_steps_are_those_of_torch(name: str, decay: float, convert: Any) -> None:
    generator = np.random.default_rng(0)
    values = [generator.standard_normal(shape) for shape in ((3, 2), (4,), ())]
    ours, theirs = PAIRS[name]
    options = {"momentum": 0.9} if name == "sgd" else {}
    tensors = [Tensor(convert(value), requires_grad=True) for value in values]
    parameters = [torch.tensor(value, requires_grad=True) for value in values]
    optimizer = ours(tensors, 0.01, weight_decay=decay, **options)
    reference = theirs(parameters, lr=0.01, weight_decay=decay, **options)
    for step in range(100):
        for k, (tensor, parameter) in enumerate(zip(tensors, parameters, strict=True)):
            # Of many sizes, zeros among them; the last parameter has none at times.
            gradient = np.asarray(generator.standard_normal(parameter.shape) * 10.0 ** generator.integers(-9, 4))
            gradient = gradient * np.asarray(generator.random(parameter.shape) < 0.8)
            wanted = k < 2 or step % 3
            tensor.grad = convert(gradient) if wanted else None
            parameter.grad = torch.tensor(gradient) if wanted else None
        optimizer.step()
        reference.step()
    for tensor, parameter in zip(tensors, parameters, strict=True):
        assert tensor.grad is None
        np.testing.assert_allclose(np.asarray(tensor.value), parameter.detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_the_first_step_of_adam_is_as_large_as_the_learning_rate_whatever_the_gradient(size: float) -> None:
    w = Tensor(np.zeros(2), requires_grad=True)
    w.grad = np.asarray([size, -size])
    Adam([w], 0.01).step()
    np.testing.assert_allclose(w.value, [-0.01, 0.01], rtol=1e-4)


@pytest.mark.parametrize("optimizer", [RMSprop, Adam, AdamW])
def test_a_parameter_that_a_graph_needs_is_not_changed(optimizer: Any) -> None:
    w = Tensor(np.ones(2), requires_grad=True)
    result = ops.Mul.apply(w, w)
    w.grad = np.ones(2)
    with pytest.raises(GraphError, match="still needs"):
        optimizer([w], 0.1).step()
    result.sum().backward()
    w.grad = np.ones(2)
    optimizer([w], 0.1).step()
    assert (w.value < 1).all()
