"""Wrong formulas and wrong code, made by rule: the prover's verdict on each against exact numbers.

A prover that always says "not equal" finds every mistake. So what counts is not how many mutants are rejected but that
the prover's verdict and the numbers' agree on every one, the mutants that happen to be right included.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from sympy import Add, Expr, Indexed, KroneckerDelta, Mul, Pow, Sum

from rederive.autograd import Op
from rederive.autograd.examples import Example
from rederive.autograd.graph import Context, namespace, unbroadcast
from rederive.derivations import samples
from rederive.derivations.derivation import Derivation
from rederive.derivations.symbolic.code import replaced_backward, traces
from rederive.derivations.symbolic.exact import Number, entries, evaluator, python_name, same
from rederive.derivations.symbolic.indices import Index, range_of
from rederive.derivations.symbolic.normal_form import DifferentRangesError
from rederive.derivations.symbolic.prove import equal, gradient

POINTS = 2


@dataclass
class Count:
    """How many mutants there were, and what became of them."""

    total: int = 0
    rejected: int = 0
    equivalent: int = 0
    disagreements: list[str] = field(default_factory=list)

    def add(self, mutant: str, proved: bool, correct: bool) -> None:
        """Record both verdicts on a mutant: the prover's, and that of exact numbers."""
        self.total += 1
        self.rejected += not proved
        self.equivalent += correct
        if proved != correct:
            self.disagreements.append(f"{mutant}: {'proved' if proved else 'rejected'}, but the numbers say otherwise")

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.total + other.total,
            self.rejected + other.rejected,
            self.equivalent + other.equivalent,
            self.disagreements + other.disagreements,
        )

    @property
    def agreement(self) -> float:
        """The share of mutants on which both verdicts are the same."""
        return 1 - len(self.disagreements) / self.total if self.total else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the counts for the result file."""
        return {
            "total": self.total,
            "rejected": self.rejected,
            "equivalent": self.equivalent,
            "agreeing": self.total - len(self.disagreements),
            "agreement": self.agreement,
            "disagreements": self.disagreements,
        }


# Formulas


def formula_mutants(claim: Expr, where: Sequence[Expr]) -> list[Expr]:
    """Return the claim with one thing changed: a sign, a factor, an exponent, an index, a dropped part, a sum.

    `where` are the indices of the entry that the claim is about.
    """
    found: dict[Expr, None] = {}
    for path, part in _parts(claim):
        for other in _changes(part, where):
            try:
                mutant = _replaced(claim, path, other)
            except (ValueError, TypeError):
                continue  # not an expression at all
            if mutant != claim:
                found.setdefault(mutant)
    return list(found)


def _parts(expression: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Expr]]:
    yield path, expression
    if isinstance(expression, (Indexed, KroneckerDelta)):
        return
    arguments = expression.args[:1] if isinstance(expression, Sum) else expression.args
    for place, argument in enumerate(arguments):
        yield from _parts(argument, (*path, place))


def _changes(part: Expr, where: Sequence[Expr]) -> Iterator[Expr]:
    yield from (-part, 2 * part, part + 1)
    if isinstance(part, Mul):
        yield from (part / factor for factor in part.args)
    if isinstance(part, Add):
        for term in part.args:
            yield part - term
            yield part - 2 * term
    if isinstance(part, Pow):
        yield from (part.base ** (part.exp - 1), part.base ** (part.exp + 1), part.base)
    if isinstance(part, Sum):
        yield part / part.limits[0][0].size  # the mean
        yield part**2
        yield from (part.func(term, *part.limits) for term in Mul.make_args(part.function))
    if isinstance(part, Indexed):
        if len(part.indices) == 2 and len({getattr(index, "size", None) for index in part.indices}) == 1:
            yield part.base[part.indices[::-1]]
        for place, index in enumerate(part.indices):
            for other in where:
                if isinstance(index, Index) and other != index and range_of(other) == index.size:
                    yield part.base[(*part.indices[:place], other, *part.indices[place + 1 :])]


def _replaced(expression: Expr, path: tuple[int, ...], new: Expr) -> Expr:
    if not path:
        return new
    arguments = list(expression.args)
    arguments[path[0]] = _replaced(arguments[path[0]], path[1:], new)
    return expression.func(*arguments)


def exact_gradient(derivation: Derivation, name: str, values: dict[str, Any]) -> np.ndarray:
    """Return dL/dX by differentiating the evaluation of L itself, number by number: no symbolic derivative."""
    loss = derivation.unfold(derivation.loss.meaning)
    function = evaluator(loss, list(map(python_name, values)))
    result = np.empty(np.shape(values[name]), dtype=object)
    for position in product(*map(range, result.shape)):
        moved = values[name].copy()
        moved[position] = Number(moved[position].value, Fraction(1))
        result[position] = function(*{**values, name: moved}.values()).slope
    return result


def gradient_is(reference: np.ndarray, claim: Expr, where: tuple[Expr, ...], values: dict[str, Any]) -> bool:
    """Say whether the claimed gradient has the reference's values."""
    try:
        claimed = entries(claim, where, values).reshape(reference.shape)
    except ArithmeticError:
        return False
    return all(same(have.value, want) for have, want in zip(claimed.flat, reference.flat, strict=True))


def check_formulas(derivation: Derivation, seed: int = 0) -> Count:
    """Judge every mutant of every claimed gradient, by the prover and by exact numbers at random points."""
    count = Count()
    points = [samples.exact_values(derivation, np.random.default_rng([seed, k])) for k in range(POINTS)]
    loss = derivation.unfold(derivation.loss.meaning)
    for name, chain in derivation.gradients.items():
        entry = chain.start.args[1]
        where = entry.indices if isinstance(entry, Indexed) else ()
        derived = gradient(loss, entry)
        references = [exact_gradient(derivation, name, values) for values in points]
        stated = derivation.mutate == "stated"
        for changed in formula_mutants(chain.result if stated else derivation.unfold(chain.result), where):
            mutant = derivation.unfold(changed) if stated else changed
            try:
                proved = equal(derived, mutant)
            except DifferentRangesError:
                proved = False
            correct = all(
                gradient_is(reference, mutant, where, values)
                for reference, values in zip(references, points, strict=True)
            )
            count.add(f"d{name}: {changed}", proved, correct)
    return count


# Source code

# The operators that one is mistaken for
CONFUSED: Mapping[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}


def backward_source(op: type[Op]) -> ast.FunctionDef:
    """Return the syntax tree of an op's `backward`, without decorators and annotations."""
    function = ast.parse(textwrap.dedent(inspect.getsource(op.backward))).body[0]
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"{op.__name__}.backward is not written as a function")
    function.decorator_list = []
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return function


def source_mutants(op: type[Op]) -> list[tuple[str, Callable[..., Any]]]:
    """Return mutants of an op's `backward`: what was changed, and the function."""
    original = backward_source(op)
    seen = {ast.unparse(original)}
    result = []
    for number in range(sum(1 for _ in ast.walk(original))):
        for kind in range(len(_source_changes(_node(original, number), original))):
            tree = backward_source(op)
            node = _node(tree, number)
            new = _source_changes(node, tree)[kind]
            tree = ast.fix_missing_locations(_Replace(node, new).visit(tree))
            text = ast.unparse(tree)
            if text in seen:
                continue
            seen.add(text)
            names = dict(op.backward.__globals__)
            exec(compile(text, f"<mutant of {op.__name__}.backward>", "exec"), names)
            result.append((f"{ast.unparse(node)} -> {ast.unparse(new)}", names[tree.name]))
    return result


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else super().generic_visit(node)


def _node(tree: ast.AST, number: int) -> ast.AST:
    return list(ast.walk(tree))[number]


def _source_changes(node: ast.AST, function: ast.FunctionDef) -> list[ast.expr]:
    """Return what could stand in the place of a node, by a slip."""
    changes: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        changes += [ast.BinOp(left, other(), right) for other in CONFUSED.get(type(node.op), ())]
        changes += [left, right]
        if not isinstance(node.op, (ast.Add, ast.Mult)):
            changes.append(ast.BinOp(right, node.op, left))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        changes.append(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        changes.append(ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        changes += [ast.Constant(node.value + 1), ast.Constant(1 - node.value)]
    if isinstance(node, ast.Attribute) and node.attr == "T":
        changes.append(node.value)
    if isinstance(node, ast.Attribute) and node.attr == "sum":
        changes.append(ast.Attribute(node.value, "mean", ast.Load()))
    if isinstance(node, ast.IfExp):
        changes.append(ast.UnaryOp(ast.USub(), node))
    if isinstance(node, ast.Call) and len(node.args) == 3:
        changes.append(ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], node.keywords))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _locals(function):
        changes += [ast.Name(other, ast.Load()) for other in sorted(_locals(function)) if other != node.id]
        changes += [ast.UnaryOp(ast.USub(), node), ast.BinOp(ast.Constant(2), ast.Mult(), node)]
    return changes


def _locals(function: ast.FunctionDef) -> set[str]:
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {function.args.args[1].arg} | stored


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
    """An op applied to arrays of exact numbers, and its exact gradients by forward-mode differentiation."""

    def __init__(self, op: type[Op], example: Example, seed: Sequence[int]) -> None:
        generator = np.random.default_rng(seed)
        sizes = dict(zip(example.letters, (2, 3, 4, 5), strict=False))
        shapes, constants = example.bind(sizes, lambda shape, below: generator.integers(0, below, size=shape))
        domains = [op.domain] * len(shapes) if isinstance(op.domain, str) else op.domain
        self.arrays = [
            samples.exact(samples.draw(shape, domain, generator)) for shape, domain in zip(shapes, domains, strict=True)
        ]
        self.xp = StrictNamespace(namespace(*self.arrays))

        def forward(arrays: list[np.ndarray]) -> tuple[Context, np.ndarray]:
            context = Context(self.xp, (True,) * len(arrays), tuple(array.shape for array in arrays))
            return context, np.asarray(op.forward(context, *arrays, **constants), dtype=object)

        self.context, value = forward(self.arrays)
        self.cotangent = samples.exact(samples.draw(value.shape, "real", generator))
        self.gradients = []
        for place, array in enumerate(self.arrays):
            slopes = np.empty(array.shape, dtype=object)
            for position in product(*map(range, array.shape)):
                moved = array.copy()
                moved[position] = Number(moved[position].value, Fraction(1))
                _, changed = forward([moved if k == place else other for k, other in enumerate(self.arrays)])
                pairs = zip(self.cotangent.flat, changed.flat, strict=True)
                slopes[position] = sum((g * y for g, y in pairs), Number(Fraction(0))).slope
            self.gradients.append(slopes)

    def confirms(self, backward: Callable[..., Any]) -> bool:
        """Say whether a backward computes the exact gradients."""
        computed = backward(self.context, self.cotangent)
        computed = computed if isinstance(computed, tuple) else (computed,)
        if len(computed) != len(self.gradients):
            return False
        for have, want in zip(computed, self.gradients, strict=True):
            have = np.zeros(want.shape, object) if have is None else have
            have = np.asarray(unbroadcast(self.xp, have, want.shape), dtype=object)
            if have.shape != want.shape:
                return False
            if not all(same(Number.of(x).value, y) for x, y in zip(have.flat, want.flat, strict=True)):
                return False
        return True


def check_source(op: type[Op], seed: int = 0) -> Count:
    """Judge every mutant of an op's backward, by the prover and by exact numbers.

    A mutant that raises an error is wrong; whether it does is each judge's own finding.
    """
    count = Count()
    if op.unproved:
        return count
    symbolic = traces(op)
    exact = [
        ExactCase(op, example, (seed, number, point))
        for number, example in enumerate(op.examples)
        for point in range(POINTS)
    ]
    for what, backward in source_mutants(op):
        with replaced_backward(op, backward):
            proved = _holds(found.proved for trace in symbolic for found in trace.comparisons())
        correct = _holds(case.confirms(backward) for case in exact)
        count.add(f"{op.__name__}: {what}", proved, correct)
    return count


def _holds(verdicts: Iterable[bool]) -> bool:
    """Say whether all verdicts are yes; a mutant that cannot even be run, whatever it raises, is wrong."""
    try:
        return all(verdicts)
    except Exception:
        return False
