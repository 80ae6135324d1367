"""Small data and small studies for the training tests."""

import os
from pathlib import Path

import pytest
from tests.training.examples import CNN, MLP

from rederive.config import Study, read_yaml, resolve
from rederive.data import Dataset, load
from rederive.data.fetch import fetch
from rederive.data.prepare import prepare
from rederive.data.standin import generate

SIZES = {"mnist": {"train": 300, "validation": 60, "test": 20}, "cifar10": {"train": 100, "test": 60}}


@pytest.fixture(scope="session")
def standin(tmp_path_factory) -> dict[str, Path]:
    """The folders of small stand-in data."""
    root = tmp_path_factory.mktemp("standin")
    for dataset, sizes in SIZES.items():
        generate(dataset, root / dataset, 0, sizes)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def digits(standin) -> Dataset:
    return load(standin["mnist"])


@pytest.fixture(scope="session")
def shapes(standin) -> Dataset:
    return load(standin["cifar10"])


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """The file of a study with some small runs."""
    config = {
        "seeds": [0, 1],
        "training": {"checkpoint_minutes": 0.002},
        "experiments": {
            "mnist": {
                "small": MLP,
                "dropout": MLP | {"dropout": 0.5},
                "lost": MLP | {"activation": "relu", "learning_rate": 1e9},
                "long": MLP | {"epochs": 30, "hidden_sizes": [256]},
            },
            "cifar10": {
                "small": CNN,
                "dropout": CNN | {"dropout": 0.5, "optimizer": "adam", "batch_norm": True},
                "long": CNN | {"epochs": 30, "batch_norm": True, "optimizer": "adam", "dropout": 0.2},
            },
        },
    }
    path = tmp_path_factory.mktemp("study") / "study.json"
    resolve(config).save(path)
    return path


@pytest.fixture(scope="session")
def official(tmp_path_factory) -> dict[str, Path]:
    """The folders of the official data, from the mirror that the environment names."""
    if "REDERIVE_DATA_MIRROR" not in os.environ:
        pytest.skip("no mirror of the official data")
    root = tmp_path_factory.mktemp("official")
    for dataset in SIZES:
        fetch(dataset, root / "files", [])
        prepare(dataset, root / "files", root / dataset)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def configured() -> Study:
    """The study of the project's own config.yaml."""
    return resolve(read_yaml(Path(__file__).parents[2] / "config.yaml"))
