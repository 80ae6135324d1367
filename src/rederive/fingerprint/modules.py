"""The modules of a project, read from their text: what each defines, imports, and does when it is imported."""

import ast
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from rederive.errors import UserError
from rederive.fingerprint.canonical import form_of, is_plain
from rederive.fingerprint.classes import class_of
from rederive.fingerprint.form import FUNCTIONS, Class, Form, Names, Reference, Symbol
from rederive.fingerprint.scopes import imported_by, names_bound, within

COMPOUND = (ast.If, ast.For, ast.While, ast.Try, ast.TryStar, ast.With, ast.Match)

# What a base outside of the project may do with a class: nothing but what Python does; take its annotated names as
# fields, in their order; the same, but by name alone; anything else, such as calling its methods.
PLAIN_BASES = {"abc.ABC", "typing.Protocol", "typing.Generic"}
FIELD_BASES = {f"enum.{name}" for name in ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")} | {
    "typing.NamedTuple",
    "typing.TypedDict",
}
MODEL_BASES = {"pydantic.BaseModel"}


class Module:
    """One source file."""

    def __init__(self, name: str, path: Path, root: Path, text: str) -> None:
        self.name = name
        self.text = text
        is_package = path.name == "__init__.py"
        try:
            body = [node for node in ast.parse(text, filename=str(path)).body if not _is_never_run(node)]
        except SyntaxError as error:
            raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
        simple = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        # Loaded on import: also by statements inside of an `if` or a `try`.
        _, self.loads = imported_by(within(body), name, is_package)
        imported, _ = imported_by(simple, name, is_package)
        stars = [
            next(iter(imported_by([node], name, is_package)[1]))
            for node in simple
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]
        defined: dict[str, list[ast.stmt]] = {}
        for node in body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                for bound in names_bound(within([node])):
                    defined.setdefault(bound, []).append(node)
        # A name that is imported and also bound in another way is a definition made of both.
        for node in reversed(simple):
            for bound in names_bound(within([node])) & defined.keys():
                defined[bound].insert(0, node)
        for bound in defined:
            defined[bound].sort(key=lambda node: node.lineno)
            imported.pop(bound, None)
        self.names = Names(name, path, is_package, imported, defined, stars, root)
        self.on_import = [node for node in body if self._acts(node)]
        self._units: dict[str, Form | Class] = {}

    def _acts(self, node: ast.stmt) -> bool:
        """Tell whether a statement does more, when the module is imported, than to bind names."""
        if isinstance(node, ast.Expr):
            return not isinstance(node.value, ast.Constant)
        if isinstance(node, COMPOUND):
            return any(
                isinstance(part, ast.Expr | ast.Raise | ast.Delete)
                or (isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store))
                or isinstance(part, ast.For | ast.While | ast.With)
                for part in within([node])
            )
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            # A decorator of the project, or one like @function.register, may tell somebody of the definition.
            return not all(is_plain(decorator, self.names) for decorator in node.decorator_list)
        targets: Sequence[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        return isinstance(node, ast.Delete | ast.Assert) or any(
            isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store)
            for target in targets
            for part in ast.walk(target)
        )

    def unit(self, name: str) -> Form | Class:
        """Return the form of what defines a name; of the empty name, of what runs when the module is imported."""
        if name not in self._units:
            nodes = self.on_import if name == "" else self.names.defined[name]
            if len(nodes) == 1 and isinstance(nodes[0], ast.ClassDef) and name:
                self._units[name] = class_of(nodes[0], self.names)
            else:
                self._units[name] = form_of(nodes, self.names)
        return self._units[name]

    def public(self) -> list[str]:
        """Return the names that `from module import *` gives: those of __all__, else all without an underscore."""
        names = [*self.names.defined, *self.names.imported]
        for node in self.names.defined.get("__all__", []):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple):
                return [str(item.value) for item in node.value.elts if isinstance(item, ast.Constant)]
        return [name for name in names if not name.startswith("_")]

    def source(self, nodes: Sequence[ast.AST]) -> str:
        """Return the lines of statements, as they stand in the file."""
        lines = self.text.splitlines()
        parts = []
        for node in nodes:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])  # type: ignore[attr-defined]
            parts.append("\n".join(lines[first - 1 : node.end_lineno]))  # type: ignore[attr-defined]
        return "\n".join(parts)

    def header(self, node: ast.ClassDef) -> str:
        """Return the lines of a class above its body."""
        lines = self.text.splitlines()
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return "\n".join(lines[first - 1 : max(node.lineno, node.body[0].lineno - 1)])


@lru_cache(maxsize=1000)
def _module(name: str, path: Path, root: Path, text: str) -> Module:
    return Module(name, path, root, text)


class Project:
    """The modules of some places, read as they are asked for: a place is a package, a module, or a folder of such."""

    def __init__(self, *places: Path) -> None:
        self.packages: dict[str, Path] = {}  # the folder that each lies in; the first place that has one counts
        for place in places:
            alone = place.is_file() or (place / "__init__.py").exists()
            for path in [place] if alone else place.iterdir():
                self.packages.setdefault(path.stem, path.parent)
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Return the module, or None if it is not one of the project's."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        root = self.packages.get(name.partition(".")[0])
        if root is None:
            return None
        stem = root.joinpath(*name.split("."))
        for path in (stem / "__init__.py", stem.with_name(stem.name + ".py")):
            if path.is_file():
                return _module(name, path, root, path.read_text(encoding="utf-8"))
        # To Python a folder without __init__.py is a package, too, and holds nothing of its own.
        return _module(name, stem / "__init__.py", root, "") if stem.is_dir() else None

    def relative(self, path: Path) -> str:
        """Return a path from the folder above the packages that it lies in or beside."""
        tops = {root.parent for root in self.packages.values()}
        return str(next((path.relative_to(top) for top in path.parents if top in tops), path))

    def resolve(self, reference: Reference) -> tuple[Symbol | str, tuple[str, ...]]:
        """Return what a reference means in the end, and the attributes that are read of it.

        A definition of the project is a Symbol; what is not the project's, a dotted name.
        """
        symbol, rest = reference.symbol, reference.attributes
        for _ in range(100):
            module = self.module(symbol.module)
            if module is None:
                first = (symbol.module,) if symbol.name == "*" else (symbol.module, symbol.name)
                return ".".join([*first, *rest]), ()
            if symbol.name == "*":
                if not rest:
                    return symbol, rest
                symbol, rest = Symbol(symbol.module, rest[0]), rest[1:]
            names = module.names
            if symbol.name in names.defined:
                return symbol, rest
            if symbol.name in names.imported:
                target = names.imported[symbol.name]
                if target == symbol:  # `from . import module` in the package itself
                    target = Symbol(f"{symbol.module}.{symbol.name}", "*")
                symbol = target
            elif self.module(f"{symbol.module}.{symbol.name}") is not None:
                symbol = Symbol(f"{symbol.module}.{symbol.name}", "*")
            elif (starred := self._starred(names, symbol.name)) is not None:
                symbol = starred
            else:  # made at run time: the whole module counts
                return Symbol(symbol.module, "*"), (symbol.name, *rest)
        raise UserError(f"{reference.symbol}: its imports lead in a circle")

    def _starred(self, names: Names, name: str) -> Symbol | None:
        """Return where a name comes from that only `from module import *` can have given."""
        for star in reversed(names.stars):
            module = self.module(star)
            if module is None:
                return Symbol(star, name)
            if name in module.public() or (module.names.stars and self._starred(module.names, name)):
                return Symbol(star, name)
        return None

    def ways(self, symbol: Symbol, made: Class) -> tuple[bool, bool]:
        """Tell whether all annotated names of a class count, and whether all that it holds does."""
        fields, anything = made.fields, made.open
        for base in made.bases:
            target, _ = self.resolve(base)
            if isinstance(target, Symbol):
                module = self.module(target.module)
                unit = module.unit(target.name) if module and target.name != "*" else None
                if not isinstance(unit, Class):
                    anything = True
                elif target != symbol:
                    of_base = self.ways(target, unit)
                    fields, anything = fields or of_base[0], anything or of_base[1]
            elif target.startswith("builtins."):
                pass
            elif target in FIELD_BASES:
                fields = True
            elif target not in PLAIN_BASES | MODEL_BASES:
                anything = True
        return fields, anything


def _is_never_run(node: ast.stmt) -> bool:
    """Tell whether a statement stands under `if TYPE_CHECKING` or `if __name__ == "__main__"`, with nothing else."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    test = node.test
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and test.left.id == "__name__"
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


@cache
def project(*places: Path) -> Project:
    """Return the project of some places; its sources are read once a process."""
    return Project(*places)
