"""What a training job costs before and after it trains: starting Python, importing, reading the data, writing.

One job of each data set, at the official size (on generated images) and for one epoch; medians of `ROUNDS` runs, in
seconds of wall-clock and of processor time. Beside it stands what Snakemake adds: once for a job of a local build, and
twice more for a job on a cluster, which is a Snakemake of its own that starts its step with another one.

    python benchmarks/start_up.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
ROUNDS = 3
AIM = 3.0  # seconds a job
CONFIG = {
    "seeds": [0],
    "data": {
        "source": "standin",
        "standin": {
            "mnist": {"train": 55_000, "validation": 5_000, "test": 10_000},
            "cifar10": {"train": 50_000, "test": 10_000},
        },
    },
    "training": {"device": "cpu"},
    "experiments": {
        "mnist": {
            "benchmark": {
                "hidden_sizes": [8],
                "activation": "relu",
                "initialization": "he_normal",
                "learning_rate": 1e-4,
                "momentum": 0.0,
                "batch_size": 1000,
                "epochs": 1,
            }
        },
        "cifar10": {
            "benchmark": {
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
            }
        },
    },
}


def measured(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return the wall-clock and the processor seconds of a command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        if status:
            sys.exit(output.read())
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print a line for each data set, and one for Snakemake."""
    programs = Path(sys.executable).parent
    rederive, snakemake = str(programs / "rederive"), str(programs / "snakemake")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        for part in ("Snakefile", "workflow", "report", "src"):
            (folder / part).symlink_to(ROOT / part)
        results = folder / "results"
        measured(folder, rederive, "resolve", "config.yaml", "--output", "results/study.json")
        print(f"{'job':<9} {'whole':>6} {'epoch':>6} {'start-up and end':>17} {'processor, whole':>16}   [s]")
        slow = False
        for dataset in ("mnist", "cifar10"):
            measured(folder, rederive, "standin", dataset)
            rounds = []
            for _ in range(ROUNDS):
                wall, processor = measured(folder, rederive, "train", dataset, "benchmark")
                provenance = json.loads((results / "runs" / dataset / "benchmark" / "seeds_0.json").read_text())
                trained = sum(map(sum, provenance["seconds_per_epoch"].values()))
                rounds.append((wall, trained, wall - trained, processor))
            whole, epoch, rest, busy = (statistics.median(column) for column in zip(*rounds, strict=True))
            slow |= rest > AIM
            print(f"{dataset:<9} {whole:6.2f} {epoch:6.2f} {rest:17.2f} {busy:16.2f}", flush=True)
        target = ["results/runs/mnist/benchmark/seeds_0.csv", "--dry-run", "--force", "--cores", "1"]
        rounds = [measured(folder, snakemake, *target) for _ in range(ROUNDS)]
        wall, processor = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"one start of Snakemake with this workflow: {wall:.2f} s, of it processor {processor:.2f} s")
        print(f"the aim: {AIM} s a job, Snakemake apart")
        sys.exit(slow)


if __name__ == "__main__":
    main()
