"""Files and folders that code names by a constant path: they are data that it reads."""

import ast
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rederive.fingerprint.form import Local, Names, Symbol


class Paths:
    """The paths that the expressions of one module name. `lookup` and `dotted` tell what names stand for there."""

    def __init__(
        self,
        names: Names,
        lookup: Callable[[str], Local | Symbol | str | None],
        dotted: Callable[[ast.AST], str],
    ) -> None:
        self.names = names
        self.lookup = lookup
        self.dotted = dotted

    def named_by(self, node: ast.expr) -> Path | None:
        """Return the file or folder that an expression names, if it is there and the text alone says which."""
        if not isinstance(node, ast.Attribute | ast.BinOp | ast.Call | ast.Subscript | ast.Name):
            return None
        found = self._fold(node)
        if found is None:
            return None
        found = Path(os.path.normpath(found))
        return found if self.names.root in found.parents and found.exists() else None

    def _fold(self, node: ast.expr, depth: int = 0) -> Path | None:
        if isinstance(node, ast.Name):
            if node.id == "__file__" and self.lookup(node.id) is None:
                return self.names.path
            symbol = self.lookup(node.id)
            statements = self.names.defined.get(node.id, []) if isinstance(symbol, Symbol) else []
            if depth < 8 and len(statements) == 1 and symbol == Symbol(self.names.module, node.id):
                only = statements[0]
                if isinstance(only, ast.Assign | ast.AnnAssign) and only.value is not None:
                    return self._fold(only.value, depth + 1)
            return None
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            inner = self._fold(node.value, depth)
            return inner.parent if inner else None
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            inner = self._fold(node.value.value, depth)
            if inner and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
                return [*inner.parents, inner][node.slice.value] if node.slice.value < len(inner.parents) else None
            return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return _joined(self._fold(node.left, depth), [node.right])
        if isinstance(node, ast.Call):
            return self._fold_call(node, depth)
        return None

    def _fold_call(self, node: ast.Call, depth: int) -> Path | None:
        called = self.dotted(node.func)
        first = node.args[0] if node.args else None
        if called in ("pathlib.Path", "builtins.str") and first is not None:
            return _joined(self._fold(first, depth), node.args[1:])
        if called in ("os.path.join", "os.path.dirname") and first is not None:
            inner = self._fold(first, depth)
            if called == "os.path.dirname":
                return inner.parent if inner else None
            return _joined(inner, node.args[1:])
        if called == "importlib.resources.files" and isinstance(first, ast.Constant) and isinstance(first.value, str):
            return self.names.root.joinpath(*first.value.split("."))
        if isinstance(node.func, ast.Attribute):
            inner = self._fold(node.func.value, depth)
            if node.func.attr in ("resolve", "absolute"):
                return inner
            if node.func.attr == "joinpath":
                return _joined(inner, node.args)
            if inner and node.func.attr == "with_name" and isinstance(first, ast.Constant):
                return inner.with_name(str(first.value))
        return None


def _joined(path: Path | None, parts: Iterable[ast.expr]) -> Path | None:
    for part in parts:
        if path is None or not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
            return None
        path = path / part.value
    return path
