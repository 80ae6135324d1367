"""One meaning, one fingerprint, on every version of Python: on each that this machine has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rederive.fingerprint import ROOTS, fingerprint

SOURCES = Path(__file__).parents[2] / "src"
VERSIONS = ("3.11", "3.12", "3.13", "3.14")

# Where versions of Python print or parse differently: quotes in f-strings, unions, escapes, exact numbers.
SAMPLE = '''
from dataclasses import dataclass

@dataclass(frozen=True)
class Point:
    """A point."""
    x: "float"
    y: float = 1e-400 + 0.1 + 1_000j

    def __len__(self) -> int:
        return 0x10 ** -2

def text(a, *rest, b=None, **more):
    """Say it."""
    quoted = f"{a!r:>{b}} {'it' 's'} {{}} {a['k']}" "\\u00e9\\x7f\\U0001f600" f'{a=}'
    with open(a) as one, open(b) as two:
        yield from (lambda x, /, y=1, *, z: x @ y)(one, z=two)
    try:
        items = [*rest, {**more}, {1, 2}, a[1:2, ..., ::3]]
    except* (ValueError, OSError) as error:
        raise RuntimeError(f"{error}") from error
    match a:
        case Point(x=0) | [1, *_] if (n := len(quoted)) > 1: return n
        case {"k": str() as k, **rest_}: return k, rest_
        case _: return b"\\xff", -0.0, not a <= b < 3 is not None
    return items
'''

# Taken once, on Python 3.11. A change of how fingerprints are made changes it, and trains everything again.
GOLDEN = "258bbb535834696c"

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from rederive.fingerprint import ROOTS, fingerprint
print(*sys.version_info[:2], sep=".")
print(fingerprint("sample:text", "sample:Point", sources=Path(sys.argv[2])))
for rule in ROOTS:
    print(fingerprint(rule))
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    (tmp_path / "sample.py").write_text(SAMPLE)
    return tmp_path


def test_the_fingerprint_of_a_sample_is_what_it_was(sample: Path) -> None:
    assert fingerprint("sample:text", "sample:Point", sources=sample) == GOLDEN


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_gives_the_same_without_any_package(version: str, sample: Path) -> None:
    # pyenv puts a version's command on the path and runs it where it is told to.
    environment = {"PATH": os.environ["PATH"], "PYENV_VERSION": version, "HOME": os.environ.get("HOME", "")}
    python = sys.executable if sys.version_info[:2] == tuple(map(int, version.split("."))) else f"python{version}"
    if shutil.which(python) is None:
        pytest.skip(f"this machine has no {python}")
    command = [python, "-I", "-S", "-c", PROGRAM, str(SOURCES), str(sample)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "not installed" in done.stderr or "command not found" in done.stderr:
        pytest.skip(f"this machine has no {python}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [version, GOLDEN, *map(fingerprint, ROOTS)]
