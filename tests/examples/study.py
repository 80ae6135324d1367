"""A study that is begun in an empty folder, and built."""

import csv
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"


class Study:
    """A study in a folder of its own, which is built with the sources of this checkout."""

    def __init__(self, folder: Path, torch: bool) -> None:
        self.folder = folder
        path = [str(SRC)]
        if not torch:  # stands before the installed one: whatever imports it stops the build
            blocked = folder.parent / "blocked"
            blocked.mkdir()
            (blocked / "torch.py").write_text('raise AssertionError("PyTorch was imported")\n')
            path.insert(0, str(blocked))
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a program in the study's folder and return what it prints; it must succeed."""
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=550,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def json(self, name: str) -> Any:
        """Return a file of the results."""
        return json.loads((self.folder / "results" / name).read_text())

    def mean(self, experiment: str, split: str, metric: str) -> float:
        """Return the mean over seeds of what the run's own file says after its last epoch."""
        (path,) = (self.folder / "results" / "runs" / experiment).glob("*.csv")
        rows = list(csv.DictReader(path.open()))
        last = max(int(row["epoch"]) for row in rows)
        return statistics.fmean(
            float(row["value"])
            for row in rows
            if (row["split"], row["metric"], int(row["epoch"])) == (split, metric, last)
        )


def built(folder: Path, example: str, torch: bool = False) -> Study:
    """Begin a study as an example and build it."""
    study = Study(folder / "study", torch)
    study.run("rederive", "new", str(study.folder), "--example", example, cwd=folder)
    study.run("snakemake", "--cores", "2")
    return study


def pages(pdf: Path) -> int:
    """Return how many pages a PDF has."""
    told = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Pages: +(\d+)$", told, flags=re.MULTILINE)
    assert found
    return int(found[1])
