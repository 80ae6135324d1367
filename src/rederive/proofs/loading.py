"""Derivations by their names, or by the files that define them."""

import importlib
import importlib.util
from pathlib import Path

from rederive.errors import UserError
from rederive.proofs import derivation_names
from rederive.proofs.language.derivation import Derivation


def load(name: str, package: str | None = None) -> Derivation:
    """Return a derivation of a package, or that of a file given by its path.

    Raises:
        UserError: There is no such derivation, or the file defines no DERIVATION.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"There is no file {path}; expected a Python file that defines DERIVATION.")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    elif name in derivation_names(package):
        module = importlib.import_module(f"{package}.{name}")
    elif package is None:
        raise UserError(
            f"There is no derivation {name!r}: no package of derivations is named, in config.yaml or by --package."
        )
    else:
        raise UserError(f"There is no derivation {name!r}; expected one of {', '.join(derivation_names(package))}.")
    derivation = getattr(module, "DERIVATION", None)
    if not isinstance(derivation, Derivation):
        raise UserError(f"{name} defines no DERIVATION of type Derivation; see docs/derivations.md.")
    return derivation
