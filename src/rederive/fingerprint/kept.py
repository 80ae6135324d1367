"""Fingerprints that were computed before, so that planning a build takes no second look at the same sources.

What is kept is named by a hash of everything that a fingerprint is made of: the path and content of each file below
the folder of sources, this package among them, and Python's version. It cannot be stale: another byte is another name,
and sources that change while they are read are not kept. It lies in `$XDG_CACHE_HOME/rederive` (`~/.cache/rederive`),
a file for each folder of sources; where nothing can be written there, nothing is kept.
"""

import hashlib
import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from rederive.files import write_json


def lookup(sources: Path, key: str) -> str | None:
    """Return the fingerprint of these sources that was kept under a key."""
    return _known(sources).get(key)


def keep(sources: Path, key: str, fingerprint: str) -> None:
    """Keep a fingerprint of these sources for other processes, if they are what they were when this one began."""
    _known(sources)[key] = fingerprint
    if _hash(sources) != state(sources):
        return
    with suppress(OSError):  # no home, or a full one
        known = _read(sources) | _known(sources)  # others may have kept some meanwhile
        write_json(_file(sources), {"state": state(sources), "fingerprints": known})


@cache
def state(sources: Path) -> str:
    """Return a hash of all that fingerprints are made of, as it is before this process reads any."""
    return _hash(sources)


@cache
def _known(sources: Path) -> dict[str, str]:
    return _read(sources)


def _read(sources: Path) -> dict[str, str]:
    try:
        kept = json.loads(_file(sources).read_text(encoding="utf-8"))
        return dict(kept["fingerprints"]) if kept["state"] == state(sources) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file(sources: Path) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return folder / "rederive" / f"fingerprints-{hashlib.sha256(str(sources.resolve()).encode()).hexdigest()[:16]}.json"


def _hash(sources: Path) -> str:
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for path in sorted(path for path in sources.rglob("*") if path.suffix != ".pyc" and path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(sources).as_posix()} {content}\n".encode())
    return digest.hexdigest()
