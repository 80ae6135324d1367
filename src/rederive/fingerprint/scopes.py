"""Which names belong to which scope, and what imports bind them to."""

import ast
from collections.abc import Iterable, Iterator

from rederive.fingerprint.form import FUNCTIONS, Symbol


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Return the module that `from ... import` names, with a relative one's dots resolved."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def imported_by(nodes: Iterable[ast.AST], module: str, is_package: bool) -> tuple[dict[str, Symbol], set[str]]:
    """Return what each name bound by import statements stands for, and the modules that are loaded."""
    bound: dict[str, Symbol] = {}
    loaded: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                target = alias.name if alias.asname else alias.name.split(".", 1)[0]
                bound[alias.asname or target] = Symbol(target, "*")
                loaded.add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, module, is_package)
            loaded.add(source)
            for alias in node.names:
                if alias.name != "*":
                    bound[alias.asname or alias.name] = Symbol(source, alias.name)
                    loaded.add(f"{source}.{alias.name}")  # it may be a module of the package
    return bound, loaded


def within(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes below `nodes` that belong to one scope: a function or class, but not what is inside it.

    The variables of a comprehension are its own.
    """
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            # Decorators and defaults are computed where the function stands.
            waiting += [*getattr(node, "decorator_list", []), *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif isinstance(node, ast.ClassDef):
            waiting += [*node.decorator_list, *node.bases, *node.keywords]
        elif isinstance(node, ast.comprehension):
            waiting += [node.iter, *node.ifs]
        else:
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, ast.AST):
                    waiting.append(value)
                elif isinstance(value, list):
                    waiting += [item for item in reversed(value) if isinstance(item, ast.AST)]


def names_bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that the nodes of a scope, those of `within`, bind."""
    bound: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bound |= {node.name} if node.name else set()
        elif isinstance(node, ast.MatchMapping):
            bound |= {node.rest} if node.rest else set()
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".", 1)[0] for alias in node.names}
    return bound
