"""The stages of a build that a fault can befall, on a small study: each is what its rules call."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml
from tests.boundary import mirror_cases
from tests.boundary.case import call
from tests.boundary.study import ROOT, config, run, write_config
from tests.faults.faults import lift_limits

Commands = Sequence[tuple[str, ...]]
CHECKPOINT = ".checkpoint"
PROOF = "division"
PATIENCE = 120  # seconds, far more than any stage takes


class Stage(NamedTuple):
    """A stage: its commands, what they make (removed before), and which files a fault waits for."""

    commands: Commands
    makes: tuple[str, ...]
    waits_for: str = ""


TRAIN = (("train", "mnist.relu", "--seeds", "0-1"),)
RUN = ("results/runs/mnist.relu", "results/checkpoints/mnist.relu")
STAGES = {
    "fetch": Stage((("fetch", "mnist", "--directory", "resources", "--mirror", "mirror"),), ("resources",)),
    "prepare": Stage((("standin", "mnist"),), ("results/data",)),
    "verify": Stage(
        (("verify", "--only", PROOF, "--output", "results/derivations"),),
        ("results/derivations",),
    ),
    "train": Stage(TRAIN, RUN, "seeds_0-1."),
    "checkpoint": Stage(TRAIN, RUN, CHECKPOINT),
    "collect": Stage((("collect",),), ("results/runs.csv", "results/runs.json", "results/predictions.json")),
    "plot": Stage((("plot",),), ("results/figures",)),
    "render": Stage((("render",),), tuple(f"results/report/{n}" for n in ("report.md", "trace.json", "numbers.csv"))),
    "convert": Stage(
        (("convert", "html"), ("convert", "tex")), ("results/report/report.html", "results/report/report.tex")
    ),
    "pack": Stage((("pack",),), ("results/pack.zip",)),
}
# What follows from every stage, up to the text and the page.
ONWARD: Commands = (("collect",), ("test-claims",), ("summarise",), ("render",), ("convert", "html"))
TIMES = ("started", "ended", "seconds_per_epoch", "restored_from_epoch")


def study(folder: Path) -> Path:
    """Make the study, and build all of it undisturbed."""
    folder.mkdir(parents=True)
    settings = config()
    settings["training"]["checkpoint_minutes"] = 1e-9  # after each batch
    settings["report"] = {"pdf_engine": "typst"}
    write_config(folder, settings)
    shutil.copytree(ROOT / "tests/workflow/report", folder / "report")
    for name in ("report/references.bib", "CITATION.cff", "Snakefile"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "mirror").mkdir()
    for name in mirror_cases.NAMES:
        (folder / "mirror" / name).write_bytes(mirror_cases.content(name))
    for source in (ROOT / "src/writeup/derivations/__init__.py", ROOT / f"src/writeup/derivations/{PROOF}.py"):
        place = folder / "src/proved"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    settings["derivations"] = "proved"
    write_config(folder, settings)
    run(folder, ("resolve", "config.yaml", "--output", "results/study.json"))
    others = (("train", "mnist.benchmark", "--seeds", "0-1"),)
    between = (("test-claims",), ("summarise",))
    with patch("writeup.mnist.FILES", mirror_cases.FILES):
        for name in ("fetch", "prepare", "verify", "train"):
            run(folder, *STAGES[name].commands)
        run(folder, *others, ("collect",), *between)
        for name in ("plot", "render", "convert"):
            run(folder, *STAGES[name].commands)
        run(folder, ("convert", "pdf"), ("tex-source",), ("pack",))
    return folder


def contents(folder: Path) -> dict[str, Any]:
    """Return the files of a build by name, without what may differ: times, what a killed process left half made.

    Nor what steps leave for `rederive why` (`made/`): it has hashes of records with their times.
    """
    found: dict[str, Any] = {}
    for top in ("resources", "results"):
        for path in sorted((folder / top).rglob("*")):
            name = path.relative_to(folder).as_posix()
            left_out = path.name.startswith(".") or name.startswith(("results/checkpoints", "results/made"))
            if path.is_file() and not left_out:
                found[name] = path.read_bytes()
                if name.startswith("results/runs/") and path.suffix == ".json":
                    found[name] = _without_times(found[name])
    return found


def _without_times(record: bytes) -> Any:
    told = yaml.safe_load(record) if record else None
    for seed in (told or {}).get("seeds", {}).values():
        for name in TIMES:
            seed.pop(name, None)
    return told


class Ended(NamedTuple):
    """How a process ended: by a signal (negative), with a traceback, or with an exit code; and what it printed."""

    code: int
    output: str

    @property
    def told(self) -> str:
        """How, in a word or a line."""
        if self.code < 0:
            return signal.Signals(-self.code).name
        lines = [line for line in self.output.splitlines() if line.startswith("rederive: ")]
        return lines[-1] if self.code and lines else f"exit {self.code}"


TRACEBACK = 99


def begin(folder: Path, commands: Commands, arm: Callable[[], None] = lambda: None) -> int:
    """Let a process of its own do the commands in a folder; return its number. What it prints goes to `.output`."""
    if child := os.fork():
        return child
    code, output = TRACEBACK, ""
    try:
        with chdir(folder), patch("writeup.mnist.FILES", mirror_cases.FILES):
            arm()
            for command in commands:
                code, printed = call(command)
                output += printed
                if code:
                    break
    except MemoryError:
        code = 1  # of this harness, which has no more memory than the command
    finally:
        with suppress(OSError, MemoryError):
            lift_limits()
            (folder / f".output.{os.getpid()}").write_text(output)
        os._exit(TRACEBACK if code == -1 else code)


def end(folder: Path, child: int) -> Ended:
    """Wait for a process, and say how it ended; one that hangs is killed, and that is no good end."""
    limit = time.monotonic() + PATIENCE
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() > limit:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended(TRACEBACK, f"no end after {PATIENCE} s")
        time.sleep(0.01)
    path = folder / f".output.{child}"
    return Ended(os.waitstatus_to_exitcode(status), path.read_text(errors="replace") if path.exists() else "")
