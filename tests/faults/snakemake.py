"""Faults of a whole build: Snakemake itself is killed, builds twice at once, finds a full disk or an older clock."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.boundary.study import ROOT
from tests.faults.faults import DAY

from rederive import new
from rederive.audit.rebuild import MADE

WHOLE = "Snakemake"  # as a stage
LONGEST_FILE = 2000  # bytes; scripts and records are longer
PATIENCE = 1800  # seconds: a whole build, on a busy machine

Cell = tuple[str, str, str, str, str]


def _snakemake(folder: Path, *arguments: str, limited: bool = False) -> subprocess.Popen[str]:
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT / 'src'}",
    }
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LONGEST_FILE, -1))) if limited else None
    return subprocess.Popen(
        [str(bin_folder / "snakemake"), "--cores", "2", *arguments],
        cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=limit,
    )  # fmt: skip


def _end(build: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = build.communicate(timeout=PATIENCE)
    return build.returncode, output


def _report(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "results/report").iterdir())}


def _undo(folder: Path) -> None:
    for name in MADE:  # all that follows from the trainings
        shutil.rmtree(folder / "results" / name, ignore_errors=True)
        (folder / "results" / name).unlink(missing_ok=True)


def _signalled(number: signal.Signals) -> Callable[[Path], str]:
    def befall(folder: Path) -> str:
        build = _snakemake(folder)
        limit = time.monotonic() + PATIENCE
        while not (folder / "results/numbers.json").exists() and build.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        os.killpg(build.pid, number)
        code, _ = _end(build)
        return f"exit {code}, half way" if not (folder / "results/report/report.pdf").exists() else "too late"

    return befall


def _twice(folder: Path) -> str:
    codes, words = zip(*map(_end, [_snakemake(folder), _snakemake(folder)]), strict=True)
    return f"exit {codes[0]} and {codes[1]}" + ", told of the lock" * any("lock" in text.lower() for text in words)


def _full(folder: Path) -> str:
    code, _ = _end(_snakemake(folder, limited=True))
    return f"exit {code}"


def _clock_back(folder: Path) -> str:
    _end(_snakemake(folder, "--until", "summarise"))
    for path in (folder / "results").rglob("*"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - DAY))
    return "the files of half a build are older than what they were made of"


FAULTS = {
    ("SIGKILL", "half way"): _signalled(signal.SIGKILL),
    ("SIGTERM", "half way"): _signalled(signal.SIGTERM),
    ("two builds", "at once"): _twice,
    ("full disk", "in a write"): _full,
    ("clock set back", "a day"): _clock_back,
}


def whole_builds(work: Path) -> Iterator[Cell]:
    """Try each fault on a small study's build; it goes on as Snakemake's words say, with --unlock after a kill."""
    undisturbed = work / "minimal"
    new.new(undisturbed, "minimal")
    code, output = _end(_snakemake(undisturbed))
    assert code == 0, output
    expected = _report(undisturbed)
    for (kind, moment), befall in FAULTS.items():
        folder = work / f"minimal {kind}"
        shutil.copytree(undisturbed, folder, symlinks=True)
        _undo(folder)
        showed = befall(folder)
        _end(_snakemake(folder, "--unlock"))
        code, output = _end(_snakemake(folder, "--rerun-incomplete"))
        wrong = [f"did not go on: {output[-1500:]}"] * bool(code)
        wrong += ["the report is another"] * (code == 0 and _report(folder) != expected)
        yield kind, moment, WHOLE, showed, "; ".join(wrong)
        shutil.rmtree(folder)
