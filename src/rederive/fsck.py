"""Walk all that a study has on the disk, and say what is damaged, missing or foreign, and how to mend it.

    fsck(study, layout, archive) -> list[Finding]

Nothing is written, and nothing of the study's own code is run but what its configuration needs to be read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from rederive import written
from rederive.config import Study
from rederive.data.arrays import MANIFEST
from rederive.errors import UserError
from rederive.files import sha256
from rederive.layout import CERTIFICATES, ORACLES, Layout
from rederive.records import FigureEntry, Number, Record, RunFacts, read_json, read_records
from rederive.results.collect import gather, read_of_study
from rederive.training import archive as kept
from rederive.training import checkpoint

REBUILD = "remove it and build again"
RETRAIN = "remove the .csv and the .json and build again: the job is trained again, or taken from kept runs"
RESTORE = "copy it from a backup or from version control, or remove the .csv and the .json of this seed"


class Finding(NamedTuple):
    """Something that is not as the build left it."""

    path: Path
    kind: Literal["damaged", "missing", "foreign"]
    what: str
    mend: str

    def __str__(self) -> str:
        where = "" if self.what.startswith(str(self.path)) else f"{self.path}: "
        return f"{self.kind:<8} {where}{self.what}\n         to mend: {self.mend}"


def fsck(study: Study, layout: Layout, archive: Path | None) -> list[Finding]:
    """Return what is wrong with the results of a study, and with its kept runs where a folder of them is given."""
    return [
        *_runs(study, layout),
        *_checkpoints(study, layout),
        *_data(study, layout),
        *_records(layout),
        *_written(layout),
        *_table(study, layout),
        *(_archive(study, archive) if archive else []),
    ]


def _runs(study: Study, layout: Layout) -> Iterator[Finding]:
    known = study.runs()
    for folder in _entries(layout.runs):
        if folder.name not in known or not folder.is_dir():
            yield Finding(
                folder, "foreign", "no run of the study has this name", "remove it, or add the experiment to the config"
            )
            continue
        seeds: dict[int, Path] = {}
        for path in _entries(folder):
            if not _is_named(path, "seeds_", (".csv", ".json")):
                yield Finding(path, "foreign", "no training job writes a file of this name", "remove it")
            elif path.suffix == ".json" and not path.with_suffix(".csv").exists():
                yield Finding(path.with_suffix(".csv"), "missing", f"the numbers of {path.name}", RETRAIN)
            elif path.suffix == ".csv" and not path.with_suffix(".json").exists():
                yield Finding(path.with_suffix(".json"), "missing", f"the record of {path.name}", RETRAIN)
            elif path.suffix == ".csv":
                try:
                    _, provenance = read_of_study(study, layout, path)
                except UserError as error:
                    yield Finding(path, "damaged", str(error), RETRAIN)
                    continue
                for seed in provenance.seeds:
                    if (other := seeds.setdefault(seed, path)) != path:
                        yield Finding(path, "foreign", f"seed {seed} is in {other.name}, too", RETRAIN)


def _checkpoints(study: Study, layout: Layout) -> Iterator[Finding]:
    at_worst = "remove it: the job begins again at its first epoch"
    for folder in _entries(layout.folder / "checkpoints"):
        if folder.name not in study.runs() or not folder.is_dir():
            yield Finding(folder, "foreign", "no run of the study has this name", "remove it")
            continue
        for path in _entries(folder):
            if path.name.startswith("seeds_") and path.suffix == ".checkpoint":
                try:
                    checkpoint.read(path, {})
                except checkpoint.UnusableError as error:
                    yield Finding(path, "damaged", str(error), at_worst)
            elif path.name.startswith("seeds_") and path.name.endswith(".status.json"):
                try:
                    json.loads(path.read_bytes())
                except (OSError, ValueError) as error:
                    yield Finding(path, "damaged", f"not JSON ({error})", "remove it: it only informs")
            else:
                yield Finding(path, "foreign", "no training job writes a file of this name", "remove it")


def _data(study: Study, layout: Layout) -> Iterator[Finding]:
    again = "remove the folder and build again: the data are prepared again"
    for folder in _entries(layout.folder / "data"):
        if folder.name not in study.data.sets:
            yield Finding(folder, "foreign", "no data set of the study has this name", "remove it")
            continue
        try:
            manifest = read_json(folder / MANIFEST)
            files = dict(manifest["files"])
        except (UserError, OSError, ValueError, KeyError, TypeError) as error:
            yield Finding(folder / MANIFEST, "damaged", str(error), again)
            continue
        for name, digest in files.items():
            if not (folder / name).is_file():
                yield Finding(folder / name, "missing", f"named in {MANIFEST}", again)
            elif sha256(folder / name) != digest:
                yield Finding(folder / name, "damaged", f"its SHA-256 is not the one in {MANIFEST}", again)
        for path in _entries(folder):
            if path.name not in (*files, MANIFEST):
                yield Finding(path, "foreign", f"not named in {MANIFEST}", "remove it")


def _records(layout: Layout) -> Iterator[Finding]:
    """Yield which of the records between the steps cannot be read."""
    typed: dict[Path, type[Record]] = {
        layout.run_index: RunFacts,
        layout.numbers: Number,
        layout.figure_index: FigureEntry,
    }
    plain = [layout.claims, layout.predictions, layout.oracles, layout.replays, layout.taken, layout.trace]
    derivations = [path for path in _entries(layout.derivation("any").parent) if path.suffix == ".json"]
    for path in [*typed, *plain, *derivations]:
        if not path.exists():
            continue
        try:
            if path in typed:
                read_records(path, typed[path])
            elif not isinstance(read_json(path), dict | list):
                raise UserError(f"{path}: holds no record")
        except (UserError, OSError, ValueError, AttributeError) as error:
            yield Finding(path, "damaged", str(error), REBUILD)
    if layout.taken.exists():
        for name, digest in read_json(layout.taken).items():
            path = layout.folder / name
            if not path.exists():
                yield Finding(
                    path, "missing", f"named in {layout.taken.name}", f"remove {layout.taken} and build again"
                )
            elif sha256(path) != digest:
                yield Finding(path, "damaged", f"its SHA-256 is not the one in {layout.taken.name}", RETRAIN)


def _written(layout: Layout) -> Iterator[Finding]:
    """Yield which files are not as their steps wrote them."""
    try:
        for one in written.edited(layout):
            yield Finding(one.path, "damaged" if one.path.exists() else "missing", one.what, one.mend(layout))
    except UserError as error:
        yield Finding(layout.folder / "made", "damaged", str(error), REBUILD)


def _table(study: Study, layout: Layout) -> Iterator[Finding]:
    """Yield where the run table is not what the runs come to."""
    if not layout.run_table.exists() or not layout.run_index.exists():
        return
    if any(written.edited(layout, [layout.run_table])):
        return  # told already
    try:
        index = read_records(layout.run_index, RunFacts)
        files = [layout.folder / name for facts in index.values() for name in facts.files]
        if missing := [path for path in files if not path.exists()]:
            for path in missing:
                yield Finding(path, "missing", f"named in {layout.run_index.name}", "build again: it is trained again")
            return
        wanted = gather(study, layout, files).table.splitlines()
        found = layout.run_table.read_text(encoding="utf-8").splitlines()
    except (UserError, ValueError, AttributeError):
        return  # told of the file itself
    if wanted != found:
        line = next(
            (i for i, pair in enumerate(zip(wanted, found, strict=False), 1) if pair[0] != pair[1]),
            min(len(wanted), len(found)) + 1,
        )
        yield Finding(layout.run_table, "damaged", f"line {line} is not what the runs' files give", REBUILD)


def _archive(study: Study, archive: Path) -> Iterator[Finding]:
    for folder in _entries(archive):
        if not folder.is_dir():
            if folder.name in (CERTIFICATES, ORACLES):
                try:
                    read_json(folder)
                except UserError as error:
                    yield Finding(folder, "damaged", str(error), "remove it: the other programs are asked again")
            elif not folder.name.upper().startswith("README"):
                yield Finding(folder, "foreign", "kept runs lie in folders of their own", "remove it")
            continue
        for path in _entries(folder):
            try:
                if path.name == kept.REPLAYS:
                    kept.read_replays(folder)
                elif not _is_named(path, "seed_", (".csv", ".json")):
                    yield Finding(path, "foreign", "no kept run has a file of this name", "remove it")
                elif path.suffix == ".json":
                    one = kept.read(path)
                    kept.refuse_what_is_no_run(study, one)
                elif not path.with_suffix(".json").exists():
                    yield Finding(path.with_suffix(".json"), "missing", f"the record of {path.name}", RESTORE)
            except kept.ForeignError as error:
                yield Finding(path, "foreign", str(error), "remove it, or name the study that it belongs to")
            except UserError as error:
                gone = path.name != kept.REPLAYS and not path.with_suffix(".csv").exists()
                yield Finding(
                    path.with_suffix(".csv") if gone else path, "missing" if gone else "damaged", str(error), RESTORE
                )


def _is_named(path: Path, start: str, suffixes: tuple[str, ...]) -> bool:
    seeds = path.stem.removeprefix(start).split("-")
    return path.name.startswith(start) and path.suffix in suffixes and all(seed.isdecimal() for seed in seeds)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
