"""What the roots leave out, and that the reasons hold."""

from pathlib import Path
from typing import Any

import pytest
from tests.specs import mlp_spec

from rederive.autograd import Tensor
from rederive.config import Study
from rederive.data import load
from rederive.fingerprint import ROOTS, reach, training
from rederive.training.loop import Unwatched
from writeup.mlp import train

OPERATORS = [f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "matmul", "pow") for side in ("", "r")]


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.5, "skip_connections": True, "hidden_sizes": [8, 8]}])
def test_training_on_mnist_uses_no_operator_of_tensors(
    standin: dict[str, Path], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    def refuse(*operands: object) -> None:
        raise AssertionError("an operator was used")

    for name in [*OPERATORS, "__neg__", "sum", "mean", "T"]:
        monkeypatch.setattr(Tensor, name, property(refuse) if name == "T" else refuse)
    data, spec = load(standin["mnist"]), mlp_spec(epochs=1, weight_decay=0.1, **changes)
    (trained,) = train(spec, data, [0], "cpu", lambda seeds: Unwatched())
    assert trained.rows


@pytest.mark.parametrize("trainer", ["mlp", "cnn"])
def test_training_is_followed_from_the_files_to_the_rows(trainer: str, configured: Study) -> None:
    root = training(configured.trainers[trainer])
    reached = {str(symbol) for symbol in reach(root).units}
    assert reached >= {
        "rederive.data.arrays:load",
        "rederive.training.job:train_seeds",
        "rederive.training.checkpoint:decode",
        "rederive.training.history:to_csv",
        "rederive.training.loop:fit",
        f"writeup.cost:{trainer}",
        "rederive.files:write_text",
    }
    assert all(
        reason for root in [*ROOTS.values(), root] for reason in [*root.left_out.values(), *root.unfollowed.values()]
    )
