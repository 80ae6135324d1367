"""May what is proved of a run on symbolic arrays be said of every run? The source of an operation is read for it.

A proof sees one run. Code that counts its calls, looks at the clock, at the library or at the dtype, could do one thing
when it is proved and another when it trains. So `forward` and `backward` may use their arguments, the functions of
`context.xp`, helpers that pass the same examination, and branches on which gradients are needed or on the operation's
constants. Anything else is named, with its line. An `if` that only raises errors may ask more.
"""

import ast
import builtins
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from rederive.proofs.prover.array import SymbolicNamespace

FUNCTIONS = frozenset(name for name in vars(SymbolicNamespace) if not name.startswith("_"))
OF_CONTEXT = frozenset({"xp", "needs", "shapes", "saved", "save"})
OF_ARRAYS = frozenset({"T", "mT", "shape", "ndim"})
ASKED_BY_GUARDS = frozenset({"str", "int", "float", "len", "tuple", "device", "dtype"})
STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.If, ast.With, ast.Expr, ast.Pass)
EXPRESSIONS = (
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.Starred, ast.Call,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.keyword,
)  # fmt: skip


def impurities(function: Callable[..., Any], _seen: set[FunctionType] | None = None) -> list[str]:
    """Return what a function does that a proof of one run does not cover: "line 3: try", for one."""
    seen = set() if _seen is None else _seen
    if not isinstance(function, FunctionType):
        return [f"{function!r} is no Python function whose source can be read"]
    if function in seen:
        return []
    seen.add(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__))).body[0]
    except (OSError, SyntaxError, IndexError) as error:
        return [f"its source cannot be read: {error}"]
    if not isinstance(tree, ast.FunctionDef):
        return ["it is not written as a function"]
    reader = _Reader(function, tree)
    reader.read()
    helpers = [f"{helper.__name__}: {what}" for helper in reader.helpers for what in impurities(helper, seen)]
    return reader.found + helpers


class _Reader:
    def __init__(self, function: FunctionType, tree: ast.FunctionDef) -> None:
        self.function = function
        self.tree = tree
        self.found: list[str] = []
        self.helpers: list[FunctionType] = []
        arguments = tree.args
        plain = [*arguments.posonlyargs, *arguments.args]
        self.parameters = {one.arg for one in [*plain, *arguments.kwonlyargs]}
        self.constants = {one.arg for one in plain[len(plain) - len(arguments.defaults) :]}
        self.constants |= {one.arg for one in arguments.kwonlyargs}
        stored = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.locals = {name.id for name in stored}
        self.saved = {
            name.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and _is_attribute_of_context(node.value, "saved")
            for target in node.targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }

    def read(self) -> None:
        for name in self.function.__code__.co_freevars:
            self.note(self.tree, f"{name}, a variable of the function around it, which may change")
        for default in [*self.tree.args.defaults, *filter(None, self.tree.args.kw_defaults)]:
            if not isinstance(default, ast.Constant):
                self.note(default, "a default value that is no constant")
        if self.tree.args.vararg or self.tree.args.kwarg:
            self.note(self.tree, "arguments without names")
        self.statements(self.tree.body)

    def note(self, node: ast.AST, what: str) -> None:
        self.found.append(f"line {getattr(node, 'lineno', 0)}: {what}")

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, ast.If) and only_raises(statement):
                self.guard(statement)
            elif isinstance(statement, ast.If):
                self.test(statement.test)
                self.statements(statement.body)
                self.statements(statement.orelse)
            elif isinstance(statement, ast.With):
                if not all(self.is_errstate(item.context_expr) for item in statement.items):
                    self.note(statement, f"with {ast.unparse(statement.items[0].context_expr)}")
                self.statements(statement.body)
            elif not isinstance(statement, STATEMENTS):
                self.note(statement, ast.unparse(statement).splitlines()[0])
            else:
                self.simple(statement)

    def simple(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in (name for one in targets for name in _targets(one)):
                if not isinstance(target, ast.Name):
                    self.note(target, f"{ast.unparse(target)} is changed, which is not its own")
                elif target.id == "xp" and not _is_attribute_of_context(statement.value, "xp"):
                    self.note(target, "xp is made another namespace than context.xp")
                elif isinstance(statement, ast.AugAssign) and target.id in self.parameters | self.saved:
                    self.note(target, f"{target.id} is changed in place, which is not its own")
            if statement.value is not None:
                self.expression(statement.value)
        elif isinstance(statement, ast.Return) and statement.value is not None:
            self.expression(statement.value)
        elif isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant):
            if not (isinstance(statement.value, ast.Call) and _is_attribute_of_context(statement.value.func, "save")):
                self.note(statement, f"{ast.unparse(statement)}: a call whose result is not used")
            else:
                self.expression(statement.value)

    def guard(self, statement: ast.If) -> None:
        """Check that raises an error, or not, and leaves nothing behind."""
        inside = {id(node) for node in ast.walk(statement)}
        made = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id in made and id(node) not in inside:
                self.note(node, f"{node.id} is used, and made where only an error should be")
        for node in ast.walk(statement):
            if isinstance(node, ast.If):
                self.expression(node.test, guarding=True)
            elif isinstance(node, ast.Assign):
                self.expression(node.value, guarding=True)

    def test(self, node: ast.expr) -> None:
        """Look at a branch: it may depend on the needs, and on constants of the operation."""
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.test(part)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.test(node.operand)
        elif not (self.is_need(node) or self.is_constant(node)):
            self.note(node, f"a branch on {ast.unparse(node)}, which is neither a need nor a constant")

    def is_need(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Subscript) and _is_attribute_of_context(node.value, "needs")

    def is_constant(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            against = node.comparators[0]
            return isinstance(against, ast.Constant) and against.value is None and self.is_constant(node.left)
        return isinstance(node, ast.Name) and node.id in self.constants | self.saved

    def is_errstate(self, node: ast.expr) -> bool:
        called = node.func if isinstance(node, ast.Call) else node
        return (
            isinstance(called, ast.Attribute)
            and called.attr == "errstate"
            and isinstance(called.value, ast.Name)
            and self.function.__globals__.get(called.value.id) is np
        )

    def expression(self, node: ast.AST, guarding: bool = False) -> None:
        if not isinstance(node, EXPRESSIONS):
            if isinstance(node, ast.expr):
                self.note(node, ast.unparse(node))
            return
        if isinstance(node, ast.IfExp):
            self.test(node.test)
            self.expression(node.body, guarding)
            self.expression(node.orelse, guarding)
        elif isinstance(node, ast.Call):
            self.call(node, guarding)
        elif isinstance(node, ast.Attribute):
            self.attribute(node, guarding)
        elif isinstance(node, ast.Name):
            self.name(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.expression(child, guarding)

    def call(self, node: ast.Call, guarding: bool) -> None:
        called = node.func
        if isinstance(called, ast.Name):
            self.called_name(called, guarding)
        elif isinstance(called, ast.Attribute):
            self.called_attribute(called, guarding)
        else:
            self.note(node, f"a call of {ast.unparse(called)}")
        for argument in node.args:
            self.expression(argument, guarding)
        for keyword in node.keywords:
            like = keyword.arg in ("dtype", "device")
            if like and isinstance(keyword.value, ast.Attribute) and keyword.value.attr == keyword.arg:
                self.expression(keyword.value.value, guarding)  # device=x.device: made where x is
            else:
                self.expression(keyword.value, guarding)

    def called_name(self, called: ast.Name, guarding: bool) -> None:
        value = self.function.__globals__.get(called.id)
        if called.id in self.locals | self.parameters:
            self.note(called, f"a call of {called.id}, which may be any function")
        elif isinstance(value, FunctionType):
            self.helpers.append(value)
        elif not (guarding and called.id in ASKED_BY_GUARDS and hasattr(builtins, called.id)):
            self.note(called, f"a call of {called.id}")

    def called_attribute(self, called: ast.Attribute, guarding: bool) -> None:
        owner = called.value
        if _is_attribute_of_context(called, "save"):
            return
        if self.is_namespace(owner):
            if called.attr not in FUNCTIONS and not (guarding and called.attr == "min"):
                self.note(called, f"{ast.unparse(called)}, which arrays of symbolic shape do not have")
        elif not (isinstance(owner, ast.Name) and self.module(owner) is math and called.attr == "prod"):
            self.note(called, f"a call of {ast.unparse(called)}")

    def attribute(self, node: ast.Attribute, guarding: bool) -> None:
        is_context = isinstance(node.value, ast.Name) and node.value.id == "context"
        allowed = OF_CONTEXT if is_context else OF_ARRAYS | (ASKED_BY_GUARDS if guarding else frozenset())
        if node.attr not in allowed and not (self.is_namespace(node.value) and node.attr in FUNCTIONS):
            self.note(node, ast.unparse(node))
        elif not is_context:
            self.expression(node.value, guarding)

    def name(self, node: ast.Name) -> None:
        if node.id == "context":
            self.note(node, "context, handed on as a whole")
        elif node.id not in self.locals | self.parameters:
            self.note(node, f"{node.id}, a variable of the module, which may change")

    def is_namespace(self, node: ast.expr) -> bool:
        return _is_attribute_of_context(node, "xp") or (isinstance(node, ast.Name) and node.id == "xp")

    def module(self, node: ast.Name) -> ModuleType | None:
        value = self.function.__globals__.get(node.id)
        return value if isinstance(value, ModuleType) and node.id not in self.locals | self.parameters else None


def _is_attribute_of_context(node: ast.AST | None, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == "context"
    )


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _targets(part)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)
    else:
        yield target


def only_raises(statement: ast.stmt) -> bool:
    """Say whether a statement is an `if` of which nothing but an error can come."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    if not any(isinstance(part, (ast.Raise, ast.If)) for part in statement.body):
        return False
    return all(
        isinstance(part, ast.Raise)
        or only_raises(part)
        or (
            isinstance(part, ast.Assign) and all(isinstance(t, ast.Name) for one in part.targets for t in _targets(one))
        )
        for part in statement.body
    )
