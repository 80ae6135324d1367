"""Checkpoints: the state of a training run on disk, whole and recognisable, or not taken.

A file is one line with a version and the SHA-256 of the rest, and then an .npz archive of arrays, loaded without
pickle. One of its entries is JSON: the key, which says of what run this is a state, and how far it had come.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from rederive import files

VERSION = b"rederive checkpoint 1"
ABOUT = "about"


class UnusableError(Exception):
    """A file that is no checkpoint of this run; the message says why."""


def encode(key: dict[str, Any], progress: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Return the content of a checkpoint file."""
    about = json.dumps({"key": key, "progress": progress}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays, **{ABOUT: np.frombuffer(about, dtype=np.uint8)})
    body = buffer.getvalue()
    return b"%s %s\n%s" % (VERSION, hashlib.sha256(body).hexdigest().encode(), body)


def decode(content: bytes, key: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return how far the run had come, and its arrays. Raises UnusableError for anything but a checkpoint of `key`."""
    head, _, body = content.partition(b"\n")
    version, _, checksum = head.rpartition(b" ")
    if version != VERSION:
        raise UnusableError("it is no checkpoint of this version")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise UnusableError("it is damaged: its contents do not have the checksum that its first line gives")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays.pop(ABOUT).tobytes())
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UnusableError(f"it cannot be read ({error})") from error
    different = [name for name in key if about["key"].get(name) != key[name]]
    if different:
        raise UnusableError(f"it belongs to another run: it differs in {', '.join(different)}")
    return about["progress"], arrays


def write(path: Path, key: dict[str, Any], progress: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a checkpoint, whole or not at all; the one before it stays until then. Raises OSError on a full disk."""
    files.write_bytes(path, encode(key, progress, arrays))


def read(path: Path, key: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Return the checkpoint, or None where there is no file. Raises UnusableError for one that cannot be taken."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableError(f"it cannot be read ({error})") from error
    return decode(content, key)
