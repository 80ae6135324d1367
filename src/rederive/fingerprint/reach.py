"""What a function can reach, as one text that does not say where anything stands or what it is called.

The definitions are numbered as they are first used, from the entries on, and the text of each names others by number:
it is the same for two programs that differ only in the places, names and order of their definitions, cycles or not.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rederive.errors import UserError
from rederive.fingerprint.form import Aside, Class, Data, Declared, Form, Local, Member, Reference, Symbol
from rederive.fingerprint.modules import Module, Project


class Definition(NamedTuple):
    """A definition that was reached: a hash of its own meaning, without that of what it uses, and its source."""

    meaning: str
    source: str


class Reach:
    """All that the entries can reach.

    Of a class counts what Python calls by itself, and of the rest the members whose names are read somewhere in reach,
    of whatever object: a method may be reached through any variable. `left_out` are definitions, as `module:name` or
    `module:Class.member`, that are not followed; calls of them whose value nobody uses are left out as well. In
    `unfollowed` definitions, what cannot be followed is let be; elsewhere it raises UserError. `stated` are texts by
    name that count as they stand: code that is no Python, such as a command and the SHA-256 of its files.
    """

    def __init__(
        self,
        project: Project,
        entries: Collection[Symbol],
        left_out: Collection[str] = (),
        unfollowed: Collection[str] = (),
        stated: Mapping[str, str] | None = None,
    ) -> None:
        self.project = project
        self.left_out = set(left_out)
        self.unfollowed = set(unfollowed)
        self.stated = dict(sorted((stated or {}).items()))
        self.entries = list(entries)
        self.units: dict[Symbol, Form | Class | None] = {}  # None for a module as a whole
        self.members: dict[Symbol, list[Member]] = defaultdict(list)
        self.keywords: set[str] = set()
        self._reads: set[str] = set()
        self._reads_anything = False
        self._unread: dict[str, list[tuple[Symbol, Member]]] = defaultdict(list)
        self.modules: set[str] = set()  # all that are imported
        self._waiting: list[tuple[Form, Symbol]] = []
        for entry in self.entries:
            self._follow(entry)
        while self._waiting:
            self._go_through(*self._waiting.pop())

    # --- reaching

    def _module(self, name: str) -> Module:
        module = self.project.module(name)
        assert module is not None
        return module

    def _follow(self, symbol: Symbol) -> None:
        if symbol in self.units or str(symbol) in self.left_out:
            return
        module = self._module(symbol.module)
        self.units[symbol] = unit = None if symbol.name == "*" else module.unit(symbol.name)
        self._import(symbol.module)
        if unit is None:
            for reference in _of_module(module):
                self._refer(reference)
        elif isinstance(unit, Form):
            self._waiting.append((unit, symbol))
        else:
            self._waiting.append((unit.frame, symbol))
            fields, anything = self.project.ways(symbol, unit)
            for member in unit.members:
                if f"{symbol}.{member.name}" in self.left_out:
                    continue
                counts = member.always or anything or (fields and not member.function)
                if counts or self._reads_anything or member.name in self._reads:
                    self._reach(symbol, member)
                else:
                    self._unread[member.name].append((symbol, member))

    def _reach(self, symbol: Symbol, member: Member) -> None:
        self.members[symbol].append(member)
        self._waiting.append((member.form, symbol))

    def _import(self, name: str) -> None:
        """Import a module and all that it imports: what they do then counts."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            module = self.project.module(name)
            if name in self.modules or module is None:
                continue
            self.modules.add(name)
            waiting += [*module.loads, *(name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1))]
            if module.on_import:
                self._follow(Symbol(name, ""))

    def _go_through(self, form: Form, symbol: Symbol) -> None:
        if form.refused and str(symbol) not in self.unfollowed:
            raise UserError(
                f"{self._module(symbol.module).names.path}, {form.refused[0]}: a fingerprint cannot say what that "
                f"depends on. Write the name out, or name {symbol} in rederive.fingerprint.roots, with a reason."
            )
        for piece in form.pieces:
            if isinstance(piece, Reference):
                self._refer(piece)
            elif isinstance(piece, Aside) and not self._is_left_out(piece.callee):
                self._waiting.append((piece.form, symbol))
        self.keywords |= form.keywords
        for module in form.modules:
            self._import(module)
        self._read(form.reads)
        if form.reads_anything and str(symbol) not in self.unfollowed and not self._reads_anything:
            self._reads_anything = True
            self._read(set(self._unread))

    def _refer(self, reference: Reference) -> None:
        target, rest = self.project.resolve(reference)
        if isinstance(target, Symbol):
            self._read(set(rest))
            self._follow(target)

    def _read(self, attributes: set[str]) -> None:
        self._reads |= attributes
        for name in attributes & self._unread.keys():
            for symbol, member in self._unread.pop(name):
                self._reach(symbol, member)

    def _is_left_out(self, reference: Reference) -> bool:
        target, rest = self.project.resolve(reference)
        return isinstance(target, Symbol) and bool(
            self.left_out & {str(target), f"{target}.{rest[0]}" if rest else str(target)}
        )

    # --- printing

    def digest(self) -> str:
        """Return a hash of the text."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()

    def lines(self) -> Iterator[str]:
        """Yield the canonical text, one line a definition."""
        numbers: dict[Symbol, int] = {}
        order: list[Symbol] = []

        def number(symbol: Symbol) -> str:
            if symbol not in numbers:
                numbers[symbol] = len(order)
                order.append(symbol)
            return f"#{numbers[symbol]}"

        done = 0
        for start in [*self.entries, *self._on_import()]:
            number(start)
            while done < len(order):
                yield self._print(order[done], number)
                done += 1
        yield from (f"{name}: {text}" for name, text in self.stated.items())

    def _on_import(self) -> list[Symbol]:
        """Return what runs on import, in an order that does not depend on the names of modules."""
        return sorted((s for s in self.units if s.name == ""), key=lambda s: (self._print(s, lambda _: "?"), s))

    def _print(self, symbol: Symbol, number: Callable[[Symbol], str]) -> str:
        unit = self.units[symbol]
        if unit is None:
            names = sorted(_of_module(self._module(symbol.module)), key=lambda reference: reference.symbol.name)
            return " ".join(f"{r.symbol.name}={self._name(r, number)}" for r in names)
        if isinstance(unit, Form):
            return self._print_form(unit, number)
        members = sorted(self.members[symbol], key=lambda member: member.node.lineno)
        statements = [member for member in members if not member.function]
        functions = sorted((member for member in members if member.function), key=lambda member: member.name)
        parts = [unit.frame, *(member.form for member in [*statements, *functions])]
        return "class " + " ".join(self._print_form(part, number) for part in parts)

    def _print_form(self, form: Form, number: Callable[[Symbol], str]) -> str:
        locals_: dict[Local, int] = {}
        parts: list[str] = []
        waiting = list(reversed(form.pieces))
        while waiting:
            piece = waiting.pop()
            if isinstance(piece, str):
                parts.append(piece)
            elif isinstance(piece, Reference):
                parts.append(self._name(piece, number))
            elif isinstance(piece, Data):
                parts.append(f"<data {' '.join(self.data(piece.path).values())}>")
            elif isinstance(piece, Aside):
                if not self._is_left_out(piece.callee):
                    waiting += reversed(piece.form.pieces)
            else:
                local = piece.local if isinstance(piece, Declared) else piece
                parts.append(f"${locals_.setdefault(local, len(locals_))}")
                passed_by_name = local.argument and local.name in self.keywords
                if local.keeps or (isinstance(piece, Declared) and passed_by_name):
                    parts.append(f"={local.name}")
        return "".join(parts)

    def _name(self, reference: Reference, number: Callable[[Symbol], str]) -> str:
        target, rest = self.project.resolve(reference)
        if isinstance(target, str):
            return f"<{target}>"
        name = "<left out>" if str(target) in self.left_out else number(target)
        return ".".join([name, *rest])

    def data_files(self) -> list[Path]:
        """Return the paths of all data in reach."""
        units = [unit if isinstance(unit, Form) else unit.frame for unit in self.units.values() if unit]
        members = [member.form for found in self.members.values() for member in found]
        waiting, paths = [*units, *members], []
        while waiting:
            for piece in waiting.pop().pieces:
                if isinstance(piece, Data):
                    paths.append(piece.path)
                elif isinstance(piece, Aside):
                    waiting.append(piece.form)
        return paths

    def data(self, path: Path) -> dict[str, str]:
        """Return a hash of each file that is data at a path: of a folder, all but source code."""
        if path.is_file():
            return {self.project.relative(path): _sha256(path)}
        found = (file for file in sorted(path.rglob("*")) if file.is_file() and file.suffix not in (".py", ".pyc"))
        return {self.project.relative(file): f"{file.name} {_sha256(file)}" for file in found}

    # --- showing

    def definitions(self) -> dict[str, Definition]:
        """Return each definition in reach by its address; files that are read are among them."""
        found = {name: Definition(_short(text), text) for name, text in self.stated.items()}
        for symbol, unit in self.units.items():
            if unit is None:
                continue
            module = self._module(symbol.module)
            text = self._print(symbol, lambda used: used.name or "import")
            forms = [unit] if isinstance(unit, Form) else [unit.frame, *(m.form for m in self.members[symbol])]
            if isinstance(unit, Form):
                source = module.source(module.on_import if symbol.name == "" else module.names.defined[symbol.name])
            else:
                members = sorted(self.members[symbol], key=lambda member: member.node.lineno)
                source = "\n".join([module.header(unit.node), *(module.source([member.node]) for member in members)])
            found[str(symbol)] = Definition(_short(text), source)
            for form in forms:
                for piece in form.pieces:
                    if isinstance(piece, Data):
                        for name, digest in self.data(piece.path).items():
                            found[name] = Definition(_short(digest), f"sha256 {digest.rsplit(' ', 1)[-1]}")
        return dict(sorted(found.items()))


def _of_module(module: Module) -> list[Reference]:
    names = [name for name in (*module.names.defined, *module.names.imported) if name != "__all__"]
    return [Reference(Symbol(module.name, name)) for name in names] + [
        Reference(Symbol(star, "*")) for star in module.names.stars
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
