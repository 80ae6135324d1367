"""The meaning of code, as a hash: what a result depends on, and nothing else.

A rule of the workflow takes the fingerprint of the function that it runs as a parameter. The fingerprint is a hash of
every definition of the project that the function can reach, each reduced to its syntax tree: a comment, a docstring,
a type annotation of a function or a reformatting changes nothing; a changed constant changes the fingerprints of just
those functions that use it, in whatever module it stands.

Names are followed as Python resolves them, from the text alone, without importing anything: definitions of the same
module, imported names, attributes of imported modules, imports inside functions. Where the text does not say which
definition is meant (`from module import *`, a module passed around as a value) the whole module counts. Not followed:
names made at run time (`getattr`, `globals()`) and modules imported for their side effects alone.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

# The values of the configuration are parameters of the rules already; how errors, files and progress are shown does
# not change a result.
NOT_PART_OF_A_RESULT = ("rederive.config", "rederive.errors", "rederive.files", "rederive.progress")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Symbol(NamedTuple):
    """A name of a module; the name `*` stands for all of them."""

    module: str
    name: str


def fingerprint(*entries: str, root: Path | None = None) -> str:
    """Return 16 hexadecimal digits for the meaning of functions given as `package.module:function`.

    `root` is the folder that holds the package (this project's own when left out). Raises ValueError where an entry
    does not exist.
    """
    digest = hashlib.sha256()
    for definition in definitions(*entries, root=root):
        digest.update(definition.encode() + b"\0")
    return digest.hexdigest()[:16]


def definitions(*entries: str, root: Path | None = None) -> list[str]:
    """Return what the fingerprint hashes: each definition that the entries reach, sorted, as `module:name` and code."""
    project = _project(root or Path(__file__).parents[1])
    waiting = [Symbol(*entry.split(":", 1)) for entry in entries]
    for symbol in waiting:
        if not project.defines(symbol):
            raise ValueError(f"{symbol.module}:{symbol.name}: no such definition")
    seen: set[Symbol] = set()
    found: dict[str, str] = {}
    while waiting:
        symbol = waiting.pop()
        if symbol in seen:
            continue
        seen.add(symbol)
        module = project.module(symbol.module)
        if module is None or symbol.module in NOT_PART_OF_A_RESULT:
            continue
        if symbol.name in module.imported:
            waiting.append(module.imported[symbol.name])
        # What a module does when it is imported belongs to each of its definitions.
        for name in [*module.names(symbol.name), ""]:
            for position, (code, used) in enumerate(project.reduced(module, name)):
                found[f"{symbol.module}:{name}:{position:03}"] = code
                waiting += used
    return [f"{key}\n{code}" for key, code in sorted(found.items())]


class _Module:
    """The top level of one source file: what it defines and what it imports."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.is_package = path.name == "__init__.py"
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        docstring = ast.get_docstring(tree, clean=False) is not None
        body = [node for node in tree.body[docstring:] if not _is_for_types_only(node)]
        self.imported = self.imports(part for node in body if not isinstance(node, _SCOPES) for part in ast.walk(node))
        # Under "" stand the statements that define no name: they run on import.
        self.defined: dict[str, list[ast.stmt]] = {}
        for node in body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                for defined in _names_defined(node) or [""]:
                    self.defined.setdefault(defined, []).append(node)

    def names(self, name: str) -> list[str]:
        return [n for n in (*self.defined, *self.imported) if n] if name == "*" else [name]

    def imports(self, nodes: Iterable[ast.AST]) -> dict[str, Symbol]:
        """Return what each name bound by the import statements among `nodes` stands for."""
        bound: dict[str, Symbol] = {}
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    target = alias.name if alias.asname else alias.name.split(".", 1)[0]
                    bound[alias.asname or target] = Symbol(target, "*")
            elif isinstance(node, ast.ImportFrom):
                source = self._absolute(node)
                for alias in node.names:
                    bound[alias.asname or alias.name] = Symbol(source, alias.name)
        return bound

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        package = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*package, *([node.module] if node.module else [])])


class _Project:
    """The modules below one folder, read as they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.packages = {path.stem for path in root.iterdir()}
        self._modules: dict[str, _Module | None] = {}
        self._reduced: dict[tuple[_Module, str], list[tuple[str, list[Symbol]]]] = {}

    def module(self, name: str) -> _Module | None:
        """Return the module, or None if it is not one of the project's."""
        if name not in self._modules:
            self._modules[name] = self._read(name) if name.partition(".")[0] in self.packages else None
        return self._modules[name]

    def _read(self, name: str) -> _Module | None:
        stem = self.root.joinpath(*name.split("."))
        candidates = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
        return next((_Module(name, path) for path in candidates if path.is_file()), None)

    def defines(self, symbol: Symbol) -> bool:
        module = self.module(symbol.module)
        return module is not None and (symbol.name in module.defined or symbol.name in module.imported)

    def reduced(self, module: _Module, name: str) -> list[tuple[str, list[Symbol]]]:
        """Return, for each statement that defines the name, its code and the symbols that it names."""
        if (module, name) not in self._reduced:
            self._reduced[module, name] = []
            for node in module.defined.get(name, []):
                _normalise(node)
                self._reduced[module, name].append((ast.unparse(node), list(self.used_by(node, module))))
        return self._reduced[module, name]

    def used_by(self, node: ast.stmt, module: _Module) -> Iterator[Symbol]:
        """Yield every symbol of the project that the statement names."""
        parts = list(ast.walk(node))
        bound = module.imported | module.imports(parts)
        inside_attribute: set[ast.Name] = set()
        for part in parts:
            if isinstance(part, ast.Attribute):
                # ast.walk goes from the outside in, so the longest chain a.b.c of a name is met first.
                names, root = _chain(part)
                if root is not None and root.id in bound and root not in inside_attribute:
                    inside_attribute.add(root)
                    yield self._resolve(bound[root.id], names)
            elif isinstance(part, ast.Name) and part not in inside_attribute:
                if part.id in bound:
                    yield self._resolve(bound[part.id], [])
                if part.id in module.defined:
                    yield Symbol(module.name, part.id)

    def _resolve(self, symbol: Symbol, attributes: list[str]) -> Symbol:
        """Return what `symbol.a.b` is: as many attributes as name modules are part of the module's name."""
        path = [] if symbol.name == "*" else [symbol.name]
        module, rest = symbol.module, [*path, *attributes]
        while rest and self.module(f"{module}.{rest[0]}") is not None:
            module, rest = f"{module}.{rest[0]}", rest[1:]
        return Symbol(module, rest[0] if rest else "*")


def _normalise(tree: ast.AST) -> None:
    """Take out what does not change what the code does: docstrings, and the annotations of functions."""
    for node in ast.walk(tree):
        if isinstance(node, _SCOPES):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            if not isinstance(node, ast.ClassDef):
                node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None


def _is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _names_defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top level of a module binds; none for an expression."""
    if isinstance(node, _SCOPES):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return []


def _chain(node: ast.Attribute) -> tuple[list[str], ast.Name | None]:
    """Return the attributes of `name.a.b`, in order, and the name; no name for an attribute of something else."""
    attributes: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        attributes.insert(0, inner.attr)
        inner = inner.value
    return attributes, inner if isinstance(inner, ast.Name) else None


@cache
def _project(root: Path) -> _Project:
    """Return the project below a folder; its sources are read once a process."""
    return _Project(root)
