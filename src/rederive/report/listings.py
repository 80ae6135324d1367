"""Listings: definitions taken from the source files when the report is built."""

import ast
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from rederive.errors import UserError
from rederive.files import read_text
from rederive.imports import source_of

_CALL = re.compile(r"""\blisting\(\s*["']([\w.]+)["']""")


def listed_sources(templates: Iterable[Path]) -> list[Path]:
    """Return the files that templates show parts of, in order and each once: the modules that they name as text.

    Raises UserError for a template that is not UTF-8.
    """
    modules = {module for path in templates for module in _CALL.findall(read_text(path))}
    return sorted(path for module in modules if (path := source_of(module)))


def listing(module: str, name: str) -> str:
    """Return the source of a class, function or method (`Class.method`) as a code block.

    The module is one of the study's or any that is installed; it is not imported. Raises UserError where the module or
    the definition does not exist.
    """
    path = source_of(module)
    if path is None:
        raise UserError(f"listing {module}:{name}: there is no module {module} with Python source")
    node: ast.AST = ast.parse(source := path.read_text(encoding="utf-8"))
    for part in name.split("."):
        found = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.ClassDef | ast.FunctionDef) and child.name == part
        ]
        if not found:
            raise UserError(f"listing {module}:{name}: {path} defines no {part}")
        node = found[-1]
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return "```python\n" + textwrap.dedent("\n".join(lines)).rstrip() + "\n```"
