"""The small language of quantities: number keys in braces, + - * /, min, max and span."""

import ast
import operator
import re
from collections.abc import Callable, Sequence

from rederive.errors import UserError

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "span": lambda *values: max(values) - min(values),
}


def parse_quantity(text: str) -> tuple[list[str], ast.expr]:
    """Return the keys of a quantity and its expression, in which key i is the name `ki`. Raises UserError."""
    keys: list[str] = []

    def name(match: re.Match[str]) -> str:
        if match[1] not in keys:
            keys.append(match[1])
        return f"k{keys.index(match[1])}"

    try:
        expression = ast.parse(re.sub(r"\{([^{}]+)\}", name, text).strip(), mode="eval").body
        evaluate(expression, [1.0] * len(keys))
    except ZeroDivisionError:
        pass  # of the trial values, not of the quantity
    except (SyntaxError, ValueError) as error:
        raise UserError(f"quantity {text!r}: {error}; expected keys in braces, + - * /, min, max, span") from None
    return keys, expression


def evaluate(node: ast.expr, values: Sequence[float]) -> float:
    """Return the value of a quantity's expression. Raises ValueError for anything but its small language."""
    match node:
        case ast.Constant(value=int() | float() as constant):
            return float(constant)
        case ast.Name(id=name) if re.fullmatch(r"k\d+", name):
            return values[int(name[1:])]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](evaluate(left, values), evaluate(right, values))
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in _FUNCTIONS and arguments:
            return _FUNCTIONS[function](*(evaluate(argument, values) for argument in arguments))
    raise ValueError(f"found {ast.unparse(node)!r}")
