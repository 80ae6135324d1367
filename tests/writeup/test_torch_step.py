"""The ways to take a step are one step: plain, traced, stacked; and the optimisers are PyTorch's."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.specs import cnn_spec

from rederive.data import Dataset
from rederive.training.cuda_graph import Captured
from rederive.training.torch_operations import recorded
from writeup.cnn import CNNLearner, scaled
from writeup.cnn_networks import initial_network, loss_function

VARIANTS = {
    "benchmark": {},
    "one by one": {"batch_size": 1},
    "batch of 7": {"batch_size": 7},  # 100 images: the last batch is smaller
    "batch norm": {"batch_norm": True},
    "residual": {"residual": True, "batch_norm": True},
    "dropout": {"dropout": 0.5},
    "kl divergence": {"loss": "kl_divergence"},
    "no momentum": {"momentum": 0.0},
    "l2": {"weight_decay": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.0, "learning_rate": 1e-3},
    "rmsprop with momentum": {"optimizer": "rmsprop", "learning_rate": 1e-4},
    "adam": {"optimizer": "adam", "momentum": 0.0, "learning_rate": 1e-3, "weight_decay": 1e-2},
    "adamw": {"optimizer": "adamw", "momentum": 0.0, "learning_rate": 1e-3, "weight_decay": 1e-2},
}
by_variant = pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@by_variant
def test_a_traced_step_is_the_plain_step_bit_for_bit(shapes: Dataset, changes: Any) -> None:
    spec = cnn_spec(**changes)
    plain, traced = (CNNLearner(spec, shapes, [0], traced=traced) for traced in (False, True))
    for learner in (plain, traced):
        learner.advance(1, 0, learner.batches)
    for name, value in plain.state().items():
        np.testing.assert_array_equal(traced.state()[name], value, err_msg=name)


@by_variant
def test_seeds_side_by_side_take_the_steps_that_each_takes_alone(shapes: Dataset, changes: Any) -> None:
    spec = cnn_spec(**changes)
    seeds = [3, 0, 7]
    stacked = CNNLearner(spec, shapes, seeds)
    alone = [CNNLearner(spec, shapes, [seed]) for seed in seeds]
    for learner in (stacked, *alone):
        learner.advance(1, 0, 4)
    losses = stacked.total.tolist()
    for position, learner in enumerate(alone):
        assert losses[position] == pytest.approx(float(learner.total), rel=1e-5)
        for name, value in learner.state().items():
            together = stacked.state()[name]
            mine = together if name.startswith("steps") else together[position]
            # Adam and RMSprop divide by the size of the gradient, and where that is only rounding so is the step.
            tolerance = 1e-5 if spec.optimizer == "sgd" else 4 * spec.learning_rate
            np.testing.assert_allclose(mine, value, rtol=1e-4, atol=tolerance, err_msg=name)


def test_evaluation_of_seeds_side_by_side(shapes: Dataset) -> None:
    spec = cnn_spec(batch_norm=True)
    stacked = CNNLearner(spec, shapes, [0, 1])
    stacked.advance(1, 0, stacked.batches)
    rows = stacked.finish_epoch(1)
    for seed in (0, 1):
        alone = CNNLearner(spec, shapes, [seed])
        alone.advance(1, 0, alone.batches)
        for mine, expected in zip([row for row in rows if row.seed == seed], alone.finish_epoch(1), strict=True):
            assert mine[:-1] == expected[:-1]
            assert mine.value == pytest.approx(expected.value, rel=1e-4)


@by_variant
def test_the_optimisers_are_pytorchs(shapes: Dataset, changes: Any) -> None:
    """Five steps of a loop with PyTorch's optimiser classes, in order and without anything of ours but the network."""
    spec = cnn_spec(**changes | {"batch_size": 8, "dropout": 0.0, "batch_norm": False})
    learner = CNNLearner(spec, shapes, [0])
    learner.advance(1, 0, 5)
    network = initial_network(spec, 0)
    options = {"lr": spec.learning_rate, "weight_decay": spec.weight_decay}
    classes = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
    if spec.optimizer in ("sgd", "rmsprop"):
        options["momentum"] = spec.momentum
    optimizer = (classes | {"adamw": torch.optim.AdamW})[spec.optimizer](network.parameters(), **options)
    order = np.random.default_rng([0, 1]).permutation(len(shapes.train))
    total = 0.0
    for rows in order[:40].reshape(5, 8):
        images = scaled(torch.tensor(np.asarray(shapes.train.images)[rows]))
        loss = loss_function(spec.loss, network(images), torch.tensor(np.asarray(shapes.train.labels)[rows]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    assert float(learner.total) == pytest.approx(total, rel=1e-5)
    for name, parameter in network.named_parameters():
        tolerance = 1e-5 if spec.optimizer == "sgd" else 4 * spec.learning_rate
        np.testing.assert_allclose(
            learner.state()[f"parameter {name}"], parameter.detach(), rtol=1e-4, atol=tolerance, err_msg=name
        )


def test_kl_divergence_and_cross_entropy_train_alike(shapes: Dataset) -> None:
    totals, gradients = [], []
    for loss in ("cross_entropy", "kl_divergence"):
        learner = CNNLearner(cnn_spec(loss=loss), shapes, [0])
        learner.advance(1, 0, 1)
        # After one step from velocity 0 the velocity is the gradient.
        gradients.append({name: value for name, value in learner.state().items() if name.startswith("momentum")})
        learner.advance(1, 1, learner.batches)
        totals.append(float(learner.total))
    for name, value in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], value, rtol=1e-5, atol=1e-7, err_msg=name)
    assert totals[1] == pytest.approx(totals[0], rel=1e-5)


def test_images_are_scaled_as_torchvision_scales_them() -> None:
    from torchvision import transforms

    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    pipeline = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    assert torch.equal(scaled(torch.tensor(image).permute(2, 0, 1)), pipeline(image))


def test_a_recording_is_the_function_on_other_values() -> None:
    def function(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x.mul_(2)
        return (x @ y).relu(), x.max(dim=1)[0]

    recording = recorded(function, torch.randn(2, 3), torch.randn(3, 4))
    x, y = torch.randn(2, 3), torch.randn(3, 4)
    mine, expected = x.clone(), x.clone()
    for a, b in zip(recording(mine, y), function(expected, y), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(mine, expected)  # changed in place, as the function does


def test_what_depends_on_values_cannot_be_recorded() -> None:
    with pytest.raises(RuntimeError, match="value"):
        recorded(lambda x: (x * float(x.sum()),), torch.ones(2))
    elsewhere = torch.ones(2)
    with pytest.raises(RuntimeError, match="neither an argument"):
        recorded(lambda x: (x + elsewhere,), torch.ones(2))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU can capture the step")
def test_without_a_gpu_to_capture_on_plain_steps_are_taken_and_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    weight = torch.ones(3)

    def step(x: torch.Tensor) -> torch.Tensor:
        weight.add_(x)
        return weight.sum()

    captured = Captured(step, lambda: [weight])
    assert captured(torch.ones(3)) == 6
    assert captured(torch.ones(3)) == 9
    assert "plain steps are taken" in capsys.readouterr().out


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
def test_captured_steps_on_a_gpu_are_those_of_the_processor(shapes: Dataset, seeds: list[Any]) -> None:
    spec = cnn_spec(batch_norm=True, batch_size=7)
    losses = []
    for device in ("cpu", "cuda"):
        learner = CNNLearner(spec, shapes, seeds, device)
        learner.advance(1, 0, learner.batches)
        losses.append(learner.total.cpu().numpy())
        if device == "cuda":
            assert getattr(learner.take, "graph") is not None  # noqa: B009
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
