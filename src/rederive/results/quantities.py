"""The small language of quantities: number keys in braces, + - * / and the functions of `_FUNCTIONS`."""

import ast
import copy
import functools
import math
import operator
import re
import warnings
from collections.abc import Callable, Sequence
from itertools import permutations
from statistics import median

from rederive.errors import UserError

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "span": lambda *values: max(values) - min(values),
    "mean": lambda *values: math.fsum(values) / len(values),
    "median": lambda *values: median(values),
    "abs": abs,
    "log": math.log,
}
_EXTREMES = {"min", "max", "span", "abs"}


def parse_quantity(text: str) -> tuple[list[str], ast.expr]:
    """Return the keys of a quantity and its expression, in which key i is the name `ki`. Raises UserError."""
    keys: list[str] = []

    def name(match: re.Match[str]) -> str:
        if match[1] not in keys:
            keys.append(match[1])
        return f" k{keys.index(match[1])} "  # blanks: a digit behind a key must not become a part of its name

    try:
        if typed := re.search(r"\bk\d+\b", re.sub(r"\{[^{}]+\}", "", text)):
            raise ValueError(f"found {typed[0]!r}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only warns of, a number that runs into a word, is no quantity
            expression = ast.parse(re.sub(r"\{([^{}]+)\}", name, text).strip(), mode="eval").body
        evaluate(expression, [1.0] * len(keys))
    except ZeroDivisionError:
        pass  # of the trial values, not of the quantity
    except (SyntaxError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise UserError(
            f"quantity {text[:200]!r}: {error}; expected keys in braces, + - * /, {', '.join(_FUNCTIONS)}"
        ) from None
    return keys, expression


def parts(node: ast.expr, lowest: bool) -> list[ast.expr]:
    """Return quantities without min, max and span, of which the expression is the lowest or the highest.

    abs(a) is the higher of a and -a. As the lowest of something it stays.

    The extreme of several means cannot be estimated by averaging the extremes of single runs: the lowest of some is
    on average below the lowest mean, whichever that is. That min(a, b) - c lies above a bound is therefore asked of
    a - c and of b - c. Raises UserError for an expression that is no such extreme, as max(a, b) is not the lowest of
    anything.
    """
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [ast.UnaryOp(ast.USub(), part) for part in parts(operand, not lowest)]
        case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
            others = parts(right, lowest if isinstance(op, ast.Add) else not lowest)
            return [ast.BinOp(part, op, other) for part in parts(left, lowest) for other in others]
        case ast.Call(func=ast.Name(id="min" | "max" as function), args=arguments) if (function == "min") == lowest:
            return [part for argument in arguments for part in parts(argument, lowest)]
        case ast.Call(func=ast.Name(id="span"), args=arguments) if not lowest:
            pairs = permutations(arguments, 2)
            return [part for high, low in pairs for part in parts(ast.BinOp(high, ast.Sub(), low), lowest)]
        case ast.Call(func=ast.Name(id="abs"), args=[operand]) if not lowest:
            return [*parts(operand, lowest), *parts(ast.UnaryOp(ast.USub(), operand), lowest)]
        case ast.Call(func=ast.Name(id="abs"), args=[operand]) if not _has_extreme(operand):
            return [node]  # on which side of zero it lies is asked of the values: see `oriented`
    if _has_extreme(node):
        raise UserError(
            f"found {ast.unparse(node)!r} where the {'lowest' if lowest else 'highest'} of several is wanted; a "
            "quantity above a bound takes min, one below it max and span, behind a minus the other way round; one "
            "within bounds none of them"
        )
    return [node]


def _has_extreme(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Call) and getattr(inner.func, "id", "") in _EXTREMES for inner in ast.walk(node))


def oriented(node: ast.expr, rows: Sequence[Sequence[float]]) -> ast.expr:
    """Return an expression with each abs(a) as a or -a, whichever is positive on average over the rows of values.

    The mean of |a| over seeds is above zero where a is zero on average, by its spread alone. What is asked is on which
    side of zero the mean of a lies, and how far: the 95 % interval is two-sided, and errs in 5 % with both sides.
    """

    class Orient(ast.NodeTransformer):
        def visit_Call(self, call: ast.Call) -> ast.AST:
            self.generic_visit(call)
            if getattr(call.func, "id", "") != "abs" or len(call.args) != 1:
                return call
            mean = sum(evaluate(call.args[0], row) for row in rows) / len(rows)
            return call.args[0] if mean >= 0 else ast.UnaryOp(ast.USub(), call.args[0])

    changed: ast.expr = Orient().visit(copy.deepcopy(node))
    return changed


Linear = dict[str, float]  # weights by name; that of "" is the constant


def linear(node: ast.expr) -> Linear | None:
    """Return a quantity without functions as a weighted sum of its names; None where it is none, as a ratio."""
    match node:
        case ast.Constant(value=int() | float() as constant):
            return {"": float(constant)}
        case ast.Name(id=name):
            return {name: 1.0}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _scaled(linear(operand), -1.0)
        case ast.Call(func=ast.Name(id="mean"), args=[first, *others]):
            total = functools.reduce(lambda one, other: ast.BinOp(one, ast.Add(), other), others, first)
            return _scaled(linear(total), 1 / (1 + len(others)))
        case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
            one, other = linear(left), _scaled(linear(right), 1.0 if isinstance(op, ast.Add) else -1.0)
            if one is None or other is None:
                return None
            return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in one | other}
        case ast.BinOp(op=ast.Mult() | ast.Div() as op, left=left, right=right):
            one, other = linear(left), linear(right)
            if isinstance(op, ast.Mult) and one is not None and one.keys() <= {""}:
                one, other = other, one
            if one is None or other is None or other.keys() != {""}:
                return None
            if isinstance(op, ast.Mult):
                return _scaled(one, other[""])
            return _scaled(one, 1 / other[""]) if other[""] else None  # divided by zero it is no sum, and no number
    return None


def _scaled(form: Linear | None, factor: float) -> Linear | None:
    return None if form is None else {name: weight * factor for name, weight in form.items()}


def comparisons(forms: Sequence[ast.expr], keys: Sequence[str]) -> set[object]:
    """Return what tells comparisons apart: equal for a - b and b - a, and for what comes to the same sum."""
    found: set[object] = set()
    for form in forms:
        weights = linear(form)
        if weights is None:
            found.add(re.sub(r"k(\d+)", lambda match: keys[int(match[1])], ast.unparse(form)))
            continue
        named = {keys[int(name[1:])]: round(weight, 12) for name, weight in weights.items() if name}
        terms = sorted((name, weight) for name, weight in named.items() if weight)
        if terms:  # a sum in which all cancels compares nothing
            found.add(tuple((name, weight * math.copysign(1, terms[0][1])) for name, weight in terms))
    return found


def evaluate(node: ast.expr, values: Sequence[float]) -> float:
    """Return the value of a quantity's expression. Raises ValueError for anything but its small language."""
    match node:
        case ast.Constant(value=int() | float() as constant) if not isinstance(constant, bool):
            return float(constant)
        case ast.Name(id=name) if re.fullmatch(r"k\d+", name):
            return values[int(name[1:])]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return float(_OPERATORS[type(op)](evaluate(left, values), evaluate(right, values)))
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in _FUNCTIONS and arguments:
            return _FUNCTIONS[function](*(evaluate(argument, values) for argument in arguments))
    raise ValueError(f"found {ast.unparse(node)!r}")
