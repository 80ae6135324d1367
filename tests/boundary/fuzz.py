"""Fuzzing of all that a study reads, by hypothesis: what comes of it is a typed thing, or one clear error.

    python -m tests.boundary.fuzz                      # 5,000 cases, those of the tests
    python -m tests.boundary.fuzz 200000               # more, another draw each time
    python -m tests.boundary.fuzz 20000 csv archives   # of some kinds of input

A case is a right input with some of it changed: a value replaced, moved, doubled or removed where it has keys, bytes
where it has none. Checksums are made again, so that what they protect is reached. What fails is made as small as it
can be, and printed.
"""

import copy
import hashlib
import io
import json
import math
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests import synthetic
from tests.boundary import mirror_cases
from tests.boundary.case import INTERNAL, call
from tests.boundary.study import ROOT, config

from rederive.audit.pack import unzipped, zipped
from rederive.cli.common import resolved
from rederive.cli.training import MOST_SEEDS, listed
from rederive.config import Study
from rederive.data.fetch import fetch
from rederive.errors import UserError
from rederive.files import write_json
from rederive.layout import Layout
from rederive.proofs import derivation_names
from rederive.records import FigureEntry, Number, RunFacts, read_records
from rederive.report.render import render
from rederive.results.claim_file import load_claims
from rederive.results.number_keys import unknown
from rederive.results.published import published_curves, published_values, reading_errors
from rederive.results.quantities import comparisons, evaluate, parse_quantity, parts
from rederive.training import checkpoint
from rederive.training.archive import kept_under, read_replays
from rederive.training.foreign_rows import from_table
from rederive.training.provenance import read_run

IN_TESTS = 5000
RUN = "mnist.relu"
QUANTITY = (
    "{mnist.relu.accuracy} {a} { } + - * / // ** ( ) , min max span mean median abs log k0 0 1 1e999 0x1 1j x . "
    "lambda: ="
)
TEMPLATE = (
    "{{ }} {% %} num( claim( table( figure( cite( interval( ) 'relu_ahead' 'activations' 'mnist.relu.accuracy' | "
    "length study . [0] if endif endfor title include ' \" 1 - / 0 # none derivations ,"
)


# --- what is put in the place of something ----------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
ODD = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 2**64, 10**400, 0.5, math.nan, math.inf, -math.inf, [], {}, [[]], {"": None}, [None]]
    ),
    st.sampled_from(["", "a", "ä", "\0", "x" * 400, "{{ 1 }}", "1e400", "../a", "nan", "{", "0-1", ".", ":", RUN]),
    WORDS,
    st.integers(),
    st.floats(),
)


def places(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value below a mapping or a list."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*here, key)
        yield from places(value, (*here, key))


def at(tree: Any, place: tuple[Any, ...]) -> Any:
    """Return what stands at a place."""
    for key in place:
        tree = tree[key]
    return tree


@st.composite
def changed(draw: st.DrawFn, tree: Any) -> Any:
    """Return a copy of a tree of mappings and lists with one to three changes."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(tree))
        if not known:
            return copy.deepcopy(draw(ODD))
        *above, key = draw(st.sampled_from(known))
        holder = at(tree, tuple(above))
        match draw(st.sampled_from(["odd", "odd", "gone", "moved", "doubled"])):
            case "odd":
                holder[key] = copy.deepcopy(draw(ODD))  # what is drawn is the same object each time
            case "gone":
                del holder[key]
            case "moved":
                holder[key] = copy.deepcopy(at(tree, draw(st.sampled_from(known))))
            case "doubled" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case "doubled":
                holder[draw(WORDS)] = copy.deepcopy(holder[key])
    return tree


@st.composite
def broken(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes with one to three cuts, insertions or replacements."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 8, 64, 10**9])))
        put = draw(st.one_of(st.binary(max_size=8), st.sampled_from([b"\r", b'"', b"\n\n", b",", b"{%", b"9" * 50])))
        content = content[:start] + put + content[end:]
    return content


def written(tree: Any) -> st.SearchStrategy[bytes]:
    """Return files with a changed tree, and such files broken. JSON is YAML, too."""
    whole = json.dumps(tree).encode()
    return st.one_of(changed(tree).map(lambda made: json.dumps(made).encode()), broken(whole))


# --- what is read, each in a folder with a finished study --------------------------------------------------------


class Target(NamedTuple):
    """A kind of input: cases of it, what reads one, and its share of all cases."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    share: int


def build(folder: Path) -> Study:
    """Write a finished study with invented runs; nothing is trained."""
    (folder / "config.yaml").write_text(json.dumps(config()))
    for name in ("claims.yaml", "published.yaml", "published_curves.csv", "report.md.j2"):
        path = folder / "report" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((ROOT / "tests/workflow/report" / name).read_bytes())
    for name in ("report/references.bib", "CITATION.cff"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    layout = Layout(folder / "results")
    with chdir(folder):
        study = resolved([Path("config.yaml")])
        study.save(layout.study)
        for run, experiment in study.runs().items():
            rows = [row for seed in study.seeds for row in synthetic.curve_rows(experiment, seed, 0.9, {})]
            synthetic.write_run(layout.run(run, study.seeds), experiment, rows, study.seeds, data_source="standin")
        manifest = {"dataset": "mnist", "source": "standin", "checksum": "ab" * 32, "sizes": {"test": 64}, "files": {}}
        write_json(layout.manifest("mnist"), manifest)
        for order, name in enumerate(derivation_names(study.derivations)):
            write_json(layout.derivation(name), synthetic.derivation(name, order))
        for step in ("collect", "test-claims", "summarise", "plot", "render"):
            code, output = call([step])
            assert code == 0, f"{step}: {output}"
    return study


def targets(folder: Path, study: Study) -> dict[str, Target]:
    """Return the kinds of input, on the study that `build` wrote."""
    layout = Layout(folder / "results")

    def file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        path = folder / "fuzzed" / name
        path.parent.mkdir(exist_ok=True)

        def reader(content: bytes) -> object:
            path.write_bytes(content)
            return read(path)

        return reader

    def claims(path: Path) -> None:
        for claim in load_claims(path).values():
            for test in claim.tests:
                if test.quantity is not None:
                    quantity(test.quantity)

    def quantity(text: str) -> None:
        keys, expression = parse_quantity(text)
        comparisons([expression], keys)
        for lowest in (True, False):
            for part in parts(expression, lowest):
                with suppress(ZeroDivisionError, ValueError, OverflowError):  # of values: a test stays undecided
                    evaluate(part, [0.5] * len(keys))

    def published(path: Path) -> None:
        published_values(path, study.metrics)

    def curves(path: Path) -> None:
        published_curves(path, study.metrics)
        reading_errors(path, study.metrics)

    def template(content: bytes) -> None:
        (folder / "report/report.md.j2").write_bytes(content)
        render(layout, [], folder / "report")

    record = layout.run(RUN, study.seeds).with_suffix(".json")
    facts, rows = json.loads(record.read_bytes()), record.with_suffix(".csv").read_bytes()

    def run(made: tuple[Any, bytes]) -> None:
        told, content = made
        path = folder / "fuzzed" / "runs" / RUN / record.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".csv").write_bytes(content)
        if isinstance(told, dict) and "sha256" in told:
            told["sha256"] = hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(told))
        try:
            read_run(path)
        finally:
            kept_under(folder / "fuzzed", RUN)

    def table(content: bytes) -> None:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return
        from_table(Path("rows.csv"), text, 2)

    replays = [
        {"made_by": "a", "replayed_by": "b", "seed": 0, "steps": 1, "epochs": 1, "outcome": "bit for bit"}
        | {"difference": 0.0, "device": "cpu", "versions": {"numpy": "2"}, "when": "2026-01-01T00:00:00"}
    ]
    key = {"run": RUN, "seeds": [0]}
    progress = checkpoint.Progress(rows=[], epoch=1, batch=3, seconds=[], this_epoch=0.5)
    state = checkpoint.encode(key, progress, {"w": np.arange(6.0).reshape(2, 3)}).partition(b"\n")[2]
    about = {"key": key, "progress": progress.model_dump()}

    def resumed(body: bytes) -> None:
        head = b"%s %s" % (checkpoint.VERSION, hashlib.sha256(body).hexdigest().encode())
        _, arrays = checkpoint.decode(head + b"\n" + body, key)
        checkpoint.refuse_other_arrays(arrays, {"w": np.zeros((2, 3))})

    def told_of(tree: Any) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, w=np.zeros((2, 3)), about=np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8))
        return buffer.getvalue()

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in mirror_cases.NAMES:
            member = tarfile.TarInfo(f"raw/{name}")
            member.size = len(mirror_cases.content(name))
            archive.addfile(member, io.BytesIO(mirror_cases.content(name)))
    official = replace(mirror_cases.FILES, archive="all.tar", addresses=())

    def official_files(content: bytes) -> None:
        (folder / "mirror").mkdir(exist_ok=True)
        (folder / "mirror/all.tar").write_bytes(content)
        with tempfile.TemporaryDirectory() as place:
            fetch("mnist", official, place, [str(folder / "mirror")])

    pack = zipped({"config.yaml": b"a: 1\n", "results/study.json": b"{}", "manifest-sha256.txt": b""})
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as packed:
        packed.writestr("config.yaml", b"a: 1\n" * 20)

    def records(path: Path) -> None:
        for kind in (Number, FigureEntry, RunFacts):
            with suppress(UserError):
                read_records(path, kind)
        Study.load(path)

    tokens = st.sampled_from([*QUANTITY.split(), " ", "\n"])
    expressions = st.one_of(
        st.lists(tokens, max_size=14).map("".join), WORDS, broken(b"{a} - min({b}, {c})").map(_text)
    )
    pieces = st.sampled_from([*TEMPLATE.split(), " ", "\n", " for x in ", " set a = "])
    text = (folder / "report/report.md.j2").read_bytes()
    templates = st.one_of(
        broken(text), st.lists(pieces, max_size=12).map(lambda made: text + "".join(made).encode(errors="replace"))
    )
    arguments = st.lists(
        st.one_of(
            st.sampled_from(
                ["--study", "--config", "--only", "--from", "--help", "--draw", "--replay", "--json", "-x"]
            ),
            st.sampled_from(["results", "config.yaml", "results/study.json", "report", RUN, "mnist.relu.accuracy@1"]),
            st.sampled_from(["", "0", "-1", "ä", "\udc80", "a" * 300, "/", ".", "nowhere/study.json", "{", "--", "="]),
            WORDS.filter(lambda word: "\0" not in word),
        ),
        max_size=4,
    )
    commands = st.sampled_from(
        [
            "resolve",
            "status",
            "trace",
            "why",
            "diff",
            "where",
            "check-claims",
            "fsck",
            "graph",
            "audit",
            "nothing",
            "-h",
        ]
    )

    def command(made: tuple[str, list[str]]) -> None:
        name, more = made
        code, output = call([name, *more])
        assert code != -1, output
        if code:
            raise UserError(output if code == 1 else "usage")

    def seeds(text: str) -> None:
        assert len(listed(text)) <= MOST_SEEDS

    claims_file = yaml.safe_load((folder / "report/claims.yaml").read_text())
    claims_file["margins"] = {"small": {"value": 0.1, "reason": "why"}}
    values = yaml.safe_load((folder / "report/published.yaml").read_text())
    head = b"experiment,epoch,training_loss,reading_error\nmnist.relu,1,0.3,0.1\nmnist.relu,2,0.2,0.1\n"
    return {
        "config": Target(written(config()), file("config.yaml", lambda path: resolved([path])), 10),
        "claims": Target(written(claims_file), file("claims.yaml", claims), 12),
        "quantities": Target(expressions, quantity, 12),
        "published values": Target(written(values), file("published.yaml", published), 10),
        "published curves": Target(broken(head), file("published_curves.csv", curves), 8),
        "templates": Target(templates, template, 4),
        "packs": Target(st.sampled_from([pack, stored.getvalue()]).flatmap(broken), file("p.zip", unzipped), 8),
        "archives of data": Target(broken(tar.getvalue()), official_files, 4),
        "kept runs": Target(written(replays), file("replays.json", lambda path: read_replays(path.parent)), 5),
        "checkpoints": Target(st.one_of(broken(state), changed(about).map(told_of)), resumed, 8),
        "runs": Target(
            st.one_of(st.tuples(changed(facts), st.just(rows)), st.tuples(st.just(facts), broken(rows))), run, 6
        ),
        "csv": Target(broken(rows), table, 5),
        "records": Target(written(json.loads(layout.study.read_bytes())), file("study.json", records), 3),
        "command line": Target(st.tuples(commands, arguments), command, 3),
        "seeds": Target(st.one_of(WORDS, st.text("0123456789-, ", max_size=14)), seeds, 2),
    }  # fmt: skip


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


# --- fuzzing -----------------------------------------------------------------------------------------------------


def readable(message: str) -> None:
    """Fail for a message that has Python's words for its own errors."""
    assert not INTERNAL.search(message), message


@dataclass
class Count:
    """How many cases there were, and what the first failure is."""

    cases: int = 0
    refused: int = 0
    failure: str = ""


def fuzz(target: Target, cases: int, always_the_same: bool) -> Count:
    """Read so many cases; stop at one that fails."""
    count = Count()

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=always_the_same,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(target.inputs)
    def each(made: Any) -> None:
        count.cases += 1
        try:
            target.read(made)
        except (UserError, checkpoint.UnusableError) as error:
            count.refused += 1
            readable(str(error))

    try:
        each()
    except Exception as error:  # what hypothesis raises is the failure itself, with the case as its note
        notes = "\n".join(getattr(error, "__notes__", []))
        count.failure = f"{type(error).__name__}: {error}\n{notes}"
    return count


def fuzzed(folder: Path, cases: int, kinds: list[str], always_the_same: bool) -> dict[str, Count]:
    """Share cases out between the kinds whose names begin as given, all without any; return what came of each."""
    study = build(folder)
    chosen = {
        name: target
        for name, target in targets(folder, study).items()
        if not kinds or any(name.startswith(kind) for kind in kinds)
    }
    if not chosen:
        raise unknown(" ".join(kinds), targets(folder, study), "fuzz")
    whole = sum(target.share for target in chosen.values())
    with chdir(folder):
        return {
            name: fuzz(target, max(1, cases * target.share // whole), always_the_same)
            for name, target in chosen.items()
        }


def main() -> int:
    """Fuzz, and print how many cases there were of each kind, and what failed."""
    began = time.process_time()
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else IN_TESTS
    with tempfile.TemporaryDirectory() as name:
        found = fuzzed(Path(name), cases, sys.argv[2:], len(sys.argv) == 1)
    print("| input | cases | refused in words | failures |\n| --- | ---: | ---: | ---: |")
    for kind, count in found.items():
        print(f"| {kind} | {count.cases} | {count.refused} | {int(bool(count.failure))} |")
    print(f"| all | {sum(c.cases for c in found.values())} | {sum(c.refused for c in found.values())} | "
          f"{sum(bool(c.failure) for c in found.values())} |")  # fmt: skip
    for kind, count in found.items():
        if count.failure:
            print(f"\n--- {kind}\n{count.failure[-3000:]}")
    print(f"{time.process_time() - began:.0f} s of processor time")
    return int(any(count.failure for count in found.values()))


if __name__ == "__main__":
    sys.exit(main())
