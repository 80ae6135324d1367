"""How training stands, read from the files of jobs at every stage."""

import json
from pathlib import Path
from typing import Any

from rederive.config import Study
from rederive.layout import Layout
from rederive.training.status import SILENT_SECONDS, duration, jobs, summary, table

NOW = 1_000_000.0


def _status(folder: Path, run: str, seeds: str, **changes: Any) -> None:
    path = folder / "checkpoints" / run / f"seeds_{seeds}.status.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"state": "running", "epochs": 3, "epochs_done": 1.5, "seconds_per_epoch": 10.0, "updated": NOW - 1}
    path.write_text(json.dumps(facts | {"latest": {"train loss": 0.25}} | changes))


def _states(study: Path, folder: Path) -> dict[str, Any]:
    return {job.run: job for job in jobs(Study.load(study), Layout(folder), NOW)}


def test_each_state_is_told_from_the_files(tmp_path: Path, study: Path) -> None:
    done = tmp_path / "runs" / "mnist.small" / "seeds_0-1.csv"
    done.parent.mkdir(parents=True)
    done.touch()
    _status(tmp_path, "mnist.dropout", "0", state="done", epochs_done=3, updated=NOW - 30)
    _status(tmp_path, "mnist.dropout", "1")
    _status(tmp_path, "mnist.lost", "0", state="failed", error="MemoryError: no room")
    _status(tmp_path, "cifar10.small", "0", state="interrupted")
    _status(tmp_path, "cifar10.dropout", "0", updated=NOW - SILENT_SECONDS - 1)
    found = _states(study, tmp_path)
    assert {run: job.state for run, job in found.items()} == {
        "mnist.small": "done",
        "mnist.dropout": "running",
        "mnist.lost": "failed",
        "mnist.long": "waiting",
        "cifar10.small": "interrupted",
        "cifar10.dropout": "stopped",
        "cifar10.long": "waiting",
    }
    running = found["mnist.dropout"]
    assert (running.epochs_done, running.epochs) == (4.5, 6)
    assert running.seconds_left == 15.0  # one and a half epochs at 10 s
    assert found["mnist.lost"].error == "MemoryError: no room"


def test_seeds_side_by_side_share_their_time(tmp_path: Path, study: Path) -> None:
    _status(tmp_path, "cifar10.small", "0-1")
    job = _states(study, tmp_path)["cifar10.small"]
    assert (job.epochs_done, job.epochs, job.seconds_left) == (3.0, 6, 15.0)


def test_a_job_that_went_to_another_kind_of_device_is_counted_once(tmp_path: Path, study: Path) -> None:
    _status(tmp_path, "cifar10.small", "0-1", epochs_done=2.5, updated=NOW - 60)
    _status(tmp_path, "cifar10.small", "0", epochs_done=1.0)
    assert _states(study, tmp_path)["cifar10.small"].epochs_done == 1.0
    _status(tmp_path, "cifar10.small", "0-1", epochs_done=2.5, updated=NOW)
    assert _states(study, tmp_path)["cifar10.small"].epochs_done == 5.0


def test_a_status_that_is_being_damaged_is_no_reason_to_fail(tmp_path: Path, study: Path) -> None:
    _status(tmp_path, "cifar10.small", "0-1")
    (path,) = tmp_path.rglob("*.status.json")
    path.write_text(path.read_text()[:20])
    assert _states(study, tmp_path)["cifar10.small"].state == "waiting"


def test_it_is_shown_as_a_table_and_a_line(tmp_path: Path, study: Path) -> None:
    _status(tmp_path, "mnist.dropout", "1")
    found = jobs(Study.load(study), Layout(tmp_path), NOW)
    headings, *rows = table(found)
    (shown,) = (row for row in rows if row.startswith("mnist.dropout "))
    assert shown.index("train loss 0.2500") == headings.index("latest")
    assert summary(found) == "1 running, 6 waiting"


def test_durations_are_for_reading() -> None:
    assert [duration(s) for s in (0.4, 89, 91, 3600, 11_100)] == ["0 s", "89 s", "2 min", "60 min", "3 h 05 min"]
