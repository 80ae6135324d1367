"""What faults do to a build, as a table: `python -m tests.faults [-v] [STAGE ...]`; Snakemake is one: whole builds.

A cell is a fault in a stage. The stage runs in a process of its own, to which the fault happens; then it runs again,
and what follows from it, as a build that goes on. A cell is good where

- the fault ended the process, or was told in one line that names the file, or did no harm: no traceback, no hanging;
- whatever had its name after the fault is whole: as in the undisturbed build, or not there;
- the build went on by itself, and all its files are those of the undisturbed build, byte for byte, but for the times
  that records of training hold; a training that was interrupted went on from its last checkpoint.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tests.boundary import mirror_cases
from tests.faults.faults import FAULTS, Fault
from tests.faults.snakemake import WHOLE, whole_builds
from tests.faults.stages import CHECKPOINT, ONWARD, STAGES, TRACEBACK, begin, contents, end, study

from rederive.data import download

NOTHING = Fault("two builds", "at once", lambda folder, wanted: None)
MIRRORS = {
    "dies in a file": mirror_cases.Answers(200, {"Content-Length": "6000"}, lambda write: write(b"i" * 3000)),
    "answers with errors": mirror_cases.Answers(503),
    "is silent": mirror_cases.Answers(200, {"Content-Length": "6000"}, lambda write: time.sleep(3)),
}
NAN_RATE = 1e30  # a learning rate at which losses are no numbers any more


class Cell(NamedTuple):
    """What came of a fault in a stage: how it showed, and what is wrong; nothing where all is well."""

    kind: str
    moment: str
    stage: str
    showed: str
    wrong: str


def cells(undisturbed: Path, work: Path, stages: Sequence[str], faults: Sequence[Fault]) -> Iterator[Cell]:
    """Try each fault in each stage."""
    expected = contents(undisturbed)
    for name in stages:
        for fault in faults:
            folder = work / f"{name} {len(list(work.iterdir()))}"
            shutil.copytree(undisturbed, folder, symlinks=True)
            yield _cell(folder, name, fault, expected)
            shutil.rmtree(folder)


def _cell(folder: Path, name: str, fault: Fault, expected: dict[str, Any]) -> Cell:
    stage = STAGES[name]
    for made in stage.makes:
        shutil.rmtree(folder / made, ignore_errors=True)
        (folder / made).unlink(missing_ok=True)
    children = [begin(folder, stage.commands, lambda: fault.arm(folder, lambda path: stage.waits_for in path))]
    if fault is NOTHING:
        children.append(begin(folder, stage.commands))
    ended = [end(folder, child) for child in children]
    showed = ", ".join(dict.fromkeys(one.told for one in ended))
    wrong = [one.output for one in ended if one.code == TRACEBACK]
    wrong += [f"the file is not named: {showed}"] * (fault.kind == "full disk" and "standard output" in showed)
    wrong += [f"{path} is not whole" for path in _torn(contents(folder), expected)]
    saved = any(folder.rglob(f"*{CHECKPOINT}"))
    wrong += _goes_on(folder, name, expected, saved)
    return Cell(fault.kind, fault.moment, name, showed, "; ".join(wrong))


def _torn(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [path for path, content in found.items() if content != expected.get(path)]


def _goes_on(folder: Path, name: str, expected: dict[str, Any], saved: bool) -> Iterator[str]:
    """Do the stage again, and what follows; yield what is not as in the undisturbed build."""
    again = end(folder, begin(folder, [*STAGES[name].commands, *ONWARD]))
    if again.code:
        yield f"did not go on: {again.told} {again.output[-1500:]}"
    if "damaged" in again.output:
        yield "a checkpoint was damaged"
    found = contents(folder)
    yield from (f"{path} is another" for path in _torn(found, expected))
    yield from (f"{path} is missing" for path in expected.keys() - found.keys())
    if (
        saved
        and name in ("train", "checkpoint")
        and (record := folder / "results/runs/mnist.relu/seeds_0-1.json").exists()
    ):
        seeds = yaml.safe_load(record.read_bytes())["seeds"].values()
        if not any(seed.get("restored_from_epoch") is not None for seed in seeds):
            yield "what was trained before the fault was lost"


def _impatient() -> None:
    for name, seconds in mirror_cases.IMPATIENT.items():
        setattr(download, name, seconds)


def mirrors(undisturbed: Path, work: Path) -> Iterator[Cell]:
    """Fetch from a mirror that dies, and then from a whole one."""
    expected = contents(undisturbed)
    for moment, answers in MIRRORS.items():
        folder = work / moment
        shutil.copytree(undisturbed, folder, symlinks=True)
        shutil.rmtree(folder / "resources")
        with mirror_cases.server(answers) as address:
            command = ("fetch", "mnist", "--directory", "resources", "--mirror", address)
            ended = end(folder, begin(folder, [command], _impatient))
        wrong = [ended.output] * (ended.code != 1) + _torn(contents(folder), expected)
        yield Cell(
            "a mirror", moment, "fetch", ended.told, "; ".join([*wrong, *_goes_on(folder, "fetch", expected, False)])
        )
        shutil.rmtree(folder)


def losses_without_number(undisturbed: Path, work: Path) -> Iterator[Cell]:
    """Train where losses are no numbers, once through and once killed on the way: the run is told to have diverged."""
    kill = next(fault for fault in FAULTS if fault.kind == "SIGKILL" and fault.moment == "named")
    rows: list[bytes] = []
    for stage, faults in (("train", []), ("checkpoint", [kill])):
        folder = work / f"nan {stage}"
        shutil.copytree(undisturbed, folder, symlinks=True)
        for made in STAGES["train"].makes:
            shutil.rmtree(folder / made, ignore_errors=True)
        settings = yaml.safe_load((folder / "config.yaml").read_text())
        settings["experiments"]["mnist.relu"]["learning_rate"] = NAN_RATE
        (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        resolve = ("resolve", "config.yaml", "--output", "results/study.json")
        wrong = []
        for fault in faults:
            arm = partial(fault.arm, folder, lambda path: CHECKPOINT in path)
            end(folder, begin(folder, [resolve, *STAGES[stage].commands], arm))
        again = end(folder, begin(folder, [resolve, *STAGES["train"].commands, *ONWARD]))
        wrong += [again.output] * bool(again.code)
        record = folder / "results/runs/mnist.relu/seeds_0-1.json"
        if record.exists():
            told = yaml.safe_load(record.read_bytes())
            wrong += ["not told to have diverged"] * any(one.get("diverged") is None for one in told["seeds"].values())
            rows.append(record.with_suffix(".csv").read_bytes())
            wrong += ["killed on the way it gave other numbers"] * (rows[0] != rows[-1])
        text = (folder / "results/report/report.md").read_text()
        wrong += ["the report does not tell it"] * ("diverged" not in text)
        yield Cell("NaN in a loss", "from the first epoch", stage, "told to have diverged", "; ".join(wrong))
        shutil.rmtree(folder)


def table(found: Sequence[Cell]) -> str:
    """Return how many cells of each kind and stage are good, of how many, as Markdown."""
    stages = list(dict.fromkeys(cell.stage for cell in found))
    lines = [["fault", *stages], ["---", *["---:"] * len(stages)]]
    for kind in dict.fromkeys(cell.kind for cell in found):
        row = [kind]
        for stage in stages:
            here = [cell for cell in found if (cell.kind, cell.stage) == (kind, stage)]
            row.append(f"{sum(not cell.wrong for cell in here)}/{len(here)}" if here else "")
        lines.append(row)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Print the table; exit with 1 where a cell is not good."""
    began = time.monotonic()
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")] or [*STAGES, WHOLE]
    found: list[Cell] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        undisturbed, there = study(work / "study"), work / "cells"
        there.mkdir()
        stages = [name for name in wanted if name != WHOLE]
        makers: list[Iterator[Cell]] = [cells(undisturbed, there, stages, [*FAULTS, NOTHING])]
        if "fetch" in wanted:
            makers.append(mirrors(undisturbed, there))
        if "train" in wanted:
            makers.append(losses_without_number(undisturbed, there))
        if WHOLE in wanted:
            makers.append(Cell(*cell) for cell in whole_builds(there))
        for maker in makers:
            for cell in maker:
                found.append(cell)
                if "-v" in sys.argv or cell.wrong:
                    print(f"{cell.stage}: {cell.kind}, {cell.moment}: {cell.showed}. {cell.wrong}", flush=True)
    print(table(found))
    bad = sum(bool(cell.wrong) for cell in found)
    print(f"{len(found)} cells, {bad} not good; {time.monotonic() - began:.0f} s")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
