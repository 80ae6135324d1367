"""The view of a build follows what Snakemake prints; the lines are those of a real build (9.27)."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from rederive.build import DEFAULTS, Seen, view
from rederive.training.status import Job

BEGUN = """\
Building DAG of jobs...
Job stats:
job         count
--------  -------
train           2
collect         1
total          12

[Thu Nov 26 21:44:18 2026]
Job 5: Training hidden, seeds 0-1-2
Reason: Missing output files: results/runs/hidden/seeds_0-1-2.csv
[Thu Nov 26 21:44:18 2026]
Job 4: Training linear, seeds 0-1-2
Reason: Missing output files: results/runs/linear/seeds_0-1-2.csv
"""
ONE_DONE = """\
[Thu Nov 26 21:44:43 2026]
Finished jobid: 5 (Rule: train)
1 of 12 steps (8%) done
"""
FAILED = """\
[Thu Nov 26 21:44:50 2026]
Error in rule train:
    message: Training linear, seeds 0-1-2
    jobid: 4
"""


def seen(*texts: str) -> Seen:
    found = Seen()
    found.read_all(line for text in texts for line in text.splitlines(keepends=True))
    return found


def test_jobs_run_from_their_message_until_they_are_finished() -> None:
    begun = seen(BEGUN)
    assert (begun.done, begun.total) == (0, 12)
    assert set(begun.running.values()) == {"Training hidden, seeds 0-1-2", "Training linear, seeds 0-1-2"}
    later = seen(BEGUN, ONE_DONE)
    assert (later.done, later.total) == (1, 12)
    assert list(later.running.values()) == ["Training linear, seeds 0-1-2"]


def test_a_mistake_is_told_from_where_it_begins() -> None:
    failed = seen(BEGUN, ONE_DONE, FAILED)
    assert failed.failed == ["train"]
    assert failed.error() == "".join(FAILED.splitlines(keepends=True)[1:])


def test_what_is_said_before_the_first_job_is_told_whole() -> None:
    text = "WorkflowError in file common.smk:\nconfig.yaml: sedes: unknown key\n"
    assert seen(text).error() == text
    assert seen("Nothing to be done.\n").error() == "Nothing to be done.\n"


def test_the_view_has_jobs_epochs_and_the_time_left() -> None:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(view(seen(BEGUN, ONE_DONE), [Job("linear", [0, 1, 2], "running", 30.0, 60, {}, 45.0)], 25.0))
    text = shown.get()
    assert "1/12 jobs" in text
    assert "25 s" in text
    assert "Training linear, seeds 0-1-2" in text
    assert "30.0/60" in text
    assert "45 s" in text


def test_what_a_failed_job_says_is_shown_and_not_only_where_its_log_lies(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "rule claims:\n    output: 'a'\n    log: 'claims.log'\n    shell: 'echo no such: relo > {log}; exit 1'\n"
    )
    command = [sys.executable, "-m", "snakemake", *DEFAULTS]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode
    told = Seen()
    told.read_all((ran.stdout + ran.stderr).splitlines(keepends=True))
    assert "no such: relo\n" in told.error()
