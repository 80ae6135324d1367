"""Checkpoints: the state of a training run on disk, whole and recognisable, or not taken.

A file is one line with a version and the SHA-256 of the rest, and then an .npz archive of arrays, loaded without
pickle. One of its entries is JSON: the key, which says of what run this is a state, and how far it had come.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rederive import files
from rederive.training.history import Row

VERSION = b"rederive checkpoint 1"
ABOUT = "about"


class UnusableError(Exception):
    """A file that is no checkpoint of this run; the message says why."""


class Progress(BaseModel):
    """How far a run had come: the rows of whole epochs, the epoch under way, and how many batches of it are done."""

    model_config = ConfigDict(extra="forbid")

    rows: list[Row]
    epoch: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=0)]
    seconds: list[float] = Field(description="what each whole epoch took")
    this_epoch: float = Field(description="seconds of the epoch under way")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        # The count first: an epoch that a damaged file says may be far too large to list.
        if len(self.seconds) != self.epoch - 1 or {row.epoch for row in self.rows} != set(range(1, self.epoch)):
            raise ValueError(f"it says epoch {self.epoch}, and does not hold each epoch before that")
        return self


def encode(key: dict[str, Any], progress: Progress, arrays: dict[str, np.ndarray]) -> bytes:
    """Return the content of a checkpoint file."""
    about = json.dumps({"key": key, "progress": progress.model_dump()}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays, **{ABOUT: np.frombuffer(about, dtype=np.uint8)})
    body = buffer.getvalue()
    return b"%s %s\n%s" % (VERSION, hashlib.sha256(body).hexdigest().encode(), body)


def decode(content: bytes, key: dict[str, Any]) -> tuple[Progress, dict[str, np.ndarray]]:
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
    except Exception as error:  # whatever a reader of a damaged archive throws: zipfile, zlib, NumPy and json have many
        raise UnusableError(f"it cannot be read ({error})") from error
    if not (isinstance(about, dict) and isinstance(about.get("key"), dict) and "progress" in about):
        raise UnusableError("it does not say of what run it is, and how far that had come")
    found, progress = about["key"], about["progress"]
    different = [name for name in key if found.get(name) != key[name]]
    if different:
        raise UnusableError(f"it belongs to another run: it differs in {', '.join(different)}")
    try:
        return Progress.model_validate(progress), arrays
    except ValidationError as error:
        first = error.errors()[0]
        raise UnusableError(f"it is not whole: {'.'.join(map(str, first['loc'])) or ABOUT}: {first['msg']}") from error


def refuse_other_arrays(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    """Raise UnusableError unless each of the `wanted` arrays is found, in its shape and type; there may be more."""
    for name, array in wanted.items():
        if name not in found:
            raise UnusableError(f"it is not whole: the array {name!r} is missing")
        if (found[name].shape, found[name].dtype) != (array.shape, array.dtype):
            raise UnusableError(
                f"its array {name!r} is {found[name].dtype} of shape {found[name].shape}, "
                f"expected {array.dtype} of shape {array.shape}"
            )


def write(path: Path, key: dict[str, Any], progress: Progress, arrays: dict[str, np.ndarray]) -> None:
    """Write a checkpoint, whole or not at all; the one before it stays until then. Raises OSError on a full disk."""
    files.write_bytes(path, encode(key, progress, arrays))


def read(path: Path, key: dict[str, Any]) -> tuple[Progress, dict[str, np.ndarray]] | None:
    """Return the checkpoint, or None where there is no file. Raises UnusableError for one that cannot be taken."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableError(f"it cannot be read ({error.strerror})") from error
    return decode(content, key)
