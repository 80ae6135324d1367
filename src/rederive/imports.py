"""A study's own code, found by the import paths of its configuration, as in `trainers: {mlp: {python: module:name}}`.

It lies in `src/` beside the configuration, or is installed. Nothing of it is imported before it is needed.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from rederive.errors import UserError

FOLDER = "src"


_added: list[str] = []


def add_code_of(study: Path) -> None:
    """Let imports find the code of the study in a folder, before installed code of the same name."""
    folder = str((study / FOLDER).resolve())
    if not Path(folder).is_dir():
        return
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if folder not in _added:
        _added.insert(0, folder)


def code_folders() -> tuple[Path, ...]:
    """Return the folders of studies' code that `add_code_of` found, the last one first."""
    return tuple(Path(folder) for folder in _added if folder in sys.path)


def installed_package(module: str) -> Path | None:
    """Return the folder of the package that a module belongs to, or its file, where it is installed; else None."""
    found = importlib.util.find_spec(module.partition(".")[0])
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return None
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def source_of(module: str) -> Path | None:
    """Return the source file of a module, which is not imported; None where there is none."""
    package, *parts = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    if not parts:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or []:
        path = Path(folder, *parts)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def load(path: str) -> Any:
    """Return what an import path names, `module:name`. Raises UserError where there is no such thing.

    An error inside the module, such as a package that it needs and that is not installed, is told as it is.
    """
    module, _, name = path.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UserError(
            f"{path}: there is no module {error.name}; it is looked for in {FOLDER}/ beside the configuration, and "
            "among what is installed"
        ) from None
    try:
        return getattr(loaded, name)
    except AttributeError:
        raise UserError(f"{path}: {getattr(loaded, '__file__', module)} defines no {name}") from None
