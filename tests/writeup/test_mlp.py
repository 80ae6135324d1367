"""The perceptrons' training: the write-up's protocol, against the same loop written in PyTorch."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.specs import mlp_spec

from rederive.data import Dataset
from rederive.training.loop import Unwatched, fit
from writeup import mlp
from writeup.mlp import MLPLearner, train


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.0}, {"activation": "relu", "hidden_sizes": [32, 16]}])
def test_an_epoch_is_the_protocols(digits: Dataset, changes: dict[str, Any]) -> None:
    """Pixels as they are, file order, loss summed over the batch: in float64, where both round little."""
    spec = mlp_spec(learning_rate=1e-5, weight_decay=1e-3, **changes)
    learner = MLPLearner(spec, digits, 0)
    start = [torch.tensor(p.value, dtype=torch.float64, requires_grad=True) for p in learner.network.parameters()]
    optimizer = torch.optim.SGD(start, lr=1e-5, momentum=spec.momentum, weight_decay=1e-3)
    activation = {"sigmoid": torch.sigmoid, "relu": torch.relu}[spec.activation]
    losses = []
    images = torch.tensor(np.array(digits.train.images)).reshape(len(digits.train), -1).double()
    labels = torch.tensor(np.array(digits.train.labels)).long()
    for x, y in zip(images.split(32), labels.split(32), strict=True):
        for layer in range(0, len(start) - 2, 2):
            x = activation(x @ start[layer].T + start[layer + 1])
        loss = torch.nn.functional.cross_entropy(x @ start[-2].T + start[-1], y, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    rows, openings, _ = fit(learner, 1, Unwatched())
    (told,) = [row.value for row in rows if row.split == "train"]
    assert told == pytest.approx(sum(losses) / len(labels), rel=1e-4)
    assert openings == {0: pytest.approx(losses, rel=1e-4)}
    for mine, theirs in zip(learner.network.parameters(), start, strict=True):
        np.testing.assert_allclose(mine.value, theirs.detach(), rtol=1e-3, atol=1e-5)


def test_validation_is_the_share_of_right_answers(digits: Dataset) -> None:
    learner = MLPLearner(mlp_spec(), digits, 0)
    rows, _, predictions = fit(learner, 3, Unwatched())
    loss, accuracy = (row.value for row in rows[-2:])
    weights = [torch.tensor(p.value) for p in learner.network.parameters()]
    images = torch.tensor(np.array(digits.validation.images)).reshape(60, -1).float()
    logits = torch.sigmoid(images @ weights[0].T + weights[1]) @ weights[2].T + weights[3]
    labels = torch.tensor(np.array(digits.validation.labels)).long()
    assert predictions == {0: logits.argmax(1).tolist()}
    assert accuracy == pytest.approx((logits.argmax(1) == labels).float().mean().item())
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-4)


def test_seeds_differ_and_repeat(digits: Dataset) -> None:
    seeds = train(mlp_spec(epochs=1), digits, [0, 1, 0], "cpu", lambda seeds: Unwatched())
    losses = [trained.rows[0].value for trained in seeds]
    assert losses[0] == losses[2] != losses[1]
    (moved,) = train(mlp_spec(epochs=1, seed_offset=1), digits, [0], "cpu", lambda seeds: Unwatched())
    assert moved.openings[0] == seeds[1].openings[1]


def test_a_shorter_run_is_a_longer_one_read_earlier(digits: Dataset) -> None:
    for changes in ({}, {"dropout": 0.5}):
        short, long = (fit(MLPLearner(mlp_spec(**changes), digits, 0), epochs, Unwatched()) for epochs in (1, 3))
        assert short.rows == [row for row in long.rows if row.epoch == 1]
        assert short.openings[0] == long.openings[0][: len(short.openings[0])]
        assert len(short.openings[0]) == 10
        assert len(long.openings[0]) == 30


def test_dropout_acts_in_training_only(digits: Dataset) -> None:
    learner = MLPLearner(mlp_spec(dropout=0.5), digits, 0)
    assert learner.evaluate(digits.validation)[0] == learner.evaluate(digits.validation)[0]
    plain, dropped = (fit(MLPLearner(mlp_spec(dropout=p), digits, 0), 1, Unwatched()) for p in (0.0, 0.5))
    assert plain.rows[0].value != dropped.rows[0].value


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_on_pytorchs_arrays_it_trains_alike(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU runs, on the processor: the same engine, the same numbers within rounding, and a step not captured."""
    spec = mlp_spec(learning_rate=1e-5)
    learners = [MLPLearner(spec, digits, 0)]
    monkeypatch.setattr(mlp, "_place_on", lambda device: torch.tensor)
    learners.append(MLPLearner(spec, digits, 0, "cuda"))
    for learner in learners:
        learner.advance(1, 0, 4)
        state = learner.state()
        learner.advance(1, 4, learner.batches)
        learner.restore(state)
        learner.advance(1, 4, learner.batches)
    for ours, theirs in zip(*(learner.finish_epoch(1) for learner in learners), strict=True):
        assert ours[:-1] == theirs[:-1]
        assert ours.value == pytest.approx(theirs.value, rel=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_captured_on_a_gpu_it_trains_alike(digits: Dataset) -> None:
    totals = []
    for device in ("cpu", "cuda"):
        learner = MLPLearner(mlp_spec(learning_rate=1e-5), digits, 0, device)
        learner.advance(1, 0, learner.batches)
        totals.append(float(learner.total))
        if device == "cuda":
            assert getattr(learner.take, "graph") is not None  # noqa: B009
    assert totals[1] == pytest.approx(totals[0], rel=1e-3)
