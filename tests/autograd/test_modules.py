"""Networks, initial weights and gradient descent."""

from typing import Any

import numpy as np
import pytest
import torch

from rederive.autograd import MLP, SGD, Dropout, GraphError, Linear, Tensor, no_grad, ops
from rederive.autograd.initializers import INITIALIZERS

ACTIVATIONS = {"sigmoid": torch.sigmoid, "relu": torch.relu, "tanh": torch.tanh}


def by_torch(
    network: MLP, batch: np.ndarray, labels: np.ndarray, skip_connections: bool
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the loss and the gradients of a network without dropout, computed by PyTorch from its parameters."""
    weights = {name: torch.tensor(one.value, requires_grad=True) for name, one in network.named_parameters()}
    activation = ACTIVATIONS[network.activation.__name__.lower()]
    x = torch.tensor(batch)
    for i in range(len(network.layers) - 1):
        hidden = activation(x @ weights[f"layers.{i}.weight"].T + weights[f"layers.{i}.bias"])
        x = hidden + x if skip_connections and i > 0 and hidden.shape == x.shape else hidden
    last = len(network.layers) - 1
    logits = x @ weights[f"layers.{last}.weight"].T + weights[f"layers.{last}.bias"]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="sum")
    loss.backward()
    return loss.item(), {name: one.grad.numpy() for name, one in weights.items()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("sizes", "skip_connections"),
    [((6, 3), False), ((6, 5, 3), False), ((6, 6, 6, 3), True), ((6, 7, 7, 4, 3), False), ((6, 7, 7, 7, 3), True)],
)
@pytest.mark.parametrize("rows", [1, 8])
def test_a_network_has_the_loss_and_gradients_of_torch(
    sizes: tuple[int, ...], activation: Any, skip_connections: bool, rows: int
) -> None:
    generator = np.random.default_rng(1)
    network = MLP(sizes, generator, activation=activation, skip_connections=skip_connections, dtype=np.float64)
    for parameter in network.parameters():  # biases too, so that a wrong one would show
        parameter.value += 0.1 * generator.standard_normal(parameter.shape)
    batch, labels = generator.standard_normal((rows, sizes[0])), generator.integers(0, sizes[-1], rows)

    loss = ops.SoftmaxCrossEntropy.apply(network(Tensor(batch)), labels=labels)
    loss.backward()
    expected_loss, expected_gradients = by_torch(network, batch, labels, skip_connections)
    np.testing.assert_allclose(loss.value, expected_loss, rtol=1e-12)
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(parameter.grad, expected_gradients[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_parameters_have_names_shapes_and_an_order() -> None:
    network = MLP((4, 3, 3, 2), np.random.default_rng(0))
    assert {name: parameter.shape for name, parameter in network.named_parameters()} == {
        "layers.0.weight": (3, 4),
        "layers.0.bias": (3,),
        "layers.1.weight": (3, 3),
        "layers.1.bias": (3,),
        "layers.2.weight": (2, 3),
        "layers.2.bias": (2,),
    }
    assert all(parameter.value.dtype == np.float32 for parameter in network.parameters())


def test_a_network_is_determined_by_the_seed() -> None:
    first, second, other = (MLP((4, 3, 2), np.random.default_rng(seed)) for seed in (7, 7, 8))
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(np.array_equal(one.value, two.value) for one, two in pairs)
    assert not np.array_equal(first.layers[0].weight.value, other.layers[0].weight.value)


def test_float32_weights_are_the_float64_weights_rounded() -> None:
    small, large = (MLP((4, 3, 2), np.random.default_rng(0), dtype=dtype) for dtype in (np.float32, np.float64))
    for one, two in zip(small.parameters(), large.parameters(), strict=True):
        np.testing.assert_array_equal(one.value, two.value.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "variance"),
    [("glorot_normal", 2 / (300 + 500)), ("he_normal", 2 / 500), ("standard_normal", 1.0), ("zeros", 0.0)],
)
def test_initial_weights_have_the_published_variance(name: Any, variance: float) -> None:
    weights = INITIALIZERS[name](np.random.default_rng(0), (300, 500))
    assert weights.shape == (300, 500)
    # Of 150,000 independent normal numbers: the variance is known to sqrt(2 / 150,000) = 0.4 %; five times that.
    assert abs(weights.var() - variance) <= 0.02 * variance
    assert abs(weights.mean()) <= 5 * np.sqrt(variance / weights.size)


def test_a_linear_layer_begins_with_biases_of_zero() -> None:
    layer = Linear(3, 2, np.random.default_rng(0))
    assert not layer.bias.value.any()


def test_dropout_keeps_the_mean_and_passes_the_gradient_where_it_passed_the_value() -> None:
    dropout = Dropout(0.25, np.random.default_rng(0))
    x = Tensor(np.ones((300, 400)), requires_grad=True)
    y = dropout(x)
    values, counts = np.unique(y.value, return_counts=True)
    np.testing.assert_allclose(values, [0.0, 1 / 0.75])
    assert abs(counts[0] / x.value.size - 0.25) < 5 * np.sqrt(0.25 * 0.75 / x.value.size)
    output = y.value.copy()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, output)


def test_dropout_acts_in_training_only() -> None:
    network = MLP((4, 50, 2), np.random.default_rng(0), dropout=0.5)
    batch = Tensor(np.ones((1, 4), np.float32))
    with no_grad():
        assert not np.array_equal(network(batch).value, network(batch).value)
        network.train(False)
        assert not network.dropout.training
        np.testing.assert_array_equal(network(batch).value, network(batch).value)


def test_impossible_networks_are_refused() -> None:
    with pytest.raises(GraphError, match="0 <= probability < 1"):
        MLP((4, 3, 2), np.random.default_rng(0), dropout=1.0)
    with pytest.raises(GraphError, match=r"MLP of sizes \(4,\)"):
        MLP((4,), np.random.default_rng(0))
    for sizes in ((4, 3, 2), (4, 4, 2), (4, 3, 4, 4)):
        with pytest.raises(GraphError, match="no hidden layer is as wide as the one before"):
            MLP(sizes, np.random.default_rng(0), skip_connections=True)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_gradient_descent_takes_the_steps_of_torch(momentum: float, weight_decay: float, backend: str) -> None:
    start = np.asarray([1.0, -2.0, 0.5])
    ours = Tensor(start.copy() if backend == "numpy" else torch.tensor(start), requires_grad=True)
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = SGD([ours], 0.1, momentum=momentum, weight_decay=weight_decay)
    oracle = torch.optim.SGD([theirs], 0.1, momentum=momentum, weight_decay=weight_decay)
    for _ in range(5):
        (ours * ours * ours).sum().backward()
        optimizer.step()
        oracle.zero_grad()
        (theirs**3).sum().backward()
        oracle.step()
        np.testing.assert_allclose(np.asarray(ours.value), theirs.detach().numpy(), rtol=1e-13)


def test_a_step_uses_the_gradients_up_and_leaves_alone_what_has_none() -> None:
    used, unused = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)
    (used * 2.0).sum().backward()
    optimizer = SGD([used, unused], 0.5, momentum=0.9, weight_decay=0.1)
    optimizer.step()
    assert used.grad is None
    assert unused.value[0] == 1.0


def test_a_step_under_a_living_graph_is_refused_with_the_reason() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    optimizer = SGD([w], 0.1)
    first, second = (w * w).sum(), (w * w).sum()
    first.backward()
    with pytest.raises(GraphError, match=r"Tensor\(w, shape \(2\)\), which a graph still needs"):
        optimizer.step()
    second.backward()
    optimizer.step()
    np.testing.assert_allclose(w.value, [0.6, 1.2])


def test_numpy_and_torch_networks_train_alike() -> None:
    generator = np.random.default_rng(0)
    batch, labels = generator.standard_normal((32, 10)), generator.integers(0, 4, 32)
    losses = []
    for convert in (lambda value: value, torch.tensor):
        network = MLP((10, 20, 4), np.random.default_rng(3), dtype=np.float64)
        network.convert(convert)
        optimizer = SGD(network.parameters(), 1e-2, momentum=0.8)
        for _ in range(20):
            loss = ops.SoftmaxCrossEntropy.apply(network(Tensor(convert(batch))), labels=convert(labels))
            loss.backward()
            optimizer.step()
        losses.append(float(loss.value))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-10)
    assert losses[0] < 32 * np.log(4)  # better than knowing nothing
