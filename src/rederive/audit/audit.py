"""The check of a whole pack, on a machine that has nothing else: is what the report prints what its runs give?

    audit(path, ...) -> Report

Hashes, then runs, then everything that follows from the runs, made again and compared with what is packed; proofs; and
where it is asked for, trainings. A problem names the place. What an audit cannot find: docs/security.md.
"""

import json
import math
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rederive.audit import crate, manifest, printed
from rederive.audit.pack import COMMIT, ENVIRONMENT, RESULTS, about, environment, read_yaml_text, unzipped
from rederive.audit.rebuild import inputs, is_made, rebuilding
from rederive.audit.training import train_again
from rederive.config import Study
from rederive.errors import UserError
from rederive.imports import FOLDER
from rederive.layout import Layout
from rederive.proofs import derivation_names, verify_all
from rederive.results.collect import read_of_study

ROUNDING = 1e-9  # relative difference of numbers that other libraries may give
PROOF_ROUNDING = 1e-9  # absolute, of the numbers that check a proof, which are errors near 1e-15
SHOWN = 160

Rebuild = Callable[[Mapping[str, bytes], Path, bool], AbstractContextManager[Callable[[], dict[str, bytes]]]]
Prove = Callable[[Sequence[str], Path | None, bool | Path, int | None, str | None, Path | None], Sequence[Any]]


@dataclass(frozen=True)
class Problem:
    """Something that does not agree: where, and what."""

    place: str
    what: str


@dataclass
class Report:
    """What an audit found."""

    pack: str
    signature: str = "unsigned"
    checks: dict[str, str] = field(default_factory=dict)
    """What was checked, and how much of it."""
    notes: list[str] = field(default_factory=list)
    """What was not checked, and why."""
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether everything that was checked agrees."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {"agrees": self.agrees, **asdict(self)}


@dataclass(frozen=True)
class Asked:
    """What an auditor asks for besides the default."""

    prove: bool = True
    trust_code: bool = False
    allowed_signers: Path | None = None
    replay: int = 0
    retrain: Sequence[str] = ()
    draw: int | None = None
    """The seed by which runs to replay are drawn; without it nobody knows before which they are."""


def audit(path: Path, asked: Asked | None = None, rebuilt: Rebuild = rebuilding, proved: Prove = verify_all) -> Report:
    """Return what was checked of a pack, and what does not agree. Raises UserError for a file that is no pack.

    `rebuilt` makes the results again and `proved` the proofs: who audits many packs of one study may remember both.
    """
    asked = asked or Asked()
    began = time.monotonic()
    report = Report(path.name)
    contents = unzipped(path)
    _hashes(report, contents, asked)
    with tempfile.TemporaryDirectory(prefix="audit-") as name:
        folder = Path(name)
        try:
            _the_rest(report, contents, asked, folder, rebuilt, proved)
        except UserError as error:
            report.problems.append(Problem("the pack", str(error).replace(f"{folder}/", "")))
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _hashes(report: Report, contents: Mapping[str, bytes], asked: Asked) -> None:
    report.problems += [Problem(*found) for found in manifest.differences(contents)]
    report.checks["files with the SHA-256 of the list"] = str(len(contents) - len(report.problems))
    who = manifest.signer(contents, asked.allowed_signers)
    report.signature = who.told
    if who.state == "wrong":
        report.problems.append(Problem(manifest.SIGNATURE, who.told))


def _the_rest(
    report: Report, contents: Mapping[str, bytes], asked: Asked, folder: Path, rebuilt: Rebuild, proved: Prove
) -> None:
    given, work = folder / "given", folder / "work"
    for name, content in inputs(contents, asked.trust_code).items():
        place = given / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    if asked.trust_code:
        from rederive.imports import add_code_of

        add_code_of(given)
    study = Study.load(given / RESULTS / "study.json")
    here = environment(study)
    told = {str(key): str(value) for key, value in read_yaml_text(contents.get(ENVIRONMENT, b"")).items()}
    other = {key: value for key, value in told.items() if key != COMMIT and here.get(key) != value}
    with rebuilt(contents, work, asked.trust_code) as made:  # beside all else
        _runs(report, study, Layout(given / RESULTS))
        for name, content in about(_rest(contents), study, told).items():
            if name not in contents:
                report.problems.append(Problem(name, "missing: every pack has it"))
            elif contents[name] != content:
                report.problems.append(_difference(name, contents[name], content))
        if asked.prove:
            _proofs(report, study, Layout(given / RESULTS), proved)
        else:
            report.notes.append("Proofs were not proved again: --trust-proofs.")
        if not asked.trust_code:
            _code(report, contents)
        _results(report, contents, made(), other)
    if asked.replay or asked.retrain:
        draw = asked.draw if asked.draw is not None else random.SystemRandom().randrange(2**32)
        told_of, wrong = train_again(study, given, asked.replay, asked.retrain, draw)
        report.checks |= told_of
        report.problems += [Problem(*found) for found in wrong]


def _rest(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files that were there when those about the pack were made."""
    made = {ENVIRONMENT, crate.ZENODO, crate.METADATA, manifest.MANIFEST, manifest.SIGNATURE}
    return {name: content for name, content in contents.items() if name not in made}


def _runs(report: Report, study: Study, layout: Layout) -> None:
    """Check every run: its hash, that it is whole, and that all of one data set had the same data."""
    checksums: dict[str, dict[str, str]] = {}
    seeds = 0
    for path in sorted(layout.runs.rglob("*.csv")):
        place = path.relative_to(layout.folder.parent).as_posix()
        if path.parent.name not in study.runs():
            report.problems.append(Problem(place, f"foreign: {path.parent.name} is no run of the study"))
            continue
        try:
            _, record = read_of_study(study, layout, path)
        except UserError as error:
            report.problems.append(Problem(place, str(error).replace(f"{layout.folder.parent}/", "")))
            continue
        seeds += len(record.seeds)
        checksums.setdefault(study.experiments[path.parent.name].data, {})[place] = record.data_checksum
    for path in sorted(layout.runs.rglob("*.json")):
        if not path.with_suffix(".csv").exists():
            place = path.with_suffix(".csv").relative_to(layout.folder.parent).as_posix()
            report.problems.append(Problem(place, f"missing: the numbers of {path.name}"))
    for data_set, found in checksums.items():
        manifest_of = layout.manifest(data_set)
        known = json.loads(manifest_of.read_bytes())["checksum"] if manifest_of.exists() else None
        usual = known or Counter(found.values()).most_common(1)[0][0]
        for place, checksum in found.items():
            if checksum != usual:
                report.problems.append(
                    Problem(place, f"trained on other data than {data_set} is here: {checksum[:16]}")
                )
    report.checks["trainings whole and with the SHA-256 of their record"] = str(seeds)


def _proofs(report: Report, study: Study, layout: Layout, proved: Prove) -> None:
    """Prove every packed derivation again, and compare."""
    known = derivation_names(study.derivations)
    packed = sorted(layout.derivation("any").parent.glob("*.json"))
    names = [path.stem for path in packed if path.stem in known]
    for path in packed:
        if path.stem not in known:
            report.problems.append(
                Problem(f"{RESULTS}/derivations/{path.name}", "foreign: no such derivation is known here")
            )
    for name in sorted(set(known) - set(names)):
        report.problems.append(Problem(f"{RESULTS}/derivations/{name}.json", "missing: the study has this derivation"))
    oracles: bool | Path = layout.oracles if layout.oracles.exists() else False
    kept = layout.folder.parent / study.training.archive if study.training.archive else None
    for result in proved(names, None, oracles, None, study.derivations, kept):
        found = json.loads(layout.derivation(result.name).read_bytes())
        wanted = json.loads(json.dumps(result.to_json()))
        place = f"{RESULTS}/derivations/{result.name}.json"
        if not result.passed:
            report.problems.append(Problem(place, f"is not proved here: {result.failures[0].where}"))
        for key, one, other in _unequal(found, wanted):
            report.problems.append(
                Problem(f"{place}, {key}", f"says {_short(one)}, the proof here gives {_short(other)}")
            )
            break
    report.checks["derivations proved again"] = str(len(names))


def _unequal(found: Any, wanted: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two JSON values differ by more than the rounding of a proof's numbers."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted(found.keys() | wanted.keys()):
            yield from _unequal(found.get(name), wanted.get(name), f"{key}.{name}" if key else name)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for position, pair in enumerate(zip(found, wanted, strict=True)):
            yield from _unequal(*pair, f"{key}[{position}]")
    elif isinstance(found, float) and isinstance(wanted, float):
        if not abs(found - wanted) <= PROOF_ROUNDING:
            yield key, found, wanted
    elif found != wanted or type(found) is not type(wanted):
        yield key, found, wanted


def _code(report: Report, contents: Mapping[str, bytes]) -> None:
    """Compare the packed code with that which is installed here, and which did this audit's work."""
    import rederive
    from rederive.imports import source_of

    installed = Path(rederive.__file__).parents[1]
    compared, absent = 0, []
    for name, content in contents.items():
        if not (name.startswith(f"{FOLDER}/") and name.endswith(".py")):
            continue
        module = name.removeprefix(f"{FOLDER}/")
        path = installed / module
        if not path.exists():
            found = source_of(module.partition("/")[0].removesuffix(".py"))
            path = found.parent.parent / module if found and found.name == "__init__.py" else found or path
        if not path.exists():
            absent.append(name)
            continue
        compared += 1
        if path.read_bytes() != content:
            what = "is not the code installed here: audit with the version that built it, or read it and --trust-code"
            report.problems.append(Problem(_place_of(name, content, path.read_bytes()), what))
    report.checks["files of code equal to those installed here"] = str(compared)
    if absent:
        report.notes.append(
            f"{len(absent)} files of code are not installed here and were not run: {', '.join(absent[:3])}"
        )


def _results(
    report: Report, contents: Mapping[str, bytes], made: Mapping[str, bytes], other: Mapping[str, str]
) -> None:
    """Compare everything that follows from the runs with what is packed."""
    packed = {name: content for name, content in contents.items() if is_made(name)}
    for name in sorted(packed.keys() - made.keys()):
        report.problems.append(Problem(name, "foreign: no step of the build makes it"))
    for name in sorted(made.keys() - packed.keys()):
        report.problems.append(Problem(name, "missing: the build makes it"))
    if other:
        told = ", ".join(f"{key} {value}" for key, value in sorted(other.items()))
        report.notes.append(f"Built with {told}; here these are others: drawings are compared by their numbers alone.")
    for name in sorted(packed.keys() & made.keys()):
        if packed[name] != made[name] and (wrong := _unlike(name, packed[name], made[name], bool(other))):
            report.problems.append(wrong)
    counted = {
        name.rpartition(".")[2]: len(printed.numbers(name, packed[name])) for name in packed if "/report." in name
    }
    for kind, count in counted.items():
        if count:
            report.checks[f"numbers read back from the {kind}"] = str(count)
    report.checks["files that follow from the runs, made again"] = str(len(made))


def _unlike(name: str, found: bytes, wanted: bytes, elsewhere: bool) -> Problem | None:
    """Return how a file differs from what the runs give; None where other libraries explain it."""
    suffix = f".{name.rpartition('.')[2]}"
    if elsewhere:
        if suffix in (".svg", ".pdf") and "/figures/" in name:
            return None
        if suffix == ".pdf":
            return _decimals(name, found, wanted)
        try:
            one, another = printed.pieces(name, found), printed.pieces(name, wanted)
        except UserError as error:
            return Problem(name, str(error))
        if suffix in (".html", ".gz"):
            one, another = _without_drawings(one), _without_drawings(another)
        if len(one) == len(another) and all(_alike(a.text, b.text) for a, b in zip(one, another, strict=True)):
            return None
    return _difference(name, found, wanted)


def _difference(name: str, found: bytes, wanted: bytes) -> Problem:
    """Return the first place where a file differs, by key where it is a number that has one."""
    marks = printed.numbers(name, found), printed.numbers(name, wanted)
    if len(marks[0]) == len(marks[1]) and (differing := printed.first_difference(*marks)):
        anchor, one, other = differing
        if [piece.place for piece in marks[0]] == [piece.place for piece in marks[1]]:
            return Problem(f"{name}, number {anchor}", f"prints {_short(one)}, the runs give {_short(other)}")
    try:
        differing = printed.first_difference(printed.pieces(name, found), printed.pieces(name, wanted))
    except UserError as error:
        return Problem(name, str(error))
    if differing is None:
        return Problem(f"{name}, {_byte(found, wanted)}", "reads as the build's does, and its bytes are others")
    place, one, other = differing
    return Problem(f"{name}, {place}", f"has {_short(one)}, the runs give {_short(other)}")


def _place_of(name: str, found: bytes, wanted: bytes) -> str:
    differing = printed.first_difference(printed.pieces("x.txt", found), printed.pieces("x.txt", wanted))
    return f"{name}, {differing[0]}" if differing else name


def _byte(found: bytes, wanted: bytes) -> str:
    pairs = enumerate(zip(found, wanted, strict=False))
    return f"byte {next((i for i, (a, b) in pairs if a != b), min(len(found), len(wanted)))}"


def _decimals(name: str, found: bytes, wanted: bytes) -> Problem | None:
    """Return how the decimals that a PDF prints differ; another engine breaks lines elsewhere, and floats figures."""
    one, other = (
        Counter(number for piece in printed.pieces(name, content) for number in re.findall(r"\d+\.\d+", piece.text))
        for content in (found, wanted)
    )
    if one == other:
        return None
    odd = sorted((one - other) + (other - one))
    return Problem(name, f"prints other numbers than the runs give: {', '.join(odd[:5])}")


def _without_drawings(pieces: Sequence[printed.Piece]) -> list[printed.Piece]:
    drawn = (
        "<path",
        "<g>",
        "<use",
        "<svg",
        "<defs",
        "<clippath",
        "<rect",
        "<text",
        "<tspan",
        ".svg in it",
        ".pdf in it",
    )
    return [piece for piece in pieces if not any(mark in piece.place for mark in drawn)]


def _alike(found: str, wanted: str) -> bool:
    """Say whether two texts are equal, or equal but for the rounding of the numbers in them."""
    if found == wanted:
        return True
    number = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
    one, other = re.findall(number, found), re.findall(number, wanted)
    if re.sub(number, "#", found) != re.sub(number, "#", wanted) or len(one) != len(other):
        return False
    return all(math.isclose(float(a), float(b), rel_tol=ROUNDING) for a, b in zip(one, other, strict=True))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.strip()
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
