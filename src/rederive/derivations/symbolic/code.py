"""The gradients that code computes, compared with SymPy's derivative of what the code computes."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from unittest import mock

from sympy import Expr, Indexed, IndexedBase, S

from rederive.autograd import Op, Tensor
from rederive.autograd.examples import Example
from rederive.derivations.symbolic.array import SymbolicArray, named_entry, opaque_entries
from rederive.derivations.symbolic.indices import Index, array, sizes, sum_over
from rederive.derivations.symbolic.prove import difference, gradient

COTANGENT = "G"


@dataclass(frozen=True)
class Difference:
    """Two expressions that should be equal: `left` is what calculus says, `right` what is claimed or computed."""

    what: str
    left: Expr
    right: Expr
    rest: Expr

    @property
    def proved(self) -> bool:
        """Whether nothing is left of the difference."""
        return self.rest == 0


def compare(what: str, left: Expr, right: Expr) -> Difference:
    """Compare two expressions for all sizes."""
    return Difference(what, left, right, difference(left, right))


def position(value: SymbolicArray, letters: str) -> tuple[Expr, ...]:
    """Return one index for each axis of the array, 0 along axes of size one."""
    pairs = zip(letters, value.shape, strict=False)
    return tuple(S.Zero if size == 1 else Index(letter, size) for letter, size in pairs)


def entry(base: IndexedBase, where: tuple[Expr, ...]) -> Expr:
    """Return X[i, j], or X for a scalar."""
    return named_entry(base)(*where)


def pairing(value: SymbolicArray) -> Expr:
    """Return L = sum_ij G_ij Y_ij, whose gradient is what a backward pass computes from the cotangent G."""
    where = tuple(index.fresh() if isinstance(index, Index) else index for index in position(value, "ijkl"))
    body = entry(array(COTANGENT), where) * value.at(*where)
    over = [index for index in where if isinstance(index, Index)]
    return sum_over(body, *over) if over else body


class Trace:
    """Code that ran on symbolic arrays: its value, and the gradients that a sweep through its graph computes.

    Args:
        function: Computes a tensor from tensors, as the training code does.
        inputs: The arrays by name; the name is that of their entries.
        wanted: The names of the inputs that need a gradient; all by default.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        inputs: Mapping[str, SymbolicArray],
        wanted: Collection[str] | None = None,
    ) -> None:
        self.tensors = {
            name: Tensor(value, requires_grad=wanted is None or name in wanted, name=name)
            for name, value in inputs.items()
        }
        self.result = function(*self.tensors.values())
        self.scalar = pairing(self.value)

    @property
    def value(self) -> SymbolicArray:
        """What the code computed."""
        return self.result.value

    @property
    def ops(self) -> list[type[Op]]:
        """The operations that the code is made of, each once, the last one first."""
        found: dict[type[Op], None] = {}
        waiting = [self.result]
        while waiting:
            source = waiting.pop().source
            if source is not None:
                found.setdefault(source.op)
                waiting += [item for item in source.inputs if isinstance(item, Tensor)]
        return list(found)

    @cached_property
    def derivatives(self) -> dict[str, tuple[tuple[Expr, ...], Expr]]:
        """For each input that needs a gradient: indices p, q, ... and SymPy's dL/dX_pq."""
        found = {}
        for name, tensor in self.tensors.items():
            if tensor.requires_grad:
                where = position(tensor.value, "pquv")
                found[name] = where, gradient(self.scalar, entry(array(name), where))
        return found

    @cached_property
    def independence(self) -> list[Difference]:
        """The value does not depend on opaque arrays (a row's maximum): they could have any values."""
        result = []
        for base in sorted({found.base for found in opaque_entries(self.scalar)}, key=str):
            example: Indexed = next(found for found in opaque_entries(self.scalar) if found.base == base)
            fresh = tuple(index.fresh() if isinstance(index, Index) else index for index in example.indices)
            slope = gradient(self.scalar, base[fresh])
            result.append(compare("the slope along the row maxima", slope, S.Zero))
        return result

    def comparisons(self) -> Iterator[Difference]:
        """Sweep backward through the graph and compare every gradient with SymPy's."""
        for tensor in self.tensors.values():
            tensor.grad = None
        self.result.backward(SymbolicArray(self.value.shape, named_entry(array(COTANGENT))), keep_graph=True)
        for name, (where, exact) in self.derivatives.items():
            computed = self.tensors[name].grad
            yield compare(f"the gradient of {name}", exact, S.Zero if computed is None else computed.at(*where))
        yield from self.independence


@dataclass(frozen=True)
class OpProof:
    """What was shown of one op for one of its examples."""

    op: str
    example: str
    comparisons: tuple[Difference, ...]
    refused: str = ""

    @property
    def proved(self) -> bool:
        """Whether there is a gradient, and every one was proved."""
        return bool(self.comparisons) and all(comparison.proved for comparison in self.comparisons)


def symbolic_inputs(example: Example) -> tuple[dict[str, SymbolicArray], dict[str, Any]]:
    """Return arrays of symbolic shape, and constants, to apply an op to."""
    letters = dict(zip(example.letters, sizes(" ".join(example.letters)), strict=True))
    shapes, constants = example.bind(letters, lambda shape, below: SymbolicArray.named("labels", *shape, below=below))
    return {f"X{k}": SymbolicArray.named(f"X{k}", *shape) for k, shape in enumerate(shapes)}, constants


def traces(op: type[Op]) -> list[Trace]:
    """Return the op applied to the symbolic arrays of each of its examples."""
    result = []
    for example in op.examples:
        inputs, constants = symbolic_inputs(example)
        result.append(Trace(lambda *x, k=constants: op.apply(*x, **k), inputs))
    return result


def prove_op(op: type[Op]) -> list[OpProof]:
    """Prove an op's unmodified `backward` for each of its examples, for all sizes.

    An op that says why it cannot be proved is reported with that reason, as refused.

    Raises:
        ValueError: The op has no examples: of nothing, nothing can be proved.
    """
    if not op.examples:
        raise ValueError(f"{op.__name__} has no examples, and so no arrays of symbolic shape to be proved on")
    if op.unproved:
        return [OpProof(op.__name__, repr(example), (), op.unproved) for example in op.examples]
    return [
        OpProof(op.__name__, repr(example), tuple(trace.comparisons()))
        for example, trace in zip(op.examples, traces(op), strict=True)
    ]


def replaced_backward(op: type[Op], backward: Callable[..., Any]) -> Any:
    """Return a context in which the op has another backward: to see that a wrong one is caught."""
    return mock.patch.object(op, "backward", staticmethod(backward))
