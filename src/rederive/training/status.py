"""How the training of a study stands, from the files that its jobs leave: nothing runs, nobody is asked."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from rederive import environment
from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import Layout, job_name
from rederive.training.provenance import Provenance

State = Literal["done", "running", "interrupted", "stopped", "failed", "waiting"]
STATES: tuple[State, ...] = get_args(State)
FIELDS = {"state", "updated", "epochs_done", "seconds_per_epoch", "latest"}
SILENT_SECONDS = 120.0  # a job that lives writes its status every few seconds


@dataclass(frozen=True)
class Job:
    """One training job: its seeds, and how far it is. `stopped` is one that ended without a word: it was killed.

    `epochs_done` and `epochs` count the epochs of all its seeds; `latest` has the last epoch's numbers of the seed that
    was at work last.
    """

    run: str
    seeds: list[int]
    state: State
    epochs_done: float
    epochs: int
    latest: dict[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    error: str = ""


def jobs(study: Study, layout: Layout, now: float | None = None) -> list[Job]:
    """Return how each training job of the study stands, in the order of the config."""
    return [
        _job(run, experiment.epochs, seeds, layout, time.time() if now is None else now)
        for run, experiment in study.runs().items()
        for seeds in study.seed_groups()
    ]


def _job(run: str, epochs: int, seeds: list[int], layout: Layout, now: float) -> Job:
    total = epochs * len(seeds)
    if layout.run(run, seeds).exists():
        return Job(run, seeds, "done", total, total)
    # Seeds trained one after the other have a status each, seeds trained together have one. Both are there where a job
    # went from one kind of device to another: the newer counts.
    folder = layout.checkpoints(run)
    ways = [_statuses(folder, [seeds]), _statuses(folder, [[seed] for seed in seeds])]
    found = max(ways, key=lambda way: max((status["updated"] for status in way), default=0.0))
    if not found:
        return Job(run, seeds, "waiting", 0, total)
    together = len(seeds) if found is ways[0] else 1
    last = max(found, key=lambda status: status["updated"])
    done = together * sum(status["epochs_done"] for status in found)
    state: State = "running" if last["state"] == "done" else last["state"]
    if state == "running" and now - last["updated"] > SILENT_SECONDS:
        state = "stopped"
    pace = last["seconds_per_epoch"]
    left = None if pace is None or state != "running" else max(0.0, pace * (total - done) / together)
    return Job(run, seeds, state, done, total, last["latest"], left, last.get("error", ""))


def _statuses(folder: Path, groups: list[list[int]]) -> list[dict[str, Any]]:
    read = (_read(folder / f"{job_name(group)}.status.json") for group in groups)
    return [status for status in read if status is not None]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return status if status.keys() >= FIELDS else None


HEADINGS = ("run", "seeds", "state", "epochs", "left", "latest")


def table(found: list[Job]) -> list[str]:
    """Return the jobs as the lines of a table, under its headings."""
    rows = [HEADINGS]
    for job in found:
        numbers = ", ".join(f"{quantity} {value:.4f}" for quantity, value in job.latest.items())
        left = "" if job.seconds_left is None else duration(job.seconds_left)
        progress = f"{job.epochs_done:.1f}/{job.epochs}" if job.state != "waiting" else ""
        rows.append((job.run, ",".join(map(str, job.seeds)), job.state, progress, left, job.error or numbers))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def summary(found: list[Job]) -> str:
    """Return one line: how many jobs are in each state."""
    counts = [f"{sum(job.state == state for job in found)} {state}" for state in STATES]
    return ", ".join(count for count in counts if not count.startswith("0 "))


def other_versions(study: Study, layout: Layout) -> list[str]:
    """Return a line for each way in which finished runs were made with other versions than those here."""
    found: dict[str, list[str]] = {}
    for path in study.run_files(layout):
        try:
            seeds = Provenance.read(layout.provenance(path)).seeds
        except UserError:  # it has not run, or the build will tell
            continue
        for seed in seeds.values():
            if other := environment.differences(seed.versions):
                runs = found.setdefault(", ".join(other.values()), [])
                runs += [run] if (run := path.parent.name) not in runs else []
    return [f"made with {other}: {', '.join(runs)}" for other, runs in found.items()]


def duration(seconds: float) -> str:
    """Return a time for reading: 45 s, 12 min, 3 h 05 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
