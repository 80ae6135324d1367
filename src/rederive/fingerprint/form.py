"""What code is reduced to: canonical forms, and what there is to know of each beside its text."""

import ast
import builtins
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Symbol(NamedTuple):
    """A name of a module; `*` stands for the module itself, the empty name for what runs when it is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True)
class Reference:
    """A name at the top of some module, and the attributes read of it; whose they are is found out later."""

    symbol: Symbol
    attributes: tuple[str, ...] = ()


@dataclass(eq=False)
class Local:
    """A name that is bound in a function. Its spelling counts where `keeps` says so, or an argument is passed by it."""

    name: str
    argument: bool = False
    keeps: bool = False


@dataclass(frozen=True)
class Declared:
    """The place where an argument is declared: there its name is printed, if it counts."""

    local: Local


@dataclass(frozen=True)
class Data:
    """A file, or a folder of files, that code names by a constant path."""

    path: Path


@dataclass(frozen=True)
class Aside:
    """A call whose value nobody uses. It is no part of the form where `callee` is left out."""

    callee: Reference
    form: "Form"


Piece = str | Reference | Local | Declared | Data | Aside


@dataclass
class Form:
    """A canonical form, and what else there is to know of the code."""

    pieces: list[Piece] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)  # attributes, of whatever object
    keywords: set[str] = field(default_factory=set)  # names that arguments are passed by
    modules: set[str] = field(default_factory=set)  # imported inside functions
    reads_anything: bool = False  # attributes whose names are made at run time
    refused: list[str] = field(default_factory=list)  # what cannot be followed, each with its line


@dataclass
class Member:
    """A name, or a statement without one, of a class's body; `always` marks what counts though nobody reads it."""

    name: str
    form: Form
    node: ast.stmt
    function: bool
    always: bool


@dataclass
class Class:
    """A class: what stands around its body, and its members."""

    node: ast.ClassDef
    frame: Form
    bases: list[Reference]
    members: list[Member]
    fields: bool  # a decorator makes a constructor of its annotated names
    open: bool  # a decorator or metaclass may do anything with it


class Names(NamedTuple):
    """The names at the top of a module, for the forms of its definitions."""

    module: str
    path: Path
    is_package: bool
    imported: dict[str, Symbol]
    defined: dict[str, list[ast.stmt]]
    stars: list[str]
    root: Path  # the folder of the packages

    def symbol(self, name: str) -> Symbol | None:
        """Return what a name stands for at the top of the module, None for a name of Python's own."""
        if name in self.defined:
            return Symbol(self.module, name)
        if name in self.imported:
            return self.imported[name]
        return Symbol(self.module, name) if self.stars and name not in vars(builtins) else None
