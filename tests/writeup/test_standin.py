"""Stand-in data: reproducible, of the real form, learnable, neither by a constant nor to the last picture."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rederive.data import Split, load
from rederive.data.prepare import generate
from rederive.errors import UserError
from writeup.standin import digits, shapes

SIZES = {"mnist": {"train": 2000, "validation": 400, "test": 400}, "cifar10": {"train": 1000, "test": 400}}
SHAPES = {"mnist": (28, 28), "cifar10": (3, 32, 32)}
DRAW = {"mnist": digits, "cifar10": shapes}
DATASETS = tuple(DRAW)


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("standin")
    for dataset in DATASETS:
        generate(dataset, DRAW[dataset], SIZES[dataset], 0, folder / dataset)
    return {dataset: load(folder / dataset) for dataset in DATASETS}


@pytest.mark.parametrize("dataset", DATASETS)
def test_form_and_sizes_are_those_of_the_real_data(standin: dict[str, Any], dataset: Any) -> None:
    data = standin[dataset]
    assert (data.validation is not None) == (dataset == "mnist")
    for name, size in SIZES[dataset].items():
        split = getattr(data, name)
        assert split.images.shape == (size, *SHAPES[dataset])
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert split.images.min() < 5
        assert split.images.max() > 250
        # Every class is as frequent as every other: a constant guess is right once in ten times.
        np.testing.assert_array_equal(np.bincount(split.labels, minlength=10), size // 10)
    assert data.manifest["source"] == "standin"


@pytest.mark.parametrize("dataset", DATASETS)
def test_equal_seeds_give_equal_data_and_others_others(tmp_path: Path, dataset: Any) -> None:
    sizes = dict.fromkeys(SIZES[dataset], 30)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(dataset, DRAW[dataset], sizes, seed, tmp_path / name)
    a, b, c = (load(tmp_path / name).manifest for name in "abc")
    assert a == b
    assert a["checksum"] != c["checksum"]


def test_the_size_of_one_split_does_not_change_another(tmp_path: Path) -> None:
    few, more = ({"train": train, "validation": 10, "test": 20} for train in (30, 50))
    np.testing.assert_array_equal(digits(few, 1)["test"].images, digits(more, 1)["test"].images)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_linear_classifier_learns_it_in_part(standin: dict[str, Any], dataset: Any) -> None:
    data = standin[dataset]
    features, held_out = _flat(data.train), _flat(data.test)
    targets = np.eye(10)[data.train.labels]
    # Ridge regression on the pixels: the simplest classifier that learns from examples.
    weights = np.linalg.solve(features.T @ features + 100 * np.eye(features.shape[1]), features.T @ targets)
    accuracy = ((held_out @ weights).argmax(axis=1) == data.test.labels).mean()
    assert 0.3 < accuracy < 0.9


@pytest.mark.parametrize("dataset", DATASETS)
def test_some_pictures_cannot_be_told(standin: dict[str, Any], dataset: Any) -> None:
    """A convolutional network that has learnt most of them still errs on the test set."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = standin[dataset]
    x, y = (torch.tensor(np.array(data.train.images)).float() / 255, torch.tensor(np.array(data.train.labels)).long())
    t, u = (torch.tensor(np.array(data.test.images)).float() / 255, torch.tensor(np.array(data.test.labels)).long())
    x, t = x.reshape(len(x), -1, *x.shape[-2:]), t.reshape(len(t), -1, *t.shape[-2:])
    network = torch.nn.Sequential(
        *(torch.nn.Conv2d(x.shape[1], 24, 5), torch.nn.BatchNorm2d(24), torch.nn.ReLU(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Conv2d(24, 48, 3), torch.nn.BatchNorm2d(48), torch.nn.ReLU(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Flatten(), torch.nn.LazyLinear(10)),
    )
    network(x[:2])
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in {"mnist": range(3), "cifar10": range(12)}[dataset]:
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        accuracy = (network(t).argmax(1) == u).float().mean()
    assert 0.5 < accuracy < 0.995


def test_it_takes_seconds(tmp_path: Path) -> None:
    start = time.perf_counter()
    for dataset in DATASETS:
        generate(dataset, DRAW[dataset], SIZES[dataset], 0, tmp_path / dataset)
    assert time.perf_counter() - start < 10


def test_sizes_of_other_splits_are_refused() -> None:
    with pytest.raises(UserError, match="found sizes for train, test; expected train, validation, test"):
        digits({"train": 10, "test": 10}, 0)


def _flat(split: Split) -> np.ndarray:
    return np.hstack([split.images.reshape(len(split), -1) / 255, np.ones((len(split), 1))])
