"""What numbers depend on besides the project's own code: Python, the libraries that compute, the processor."""

import platform
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rederive import __version__, imports

LIBRARIES = ("numpy", "torch")


@cache
def present() -> dict[str, str]:
    """Return the versions that are installed here, of the library that NumPy multiplies matrices with, too."""
    return {
        "python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _installed(name))},
        "blas": _blas(),
        "processor": processor(),
    }


def versions() -> dict[str, str]:
    """Return the versions of this project and of what this process has computed with."""
    unused = {name for name in LIBRARIES if name not in sys.modules}
    return {"rederive": __version__, **{name: found for name, found in present().items() if name not in unused}}


def differences(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return what is another here than where numbers were made, such as {"numpy": "numpy 2.1.0 (here 2.3.1)"}.

    `recorded` is what `versions` returned there; what it does not tell is not compared.
    """
    return {
        name: f"{name} {recorded[name]} (here {found})"
        for name, found in present().items()
        if name in recorded and recorded[name] != found
    }


def processor() -> str:
    """Return the processor's model where the system tells it: numerical libraries choose their kernels by it."""
    try:
        told = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return f"{told[1].strip()}, {platform.machine()}" if told else platform.processor() or platform.machine()


def _installed(name: str) -> str | None:
    """Return the version of a library; None where it is not installed, as torch where no trainer needs it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _blas() -> str:
    """Return what `numpy.show_config` says, from its file: importing NumPy takes longer than all else that is told."""
    package = imports.installed_package("numpy")
    told = (package / "__config__.py").read_text(encoding="utf-8") if package else ""
    built = re.search(r'"blas": \{\s*"name": "(.*?)",.*?"version": "(.*?)"', told, re.DOTALL)
    return " ".join(built.groups()) if built else "unknown"
