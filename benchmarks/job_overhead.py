"""What a training job costs before and after it trains: starting Python, importing, reading the data, writing.

A job of each data set, at the official size (on generated images), for one epoch and for two: what two epochs take
more is training, the rest is start-up and end. Medians of `ROUNDS` runs, in seconds of processor time, which other
programs on the machine do not lengthen much. Beside it stands what Snakemake adds: once for a local build, and twice
for each job on a cluster, which is a Snakemake of its own that starts its step with another one.

    python benchmarks/job_overhead.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ROUNDS = 3
AIM = 3.0  # seconds a job
WRITEUP = yaml.safe_load((ROOT / "config.yaml").read_text())  # whose data sets, trainers and metrics are taken
SETS = WRITEUP["data"]["sets"]
CONFIG: dict[str, Any] = {
    "seeds": [0],
    "data": {
        "source": "standin",
        "sets": {
            "mnist": SETS["mnist"] | {"sizes": {"train": 55_000, "validation": 5_000, "test": 10_000}},
            "cifar10": SETS["cifar10"] | {"sizes": {"train": 50_000, "test": 10_000}},
        },
    },
    "training": {"device": "cpu"},
    "trainers": WRITEUP["trainers"],
    "metrics": WRITEUP["metrics"],
    "experiments": {
        "mnist": {
            "trainer": "mlp",
            "hidden_sizes": [8],
            "activation": "relu",
            "initialization": "he_normal",
            "learning_rate": 1e-4,
            "momentum": 0.0,
            "batch_size": 1000,
            "epochs": 1,
        },
        "cifar10": {
            "trainer": "cnn",
            "conv_channels": [2, 2],
            "kernel_size": 5,
            "padding": 0,
            "linear_units": [8],
            "optimizer": "sgd",
            "loss": "cross_entropy",
            "learning_rate": 1e-3,
            "momentum": 0.0,
            "batch_size": 1000,
            "epochs": 1,
        },
    },
}


def seconds(folder: Path, *arguments: str) -> float:
    """Return the processor seconds of a command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        if status:
            sys.exit(output.read())
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print a line for each data set, and one for Snakemake."""
    programs = Path(sys.executable).parent
    rederive, snakemake = str(programs / "rederive"), str(programs / "snakemake")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        for part in ("Snakefile", "workflow", "report", "src"):
            (folder / part).symlink_to(ROOT / part)
        slow = False
        print(f"{'job':<9} {'start-up and end':>17} {'one epoch':>10}   [s]")
        for dataset in ("mnist", "cifar10"):
            medians = []
            for epochs in (1, 2):
                CONFIG["experiments"][dataset]["epochs"] = epochs
                (folder / "epochs.yaml").write_text(yaml.safe_dump(CONFIG))
                seconds(folder, rederive, "resolve", "epochs.yaml", "--output", "results/study.json")
                if epochs == 1:
                    seconds(folder, rederive, "standin", dataset)
                job = [rederive, "train", dataset]
                medians.append(statistics.median(seconds(folder, *job) for _ in range(ROUNDS)))
            one, two = medians
            slow |= 2 * one - two > AIM
            print(f"{dataset:<9} {2 * one - two:17.2f} {two - one:10.2f}", flush=True)
        target = ["results/runs/mnist/seeds_0.csv", "--dry-run", "--force", "--cores", "1"]
        start = statistics.median(seconds(folder, snakemake, *target) for _ in range(ROUNDS))
        print(f"one start of Snakemake with this workflow: {start:.2f} s")
        print(f"the aim: {AIM} s a job, Snakemake apart")
        sys.exit(slow)


if __name__ == "__main__":
    main()
