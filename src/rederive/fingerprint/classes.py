"""The form of a class: its members apart, since only those that are read somewhere count."""

import ast

from rederive.fingerprint.canonical import Writer, plain, says_nothing
from rederive.fingerprint.form import FUNCTIONS, Class, Member, Names, Reference, Symbol


def class_of(node: ast.ClassDef, names: Names) -> Class:
    """Return the form of a class at the top of a module."""
    frame = Writer(names)
    frame.fields(node, ("decorator_list", "bases", "keywords"))
    decorators = [frame.dotted(decorator) for decorator in node.decorator_list]
    other = any(not plain(name) for name in decorators) or any(
        keyword.arg == "metaclass" and frame.dotted(keyword.value) != "abc.ABCMeta" for keyword in node.keywords
    )
    bases = []
    for base in node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base  # Generic[T]
        if (reference := frame.reference(inner)) is None:
            reference = Reference(Symbol(*frame.dotted(inner).split(".", 1)))  # a base of Python's own, or unknown
        bases.append(reference)
    members = []
    for statement in node.body:
        if says_nothing(statement):
            continue
        writer = Writer(names, owner=node.name)
        writer.class_statement(statement)
        name, always = _member(statement, writer)
        members.append(Member(name, writer.form, statement, isinstance(statement, FUNCTIONS), always))
    return Class(node, frame.form, bases, members, "dataclasses.dataclass" in decorators, other)


def _member(statement: ast.stmt, writer: Writer) -> tuple[str, bool]:
    """Return the name of a class's statement, and whether it counts though nobody reads it."""
    if isinstance(statement, FUNCTIONS):
        known_to_none = all(plain(writer.dotted(decorator)) for decorator in statement.decorator_list)
        return statement.name, _is_special(statement.name) or not known_to_none
    if isinstance(statement, ast.ClassDef):
        return statement.name, False
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    if len(targets) == 1 and isinstance(targets[0], ast.Name):
        name = targets[0].id
        return name, _is_special(name) or name == "model_config"
    return "", True


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
