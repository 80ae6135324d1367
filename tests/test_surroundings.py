"""What surrounds the command: no activated environment, odd paths, no language, no home, closed or full output."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rederive import new

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LABEL = "Größe Ω"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in a path with blanks and umlauts, one of whose labels has letters beyond ASCII; nothing is built."""
    folder = tmp_path_factory.mktemp("Größe & mehr") / "ein Ordner für alles"
    new.new(folder, "minimal")
    config = folder / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("label: Linear", f"label: {LABEL}"), "utf-8")
    done = run(folder, "resolve", "config.yaml", "--output", "results/study.json")
    assert done.returncode == 0, done.stderr
    return folder


def environment(folder: Path, **changes: str | None) -> dict[str, str]:
    """Return the surroundings of a command, with changes; None takes a variable away."""
    found = os.environ | {"PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT / 'src'}"} | changes
    return {name: value for name, value in found.items() if value is not None}


def run(folder: Path, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rederive", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "rebuild" in done.stdout.lower()


def test_snakemake_runs_where_the_environment_is_not_activated(study: Path) -> None:
    """In a path with blanks and umlauts, too: each rule's job finds `rederive` beside Snakemake."""
    done = subprocess.run(
        [str(BIN / "snakemake"), "--cores", "1", "results/runs/linear/seeds_0-1-2.csv"],
        cwd=study, env=environment(study, PATH="/usr/bin:/bin", VIRTUAL_ENV=None),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (study / "results/runs/linear/seeds_0-1-2.csv").exists()


@pytest.mark.parametrize(
    "changes",
    [{"LC_ALL": "C", "LANG": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["LANG=C", "a terminal that knows ASCII only"],
)
def test_letters_that_the_language_does_not_have_are_no_error(study: Path, changes: dict[str, str | None]) -> None:
    done = run(study, "resolve", "config.yaml", **changes)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    wrong = run(study, "status", "--study", "größe.json", **changes)
    assert wrong.returncode == 1
    assert "rederive:" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("home", [None, "/dev/null"], ids=["no HOME", "a HOME that is no folder"])
def test_no_home_is_needed(study: Path, home: str | None) -> None:
    done = run(study, "why", "summarise", HOME=home, XDG_CACHE_HOME=None)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody may write, as /proc is")
@pytest.mark.parametrize("command", [("resolve", "config.yaml", "--output", "/proc/results/study.json")])
def test_a_folder_that_cannot_be_written_is_named(study: Path, command: tuple[str, ...]) -> None:
    done = run(study, *command)
    assert done.returncode == 1
    assert "rederive: /proc/results" in done.stderr
    assert "Traceback" not in done.stderr


def test_results_that_can_only_be_read_are_enough_to_look(study: Path) -> None:
    folders = [path for path in [study / "results", *(study / "results").rglob("*")] if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        before = sorted((study / "results").rglob("*"))
        for command in (("status",), ("fsck",)):
            done = run(study, *command)
            assert "Traceback" not in done.stderr, done.stderr
        assert sorted((study / "results").rglob("*")) == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.parametrize(
    ("output", "code", "told"),
    [
        (">&-", 0, ""),
        ("| true", None, ""),
        (">/dev/full", 1, "standard output: could not be written, the disk is full"),
    ],
    ids=["closed", "a pipe that ends", "full"],
)
def test_output_that_nobody_takes(study: Path, output: str, code: int | None, told: str) -> None:
    command = f'"{sys.executable}" -m rederive status {output}'
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=study, env=environment(study), capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert told in done.stderr
    assert code is None or done.returncode == code, done.stderr
