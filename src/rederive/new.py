"""The beginning of a study: a copy of an example that builds as it is."""

import os
import shutil
import tempfile
from pathlib import Path

import rederive
from rederive.errors import UserError

MADE = ("results", "resources", ".snakemake", "__pycache__")  # what a build leaves is no part of an example

_PACKAGE = Path(rederive.__file__).parent


def examples() -> Path:
    """Return the folder of the examples: in the installed package, or beside its sources."""
    return next(folder for folder in (_PACKAGE / "examples", _PACKAGE.parents[1] / "examples") if folder.is_dir())


def example_names() -> list[str]:
    """Return what the examples are called."""
    return sorted(path.name for path in examples().iterdir() if (path / "Snakefile").exists())


def new(folder: Path, example: str = "minimal") -> None:
    """Write an example as a new study: all of it or nothing.

    Raises UserError for an example that is not there, and for a folder that is not empty: nothing of it is touched.
    """
    if example not in example_names():
        raise UserError(f"new: found no example {example!r}; expected one of {', '.join(example_names())}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"new: {folder} is not empty; name a folder that is, or a new one")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part") as work:
            whole = Path(work) / "study"
            shutil.copytree(examples() / example, whole, ignore=shutil.ignore_patterns(*MADE))
            # One step: takes the place of an empty folder, and of nothing else.
            os.rename(whole, folder)
    except OSError as error:
        raise UserError(f"new: {folder} cannot be written ({error.strerror})") from None
