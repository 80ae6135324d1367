"""What a GPU would refuse, found on a machine without one: on tensors that have a device and no values.

A step that is to be replayed as a CUDA graph may not ask for a value, and may not mix or copy between devices.
"""

from typing import Any

import pytest
import torch
from tests.specs import cnn_spec, mlp_spec
from tests.writeup.test_torch_step import by_variant
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rederive.data import Dataset
from writeup.cnn_networks import initial_network
from writeup.mlp import MLPLearner
from writeup.torch_step import Optimizer, Step


class StaysOn(TorchDispatchMode):
    """Fails at the first operation that copies to the device, or takes an array of another one.

    A single number may be on the processor: it becomes an argument of what is launched.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.seen = device, 0

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        result = operation(*arguments, **(options or {}))
        taken, made = (
            [leaf for leaf in tree_leaves(leaves) if isinstance(leaf, Tensor)]
            for leaves in ((arguments, options), result)
        )
        elsewhere = [tensor for tensor in taken if tensor.device.type != self.device]
        here = any(tensor.device.type == self.device for tensor in made)
        copied = elsewhere and here and ("copy" in str(operation) or len(elsewhere) == len(taken))
        assert not copied, f"{operation} copies from {elsewhere[0].device}"
        assert all(tensor.dim() == 0 for tensor in elsewhere), f"{operation} takes arrays of {elsewhere[0].device}"
        self.seen += 1
        return result


def test_the_check_finds_a_copy_and_a_question() -> None:
    with FakeTensorMode():
        x = torch.zeros(3, device="cuda")
        with pytest.raises(AssertionError, match="copies from cpu"), StaysOn("cuda"):
            torch.maximum(x, torch.asarray(0.0, device="cuda"))
        with pytest.raises(AssertionError, match="takes arrays of cpu"), StaysOn("cuda"):
            torch.ones(3) * 2
        with pytest.raises(RuntimeError), StaysOn("cuda"):
            float(x.sum())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "relu"},
        {"activation": "tanh", "weight_decay": 0.1},
        {"momentum": 0.0, "dtype": "float64"},
        {"hidden_sizes": [32, 32], "skip_connections": True},
    ],
    ids=str,
)
def test_the_engines_step_stays_on_the_gpu(digits: Dataset, changes: dict[str, Any]) -> None:
    with FakeTensorMode():
        learner = MLPLearner(mlp_spec(**changes), digits, 0, "cuda")
        with StaysOn("cuda") as watch:
            loss = learner.step(learner.images[:32], learner.labels[:32])
        assert watch.seen > 10
        assert loss.device.type == "cuda"
        learner.take = learner.step
        learner.advance(1, 0, learner.batches)
        assert learner.total.device.type == "cuda"


def test_dropout_runs_on_a_gpu(digits: Dataset) -> None:
    with FakeTensorMode():
        learner = MLPLearner(mlp_spec(dropout=0.5), digits, 0, "cuda")
        learner.advance(1, 0, learner.batches)
        assert learner.total.device.type == "cuda"


@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
@pytest.mark.parametrize("seeds", [1, 3])
@by_variant
def test_pytorchs_step_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch, changes: Any, seeds: int, traced: bool
) -> None:
    # Not a GPU but PyTorch's device without memory: differentiation asks a real GPU for more than is there.
    spec = cnn_spec(**changes)
    if spec.optimizer == "sgd":  # this one step of PyTorch's knows no tensors without memory
        monkeypatch.setattr(Optimizer, "step", lambda self, gradients: None)
    step = Step(spec, [initial_network(spec, seed) for seed in range(seeds)], "meta", torch.channels_last, traced)
    axis = [seeds] if seeds > 1 else []
    batch = [torch.zeros(*axis, 8, 3, 32, 32, device="meta"), torch.zeros(*axis, 8, device="meta", dtype=torch.long)]
    if spec.dropout:
        batch.append(torch.ones(*axis, 8, *spec.linear_units, device="meta"))
    with StaysOn("meta") as watch:
        loss = step(*batch)
    assert watch.seen > 10
    assert loss.shape == tuple(axis)
    assert step.evaluate(batch[0][0] if axis else batch[0]).shape == (*axis, 8, 10)
