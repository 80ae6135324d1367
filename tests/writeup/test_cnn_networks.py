"""The convolutional networks, against networks written out in PyTorch's own words."""

from typing import Any

import pytest
import torch
from tests.specs import cnn_spec
from torch import nn
from torch.nn import functional

from rederive.errors import UserError
from writeup.cnn_networks import ConvolutionalNetwork, initial_network, loss_function


def _images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _parameters_in_order(network: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def test_the_benchmark_is_the_tutorials_network(configured: Any) -> None:
    network = ConvolutionalNetwork(configured.experiments["cifar10.benchmark"].spec)
    tutorial = nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2, 2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    for mine, theirs in zip(tutorial.parameters(), _parameters_in_order(network), strict=True):
        mine.data.copy_(theirs)
    ours, expected = network(_images()), tutorial(_images())
    torch.testing.assert_close(ours, expected)
    # The maximum before the ReLU instead of after it: gradients too are the same.
    for output, model in ((ours, network), (expected, tutorial)):
        functional.cross_entropy(output, torch.arange(4)).backward()
        assert all(p.grad is not None for p in model.parameters())
    for mine, theirs in zip(network.parameters(), tutorial.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_three_convolutions_with_batch_norm_leave_2048_features(configured: Any) -> None:
    network = ConvolutionalNetwork(configured.experiments["cifar10.three_conv_adam"].spec)
    assert network.hidden[0].in_features == 2048
    assert network(_images()).shape == (4, 10)


def test_a_residual_block_adds_its_input() -> None:
    network = ConvolutionalNetwork(cnn_spec(conv_channels=[3], residual=True))
    block: Any = network.blocks[0]
    nn.init.zeros_(block.convolution.weight)
    nn.init.zeros_(block.convolution.bias)
    torch.testing.assert_close(block(_images()), functional.relu(functional.max_pool2d(_images(), 2)))


def test_one_seed_is_one_network() -> None:
    first, again, other = (_parameters_in_order(initial_network(cnn_spec(), seed)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_initialising_a_network_leaves_other_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    initial_network(cnn_spec(), 0)
    assert torch.equal(torch.rand(3), expected)


def test_kl_divergence_from_one_hot_targets_is_cross_entropy() -> None:
    network = initial_network(cnn_spec(), 0)
    labels = torch.tensor([3, 0, 9, 3])
    results = []
    for name in ("cross_entropy", "kl_divergence"):
        loss = loss_function(name, network(_images()), labels)
        results.append((loss, torch.autograd.grad(loss, list(network.parameters()))))
    (entropy, its_gradients), (divergence, gradients) = results
    torch.testing.assert_close(divergence, entropy)
    torch.testing.assert_close(gradients, its_gradients)
    targets = functional.one_hot(labels, 10).float()
    expected = nn.KLDivLoss(reduction="batchmean")(functional.log_softmax(network(_images()), 1), targets)
    torch.testing.assert_close(divergence, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv_channels": [4] * 6}, "6 convolutional layers"),
        ({"residual": True, "kernel_size": 5, "padding": 1}, "needs padding 2, found 1"),
    ],
)
def test_networks_that_cannot_be_are_refused(changes: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ConvolutionalNetwork(cnn_spec(**changes))
