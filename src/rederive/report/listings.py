"""Listings: definitions taken from the source files when the report is built."""

import ast
import textwrap
from pathlib import Path

from rederive.errors import UserError


def listing(source_root: Path, module: str, name: str) -> str:
    """Return the source of a class, function or method (`Class.method`) as a code block.

    Raises UserError where the module or the definition does not exist.
    """
    path = Path(source_root, *module.split(".")).with_suffix(".py")
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"listing {module}:{name}: {path} does not exist") from None
    node: ast.AST = ast.parse(source)
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
