"""The gradients that code computes, compared with SymPy's derivative of what the code computes."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any
from unittest import mock

from sympy import Expr, Indexed, IndexedBase, S

from rederive.autograd import Op, Tensor
from rederive.autograd.examples import Example
from rederive.autograd.graph import ancestors
from rederive.proofs.prover.array import SymbolicArray, inner_position, named_entry, opaque_entries, position
from rederive.proofs.prover.definedness import Domain, collected, kinks
from rederive.proofs.prover.indices import Index, array, sizes, sum_over
from rederive.proofs.prover.prove import difference, gradient
from rederive.proofs.prover.purity import impurities
from rederive.proofs.prover.size import Size

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


def entry(base: IndexedBase, where: tuple[Expr, ...]) -> Expr:
    """Return X[i, j], or X for a scalar."""
    return named_entry(base)(*where)


def pairing(value: SymbolicArray) -> Expr:
    """Return L = sum_ij G_ij Y_ij, whose gradient is what a backward pass computes from the cotangent G."""
    where = inner_position(value)
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
        with collected() as self.demands:
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
        return {name: self._derivative(name) for name, tensor in self.tensors.items() if tensor.requires_grad}

    def _derivative(self, name: str) -> tuple[tuple[Expr, ...], Expr]:
        where = position(self.tensors[name].value)
        return where, gradient(self.scalar, entry(array(name), where))

    @cached_property
    def independence(self) -> list[Difference]:
        """The value does not depend on opaque arrays (a row's maximum): they could have any values."""
        result = []
        for base in sorted({found.base for found in opaque_entries(self.scalar)}, key=str):
            example: Indexed = next(found for found in opaque_entries(self.scalar) if found.base == base)
            other = tuple(index.inner() if isinstance(index, Index) else index for index in example.indices)
            slope = gradient(self.scalar, base[other])
            result.append(compare("the slope along the row maxima", slope, S.Zero))
        return result

    def comparisons(self) -> Iterator[Difference]:
        """Sweep backward through the graph and compare every gradient with SymPy's."""
        for tensor in ancestors(self.result, lambda _: True):
            tensor.grad = None
        for tensor in self.tensors.values():
            tensor.grad = None
        cotangent = SymbolicArray(self.value.sizes, named_entry(array(COTANGENT)))
        with collected() as demands:
            self.result.backward(cotangent, keep_graph=True)
        self.demands += demands
        for name, (where, exact) in self.derivatives.items():
            computed = self.tensors[name].grad
            yield compare(f"the gradient of {name}", exact, S.Zero if computed is None else computed.at(*where))
        yield from self.independence

    def undefined(self, domain: Domain) -> list[str]:
        """Say what the value and the gradients, computed by now, are not known to be defined by; [] is a proof."""
        return domain.refused([*self.demands, *kinks(self.scalar)])


@dataclass(frozen=True)
class OpProof:
    """What was shown of one op for one of its examples.

    Attributes:
        op: Its name.
        example: The shapes and constants, in words.
        comparisons: Each gradient that was computed, and SymPy's: for every choice of the inputs that need one.
        refused: Why it cannot be proved for all sizes, as the op says itself.
        problems: What a proof of these runs does not cover: values outside the domain, code that may do otherwise.
    """

    op: str
    example: str
    comparisons: tuple[Difference, ...]
    refused: str = ""
    problems: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether there is a gradient, and every one was proved."""
        return bool(self.comparisons) and all(found.proved for found in self.comparisons) and not self.problems


def symbolic_inputs(example: Example) -> tuple[dict[str, SymbolicArray], dict[str, Any]]:
    """Return arrays of symbolic shape, and constants, to apply an op to."""
    letters = dict(zip(example.letters, map(Size, sizes(" ".join(example.letters))), strict=True))
    shapes, constants = example.bind(letters, lambda shape, below: SymbolicArray.named("labels", *shape, below=below))
    return {f"X{k}": SymbolicArray.named(f"X{k}", *shape) for k, shape in enumerate(shapes)}, constants


@dataclass(frozen=True)
class Use:
    """One way to use an op: which of its inputs need a gradient, and which are numbers.

    Attributes:
        needs: The places of the inputs that need a gradient; the other arrays are constants.
        numbers: The operands that are Python numbers, by their place.
    """

    needs: frozenset[int]
    numbers: Mapping[int, float]

    def __str__(self) -> str:
        wanted = ", ".join(f"X{k}" for k in sorted(self.needs))
        return f"where {wanted} needs one" + "".join(f" and X{k} is {x}" for k, x in self.numbers.items())


NUMBERS = (3, -2, 2.5)  # integers stay integers, others are of the array's dtype


def uses(op: type[Op], example: Example) -> list[Use]:
    """Return every use of an op: each choice of the needs and, where an op takes any shapes, numbers as operands."""
    places = range(len(example.shapes))
    found = [Use(frozenset(c), {}) for size in reversed(places) for c in combinations(places, size + 1)]
    if len(places) > 1 and not op.signature and example == op.examples[0]:
        domains = domains_of(op, len(places))
        for k in places:
            rest = frozenset(places) - {k}
            found += [Use(rest, {k: x}) for x in NUMBERS if x > 0 or domains[k] != "positive"]
    return found


def domains_of(op: type[Op], inputs: int) -> tuple[str, ...]:
    """Return the domain of each input of an op."""
    return (op.domain,) * inputs if isinstance(op.domain, str) else op.domain


def traces(op: type[Op]) -> list[Trace]:
    """Return the op applied to the symbolic arrays of each of its examples, in every use."""
    return [trace for example in op.examples for _, trace in example_traces(op, example)]


def example_traces(op: type[Op], example: Example) -> list[tuple[Use, Trace]]:
    """Return every use of an op on the symbolic arrays of one example."""
    result = []
    for use in uses(op, example):
        inputs, constants = symbolic_inputs(example)
        for k in use.numbers:
            del inputs[f"X{k}"]

        def apply(*tensors: Tensor, use: Use = use, constants: dict[str, Any] = constants) -> Tensor:
            rest = iter(tensors)
            operands = [use.numbers[k] if k in use.numbers else next(rest) for k in range(len(example.shapes))]
            return op.apply(*operands, **constants)

        result.append((use, Trace(apply, inputs, {f"X{k}" for k in use.needs})))
    return result


def prove_op(op: type[Op]) -> list[OpProof]:
    """Prove an op's unmodified `backward` for each of its examples, for all sizes and for every use.

    That is for every choice of the inputs that need a gradient, the others being constants; with numbers in the place
    of arrays; defined wherever the op's domain is. An op that says why it cannot be proved is reported with that
    reason, as refused.

    Raises:
        ValueError: The op has no examples: of nothing, nothing can be proved.
    """
    if not op.examples:
        raise ValueError(f"{op.__name__} has no examples, and so no arrays of symbolic shape to be proved on")
    if op.unproved:
        return [OpProof(op.__name__, repr(example), (), op.unproved) for example in op.examples]
    written = [f"{part.__name__}, {what}" for part in (op.forward, op.backward) for what in impurities(part)]
    proofs = [_prove_example(op, example) for example in op.examples]
    return [replace(proof, problems=_unique([*proof.problems, *written])) for proof in proofs]


def _prove_example(op: type[Op], example: Example) -> OpProof:
    comparisons: list[Difference] = []
    problems: list[str] = []
    domain = Domain({f"X{k}": sign for k, sign in enumerate(domains_of(op, len(example.shapes)))})
    for use, trace in example_traces(op, example):
        everything = len(use.needs) == len(example.shapes)
        comparisons += [
            found if everything else replace(found, what=f"{found.what}, {use},") for found in trace.comparisons()
        ]
        problems += trace.undefined(domain)
    return OpProof(op.__name__, repr(example), tuple(comparisons), problems=_unique(problems))


def _unique(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def replaced_backward(op: type[Op], backward: Callable[..., Any]) -> Any:
    """Return a context in which the op has another backward: to see that a wrong one is caught."""
    return mock.patch.object(op, "backward", staticmethod(backward))
