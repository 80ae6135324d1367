"""Record what PyTorch computes as a list of operations, and get a function that computes just these again.

Differentiation costs PyTorch a good part of a small step: it builds a graph of the forward pass, walks it back and
throws it away. With fixed shapes the operations are the same every time. Recorded below the level of differentiation
and of `vmap`, they can be called one after the other. torch.fx.experimental.make_fx does this too, but its import alone
takes longer than a short job.
"""

from collections.abc import Callable
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode

# They return their argument: views whose only purpose is to stand apart in the graph of differentiation.
IDENTITIES = (torch.ops.aten.alias.default, torch.ops.aten.detach.default)


def recorded(function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor) -> Callable[..., tuple[Tensor, ...]]:
    """Return a function of tensors of the same shapes and layouts as `tensors` that computes what `function` computes.

    It runs without a gradient. What `function` does may depend on shapes alone, never on values, and it may change
    nothing in place but its arguments.
    """
    recorder = _Recorder(tensors)
    with recorder:
        results = function(*tensors)
    recorder.graph.output(tuple(recorder.nodes[id(result)] for result in results))
    recorder.graph.eliminate_dead_code()
    return fx.GraphModule(torch.nn.Module(), recorder.graph).forward


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes each operation that is carried out into a graph."""

    def __init__(self, tensors: tuple[Tensor, ...]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = fx.Graph()
        self.nodes = {id(tensor): self.graph.placeholder(f"input_{i}") for i, tensor in enumerate(tensors)}
        self.alive: list[Any] = list(tensors)  # so that no two tensors have one id

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # By default PyTorch wraps the method against its compiler, and imports all of that for it: seconds.
        return False

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if operation in IDENTITIES:
            self._name(result, self.nodes[id(args[0])])
            return result
        node = self.graph.call_function(operation, self._nodes_of(args), self._nodes_of(kwargs or {}))
        if isinstance(result, Tensor):
            self._name(result, node)
        elif isinstance(result, tuple | list):
            for position, part in enumerate(result):
                self._name(part, self.graph.call_function(getitem, (node, position)))
        else:
            raise RuntimeError(f"{operation} makes a number of a tensor: what follows may depend on its value")
        return result

    def _name(self, tensor: Any, node: fx.Node) -> None:
        self.alive.append(tensor)
        self.nodes[id(tensor)] = node

    def _nodes_of(self, value: Any) -> Any:
        """Return the value with every tensor in it replaced by its node."""
        if isinstance(value, Tensor):
            if id(value) not in self.nodes:
                raise RuntimeError("the function uses a tensor that is neither an argument nor computed from them")
            return self.nodes[id(value)]
        if isinstance(value, list | tuple):
            return type(value)(map(self._nodes_of, value))
        if isinstance(value, dict):
            return {key: self._nodes_of(item) for key, item in value.items()}
        return value
