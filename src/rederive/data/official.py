"""What the official files of a data set are: names, sizes, checksums, and who downloads them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OfficialFile:
    """One unpacked file: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str

    def mismatch(self, content: bytes) -> str | None:
        """Say how `content` differs from the official file, or return None when it is that file."""
        if len(content) != self.size:
            return f"{self.name} has {len(content):,} bytes instead of {self.size:,}"
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            return f"{self.name} has SHA-256 {found} instead of {self.sha256}"
        return None


@dataclass(frozen=True)
class OfficialFiles:
    """The files of one data set: below a root folder, all of them in `folder`.

    Packed they are single files `<name>.gz`, or, where `archive` names one, members of that one tar file.
    `download` is the import path of what gets them from their own hosts when it is called with the root folder and
    `download=True`, as torchvision's data sets do; `addresses` has one file of each host, to see whether it answers.
    `prepared` is the checksum of the arrays that they are read into (`rederive.data.arrays.checksum`): with it, a run
    that is kept can be recognised before any data are there.
    """

    folder: str
    files: tuple[OfficialFile, ...]
    archive: str | None
    download: str
    addresses: tuple[str, ...]
    prepared: str

    def path(self, root: str | Path, file: OfficialFile) -> Path:
        """Return where `file` belongs below `root`."""
        return Path(root) / self.folder / file.name

    def paths(self, root: str | Path) -> list[tuple[OfficialFile, Path]]:
        """Return all files, each with where it belongs below `root`."""
        return [(file, self.path(root, file)) for file in self.files]
