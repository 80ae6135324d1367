"""The canonical form of a piece of code: what it does, without how it is written.

A form is made from the text of one module alone. Names of other definitions stand in it as addresses (`Reference`) and
names of locals as objects (`Local`): whoever prints forms numbers both as they come, so that no spelling of either is
part of the result. Dropped on the way: docstrings, annotations of functions and of locals, the words of an error, and
what is printed. Constants are kept exactly; the syntax tree is printed field by field, without fields that are empty,
so that every version of Python gives the same text.
"""

# ruff: noqa: D102, N802, N815  (methods are named after the nodes that they print)

import ast
import json
from collections.abc import Iterable, Sequence
from typing import Any

from rederive.fingerprint.form import (
    Aside,
    Data,
    Declared,
    Form,
    Function,
    Local,
    Names,
    Piece,
    Reference,
    Symbol,
)
from rederive.fingerprint.paths import Paths
from rederive.fingerprint.scopes import imported_by, names_bound, within

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

# Decorators from here change how a function is called, not whether anybody else knows of it.
PLAIN_DECORATORS = ("abc", "builtins", "contextlib", "dataclasses", "functools", "numpy", "torch", "typing")
SEES_LOCALS = {"locals", "exec", "eval"}
SHOWS = {"builtins.print", "warnings.warn", "sys.stderr.write", "sys.stdout.write"}
IMPORTERS = {"importlib.import_module", "builtins.__import__"}
LOADERS = {"importlib.util.spec_from_file_location", "runpy.run_path", "runpy.run_module"}


def form_of(statements: Sequence[ast.stmt], names: Names) -> Form:
    """Return the form of statements at the top of a module."""
    writer = Writer(names)
    writer.body("body", statements)
    return writer.form


def is_plain(decorator: ast.expr, names: Names) -> bool:
    """Tell whether nobody else learns of a definition through this decorator."""
    return plain(Writer(names).dotted(decorator))


def plain(decorator: str) -> bool:
    """Do what `is_plain` does, for a dotted name."""
    *_, last = decorator.split(".")
    if last in ("setter", "getter", "deleter"):
        return True
    return decorator.split(".", 1)[0] in PLAIN_DECORATORS and last != "register"


def says_nothing(node: ast.stmt) -> bool:
    """Tell whether a statement does nothing: pass, ... or a string on its own."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


class Writer:
    """Writes one form."""

    def __init__(self, names: Names, owner: str = "") -> None:
        self.names = names
        self.owner = owner  # the class at the top of the module that this stands in
        self.form = Form()
        self.paths = Paths(names, self.lookup, self.dotted)
        # From the outside in: what names stand for, and whether the scope is a class's, which functions do not see.
        self.scopes: list[tuple[dict[str, Local | Symbol | None], bool]] = []

    # --- printing

    def put(self, piece: Piece) -> None:
        pieces = self.form.pieces
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)

    def fields(self, node: ast.AST, which: Iterable[str] | None = None) -> None:
        """Print a node's fields by name, those that are empty left out."""
        for name in which or node._fields:
            value = getattr(node, name, None)
            if name in ("type_params", "type_comment", "type_ignores", "kind") or value is None or value == []:
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self.body(name, value)
            else:
                self.put(f" {name}=")
                self.value(value)

    def value(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            self.put("[")
            for item in value:
                self.value(item)
                self.put(",")
            self.put("]")
        else:
            self.put(constant(value))

    def body(self, name: str, statements: Sequence[ast.stmt]) -> None:
        kept = [statement for statement in statements if not says_nothing(statement)]
        if kept:
            self.put(f" {name}=[")
            for statement in kept:
                self.statement(statement)
            self.put("]")

    def node(self, node: ast.AST) -> None:
        method = getattr(self, f"on_{type(node).__name__}", None)
        if method is not None:
            method(node)
        else:
            self.generic(node)

    def generic(self, node: ast.AST, which: Iterable[str] | None = None) -> None:
        self.put(f"{type(node).__name__}(")
        self.fields(node, which)
        self.put(")")

    # --- statements

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound, loaded = imported_by([node], self.names.module, self.names.is_package)
            self.form.modules |= loaded
            if not self.scopes:  # at the top of a module it stands among other definitions of the name
                for name, symbol in bound.items():
                    self.put(Reference(Symbol(self.names.module, name)))
                    self.put("=")
                    self.put(Reference(symbol))
            return
        if isinstance(node, ast.Global | ast.Nonlocal):
            return  # the scopes know
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and self.aside(node.value):
            return
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return
            self.generic(ast.Assign(targets=[node.target], value=node.value))
        elif isinstance(node, ast.Assert):
            self.generic(node, ("test",))
        elif isinstance(node, ast.Raise):
            self.raised(node)
        else:
            self.node(node)
        self.put(";")

    def aside(self, call: ast.Call) -> bool:
        """Leave out what is printed; mark a call whose callee may be left out. Tells whether it is written."""
        callee = self.reference(call.func)
        dotted = self.dotted(call.func)
        if dotted in SHOWS or dotted.startswith("logging."):
            files = [keyword.value for keyword in call.keywords if keyword.arg == "file"]
            if all(self.dotted(file) in ("sys.stderr", "sys.stdout") for file in files):
                return True
        if callee is None and isinstance(call.func, ast.Attribute) and self.owner:
            # A method of the class's own, self.method().
            value = call.func.value
            if isinstance(value, ast.Name) and value.id == "self":
                callee = Reference(Symbol(self.names.module, self.owner), (call.func.attr,))
        if callee is None:
            return False
        outer, self.form = self.form, Form()
        self.generic(ast.Expr(value=call))
        self.put(";")
        inner, self.form = self.form, outer
        self.put(Aside(callee, inner))
        return True

    def raised(self, node: ast.Raise) -> None:
        """Print what is raised, without its words."""
        if isinstance(node.exc, ast.Call):
            call = node.exc
            kept = [argument for argument in call.args if not _is_text(argument)]
            exc: ast.expr = ast.Call(
                func=call.func, args=kept, keywords=[k for k in call.keywords if not _is_text(k.value)]
            )
            node = ast.Raise(exc=exc, cause=node.cause)
        self.generic(node)

    def on_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.put("ExceptHandler(")
        self.fields(node, ("type",))
        if node.name:
            self.put(" name=")
            self.name(node.name)
        self.fields(node, ("body",))
        self.put(")")

    def on_MatchAs(self, node: ast.MatchAs) -> None:
        self.captured(node, node.name, ("pattern",))

    def on_MatchStar(self, node: ast.MatchStar) -> None:
        self.captured(node, node.name, ())

    def on_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.captured(node, node.rest, ("keys", "patterns"))

    def captured(self, node: ast.AST, name: str | None, which: tuple[str, ...]) -> None:
        self.put(f"{type(node).__name__}(")
        if which:
            self.fields(node, which)
        if name:
            self.put(" name=")
            self.name(name)
        self.put(")")

    def on_MatchClass(self, node: ast.MatchClass) -> None:
        self.form.reads |= set(node.kwd_attrs)
        self.generic(node)

    # --- definitions and scopes

    def on_FunctionDef(self, node: Function) -> None:
        self.put(f"{type(node).__name__}(")
        if self.scopes and not self.scopes[-1][1]:
            self.put(" name=")
            self.name(node.name)
        elif self.scopes:
            self.put(f" name={node.name}")
        self.function(node)
        self.put(")")

    on_AsyncFunctionDef = on_FunctionDef

    def function(self, node: Function) -> None:
        if node.decorator_list:
            self.fields(node, ("decorator_list",))
        known_to_others = not all(plain(self.dotted(decorator)) for decorator in node.decorator_list)
        self.scope(node, node.body, keeps=known_to_others, annotated=known_to_others)

    def on_Lambda(self, node: ast.Lambda) -> None:
        self.put("Lambda(")
        self.scope(node, [node.body], keeps=False, annotated=False)
        self.put(")")

    def scope(self, node: Function | ast.Lambda, body: Sequence[ast.AST], keeps: bool, annotated: bool) -> None:
        """Print a function's arguments and body; defaults and annotations are computed outside of it."""
        args = node.args
        for default in ("defaults", "kw_defaults"):
            if getattr(args, default):
                self.fields(args, (default,))
        every = [
            *args.posonlyargs,
            *args.args,
            *filter(None, [args.vararg]),
            *args.kwonlyargs,
            *filter(None, [args.kwarg]),
        ]
        if annotated:
            for argument in every:
                if argument.annotation is not None:
                    self.put(" annotation=")
                    self.node(argument.annotation)
        keeps_all = any(_sees_locals(part) for statement in body for part in ast.walk(statement))
        bound: dict[str, Local | Symbol | None] = {}
        elsewhere: set[str] = set()
        inside = list(within(body))
        for part in inside:
            if isinstance(part, ast.Global):
                bound |= {name: Symbol(self.names.module, name) for name in part.names}
                elsewhere |= set(part.names)
            elif isinstance(part, ast.Nonlocal):
                elsewhere |= set(part.names)
        for name in sorted(names_bound(inside) - elsewhere):
            bound[name] = Local(name, keeps=keeps_all)
        imports, _ = imported_by(inside, self.names.module, self.names.is_package)
        for name, symbol in imports.items():
            if name not in elsewhere:
                bound[name] = symbol
        only_by_name = {id(argument) for argument in args.kwonlyargs}
        for argument in every:
            name = argument.arg
            always = keeps or keeps_all or id(argument) in only_by_name
            bound[name] = Local(name, argument=argument not in (args.vararg, args.kwarg), keeps=always)
        for kind in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
            found = getattr(args, kind)
            if found:
                self.put(f" {kind}=[")
                for argument in found if isinstance(found, list) else [found]:
                    local = bound[argument.arg]
                    assert isinstance(local, Local)
                    self.put(Declared(local))
                    self.put(",")
                self.put("]")
        self.scopes.append((bound, False))
        if isinstance(node, ast.Lambda):
            self.put(" body=")
            self.node(node.body)
        else:
            self.body("body", node.body)
        self.scopes.pop()

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        """Print a class inside a function, with all that it holds."""
        self.put("ClassDef(")
        if self.scopes:
            self.put(" name=")
            self.name(node.name)
        for which in ("decorator_list", "bases", "keywords"):
            if getattr(node, which):
                self.fields(node, (which,))
        self.scopes.append((dict.fromkeys(names_bound(within(node.body))), True))
        self.put(" body=[")
        for statement in node.body:
            if not says_nothing(statement):
                self.class_statement(statement)
        self.put("])")
        self.scopes.pop()

    def class_statement(self, node: ast.stmt) -> None:
        """Print a statement of a class's body: names there are attributes, and annotations may make fields."""
        top = not self.scopes
        if top:
            self.scopes.append(({}, True))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            self.put(f"Field({node.target.id}")
            self.put(" annotation=")
            self.node(_unquoted(node.annotation))
            self.fields(node, ("value",))
            self.put(");")
        else:
            self.statement(node)
        if top:
            self.scopes.pop()

    def comprehension(self, node: Any) -> None:
        bound: dict[str, Local | Symbol | None] = {}
        for part in node.generators:
            for target in ast.walk(part.target):
                if isinstance(target, ast.Name):
                    bound[target.id] = Local(target.id)
        self.put(f"{type(node).__name__}(")
        # The first iterable is computed outside.
        self.put(" first=")
        self.node(node.generators[0].iter)
        self.scopes.append((bound, False))
        for position, part in enumerate(node.generators):
            self.put(" for ")
            self.fields(part, ("target", "ifs", "is_async") if position == 0 else ("target", "iter", "ifs", "is_async"))
        self.fields(node, ("elt",) if hasattr(node, "elt") else ("key", "value"))
        self.scopes.pop()
        self.put(")")

    on_ListComp = on_SetComp = on_DictComp = on_GeneratorExp = comprehension

    # --- names

    def lookup(self, name: str) -> Local | Symbol | str | None:
        """Return what a name stands for here; None for a name of Python's own, a string for one of a class's body."""
        for depth, (bound, of_class) in enumerate(reversed(self.scopes)):
            if of_class and depth:
                continue
            if name in bound:
                return bound[name] if bound[name] is not None else name
        return self.names.symbol(name)

    def name(self, name: str) -> None:
        found = self.lookup(name)
        if isinstance(found, Symbol):
            self.put(Reference(found))
        elif isinstance(found, Local):
            self.put(found)
        else:
            self.put(f"'{name}'")

    def on_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and (path := self.paths.named_by(node)) is not None:
            self.put(Data(path))
            return
        if node.id == "globals" and self.lookup(node.id) is None:
            self.put(Reference(Symbol(self.names.module, "*")))
        if node.id in ("exec", "eval") and self.lookup(node.id) is None:
            self.put(Reference(Symbol(self.names.module, "*")))
        if isinstance(node.ctx, ast.Load):
            self.name(node.id)
        else:
            self.put(f"{type(node.ctx).__name__}(")
            self.name(node.id)
            self.put(")")

    def on_Attribute(self, node: ast.Attribute) -> None:
        if (path := self.paths.named_by(node)) is not None:
            self.put(Data(path))
            return
        if isinstance(node.ctx, ast.Load):
            reference = self.reference(node)
            if reference is not None:
                self.put(reference)
                return
            self.form.reads.add(node.attr)
            if node.attr == "__dict__":
                self.form.reads_anything = True
        self.generic(node)

    def reference(self, node: ast.AST) -> Reference | None:
        """Return what `name.a.b` refers to, if the name is one at the top of a module."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            found = self.lookup(node.id)
            if isinstance(found, Symbol):
                return Reference(found, tuple(attributes))
        return None

    def dotted(self, node: ast.AST) -> str:
        """Return the dotted name of what is referred to, of a call what is called, such as builtins.print."""
        if isinstance(node, ast.Call):
            node = node.func
        reference = self.reference(node)
        if reference is not None:
            symbol = reference.symbol
            first = [symbol.module] if symbol.name == "*" else [symbol.module, symbol.name]
            return ".".join([*first, *reference.attributes])
        if isinstance(node, ast.Name):
            return f"builtins.{node.id}" if self.lookup(node.id) is None else f"?.{node.id}"
        return f"?.{node.attr}" if isinstance(node, ast.Attribute) else "?"

    # --- calls

    def on_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Attribute):
            self.form.reads.add(node.target.attr)
        self.generic(node)

    def on_keyword(self, node: ast.keyword) -> None:
        if node.arg:
            self.form.keywords.add(node.arg)
        self.generic(node)

    def on_Call(self, node: ast.Call) -> None:
        if (path := self.paths.named_by(node)) is not None:
            self.put(Data(path))
            return
        called = self.dotted(node.func)
        if called in ("builtins.getattr", "builtins.hasattr", "builtins.delattr") and len(node.args) > 1:
            self.attribute_by_name(node.args[0], node.args[1])
        elif called in ("operator.attrgetter", "operator.methodcaller"):
            for argument in node.args[: None if called.endswith("getter") else 1]:
                self.attribute_by_name(None, argument)
        elif called == "builtins.vars" and node.args and not _is_self(node.args[0]):
            self.form.reads_anything = True
        elif called in IMPORTERS:
            self.imported(node)
        elif called in LOADERS:
            self.form.refused.append(f"line {node.lineno}: {called} runs a file")
        elif called == "pydantic.Field":  # its description is for readers
            kept = [k for k in node.keywords if k.arg not in ("description", "title", "examples")]
            node = ast.Call(func=node.func, args=node.args, keywords=kept)
        self.read(node, called)
        self.generic(node)

    def read(self, node: ast.Call, called: str) -> None:
        """Print the file that open("...") or Path("...").read_text() reads, from the project's folder."""
        name: ast.expr | None = None
        if called == "builtins.open" and node.args:
            name = node.args[0] if len(node.args) == 1 or _is_mode_of_reading(node.args[1]) else None
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("read_text", "read_bytes"):
            inner = node.func.value
            if isinstance(inner, ast.Call) and self.dotted(inner.func) == "pathlib.Path" and len(inner.args) == 1:
                name = inner.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            path = self.names.root.parent / name.value
            if self.names.root.parent in path.parents and path.is_file():
                self.put(Data(path))

    def attribute_by_name(self, owner: ast.expr | None, name: ast.expr) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.form.reads |= set(name.value.split("."))
            reference = self.reference(owner) if owner is not None else None
            if reference is not None:
                self.put(Reference(reference.symbol, (*reference.attributes, name.value)))
        else:
            self.form.reads_anything = True

    def imported(self, node: ast.Call) -> None:
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.form.modules.add(name.value)
            self.put(Reference(Symbol(name.value, "*")))
        else:
            self.form.refused.append(f"line {node.lineno}: imports a module whose name is made at run time")

    def on_Compare(self, node: ast.Compare) -> None:
        """`"name" in cls.__dict__` asks whether something is there and reads nothing else."""
        before = self.form.reads_anything
        self.generic(node)
        left = isinstance(node.left, ast.Constant) and all(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
        if left and all(isinstance(c, ast.Attribute) and c.attr == "__dict__" for c in node.comparators):
            self.form.reads_anything = before

    # --- constants

    def on_Constant(self, node: ast.Constant) -> None:
        self.put(constant(node.value))

    def on_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Print an f-string with neighbouring texts joined: versions of Python cut them differently."""
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.Constant) and parts and isinstance(parts[-1], ast.Constant):
                parts[-1] = ast.Constant(str(parts[-1].value) + str(part.value))
            elif not (isinstance(part, ast.Constant) and part.value == ""):
                parts.append(part)
        self.put("JoinedStr(")
        self.value(parts)
        self.put(")")

    # --- data

    def on_BinOp(self, node: ast.BinOp) -> None:
        if (path := self.paths.named_by(node)) is not None:
            self.put(Data(path))
        else:
            self.generic(node)

    def on_Subscript(self, node: ast.Subscript) -> None:
        self.on_BinOp(node)  # type: ignore[arg-type]


def _is_mode_of_reading(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith("r")


def _sees_locals(node: ast.AST) -> bool:
    """Tell whether a call may look at the names of locals: then their spelling is part of what the code does."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    return node.func.id in SEES_LOCALS or (node.func.id in ("vars", "dir") and not node.args)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_text(node: ast.expr) -> bool:
    """Tell whether an expression is made of words: a string, an f-string, or what is put together from them."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("format", "join") and _is_text(node.func.value)
    return False


def _unquoted(annotation: ast.expr) -> ast.expr:
    """Return an annotation that is written as a string as the expression that it says."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def constant(value: Any) -> str:
    """Return a constant exactly, in ASCII, the same on every version of Python."""
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return repr(value)
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, complex):
        return f"({value.real.hex()},{value.imag.hex()})j"
    if isinstance(value, bytes):
        return f"b{value.hex()}"
    return json.dumps(value)
