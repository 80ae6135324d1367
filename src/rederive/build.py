"""A build on a terminal: Snakemake does the work, and what it prints becomes a view of the jobs that moves.

The view changes nothing: it reads Snakemake's lines and the status files of training jobs. Where there is no terminal,
Snakemake prints by itself.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Thread

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.training import status

# As many jobs at a time as there are cores; what a killed build left half done is made again; what a failed job wrote
# into its log is shown. A profile or the command line is stronger.
DEFAULTS = ("--cores", "all", "--rerun-incomplete", "--show-failed-logs")
SECONDS = 0.5  # between two looks at the status files

_STARTED = re.compile(r"^Job (\d+): (.+)$")
_FINISHED = re.compile(r"^Finished jobid: (\d+)\b")
_STEPS = re.compile(r"^(\d+) of (\d+) steps \(\d+%\) done$")
_TOTAL = re.compile(r"^total +(\d+)$")
_FAILED = re.compile(r"^Error in rule (\w+):$")


class Seen:
    """What Snakemake has said of a build so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.running: dict[int, str] = {}
        self.failed: list[str] = []
        self.done = self.total = 0
        self.began = False

    def read(self, line: str) -> None:
        """Take note of a line."""
        self.lines.append(line)
        text = line.strip()
        if found := _STARTED.match(text):
            self.began = True
            self.running[int(found[1])] = found[2]
        elif found := _FINISHED.match(text):
            self.running.pop(int(found[1]), None)
        elif found := _STEPS.match(text):
            self.done, self.total = int(found[1]), int(found[2])
        elif (found := _TOTAL.match(text)) and not self.total:
            self.total = int(found[1])
        elif found := _FAILED.match(text):
            self.failed.append(found[1])

    def read_all(self, lines: Iterable[str]) -> None:
        """Take note of lines as they come, until there are no more."""
        for line in lines:
            self.read(line)

    def error(self) -> str:
        """Return what Snakemake printed from the first mistake on; all of it where no job had begun."""
        first = next((i for i, line in enumerate(self.lines) if "rror in " in line), 0)
        return "".join(self.lines[first if self.began else 0 :])


def build(arguments: Sequence[str], study: Path) -> int:
    """Run Snakemake with targets and options of its own, and return its exit status.

    `study` is where the build leaves its resolved configuration, for the status of trainings.
    """
    command = [sys.executable, "-m", "snakemake", *DEFAULTS, *arguments]
    console = Console(stderr=True)
    if not console.is_terminal:
        return subprocess.run(command, check=False).returncode
    seen, start = Seen(), time.monotonic()
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
        Live(console=console, transient=True, auto_refresh=False) as live,
    ):
        assert process.stdout is not None
        reader = Thread(target=seen.read_all, args=[process.stdout], daemon=True)
        reader.start()
        while reader.is_alive():
            try:
                live.update(view(seen, trainings(study), time.monotonic() - start), refresh=True)
                reader.join(SECONDS)
            except KeyboardInterrupt:  # Snakemake has it, too, and ends its jobs
                continue
        process.wait()
    ran = f"{seen.done} of {seen.total} jobs in {status.duration(time.monotonic() - start)}"
    if process.returncode:
        print(seen.error(), end="")
    elif not seen.done:  # a plan, or nothing to do
        print("".join(seen.lines), end="")
    console.print(f"failed: {', '.join(seen.failed) or 'before any job'}; {ran}" if process.returncode else ran)
    return process.returncode


def trainings(study: Path) -> list[status.Job]:
    """Return the training jobs that run now; none where nothing is known of them."""
    try:
        return [job for job in status.jobs(Study.load(study), Layout.of(study)) if job.state == "running"]
    except (UserError, OSError, ValueError):
        return []


def view(seen: Seen, training: Sequence[status.Job], seconds: float) -> RenderableType:
    """Return how a build stands: a bar over its jobs, those that run, and the epochs and time left of trainings."""
    head = Table.grid(padding=(0, 1))
    steps = f"{seen.done}/{seen.total} jobs" if seen.total else "planning"
    head.add_row(ProgressBar(total=seen.total or None, completed=seen.done, width=40), steps, status.duration(seconds))
    lines: list[RenderableType] = [head]
    lines += [Text(f"failed: {rule}", style="red") for rule in seen.failed]
    lines += [Text(f"  {message}") for message in list(seen.running.values())[:12]]
    if training:
        lines += [Text(line, no_wrap=True, overflow="ellipsis") for line in status.table(list(training))]
    return Group(*lines)
