"""A study as one file: report, numbers, verdicts, runs with what made them, proofs, configuration, text, code, locks.

    pack(layout, root, output, key=None)

The file is a ZIP and an RO-Crate. Equal files give equal bytes: sorted names, one time, one mode. `root` is the folder
of the study; the results folder goes in as `results/`, whatever it is called there.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from rederive.audit import crate, manifest
from rederive.config import Study
from rederive.environment import present
from rederive.errors import UserError
from rederive.files import read_text, write_bytes
from rederive.imports import FOLDER
from rederive.layout import TEXT, Layout
from rederive.report.formats import choose_engine
from rederive.report.head import commit_of

ENVIRONMENT = "environment.json"
COMMIT = "commit"  # in it: that which the page names; where a study was set cannot be known from its files
RESULTS = "results"
TOP = ("*.yaml", "*.yml", "*.toml", "*.lock", "*.cff", "*.md", "Snakefile", "LICENSE*", "Dockerfile", "Makefile")
# Not in a pack: what is large and made of the rest, and what tells of one machine.
LEFT_OUT = ("checkpoints", "logs", "benchmarks", "made", "pack.zip")
SETTERS = ("numpy", "pandas", "matplotlib", "jinja2", "pypandoc-binary", "typst")
LARGEST = 4 * 2**30  # bytes of a pack, unpacked
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a ZIP can tell


def pack(layout: Layout, root: Path, output: Path, key: Path | None = None) -> None:
    """Write the pack of a finished build, signed with an SSH key where one is given.

    Raises UserError where the report is not there in all formats.
    """
    study = Study.load(layout.study)
    if missing := [
        layout.report(suffix) for suffix in ("md", "html", "tex", "pdf") if not layout.report(suffix).exists()
    ]:
        raise UserError(f"{missing[0]}: not found; build the report first, then pack it")
    contents = dict(_files(layout, root, study, output))
    contents |= about(contents, study, environment(study) | {COMMIT: commit_of(read_text(layout.report("html")))})
    contents[manifest.MANIFEST] = manifest.listed(contents)
    if key:
        contents[manifest.SIGNATURE] = manifest.sign(contents[manifest.MANIFEST], key)
    write_bytes(output, zipped(contents))


def environment(study: Study) -> dict[str, str]:
    """Return what a report's bytes depend on besides the study: libraries, the engine of the PDF."""
    found = {}
    for name in SETTERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return {**present(), **found, "pdf_engine": choose_engine(study.report.pdf_engine)}


def about(contents: Mapping[str, bytes], study: Study, made_with: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files that tell of a pack: they follow from its other contents."""
    cited = contents.get("CITATION.cff", b"")
    if not cited or written_by_pack(cited):
        cited = crate.citation(study).encode()
    project = read_yaml_text(cited)
    told = {ENVIRONMENT: _json(made_with), "CITATION.cff": cited}
    told[crate.ZENODO] = _json(crate.zenodo(study, project))
    told[crate.METADATA] = _json(crate.metadata({*contents, *told}, contents, study, project))
    return told


def written_by_pack(citation: bytes) -> bool:
    """Say whether a CITATION.cff is one that packing made, and no part of the study."""
    return citation.startswith(crate.MADE.encode())


def read_yaml_text(content: bytes) -> dict[str, Any]:
    """Return the mapping of a YAML file that has been read; an empty one for anything else."""
    import yaml

    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _files(layout: Layout, root: Path, study: Study, output: Path) -> Iterator[tuple[str, bytes]]:
    paths = {path for pattern in TOP for path in root.glob(pattern)}
    for folder in (root / TEXT, root / FOLDER, root / "workflow"):
        paths |= {
            path for path in folder.rglob("*") if not any(part.startswith((".", "__pycache__")) for part in path.parts)
        }
    for runs in filter(None, (study.training.archive, study.hypotheses.kept)):
        if not Path(runs).is_absolute():
            paths |= set((root / runs).rglob("*.*"))
    inside = layout.folder.resolve()
    for path in sorted(paths):
        if path.is_file() and inside not in path.resolve().parents:
            yield path.relative_to(root).as_posix(), path.read_bytes()
    for path in sorted(layout.folder.rglob("*")):
        name = path.relative_to(layout.folder)
        kept = name.parts[0] not in LEFT_OUT and path.suffix != ".npy" and not name.name.startswith(".")
        if kept and path.is_file() and path.resolve() != output.resolve():
            yield (PurePosixPath(RESULTS) / name.as_posix()).as_posix(), path.read_bytes()


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Return the files as a ZIP: sorted, of one time and one mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def unzipped(path: Path) -> dict[str, bytes]:
    """Return the files of a pack. Raises UserError for anything but a ZIP of plain files with plain names."""
    try:
        with zipfile.ZipFile(path) as archive:
            # ZipInfo.is_dir fails for an entry without a name
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            if sum(entry.file_size for entry in entries) > LARGEST:
                raise UserError(f"{path}: more than {LARGEST} bytes, unpacked; that is no pack")
            contents: dict[str, bytes] = {}
            for entry in entries:
                parts = PurePosixPath(entry.filename).parts
                if not parts:
                    raise UserError(f"{path}: found the name {entry.filename!r}, expected that of a file")
                if entry.filename.startswith("/") or ".." in parts or "\\" in entry.filename or ":" in entry.filename:
                    raise UserError(f"{path}: found the name {entry.filename!r}, which leads out of the pack")
                if (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                    raise UserError(f"{path}: {entry.filename} is a link or no file; a pack has files only")
                if entry.filename in contents:
                    raise UserError(f"{path}: holds {entry.filename} twice; nobody can say which is meant")
                contents[entry.filename] = archive.read(entry)
            return contents
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: not a whole pack ({error}); get it again") from None
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise UserError(f"{path}: not a whole pack ({error}); get it again") from None
        raise
