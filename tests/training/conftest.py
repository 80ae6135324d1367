"""Small data and small studies for the training tests."""

import os
from pathlib import Path

import pytest
from tests import studies
from tests.training.examples import CNN, MLP

from rederive.config import Study
from rederive.data import Dataset, load
from rederive.data.fetch import fetch
from rederive.data.prepare import generate, prepare
from writeup import cifar10, mnist
from writeup import standin as made

SIZES = {"mnist": {"train": 300, "validation": 60, "test": 20}, "cifar10": {"train": 100, "test": 60}}


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of small stand-in data."""
    root = tmp_path_factory.mktemp("standin")
    for dataset, draw in {"mnist": made.digits, "cifar10": made.shapes}.items():
        generate(dataset, draw, SIZES[dataset], 0, root / dataset)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def digits(standin: dict[str, Path]) -> Dataset:
    return load(standin["mnist"])


@pytest.fixture(scope="session")
def shapes(standin: dict[str, Path]) -> Dataset:
    return load(standin["cifar10"])


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a study with some small runs."""
    mlp, cnn = MLP | {"trainer": "mlp"}, CNN | {"trainer": "cnn"}
    experiments = {
        "mnist.small": mlp,
        "mnist.dropout": mlp | {"dropout": 0.5},
        "mnist.lost": mlp | {"activation": "relu", "learning_rate": 1e9},
        "mnist.long": mlp | {"epochs": 30, "hidden_sizes": [256]},
        "cifar10.small": cnn,
        "cifar10.dropout": cnn | {"dropout": 0.5, "optimizer": "adam", "batch_norm": True},
        "cifar10.long": cnn | {"epochs": 30, "batch_norm": True, "optimizer": "adam", "dropout": 0.2},
    }
    path = tmp_path_factory.mktemp("study") / "study.json"
    studies.small(experiments, seeds=[0, 1], training={"checkpoint_minutes": 0.002}).save(path)
    return path


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the official data, from the mirror that the environment names."""
    if "REDERIVE_DATA_MIRROR" not in os.environ:
        pytest.skip("no mirror of the official data")
    root = tmp_path_factory.mktemp("official")
    for dataset, code in {"mnist": mnist, "cifar10": cifar10}.items():
        fetch(dataset, code.FILES, root / "files", [])
        prepare(dataset, code.FILES, code.read, root / "files", root / dataset)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def configured() -> Study:
    """The study of the project's own config.yaml."""
    return studies.configured()
