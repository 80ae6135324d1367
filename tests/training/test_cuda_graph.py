"""Steps that are replayed instead of run, on a pretended GPU: the operations on the same memory, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.specs import cnn_spec, mlp_spec
from tests.writeup.test_torch_step import by_variant
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rederive.data import Dataset
from rederive.training.cuda_graph import Captured
from rederive.training.loop import Learner
from writeup import mlp
from writeup.cnn import CNNLearner
from writeup.mlp import MLPLearner


class Graph(TorchDispatchMode):
    """A CUDA graph on the processor: `replay` does again what was done while it recorded, in the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, ...]] = []
        self.replays = 0

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        result = operation(*arguments, **(options or {}))
        self.operations.append((operation, arguments, options or {}, result))
        return result

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for operation, arguments, options, result in self.operations:
                inputs = {t.untyped_storage().data_ptr() for t in tree_leaves((arguments, options)) if _is_tensor(t)}
                again = operation(*arguments, **options)
                for held, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    # A view, or what was changed in place, is there already.
                    if _is_tensor(held) and held.untyped_storage().data_ptr() not in inputs:
                        held.copy_(new)


def _is_tensor(leaf: object) -> bool:
    return isinstance(leaf, Tensor)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    """Pretend that there is a GPU to record on; the graphs that come to be."""
    graphs: list[Graph] = []

    @contextmanager
    def recording(graph: Graph) -> Iterator[Any]:
        with graph:
            yield
        graphs.append(graph)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    pretended = {"Stream": lambda: stream, "current_stream": lambda: stream, "stream": lambda s: nullcontext()}
    for name, value in (pretended | {"CUDAGraph": Graph, "graph": recording}).items():
        monkeypatch.setattr(torch.cuda, name, value)
    return graphs


def trains_alike(plain: Learner, replayed: Learner, graphs: list[Graph]) -> None:
    """Check that two learners are in the same state after two epochs, and that the second was replayed."""
    for learner in (plain, replayed):
        for epoch in (1, 2):
            learner.advance(epoch, 0, learner.batches)
    assert graphs[0].replays >= plain.batches
    for name, value in plain.state().items():
        np.testing.assert_array_equal(replayed.state()[name], value, err_msg=name)


@by_variant
@pytest.mark.parametrize("seeds", [[0], [3, 1]], ids=["one seed", "two seeds"])
def test_replayed_steps_of_pytorch_are_the_steps(
    gpu: list[Graph], shapes: Dataset, changes: Any, seeds: list[Any]
) -> None:
    plain, replayed = (CNNLearner(cnn_spec(**changes), shapes, seeds) for _ in range(2))
    step = replayed.step
    replayed.take = Captured(step, lambda: step.state().values())
    trains_alike(plain, replayed, gpu)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "relu"},
        {"momentum": 0.0, "weight_decay": 0.1},
        {"dtype": "float64", "activation": "tanh"},
        {"hidden_sizes": [32, 32], "skip_connections": True},
    ],
    ids=str,
)
def test_replayed_steps_of_the_engine_are_the_steps(
    gpu: list[Graph], monkeypatch: pytest.MonkeyPatch, digits: Dataset, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(mlp, "_place_on", lambda device: torch.tensor)
    spec = mlp_spec(**changes)
    plain, replayed = MLPLearner(spec, digits, 0, "cuda"), MLPLearner(spec, digits, 0, "cuda")
    plain.take = plain.step
    trains_alike(plain, replayed, gpu)


def test_a_step_that_puts_new_arrays_in_the_place_of_old_ones_is_found_out(gpu: list[Graph]) -> None:
    """The pretended GPU is as strict as a real one: the test of the tests above."""
    held = {"weight": torch.zeros(2)}

    def step(x: Tensor) -> Tensor:
        held["weight"] = held["weight"] + x
        return held["weight"].sum()

    captured = Captured(step, lambda: held.values())
    losses = [float(captured(torch.ones(2))) for _ in range(3)]
    assert losses != [2.0, 4.0, 6.0]
