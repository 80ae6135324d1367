"""A copy of the project on the head node of a cluster, pretend or real."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.workflow.project import ROOT, new_project

CONFIG = Path(__file__).with_name("config.yaml")
PLUGINS = Path(sys.prefix) / "cluster"  # `make env-cluster`
PROGRAMS = ["sbatch", "squeue", "sinfo", "scontrol", "scancel", "sacctmgr", "qsub", "qstat", "qacct", "qdel"]
PROGRAMS += ["apptainer"]


class Site:
    """A copy of the project, and the programs of a cluster on PATH."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            **environment,
            "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(PLUGINS)]),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.environ["PATH"])]),
        }
        self.environment.pop("REDERIVE_DATA_MIRROR", None)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a program in the copy, in a process group of its own; what it prints goes to `output.log` there."""
        with open(self.folder / "output.log", "w", encoding="utf-8") as output:
            process = subprocess.Popen(
                arguments,
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def kill(self) -> None:
        """End at once what was started and still runs."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run a program in the copy and return what it prints; `check` that it succeeds."""
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy; it must be there."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new))


class StubbedSite(Site):
    """A site whose scheduler is pretended by `stub.py`."""

    def __init__(self, folder: Path) -> None:
        self.output = ""  # what the last build printed
        self.stubs = folder / "stubs"
        self.stubs.mkdir()
        for program in PROGRAMS:
            (self.stubs / program).symlink_to(Path(__file__).parent / "stub.py")
        super().__init__(folder, {"STUBS": str(self.stubs), "PATH": f"{self.stubs}{os.pathsep}{os.environ['PATH']}"})

    def submitted(self, *arguments: str, outcomes: Sequence[str] = ("FAILED",)) -> list[list[str]]:
        """Return the submit lines of a build whose jobs end like `outcomes`, one after the other; sorted.

        The last outcome holds for all further jobs; if it is COMPLETED, the build must succeed.
        """
        (self.stubs / "outcomes").write_text("\n".join(outcomes))
        (self.stubs / "calls").write_text("")
        self.output = self.run("snakemake", *arguments, check=outcomes[-1] == "COMPLETED")
        return sorted(call for call in self.calls() if call[0] in ("sbatch", "qsub"))

    def calls(self) -> list[list[str]]:
        """Return how the programs were called in the last build, in order."""
        return [json.loads(line) for line in (self.stubs / "calls").read_text().splitlines()]


def copy_project(folder: Path) -> Path:
    """Copy the project with its profiles, a short text and the study of this folder; return the copy's folder.

    The study takes the place of config.yaml: Snakemake does not tell jobs on a cluster of `--replace-workflow-config`.
    """
    new_project(folder)
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    shutil.copy2(CONFIG, folder / "config.yaml")
    return folder
