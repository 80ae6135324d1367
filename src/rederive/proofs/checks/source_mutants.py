"""Wrong source code, made by rule, and the verdicts of the prover and of exact numbers on it.

What is changed is the source of an operation's `forward`, of its helpers, and of its `backward`. A mutant is right if
it computes the operation's value, and the gradients of that value, for every use of the operation.
"""

import ast
import inspect
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import cycle, product
from types import FunctionType
from typing import Any
from unittest import mock

import numpy as np

from rederive.autograd import Op
from rederive.autograd.examples import Example
from rederive.autograd.graph import Context, namespace, unbroadcast
from rederive.proofs.checks import samples
from rederive.proofs.checks.exact import Number, same
from rederive.proofs.checks.mutants import POINTS, Count
from rederive.proofs.prover.array import position
from rederive.proofs.prover.code import Trace, Use, compare, domains_of, example_traces, uses
from rederive.proofs.prover.purity import only_raises

# The operators that one is mistaken for
CONFUSED: Mapping[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}


def source_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """Return the syntax tree of a function, without decorators, annotations, and checks that only raise errors.

    Raises:
        TypeError: It is not written as a function.
        OSError: Its source cannot be read.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise TypeError(f"{function.__qualname__} is not written as a function")
    tree.decorator_list = []
    tree.returns = None
    for argument in [*tree.args.args, *tree.args.kwonlyargs]:
        argument.annotation = None
    tree.body = [statement for statement in tree.body if not only_raises(statement)]
    return tree


def source_mutants(
    function: Callable[..., Any], without: str = "", swap_names: bool = True, scale_names: bool = True
) -> list[tuple[str, Callable[..., Any]]]:
    """Return mutants of a function: the statement with what was changed in it, in «», and the function.

    Args:
        function: A function whose source can be read.
        without: No mutant has a source that holds this text.
        swap_names: Whether one name in the place of another is a mutant, too.
        scale_names: Whether -x and 2 x in the place of x are.
    """
    tree = source_of(function)
    own = _locals(tree)
    seen = {ast.unparse(tree)}
    result = []
    for node, put, statement in list(_parts(tree)):
        for new in _changes(node, own):
            put(new)
            text = ast.unparse(tree)
            put(node)
            if text in seen or (without and without in text):
                continue
            seen.add(text)
            if isinstance(node, ast.Name) and not (swap_names if isinstance(new, ast.Name) else scale_names):
                continue
            names = dict(function.__globals__)
            exec(compile(text, f"<mutant of {function.__qualname__}>", "exec"), names)
            put(ast.Name(f"«{ast.unparse(node)}»"))
            where = ast.unparse(statement).splitlines()[0]
            put(node)
            result.append((f"{where} with {ast.unparse(new)}", names[tree.name]))
    return result


def _parts(tree: ast.stmt) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None], ast.stmt]]:
    """Yield every node below a statement, level by level, a function that puts another in its place, its statement."""
    waiting: deque[tuple[ast.AST, ast.stmt]] = deque([(tree, tree)])
    while waiting:
        parent, within = waiting.popleft()
        for field, value in ast.iter_fields(parent):
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST):
                    put = partial(setattr, parent, field) if place is None else partial(value.__setitem__, place)
                    yield node, put, within
                    waiting.append((node, node if isinstance(node, ast.stmt) else within))


def _changes(node: ast.AST, own: set[str]) -> list[ast.expr]:
    """Return what could stand in the place of a node, by a slip; `own` are the names of the function's variables."""
    changes: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        changes += [ast.BinOp(left, other(), right) for other in CONFUSED.get(type(node.op), ())]
        changes += [left, right]
        if not isinstance(node.op, (ast.Add, ast.Mult)):
            changes.append(ast.BinOp(right, node.op, left))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        changes.append(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        changes.append(ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        changes += [ast.Constant(node.value + 1), ast.Constant(1 - node.value)]
    if isinstance(node, ast.Attribute) and node.attr == "T":
        changes.append(node.value)
    if isinstance(node, ast.Attribute) and node.attr in SLIPS:
        changes += [ast.Attribute(node.value, other, ast.Load()) for other in SLIPS[node.attr]]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITE:
        changes.append(ast.Compare(node.left, [OPPOSITE[type(node.ops[0])]()], node.comparators))
    if isinstance(node, ast.IfExp):
        changes += [ast.UnaryOp(ast.USub(), node), ast.IfExp(node.test, node.orelse, node.body)]
    if isinstance(node, ast.Call) and len(node.args) == 3:
        changes.append(ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], node.keywords))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in own:
        changes += [ast.Name(other, ast.Load()) for other in sorted(own) if other != node.id]
        changes += [ast.UnaryOp(ast.USub(), node), ast.BinOp(ast.Constant(2), ast.Mult(), node)]
    return changes


# Functions and comparisons that one is mistaken for
SLIPS = {"sum": ("mean",), "exp": ("log", "tanh"), "log": ("exp",), "tanh": ("exp",), "maximum": ("minimum",)}
OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def _locals(function: ast.FunctionDef) -> set[str]:
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {argument.arg for argument in function.args.args[1:]} | stored


# Exact numbers


class StrictNamespace:
    """NumPy's functions by the letter of the array API standard: `where` takes a condition, not any number."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)

    def where(self, condition: np.ndarray, x: Any, y: Any) -> np.ndarray:
        """Choose between x and y."""
        if condition.dtype != bool:
            raise TypeError(f"where: the condition is of {condition.dtype}")
        return self._xp.where(condition, x, y)


class ExactCase:
    """An op applied to arrays of exact numbers, its value and, by forward-mode differentiation, its exact gradients."""

    def __init__(self, op: type[Op], example: Example, seed: Sequence[int]) -> None:
        generator = np.random.default_rng(seed)
        # Of many axes small ones are enough, and all that exact numbers can do in a second.
        numbers = (2, 3, 4, 5) if len(example.letters) <= 4 else cycle((2, 3))
        sizes = dict(zip(example.letters, numbers, strict=False))
        shapes, self.constants = example.bind(sizes, lambda shape, below: generator.integers(0, below, size=shape))
        domains = domains_of(op, len(shapes))
        self.op = op
        self.uses = uses(op, example)
        self.arrays = [
            samples.exact(samples.draw(shape, domain, generator)) for shape, domain in zip(shapes, domains, strict=True)
        ]
        self.xp = StrictNamespace(namespace(*self.arrays))
        everything = self.uses[0]
        _, value = self._forward(op.forward, everything, self.arrays)
        self.cotangent = samples.exact(samples.draw(value.shape, "real", generator))
        self._references: dict[tuple[Any, ...], tuple[np.ndarray, list[np.ndarray]]] = {}

    def _operands(self, use: Use, arrays: Sequence[np.ndarray]) -> list[Any]:
        return [Number.of(use.numbers[k]) if k in use.numbers else array for k, array in enumerate(arrays)]

    def _forward(self, forward: Callable[..., Any], use: Use, arrays: Sequence[np.ndarray]) -> tuple[Context, Any]:
        operands = self._operands(use, arrays)
        needs = tuple(k in use.needs for k in range(len(operands)))
        context = Context(self.xp, needs, tuple(np.shape(operand) for operand in operands))
        return context, np.asarray(forward(context, *operands, **self.constants), dtype=object)

    def _reference(self, use: Use) -> tuple[np.ndarray, list[np.ndarray]]:
        """The value, and the gradient with respect to every array, of the op as it is."""
        numbers = tuple(use.numbers.items())
        if numbers not in self._references:
            full = Use(frozenset(range(len(self.arrays))) - set(use.numbers), use.numbers)
            _, value = self._forward(self.op.forward, full, self.arrays)
            gradients = []
            for place, array in enumerate(self.arrays):
                slopes = np.empty(array.shape, dtype=object)
                for position in product(*map(range, array.shape)) if place not in use.numbers else ():
                    moved = array.copy()
                    moved[position] = Number(moved[position].value, Fraction(1))
                    others = [moved if k == place else other for k, other in enumerate(self.arrays)]
                    _, changed = self._forward(self.op.forward, full, others)
                    pairs = zip(np.broadcast_to(self.cotangent, value.shape).flat, changed.flat, strict=True)
                    slopes[position] = sum((g * y for g, y in pairs), Number(Fraction(0))).slope
                gradients.append(slopes)
            self._references[numbers] = value, gradients
        return self._references[numbers]

    def confirms(self, backward: Callable[..., Any], forward: Callable[..., Any] | None = None) -> bool:
        """Say whether a backward computes the exact gradients, and a forward the exact value, for every use."""
        return all(self._confirms(use, forward or self.op.forward, backward) for use in self.uses)

    def _confirms(self, use: Use, forward: Callable[..., Any], backward: Callable[..., Any]) -> bool:
        value, gradients = self._reference(use)
        context, found = self._forward(forward, use, self.arrays)
        if not _agree(found, value, of_values=True):
            return False
        computed = backward(context, np.array(np.broadcast_to(self.cotangent, value.shape)))
        computed = computed if isinstance(computed, tuple) else (computed,)
        if len(computed) != len(gradients):
            return False
        for place in use.needs:
            want, have = gradients[place], computed[place]
            have = np.zeros(want.shape, object) if have is None else have
            if not _agree(np.asarray(unbroadcast(self.xp, have, want.shape), dtype=object), want):
                return False
        return True


def _agree(found: np.ndarray, wanted: np.ndarray, of_values: bool = False) -> bool:
    """Say whether two arrays have equal numbers; `wanted` are numbers with slopes if they are `of_values`."""
    if found.shape != wanted.shape:
        return False
    pairs = zip(found.flat, wanted.flat, strict=True)
    return all(same(Number.of(x).value, Number.of(y).value if of_values else y) for x, y in pairs)


# Verdicts


def forward_mutants(op: type[Op]) -> list[tuple[str, Callable[..., Any]]]:
    """Return mutants of an op's `forward`, and forwards with a mutant of one of the helpers that it calls."""
    found = source_mutants(op.forward)
    called = {node.func.id for node in ast.walk(source_of(op.forward)) if isinstance(node, ast.Call)
              and isinstance(node.func, ast.Name)}  # fmt: skip
    for name in sorted(called):
        helper = op.forward.__globals__.get(name)
        if isinstance(helper, FunctionType):
            found += [(f"{name}: {what}", _with(op.forward, name, mutant)) for what, mutant in source_mutants(helper)]
    return found


def _with(function: Callable[..., Any], name: str, value: Any) -> Callable[..., Any]:
    """Return a function that finds another value under a global name."""
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, {**function.__globals__, name: value}, function.__name__)
    copy.__defaults__, copy.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return copy


def check_source(op: type[Op], seed: int = 0) -> Count:
    """Judge every mutant of an op's forward and of its backward, by the prover and by exact numbers.

    A mutant that raises an error is wrong; whether it does is each judge's own finding.
    """
    count = Count()
    if op.unproved:
        return count
    symbolic = [trace for example in op.examples for _, trace in example_traces(op, example)]
    exact = [
        ExactCase(op, example, (seed, number, point))
        for number, example in enumerate(op.examples)
        for point in range(POINTS)
    ]
    if not (all(found.proved for trace in symbolic for found in trace.comparisons())
            and all(case.confirms(op.backward) for case in exact)):  # fmt: skip
        count.disagreements.append(f"{op.__name__} itself is not judged to be right: its mutants say nothing")
    for what, backward in source_mutants(op.backward):
        with mock.patch.object(op, "backward", staticmethod(backward)):
            proved = holds(found.proved for trace in symbolic for found in trace.comparisons())
        correct = holds(case.confirms(backward) for case in exact)
        count.add(f"{op.__name__}.backward: {what}", proved, correct)
    for what, forward in forward_mutants(op):
        proved = holds(_forward_verdicts(op, forward, symbolic))
        correct = holds(case.confirms(op.backward, forward) for case in exact)
        count.add(f"{op.__name__}.forward: {what}", proved, correct)
    return count


def _forward_verdicts(op: type[Op], forward: Callable[..., Any], originals: list[Trace]) -> Iterator[bool]:
    """Say of every use whether another forward computes the same value, and leaves what its gradients need."""
    with mock.patch.object(op, "forward", staticmethod(forward)):
        known = iter(originals)
        for example in op.examples:
            for _, trace in example_traces(op, example):
                value = next(known).value
                yield value.sizes == trace.value.sizes
                where = position(value)
                yield compare("the value", value.at(*where), trace.value.at(*where)).proved
                yield from (found.proved for found in trace.comparisons())


def holds(verdicts: Iterable[bool]) -> bool:
    """Say whether all verdicts are yes; a mutant that cannot even be run, whatever it raises, is wrong."""
    try:
        return all(verdicts)
    except Exception:
        return False
