"""What a run costs, against networks that are built and counted."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.specs import cnn_spec, mlp_spec
from torch.utils.flop_counter import FlopCounterMode

from rederive.autograd import MLP
from rederive.training.cost import resources
from writeup import cost
from writeup.cnn_networks import ConvolutionalNetwork


def test_the_tutorials_network_has_62006_parameters(configured: Any) -> None:
    # 6(3*25+1) + 16(6*25+1) + 120(400+1) + 84(120+1) + 10(84+1), by hand.
    assert cost.cnn(configured.experiments["cifar10.benchmark"].spec).parameters == 456 + 2416 + 48120 + 10164 + 850


def test_the_benchmark_on_mnist_has_2_493_130_parameters(configured: Any) -> None:
    assert cost.mlp(configured.experiments["mnist.benchmark"].spec).parameters == 784 * 3136 + 3136 + 3136 * 10 + 10


def test_parameters_are_those_of_the_networks_that_are_trained(configured: Any) -> None:
    for experiment in configured.experiments.values():
        spec = experiment.spec
        if experiment.trainer == "cnn":
            counted = cost.cnn(spec)
            built = sum(p.numel() for p in ConvolutionalNetwork(spec).parameters())
        else:
            counted = cost.mlp(spec)
            options = {"skip_connections": spec.skip_connections, "initialization": "zeros"}
            network = MLP([784, *spec.hidden_sizes, 10], np.random.default_rng(0), **options)
            built = sum(p.value.size for p in network.parameters())
        assert counted.parameters == built, experiment.key


@pytest.mark.parametrize("name", ["benchmark", "double_linear", "three_conv_adam", "residual"])
def test_operations_are_those_that_pytorch_counts(configured: Any, name: str) -> None:
    spec = configured.experiments[f"cifar10.{name}"].spec
    network = ConvolutionalNetwork(spec)
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(2, 3, 32, 32)).sum().backward()
    assert 2 * cost.cnn(spec).flops_per_image == counter.get_total_flops()


def test_a_perceptrons_operations() -> None:
    # 2 for a multiplication and an addition; value and weights' gradient, and the gradient of all inputs but the image.
    expected = 2 * (2 * 784 * 32 + 3 * 32 * 10)
    assert cost.mlp(mlp_spec(hidden_sizes=[32])).flops_per_image == expected


def test_more_work_asks_for_more_time_and_larger_networks_for_more_memory() -> None:
    small, large = mlp_spec(hidden_sizes=[3136], epochs=20), mlp_spec(hidden_sizes=[12544, 6272], epochs=20)
    assert resources(cost.mlp(large), 1).mem_mb > resources(cost.mlp(small), 1).mem_mb
    assert resources(cost.mlp(small), 5).runtime > resources(cost.mlp(small), 1).runtime
    single, batches = cnn_spec(batch_size=1, epochs=20), cnn_spec(epochs=20)
    assert resources(cost.cnn(single), 1).runtime > resources(cost.cnn(batches), 1).runtime
