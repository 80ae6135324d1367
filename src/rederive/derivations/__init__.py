"""Derivations that are proved, step by step, on the code that trains the networks.

Names are looked up without SymPy, which takes seconds to import: a command that only lists the derivations is quick.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rederive.errors import UserError

if TYPE_CHECKING:
    from rederive.derivations.result import Result

CATALOGUE = "rederive.derivations.catalogue"  # the package that is meant where none is named


def derivation_names(package: str = CATALOGUE) -> list[str]:
    """Return the names of all derivations of a package, one a module. Raises UserError where there is no package."""
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise UserError(f"derivations: found {package!r}, which is no package; expected one with a module for each")
    files = (path for folder in found.submodule_search_locations for path in Path(folder).glob("*.py"))
    return sorted(path.stem for path in files if not path.stem.startswith("_"))


def verify(name: str, output: Path | None = None, oracles: bool | Path = True, package: str = CATALOGUE) -> "Result":
    """Verify a derivation and write what was found: see `rederive.derivations.verification.verify`."""
    from rederive.derivations import verification

    return verification.verify(name, output, oracles, package)


def ask_oracles(output: Path, names: list[str] | None = None, package: str = CATALOGUE) -> dict[str, Any]:
    """Ask PyTorch, JAX and TensorFlow: see `rederive.derivations.verification.ask_oracles`."""
    from rederive.derivations import verification

    return verification.ask_oracles(output, names, package)


__all__ = ["ask_oracles", "derivation_names", "verify"]
