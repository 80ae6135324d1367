"""What a step wrote is what the next one reads: a file that was edited in between is told and not passed on.

A step leaves the SHA-256 of each file that it wrote in `made/written/<step>.json` of the results folder, as a training
does of its rows in the record beside them. Of a step that did not end, nothing is known and nothing refused.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rederive.errors import UserError
from rederive.files import sha256, write_json
from rederive.layout import Layout
from rederive.records import read_json


class Edited(NamedTuple):
    """A file that is not as a step wrote it, and may be gone."""

    path: Path
    step: str
    record: Path

    @property
    def what(self) -> str:
        """What is wrong with it."""
        if not self.path.exists():
            return f"named in {self.record}"
        return f"is not the file that {self.step} wrote: its SHA-256 is not the one in {self.record}"

    def mend(self, layout: Layout) -> str:
        """What to do: of folders that are one output of the workflow it makes no single file again."""
        whole = self.path.parent if self.path.parent in (layout.figures, layout.tables) else self.path
        return f"remove {whole} and build again"


def remember(layout: Layout, step: str, paths: Iterable[Path]) -> None:
    """Keep the SHA-256 of files in the results folder that a step has written."""
    write_json(
        _record(layout, step), {path.relative_to(layout.folder).as_posix(): sha256(path) for path in sorted(paths)}
    )


def forget(layout: Layout, step: str) -> None:
    """Forget what a step wrote: before it writes again."""
    _record(layout, step).unlink(missing_ok=True)


def edited(layout: Layout, among: Collection[Path] | None = None) -> Iterator[Edited]:
    """Yield which files, all or of some, are not as their steps wrote them. Raises UserError for a damaged record."""
    for record in sorted(_record(layout, "any").parent.glob("*.json")):
        for name, digest in _told(record).items():
            path = layout.folder / name
            if (among is None or path in among) and not (path.is_file() and sha256(path) == digest):
                yield Edited(path, record.stem, record)


def refuse_edited(layout: Layout, paths: Collection[Path]) -> None:
    """Raise UserError where one of some files is there, and is not as its step wrote it."""
    for found in edited(layout, paths):
        if found.path.exists():
            raise UserError(f"{found.path}: {found.what}; {found.mend(layout)}")


def _told(record: Path) -> dict[str, str]:
    try:
        return dict(read_json(record, dict[str, str]))
    except UserError:
        if record.exists():
            raise
        return {}  # its step began again meanwhile


def _record(layout: Layout, step: str) -> Path:
    return layout.folder / "made" / "written" / f"{step}.json"
