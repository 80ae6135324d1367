"""A copy of the project that a test may edit, and what Snakemake would run in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ["Snakefile", "workflow", "src", "report", "config.yaml", "config.demo.yaml", "CITATION.cff"]

DERIVATIONS = ("division", "normalize")

# The smallest study that has every kind of step: two data sets, a shared run, a base and what follows from it.
CONFIG = """
seeds: [0]
data:
  source: standin
  sets:
    mnist:
      {title: MNIST, read: "writeup.mnist:read", standin: "writeup.standin:digits",
       sizes: {train: 256, validation: 64, test: 64}}
    cifar10:
      {title: CIFAR-10, read: "writeup.cifar10:read", standin: "writeup.standin:shapes",
       sizes: {train: 64, test: 32}}
derivations: writeup.derivations
training: {device: cpu}
trainers:
  mlp: {python: "writeup.mlp:train", watched: true, settings: "writeup.settings:MLPSettings",
        cost: "writeup.cost:mlp", data: mnist}
  cnn: {python: "writeup.cnn:train", watched: true, settings: "writeup.settings:CNNSettings",
        cost: "writeup.cost:cnn", data: cifar10}
metrics:
  accuracy: {reads: {mlp: validation accuracy, cnn: test accuracy}, unit: accuracy, better: higher}
  training_loss: {reads: train loss, unit: loss, better: lower, when: over}
  held_out_loss: {reads: {mlp: validation loss, cnn: test loss}, unit: loss, better: lower}
experiments:
  mnist.benchmark:
    {trainer: mlp, hidden_sizes: [16], activation: sigmoid, initialization: glorot_normal, learning_rate: 1.0e-4,
     momentum: 0.0, batch_size: 64, epochs: 2}
  mnist.sigmoid_10: {base: mnist.benchmark, epochs: 1}
  mnist.relu: {base: mnist.benchmark, activation: relu}
  cifar10.benchmark:
    {trainer: cnn, conv_channels: [2, 3], kernel_size: 5, padding: 0, linear_units: [8, 8], optimizer: sgd,
     loss: cross_entropy, learning_rate: 1.0e-3, momentum: 0.9, batch_size: 16, epochs: 2}
tables:
  - {name: activations, title: Accuracy by activation, rows: [mnist.sigmoid_10, mnist.benchmark, mnist.relu]}
  - {name: cifar10_parameters, title: Accuracy by parameter, rows: [cifar10.benchmark]}
figures:
  mnist_activations:
    title: Sigmoid and ReLU
    panels: [{title: Training loss, metric: training_loss, log: true, experiments: [mnist.benchmark, mnist.relu]}]
  cifar10_cost: {python: "writeup.figures:cost"}
  graph_add: {graph: add, title: An addition}
"""


class Project:
    """A copy of the project with a small configuration, built by Snakemake in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the small configuration, with the copy's source code."""
        common = ("--cores", "2", "--configfile", "tiny.yaml", "--replace-workflow-config")
        return self._run("snakemake", *common, *arguments, check=check)

    def rederive(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Call the command line of the copy."""
        return self._run("rederive", *arguments, check=check)

    def _run(self, *command: str, check: bool) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        environment.pop("REDERIVE_DATA_MIRROR", None)
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=500
        )
        assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done

    def jobs(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a build would run now, from the table of a dry run."""
        printed = self.snakemake("--dry-run", *arguments)
        table = re.search(
            r"^-+ +-+\n((?:\S+ +\d+\n)*?)total +\d+$", printed.stdout + printed.stderr, flags=re.MULTILINE
        )
        if table is None:
            assert "Nothing to be done" in printed.stdout + printed.stderr
            return {}
        jobs = {rule: int(count) for rule, count in (line.split() for line in table.group(1).splitlines())}
        return {rule: count for rule, count in jobs.items() if rule not in ("all", "report")}

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy; the text must be there."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new))

    def copy(self, folder: Path) -> "Project":
        """Copy everything that was built, with the times and Snakemake's memory of it."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def new_project(folder: Path) -> Project:
    """Copy the project's sources into a new folder."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    # The project's own text tells of experiments and proofs that a small study does not have.
    shutil.rmtree(folder / "report" / "sections")
    for path in (Path(__file__).parent / "report").iterdir():
        shutil.copy2(path, folder / "report" / path.name)
    for path in (folder / "src/writeup/derivations").glob("[a-z]*.py"):
        if path.stem not in DERIVATIONS:
            path.unlink()
    (folder / "tiny.yaml").write_text(CONFIG)
    return Project(folder)
