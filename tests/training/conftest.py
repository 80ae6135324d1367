"""A study of small runs for the training tests."""

from pathlib import Path

import pytest
from tests import studies
from tests.specs import CNN, MLP


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
