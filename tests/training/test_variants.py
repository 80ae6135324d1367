"""Variants of training for hypotheses: with nothing varied they are the learner itself."""

import numpy as np
import pytest
import torch
from tests.training.examples import cifar10_spec

from rederive.data import Dataset
from rederive.training.cifar10 import Cifar10Learner, scaled
from rederive.training.loop import Unwatched, fit
from rederive.training.variants import CIFAR10_DEVIATION, CIFAR10_MEAN, VariedLearner, training_mode

BATCH_NORM = cifar10_spec(batch_norm=True, epochs=2)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_judging_in_training_mode_changes_nothing_else(shapes: Dataset):
    plain = fit(Cifar10Learner(BATCH_NORM, shapes, [3]), 2, Unwatched())
    varied = fit(VariedLearner(BATCH_NORM, shapes, 3, test_batches=[4, 7]), 2, Unwatched())
    names = {training_mode(4), training_mode(7)}
    assert [row for row in varied.rows if row.metric not in names] == plain.rows
    assert len([row for row in varied.rows if row.metric in names]) == 4


@pytest.mark.parametrize("size", [4, 7])
def test_accuracy_without_eval_is_that_of_the_module_in_training_mode(shapes: Dataset, size):
    learner = VariedLearner(BATCH_NORM, shapes, 0, test_batches=[size])
    learner.advance(1, 0, learner.batches)
    network = learner.step.template
    network.load_state_dict({**learner.step.parameters, **learner.step.buffers}, strict=False)
    network.train()
    right = 0
    with torch.no_grad():
        for start in range(0, len(shapes.test), size):
            images = scaled(torch.tensor(np.asarray(shapes.test.images[start : start + size])))
            labels = torch.tensor(np.asarray(shapes.test.labels[start : start + size]))
            right += int((network(images).argmax(1) == labels).sum())
    assert learner.accuracy_in_training_mode(size) == right / len(shapes.test)
    # Judged by the statistics of batches that small, the network is another classifier.
    network.eval()
    with torch.no_grad():
        by_running = network(images)
        network.train()
        assert not torch.allclose(by_running, network(images), atol=1e-3)


def test_other_pixels_enter_as_they_are_named(shapes: Dataset):
    images = torch.tensor(np.asarray(shapes.train.images[:5]))
    share = np.asarray(shapes.train.images[:5]).astype(np.float64) / 255
    unit = VariedLearner(cifar10_spec(), shapes, 0, pixels="unit")._scaled(images)
    np.testing.assert_allclose(unit.numpy(), share, atol=1e-6)
    standard = VariedLearner(cifar10_spec(), shapes, 0, pixels="standardised")._scaled(images)
    for channel in range(3):
        expected = (share[:, channel] - CIFAR10_MEAN[channel]) / CIFAR10_DEVIATION[channel]
        np.testing.assert_allclose(standard.numpy()[:, channel], expected, atol=1e-5)


@pytest.mark.mirror
def test_the_constants_are_those_of_the_training_images(official):
    from rederive.data import load

    images = np.asarray(load(official["cifar10"]).train.images)
    for channel in range(3):
        pixels = images[:, channel].astype(np.float64) / 255
        assert pixels.mean() == pytest.approx(CIFAR10_MEAN[channel], abs=1e-4)
        assert pixels.std() == pytest.approx(CIFAR10_DEVIATION[channel], abs=1e-4)
