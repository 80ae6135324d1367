"""Derivations that are proved, step by step, on the code that runs.

Names are looked up without SymPy, which takes seconds to import: a command that only lists the derivations is quick.
"""

import gc
import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rederive.errors import UserError

if TYPE_CHECKING:
    from rederive.proofs.result import Result

# Whatever SymPy made is found again: it reads this when it is imported. By itself it keeps the last thousand results
# of each function, fewer than one proof has.
os.environ.setdefault("SYMPY_CACHE_SIZE", "None")


def derivation_names(package: str | None) -> list[str]:
    """Return the names of all derivations of a package, one a module; of no package, none.

    Raises UserError where there is no package of that name.
    """
    if package is None:
        return []
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise UserError(f"derivations: found {package!r}, which is no package; expected one with a module for each")
    files = (path for folder in found.submodule_search_locations for path in Path(folder).glob("*.py"))
    return sorted(path.stem for path in files if not path.stem.startswith("_"))


def verify(
    name: str,
    output: Path | None = None,
    oracles: bool | Path = True,
    package: str | None = None,
    kept: Path | None = None,
) -> "Result":
    """Verify a derivation and write what was found: see `rederive.proofs.verification.verify`."""
    with _without_collection():
        from rederive.proofs import verification

        return verification.verify(name, output, oracles, package, kept)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Look for no garbage: expressions are kept to be found again; looking through them takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def verify_all(
    names: Sequence[str],
    output: Path | None = None,
    oracles: bool | Path = True,
    jobs: int | None = None,
    package: str | None = None,
    kept: Path | None = None,
) -> list["Result"]:
    """Verify derivations in several processes, and return what was found in the order of their names.

    Args:
        names: The derivations, or files that define one.
        output: The folder where a result file of each goes.
        oracles: As of `verify`.
        jobs: How many processes; one for each core by default.
        package: Where the derivations are.
        kept: As of `verify`.
    """
    outputs = {name: output and output / f"{Path(name).stem}.json" for name in names}
    if len(names) == 1 or jobs == 1:
        return [verify(name, outputs[name], oracles, package, kept) for name in names]
    from concurrent.futures import ProcessPoolExecutor

    from rederive.proofs import verification  # noqa: F401  # imported once, where processes are forked

    with ProcessPoolExecutor(min(jobs or os.cpu_count() or 1, len(names) or 1)) as pool:
        tasks = {name: pool.submit(verify, name, outputs[name], oracles, package, kept) for name in names}
        return [tasks[name].result() for name in names]


def ask_oracles(
    output: Path, names: list[str] | None = None, package: str | None = None, kept: Path | None = None
) -> dict[str, Any]:
    """Ask PyTorch, JAX and TensorFlow: see `rederive.proofs.answers.ask_oracles`."""
    from rederive.proofs import answers

    return answers.ask_oracles(output, names, package, kept)


def export_certificates(folder: Path, names: Sequence[str], package: str | None = None) -> list[str]:
    """Write certificates for another program: see `rederive.proofs.answers.export_certificates`."""
    from rederive.proofs import answers

    return answers.export_certificates(folder, names, package)


__all__ = ["ask_oracles", "derivation_names", "export_certificates", "verify", "verify_all"]
