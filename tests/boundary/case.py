"""A case of bad input: what is done to a finished study, what is called then, and what ought to come of it."""

import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from rederive.cli import main

Outcome = Literal["fine", "clear", "unclear", "traceback", "silent"]
OUTCOMES: tuple[Outcome, ...] = ("fine", "clear", "unclear", "traceback", "silent")

# What no message for a user holds: Python's own words for its own errors, objects, and types.
INTERNAL = re.compile(
    r"Traceback|\b(Key|Type|Attribute|Index|Recursion|Value|Unicode\w+|Zero\w+|Assertion|OS)Error\b"
    r"|NoneType|object at 0x|\[Errno|<class|PosixPath"
)
LONGEST = 30  # lines of a message


def nothing(folder: Path) -> None:
    """Harm nothing."""


@dataclass(frozen=True)
class Case:
    """One case.

    `expected` is empty where all is fine; else the parts that the message has to have, by hand: the file or the key,
    what was found or what was expected. `goes_on` marks what is told and then done all the same, as the training after
    a damaged checkpoint. `unharmed` are files that must be after it what they were before.
    """

    area: str
    name: str
    commands: Sequence[Sequence[str]]
    expected: tuple[str, ...] = ()
    harm: Callable[[Path], object] = nothing
    goes_on: bool = False
    unharmed: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def run(self) -> tuple[int, str]:
        """Call the commands, until one fails; return its exit code, and all that was printed."""
        output = ""
        for command in self.commands:
            code, printed = call(command)
            output += printed
            if code:
                return code, output
        return 0, output

    def __str__(self) -> str:
        return f"{self.area}: {self.name}"


@dataclass(frozen=True)
class Found:
    """What came of a case: one word, and what was printed."""

    outcome: Outcome
    output: str


def call(arguments: Sequence[str]) -> tuple[int, str]:
    """Call the command line in this process; return its exit code and all that it printed.

    A traceback is what the interpreter would print: any exception but SystemExit gets through `main`.
    """
    printed = io.StringIO()
    with patch.object(sys, "argv", ["rederive", *arguments]), redirect_stdout(printed), redirect_stderr(printed):
        try:
            main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException:
            traceback.print_exc(file=printed)
            code = -1
        else:
            code = 0
    return code, printed.getvalue()


def judge(case: Case, folder: Path) -> Found:
    """Harm the study in `folder`, call the commands there, and say what came of it."""
    before = {name: (folder / name).read_bytes() for name in case.unharmed}
    # What a case does to the system, as to fill the disk, ends with it.
    with chdir(folder), patch.dict(os.environ, dict(case.environment)), patch.object(os, "fsync", os.fsync):
        case.harm(folder)
        code, output = case.run()
    if code == -1:
        return Found("traceback", output)
    changed = [name for name, content in before.items() if _content(folder / name) != content]
    if changed:
        return Found("silent", f"{output}\nafterwards another: {', '.join(changed)}")
    if not case.expected:
        return Found("fine" if code == 0 else "unclear", output)
    if code == 0 and not case.goes_on:
        return Found("silent", output)
    missing = [part for part in case.expected if part not in output]
    unreadable = INTERNAL.search(output) or len(output.splitlines()) > LONGEST
    if missing or unreadable or (code != 0 and case.goes_on):
        return Found("unclear", f"{output}\nexit {code}; not told: {missing}; unreadable: {unreadable}")
    return Found("clear", output)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
