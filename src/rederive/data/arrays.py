"""Prepared data sets on disk: one .npy file for each array, and a manifest that says what they are."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rederive import files
from rederive.errors import UserError

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Manifest = dict[str, Any]

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Split:
    """Images, uint8 of 0 to 255, (n, height, width) or (n, channels, height, width), and their labels, uint8, (n,)."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set; `manifest["checksum"]` identifies its contents, `manifest["source"]` is official or standin."""

    train: Split
    validation: Split | None
    test: Split
    manifest: Manifest


def save(directory: str | Path, dataset: str, source: str, splits: dict[str, Split]) -> Manifest:
    """Write the arrays of `splits` and, after all of them, their manifest to `directory`; return the manifest."""
    folder = Path(directory)
    arrays = named(splits)
    for name, array in arrays.items():
        with files.atomic(folder / name) as temporary, temporary.open("wb") as stream:
            np.save(stream, array, allow_pickle=False)
    manifest: Manifest = {
        "dataset": dataset,
        "source": source,
        "checksum": checksum(arrays),
        "sizes": {name: len(split) for name, split in splits.items()},
        "files": {name: files.sha256(folder / name) for name in arrays},
    }
    files.write_json(folder / MANIFEST, manifest)
    return manifest


def named(splits: dict[str, Split]) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of the splits by the names of their files."""
    arrays: dict[str, NDArray[np.uint8]] = {}
    for name, split in splits.items():
        arrays[f"{name}_images.npy"] = split.images
        arrays[f"{name}_labels.npy"] = split.labels
    return arrays


def checksum(arrays: dict[str, NDArray[np.uint8]]) -> str:
    """Return a SHA-256 over the names, types, shapes and contents of `arrays`, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def load(directory: str | Path) -> Dataset:
    """Open a prepared data set. The arrays are read-only maps of the files, so nothing is read before it is used.

    Raises UserError when the folder holds no prepared data set, or one that does not agree with its manifest.
    """
    folder = Path(directory)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        splits = {name: _load_split(folder, name, size) for name, size in manifest["sizes"].items()}
        changed = [name for name in manifest["files"] if files.sha256(folder / name) != manifest["files"][name]]
        if changed:
            raise ValueError(f"{', '.join(changed)} changed after being written: the SHA-256 is not the manifest's")
        dataset = Dataset(splits["train"], splits.get("validation"), splits["test"], manifest)
        if missing := [key for key in ("dataset", "source", "checksum") if not isinstance(manifest.get(key), str)]:
            raise ValueError(f"{MANIFEST} has no {', '.join(missing)}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder}: no prepared data set here ({_said(error)}).\n"
            "Expected the arrays and manifest.json that `rederive prepare` or `rederive standin` writes; run it again."
        ) from error
    return dataset


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{MANIFEST} has no {error}"
    return f"{MANIFEST} is not one: {error}" if isinstance(error, TypeError | AttributeError) else str(error)


def _load_split(folder: Path, name: str, size: int) -> Split:
    split = Split(
        np.load(folder / f"{name}_images.npy", mmap_mode="r", allow_pickle=False),
        np.load(folder / f"{name}_labels.npy", mmap_mode="r", allow_pickle=False),
    )
    if not len(split.images) == len(split.labels) == size:
        found = f"{len(split.images)} images and {len(split.labels)} labels"
        raise ValueError(f"{name}: {found}, where the manifest says {size}")
    if not split.images.dtype == split.labels.dtype == np.uint8:
        raise ValueError(f"{name}: found {split.images.dtype} and {split.labels.dtype}, expected bytes (uint8)")
    return split
