"""What several tests look at and one of the processes of a test run makes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of a test run that `make` fills, in whichever process of pytest-xdist asks first.

    The others wait for it, as its documentation has it for fixtures that shall be made once. Where making it fails, the
    next process tries again, in an empty folder.
    """
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder of its own below that of the run
        folder = folder.parent
    done = folder / f"{name}.done"
    with FileLock(folder / f"{name}.lock"):
        if not done.exists():
            made = factory.mktemp(name)
            make(made)
            done.write_text(str(made))
    return Path(done.read_text())


def first_difference(found: bytes, expected: bytes) -> str:
    """Say where two files part, or nothing where they do not.

    pytest's own comparison of two large files that differ goes on for hours where CI is set.
    """
    if found == expected:
        return ""
    same = next(
        (at for at, (ours, theirs) in enumerate(zip(found, expected, strict=False)) if ours != theirs),
        min(len(found), len(expected)),
    )
    around = slice(max(0, same - 200), same + 100)
    sizes = f"{len(found)} and {len(expected)} bytes"
    return f"{sizes}, the same up to byte {same}:\n{found[around]!r}\n{expected[around]!r}"
