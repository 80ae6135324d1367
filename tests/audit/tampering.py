"""Changes to a pack, made by program, and what an audit says of them.

    python -m tests.audit.tampering PACK [--changes 300] [--harmless 50] [--seed 0]

Each change is a single one, and after it the list of hashes is made again, as a forger would: what is found is found by
what the pack says and not by its hashes. Of a change to a run the record's hash is made again, too.
"""

import argparse
import hashlib
import io
import json
import os
import random
import re
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rederive.audit import manifest
from rederive.audit.audit import Asked, Report, audit
from rederive.audit.pack import unzipped, zipped
from rederive.audit.rebuild import inputs, rebuilding
from rederive.errors import UserError
from rederive.proofs import verify_all

Contents = dict[str, bytes]


class Change(NamedTuple):
    """A single change: its kind, the file that must be named (a part of a place), and the pack after it."""

    kind: str
    place: str
    contents: Contents


class Auditor:
    """An audit that remembers what follows from equal inputs: of most changes these are the same.

    The study's own code is installed, as it were: what a changed pack holds is compared with it and not run.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._code = tempfile.TemporaryDirectory()
        for name, content in contents.items():
            if name.startswith("src/"):
                path = Path(self._code.name, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        folder = str(Path(self._code.name, "src"))
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        self._made: dict[str, dict[str, bytes] | UserError] = {}
        self._proofs: dict[tuple[str, ...], object] = {}

    def __call__(self, path: Path) -> Report:
        return audit(path, Asked(), self.rebuilt, self.proved)

    @contextmanager
    def rebuilt(self, contents: Mapping[str, bytes], folder: Path, trust_code: bool) -> Iterator[Any]:
        yield partial(self._made_again, contents, folder, trust_code)

    def _made_again(self, contents: Mapping[str, bytes], folder: Path, trust_code: bool) -> dict[str, bytes]:
        given = inputs(contents, trust_code)
        key = hashlib.sha256(
            repr(sorted((n, hashlib.sha256(c).digest()) for n, c in given.items())).encode()
        ).hexdigest()
        if key not in self._made:
            try:
                with rebuilding(contents, folder, trust_code) as made:
                    self._made[key] = made()
            except UserError as error:
                self._made[key] = error
        found = self._made[key]
        if isinstance(found, UserError):
            raise found
        return found

    def proved(self, names: Any, output: Any, oracles: Any, jobs: Any, package: Any, kept: Any) -> Any:
        # as verify_all
        key = (*names, package, hashlib.sha256(oracles.read_bytes()).hexdigest() if isinstance(oracles, Path) else "")
        if key not in self._proofs:
            self._proofs[key] = verify_all(names, output, oracles, jobs, package, kept)
        return self._proofs[key]


def resigned(contents: Mapping[str, bytes]) -> Contents:
    """Return the pack with the list of its hashes made again; a signature is left as it is."""
    return {**contents, manifest.MANIFEST: manifest.listed(contents)}


def other_digit(text: str, chance: random.Random, where: str = r"\d") -> str:
    """Return a text with one digit changed to another, where `where` matches it."""
    spots = [match.start() for match in re.finditer(where, text) if text[match.start()].isdigit()]
    spot = chance.choice(spots)
    digit = chance.choice([d for d in "0123456789" if d != text[spot]])
    return text[:spot] + digit + text[spot + 1 :]


PRINTED = {  # digits that a reader sees, or a program reads
    "report/report.md": r"\d", "report/report.tex": r"\d", "report/report.html": r"\d", "report/numbers.csv": r"\d",
    "report/trace.json": r"\d", "numbers.json": r"\d", "claims.json": r"\d", "claims.csv": r"\d", "runs.csv": r"\d",
    "runs.json": r"\d", "figures/index.json": r"\d",
}  # fmt: skip


def digits(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A digit in each text format."""
    while True:
        for short, where in PRINTED.items():
            name = f"results/{short}"
            text = other_digit(contents[name].decode(), chance, where)
            yield Change(f"a digit of {short}", name, contents | {name: text.encode()})


def points(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A point of a figure: in its drawing, or in the table of its values; and the values of a table."""
    drawn = [n for n in contents if n.startswith("results/figures/") and n.endswith((".svg", ".csv"))]
    tables = [n for n in contents if n.startswith("results/tables/") and re.search(rb"\d", contents[n])]
    while True:
        for kind, names in (("a figure's point", drawn), ("a table's value", tables)):
            name = chance.choice(names)
            yield Change(kind, name, contents | {name: other_digit(contents[name].decode(), chance).encode()})


def pdfs(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A digit in what a page of the PDF draws: a glyph or a place."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DecodedStreamObject, NameObject

    name = "results/report/report.pdf"
    while True:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(contents[name])))
        page = chance.choice(writer.pages)
        stream = DecodedStreamObject()
        stream.set_data(other_digit(page.get_contents().get_data().decode("latin-1"), chance).encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
        buffer = io.BytesIO()
        writer.write(buffer)
        yield Change("a digit of the PDF", name, contents | {name: buffer.getvalue()})


def sources(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A digit in the packed LaTeX source."""
    name = "results/report/report-source.tar.gz"
    while True:
        with tarfile.open(fileobj=io.BytesIO(contents[name])) as archive:
            files = {entry.name: archive.extractfile(entry).read() for entry in archive}
        inner = chance.choice([n for n in files if n.endswith((".tex", ".md", ".csv"))])
        files[inner] = other_digit(files[inner].decode(), chance).encode()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for each, content in files.items():
                entry = tarfile.TarInfo(each)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        yield Change("a digit of the packed source", name, contents | {name: buffer.getvalue()})


def rows(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A run's rows: without its record's hash, and with it made again."""
    names = [n for n in contents if n.startswith("results/runs/") and n.endswith(".csv")]

    def value(lines: list[str]) -> None:
        i = chance.randrange(1, len(lines))
        head, _, last = lines[i].rpartition(",")
        lines[i] = f"{head},{other_digit(last, chance)}"

    def removed(lines: list[str]) -> None:
        del lines[chance.randrange(1, len(lines))]

    def twice(lines: list[str]) -> None:
        lines.insert(2, lines[1])

    def seed(lines: list[str]) -> None:
        i = chance.randrange(1, len(lines))
        lines[i] = "77" + lines[i][lines[i].index(",") :]

    def epoch(lines: list[str]) -> None:
        i = chance.randrange(1, len(lines))
        cells = lines[i].split(",")
        lines[i] = ",".join([cells[0], "999", *cells[2:]])

    edits: dict[str, Callable[[list[str]], None]] = {
        "a row's value": value, "a row removed": removed, "a row twice": twice, "a seed renamed in a row": seed,
        "an epoch renamed in a row": epoch,
    }  # fmt: skip
    signed_values = 0
    while True:
        for kind, edit in edits.items():
            name = chance.choice(names)
            lines = contents[name].decode().splitlines()
            edit(lines)
            content = "".join(f"{line}\n" for line in lines).encode()
            yield Change(f"{kind}, the record as it was", name, contents | {name: content})
            signed_values += kind == "a row's value"
            if kind == "a row's value" and signed_values > 3:
                continue  # each takes a whole rebuild
            record = name[:-3] + "json"
            facts = json.loads(contents[record]) | {"sha256": hashlib.sha256(content).hexdigest()}
            changed = contents | {name: content, record: json.dumps(facts).encode()}
            place = "results/" if kind == "a row's value" else name
            yield Change(f"{kind}, signed again in its record", place, changed)


def verdicts(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A verdict in claims.json, and in the text."""
    name = "results/claims.json"
    known = ["holds", "does not hold", "undecided", "not testable with these runs"]
    while True:
        facts = json.loads(contents[name])
        claim = chance.choice(sorted(facts))
        facts[claim]["verdict"] = chance.choice([v for v in known if v != facts[claim]["verdict"]])
        yield Change(
            "a verdict", name, contents | {name: (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()}
        )


def proofs(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """What a proof's record says."""
    names = [n for n in contents if n.startswith("results/derivations/")]

    def step(facts: dict[str, Any]) -> None:
        chance.choice(facts["steps"])["index_latex"] += " + 0"

    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "that a proof passed": lambda facts: facts.update(passed=False),
        "a proof's statement": lambda facts: facts.update(statement_latex=facts["statement_latex"] + "+1"),
        "a proof's result": lambda facts: facts.update(result_latex=facts["result_latex"] + "+1"),
        "a proof's step": step,
        "a proof's count of mutants": lambda facts: facts["mutants"]["formula"].update(total=10**6),
    }
    while names:
        for kind, edit in edits.items():
            name = chance.choice(names)
            facts = json.loads(contents[name])
            edit(facts)
            yield Change(
                kind, "results/", contents | {name: (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()}
            )


def files(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """Files swapped, removed, added, renamed."""

    def some(start: str, end: str = "") -> list[str]:
        return [n for n in contents if n.startswith(start) and n.endswith(end)]

    while True:
        for start, end in (("results/figures/", ".svg"), ("results/runs/", ".csv"), ("results/figures/", ".csv")):
            if len(some(start, end)) > 1:
                one, other = chance.sample(some(start, end), 2)
                if contents[one] != contents[other]:
                    swapped = contents | {one: contents[other], other: contents[one]}
                    yield Change(f"two files swapped: {start}*{end}", start, swapped)
        run = chance.choice(some("results/runs/", ".csv"))
        without = {n: c for n, c in contents.items() if n not in (run, run[:-3] + "json")}
        yield Change("a run removed", "", without)
        yield Change("a run's numbers removed", run, {n: c for n, c in contents.items() if n != run})
        renamed = {n.replace(run[:-4], run[:-4] + "9") if n.startswith(run[:-4]) else n: c for n, c in contents.items()}
        yield Change("a file of a seed renamed", "", renamed)
        gone = chance.choice([*some("results/report/"), *some("results/figures/"), *some("results/tables/")])
        yield Change("a result removed", gone, {n: c for n, c in contents.items() if n != gone})
        extra = f"results/tables/extra_{chance.randrange(1000)}.csv"
        yield Change("a result added", extra, contents | {extra: b"a,b\n1,2\n"})


def texts(contents: Contents, chance: random.Random) -> Iterator[Change]:
    """A word of the text, after the page was made; what the pack says of itself; code."""
    templates = [n for n in contents if n.startswith("report/") and n.endswith(".md.j2")]
    code = [n for n in contents if n.startswith("src/") and n.endswith(".py") and contents[n].strip()]
    first = True
    while True:
        for name in ("ro-crate-metadata.json", ".zenodo.json"):
            text = (
                contents[name].decode().replace("e", "E", 1) if chance.random() < 0.5 else contents[name].decode() + " "
            )
            yield Change("what the pack says of itself", name, contents | {name: text.encode()})
        if first and templates:
            name = chance.choice(templates)
            yield Change(
                "a sentence of the template",
                "results/report/report.md",
                contents | {name: contents[name] + b"\nMore.\n"},
            )
            first = False
        if code:
            name = chance.choice(code)
            yield Change("a line of code", name, contents | {name: contents[name] + b"x = 1\n"})


KINDS = (digits, points, pdfs, rows, verdicts, proofs, files, texts, sources)


def changes(contents: Contents, count: int, seed: int) -> Iterator[Change]:
    """Yield single changes, of all kinds in turn; each is signed again."""
    chance = random.Random(seed)
    makers = [maker(contents, chance) for maker in KINDS]
    made = 0
    while made < count and makers:
        for maker in list(makers):
            change = next(maker, None)
            if change is None:
                makers.remove(maker)
            elif change.contents != contents and made < count:
                made += 1
                yield change._replace(contents=resigned(change.contents))


def unsigned_hashes(contents: Contents, count: int, seed: int) -> Iterator[Change]:
    """Yield changes of any byte of any file, and of the list of hashes, without signing again."""
    chance = random.Random(seed)
    for _ in range(count):
        name = chance.choice(sorted(contents))
        content = bytearray(contents[name] or b"\0")
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(7)
        yield Change("a bit of any file", name, contents | {name: bytes(content)})


def harmless(contents: Contents, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield files of the same content: packed in another order, at other times, in other ways."""
    chance = random.Random(seed)
    for _ in range(count):
        names = list(contents)
        chance.shuffle(names)
        level = chance.randrange(10)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            if chance.random() < 0.5:
                archive.comment = b"packed again"
            if chance.random() < 0.3:
                archive.mkdir("results")
            for name in names:
                date = (chance.randrange(1980, 2100), chance.randrange(1, 13), 1, chance.randrange(24), 0, 0)
                entry = zipfile.ZipInfo(name, date)
                entry.external_attr = chance.choice([0o100600, 0o100755, 0o100644]) << 16
                kind = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
                archive.writestr(entry, contents[name], compress_type=kind, compresslevel=level)
        yield f"order, times, modes, level {level}", buffer.getvalue()


class Outcome(NamedTuple):
    """What an audit said of a change."""

    kind: str
    found: bool
    named: bool
    told: str


def tried(change: Change, auditor: Auditor, folder: Path) -> Outcome:
    """Audit a changed pack."""
    path = folder / "changed.zip"
    path.write_bytes(zipped(change.contents))
    try:
        report = auditor(path)
    except UserError as error:
        return Outcome(change.kind, True, change.place in str(error), str(error))
    places = [f"{problem.place}: {problem.what}" for problem in report.problems]
    named = any(change.place.removesuffix(".csv").removesuffix(".json") in place for place in places)
    return Outcome(change.kind, bool(places), named, places[0] if places else "nothing")


def main() -> int:
    """Try it, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pack", type=Path)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--harmless", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began, contents = time.monotonic(), unzipped(asked.pack)
    auditor = Auditor(contents)
    if not (whole := auditor(asked.pack)).agrees:
        print("the pack does not agree as it is:", *whole.problems, sep="\n")
        return 1
    print(f"the audit itself: {whole.seconds} s")
    outcomes = []
    with tempfile.TemporaryDirectory() as name:
        for change in changes(contents, asked.changes, asked.seed):
            outcomes.append(tried(change, auditor, Path(name)))
            if not (outcomes[-1].found and outcomes[-1].named):
                print("MISSED", outcomes[-1], flush=True)
        for change in unsigned_hashes(contents, asked.changes // 6, asked.seed):
            outcomes.append(tried(change, auditor, Path(name)))
            if not (outcomes[-1].found and outcomes[-1].named):
                print("MISSED", outcomes[-1], flush=True)
        blamed = 0
        for told, content in harmless(contents, asked.harmless, asked.seed):
            path = Path(name, "again.zip")
            path.write_bytes(content)
            if not auditor(path).agrees:
                blamed += 1
                print("BLAMED", told)
    kinds = Counter(outcome.kind for outcome in outcomes)
    print("| change | tried | found | with its place |\n| --- | ---: | ---: | ---: |")
    for kind, count in sorted(kinds.items()):
        found, named = (sum(getattr(o, what) for o in outcomes if o.kind == kind) for what in ("found", "named"))
        print(f"| {kind} | {count} | {found} | {named} |")
    found, named = sum(o.found for o in outcomes), sum(o.named for o in outcomes)
    print(f"{len(outcomes)} changes: {found} found, {named} with their place")
    print(f"{asked.harmless} harmless, {blamed} blamed; {time.monotonic() - began:.0f} s")
    return int(found < len(outcomes) or named < len(outcomes) or blamed > 0)


if __name__ == "__main__":
    sys.exit(main())
