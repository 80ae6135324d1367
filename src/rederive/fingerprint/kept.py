"""Fingerprints that were computed before, so that planning a build takes no second look at the same sources.

What is kept is named by a hash of everything that a fingerprint is made of: the path and content of each file in the
places of its sources, this package among them, and Python's version. It cannot be stale: another byte is another name,
and sources that change while they are read are not kept. It lies in `$XDG_CACHE_HOME/rederive`
(`~/.cache/rederive`), a file for each set of places; where nothing can be written there, nothing is kept.
"""

import hashlib
import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from rederive.files import write_json

Places = tuple[Path, ...]  # packages, modules, and folders of such


def lookup(places: Places, key: str) -> str | None:
    """Return the fingerprint of these sources that was kept under a key."""
    return _known(places).get(key)


def keep(places: Places, key: str, fingerprint: str) -> None:
    """Keep a fingerprint of these sources for other processes, if they are what they were when this one began."""
    _known(places)[key] = fingerprint
    if _hash(places) != state(places):
        return
    with suppress(OSError, RuntimeError):  # a full home, or none
        known = _read(places) | _known(places)  # others may have kept some meanwhile
        write_json(_file(places), {"state": state(places), "fingerprints": known})


@cache
def state(places: Places) -> str:
    """Return a hash of all that fingerprints are made of, as it is before this process reads any."""
    return _hash(places)


@cache
def _known(places: Places) -> dict[str, str]:
    return _read(places)


def _read(places: Places) -> dict[str, str]:
    try:
        kept = json.loads(_file(places).read_text(encoding="utf-8"))
        return dict(kept["fingerprints"]) if kept["state"] == state(places) else {}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}


def _file(places: Places) -> Path:
    # expanduser: RuntimeError where nobody is at home
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    name = hashlib.sha256(repr([str(place.resolve()) for place in places]).encode()).hexdigest()[:16]
    return folder / "rederive" / f"fingerprints-{name}.json"


def _hash(places: Places) -> str:
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for place in places:
        for path in sorted(path for path in [place, *place.rglob("*")] if path.suffix != ".pyc" and path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(place.parent).as_posix()} {content}\n".encode())
    return digest.hexdigest()
