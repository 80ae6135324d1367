"""Mutants of the sweep through the graph."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any
from unittest import mock

import numpy as np

from rederive.autograd import Tensor, graph, ops
from rederive.proofs.checks import samples
from rederive.proofs.checks.exact import Number, same
from rederive.proofs.checks.mutants import POINTS, Count
from rederive.proofs.checks.source_mutants import holds, source_mutants
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace
from rederive.proofs.prover.indices import sizes

n, m = sizes("n m")

# Small graphs with what a sweep can get wrong: a value that is used twice, one that is not used, one that needs no
# gradient, a path that is longer than another to the same value, operands that were repeated.
Function = Callable[[Tensor, Tensor, Tensor], Tensor]
GRAPHS: dict[str, Function] = {
    "twice": lambda X, Z, b: X * X + Z,
    "two paths of two lengths": lambda X, Z, b: (X * Z) * X + X,
    "a chain": lambda X, Z, b: -(-(X * Z) * Z),
    "a row, repeated": lambda X, Z, b: (X + b) * b,
    "a column, repeated": lambda X, Z, b: ops.Sum.apply(X, axis=1, keepdims=True) * Z,
    "a number": lambda X, Z, b: (2 * X - 3) * Z,
}
WANTED = ({"X", "Z", "b"}, {"X"}, {"Z", "b"})

SWEEP = {
    "Tensor.backward": (graph.Tensor, "backward"),
    "Node.pull_back": (graph.Node, "pull_back"),
    "ancestors": (graph, "ancestors"),
    "unbroadcast": (graph, "unbroadcast"),
}

# Why mutants of the sweep are right all the same
EQUIVALENT = {
    r"backward: .*keep_graph=«": "Whether the graph is kept is said by those who judge.",
    r"if «node is None» or keep_graph": "Where the graph is kept the condition holds anyway.",
    r"if .*node is not None.*keep_graph|«node»\.free": "How a node is freed after its turn shows in no gradient.",
    r"for tensor in «order»": "To look twice for a change in place is to look once.",
    r"«tensor»\.source\.check|version\(«": "Nothing is changed in place, and that is what is looked for.",
    r"while «order»": "Only whether the list is empty is asked for.",
    r"lambda tensor: «tensor»": "A tensor's negative and double need a gradient where it does.",
    r"tensor\.grad = .*«": "No tensor has a gradient before the sweep.",
    r"isinstance\(«gradients»": "Twice a tuple is a tuple, and twice an array an array.",
    r"strict=«": "That there are as many of each was seen before.",
    r"«needed»": "Only whether it is true is asked for.",
    r"_cast\(.*«tensor»\.value": "Only the dtype is asked for.",
}


def check_sweep(seed: int = 0) -> Count:
    """Judge every mutant of the sweep, by the prover and by exact numbers, on the graphs above."""
    count = Count()
    shapes = {"X": (n, m), "Z": (n, m), "b": (m,)}
    graphs = [(function, wanted) for function in GRAPHS.values() for wanted in WANTED]

    def traced(function: Function, wanted: set[str]) -> Trace:
        return Trace(function, {name: SymbolicArray.named(name, *shape) for name, shape in shapes.items()}, wanted)

    symbolic = [traced(*one) for one in graphs]
    exact = [ExactGraph(function, (seed, point)) for function in GRAPHS.values() for point in range(POINTS)]

    def verdicts() -> tuple[bool, bool]:
        correct = holds(case.confirms(wanted) for case in exact for wanted in WANTED)
        return holds(found.proved for trace in symbolic for found in trace.comparisons()), correct

    if verdicts() != (True, True):
        count.disagreements.append("the sweep itself is not judged to be right: its mutants say nothing")
    for name, (owner, attribute) in SWEEP.items():
        # A loop must end: (2 * stack).pop() takes nothing from the stack, and -tensor is another tensor to visit.
        scaled = attribute in ("backward", "pull_back")
        chosen = source_mutants(getattr(owner, attribute), without=").pop(", swap_names=False, scale_names=scaled)
        for what, mutant in chosen:
            with mock.patch.object(owner, attribute, mutant):
                count.add(f"{name}: {what}", *verdicts())
            # A mutant may have freed a graph that was to be kept.
            symbolic[:] = [t if _is_whole(t.result) else traced(*g) for t, g in zip(symbolic, graphs, strict=True)]
    return count


def _is_whole(tensor: Tensor) -> bool:
    made = [found.source for found in graph.ancestors(tensor, lambda _: True)]
    return all(node is None or node.context is not None for node in made)


class ExactGraph:
    """A graph of exact numbers, and its gradients by forward-mode differentiation."""

    def __init__(self, function: Function, seed: Sequence[int]) -> None:
        generator = np.random.default_rng(seed)
        self.function = function
        shapes = {"X": (2, 3), "Z": (2, 3), "b": (3,)}
        self.arrays = {name: samples.exact(samples.draw(shape, "real", generator)) for name, shape in shapes.items()}
        value = self._value(self.arrays)
        self.cotangent = samples.exact(samples.draw(value.shape, "real", generator))
        self.slopes = {name: self._slopes(name) for name in self.arrays}

    def _value(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        return self.function(*(Tensor(array) for array in arrays.values())).value

    def _slopes(self, name: str) -> np.ndarray:
        slopes = np.empty(self.arrays[name].shape, dtype=object)
        for position in product(*map(range, slopes.shape)):
            moved = self.arrays[name].copy()
            moved[position] = Number(moved[position].value, Fraction(1))
            changed = self._value({**self.arrays, name: moved})
            pairs = zip(self.cotangent.flat, changed.flat, strict=True)
            slopes[position] = sum((g * y for g, y in pairs), Number(Fraction(0))).slope
        return slopes

    def confirms(self, wanted: set[str]) -> bool:
        """Say whether a sweep leaves the exact gradients of the tensors that want one, and none of the others."""
        tensors = {name: Tensor(a, requires_grad=name in wanted, name=name) for name, a in self.arrays.items()}
        result = self.function(*tensors.values())
        if not result.requires_grad:
            return True
        result.backward(self.cotangent, keep_graph=True)
        return all(_are(tensor.grad, self.slopes[name]) for name, tensor in tensors.items() if name in wanted)


def _are(found: Any, wanted: np.ndarray) -> bool:
    return have_values(np.zeros(wanted.shape, object) if found is None else found, wanted)


def have_values(found: Any, wanted: np.ndarray) -> bool:
    """Say whether an array has the exact values that are wanted, numbers or their values."""
    found = np.asarray(found, dtype=object)
    pairs = zip(found.flat, wanted.flat, strict=True)
    return found.shape == wanted.shape and all(
        same(Number.of(x).value, y.value if isinstance(y, Number) else y) for x, y in pairs
    )
