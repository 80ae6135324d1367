"""What it costs to plan a build: a dry run of 100, 1,000 and 10,000 training jobs, in seconds and megabytes.

Seconds are of processor time, which other programs on the machine do not lengthen much; a dry run uses one processor.
Beside it stands what Snakemake itself needs for as many jobs that do nothing: the same rules without this project's
inputs, parameters and resources. Time must not grow faster than linearly by more than `GROWTH`, and a thousand jobs
must be planned in `SECONDS`; else the script fails.

    python benchmarks/dag.py [jobs ...]
"""

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WRITEUP = yaml.safe_load((ROOT / "config.yaml").read_text())  # whose data sets, trainers and metrics are taken
JOBS = [100, 1_000, 10_000]
SEEDS = 10
GROWTH = 1.5  # how many times more than ten times as long ten times as many jobs may take, start-up apart
SECONDS = 15.0  # for a thousand jobs

EMPTY = """
rule all:
    input: expand("{{number}}.csv", number=range({jobs}))

rule job:
    output: "{{number}}.csv"
    log: "{{number}}.log"
    shell: "touch {{output}} > {{log}}"
"""


def study(jobs: int) -> dict[str, object]:
    """Return a configuration with so many training jobs: experiments of both data sets, a job for each seed."""
    mlp = {
        "trainer": "mlp",
        "hidden_sizes": [64],
        "activation": "relu",
        "initialization": "he_normal",
        "learning_rate": 1e-4,
        "momentum": 0.0,
        "batch_size": 128,
        "epochs": 1,
    }
    cnn = {
        "trainer": "cnn",
        "conv_channels": [6, 16],
        "kernel_size": 5,
        "padding": 0,
        "linear_units": [120, 84],
        "optimizer": "sgd",
        "loss": "cross_entropy",
        "learning_rate": 1e-3,
        "momentum": 0.0,
        "batch_size": 16,
        "epochs": 1,
    }
    count = jobs // SEEDS // 2

    def variations(name: str, base: dict[str, object]) -> dict[str, object]:
        return {name: base} | {
            f"{name}.momentum_{i}": {"base": name, "momentum": i / (count + 1)} for i in range(1, count)
        }

    return {
        "seeds": list(range(SEEDS)),
        "data": WRITEUP["data"] | {"source": "standin"},
        "trainers": WRITEUP["trainers"],
        "metrics": WRITEUP["metrics"],
        "training": {"seeds_per_job": 1},
        "experiments": variations("mlp", mlp) | variations("cnn", cnn),
    }


def dry_run(folder: Path, arguments: list[str]) -> tuple[float, float, int]:
    """Return the processor seconds and megabytes that a dry run takes, and how many jobs it plans."""
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "snakemake", *arguments, "--dry-run", "--quiet", "rules"]
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        output.seek(0)
        printed = output.read()
    if status:
        sys.exit(printed)
    planned = [int(line.split()[1]) for line in printed.splitlines() if line.startswith("total ")]
    return seconds, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), planned[0]


def main() -> None:
    """Print a line for each number of jobs."""
    numbers = [int(argument) for argument in sys.argv[1:]] or JOBS
    print(f"{'jobs':>7} {'seconds':>9} {'MB':>6}   {'empty jobs: seconds':>19} {'MB':>6}")
    times: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start_up = dry_run_empty(folder, 1)[0]
        for jobs in numbers:
            (folder / "config.yaml").write_text(yaml.safe_dump(study(jobs)))
            for part in ("Snakefile", "workflow", "report", "src"):
                link = folder / part
                if not link.exists():
                    link.symlink_to(ROOT / part)
            times[jobs], memory, planned = dry_run(folder, ["mnist", "cifar10"])
            if planned < jobs:
                sys.exit(f"{planned} jobs were planned, {jobs} were expected")
            empty_seconds, empty_memory = dry_run_empty(folder, jobs)
            print(f"{jobs:7,} {times[jobs]:9.1f} {memory:6.0f}   {empty_seconds:19.1f} {empty_memory:6.0f}", flush=True)
    print(f"(an empty dry run: {start_up:.1f} s)")
    failed = False
    for few, many in pairwise(numbers):
        growth = (times[many] - start_up) / (times[few] - start_up) / (many / few)
        failed |= growth > GROWTH
        print(f"{few:,} to {many:,} jobs: {growth:.2f} times linear, at most {GROWTH} allowed")
    if 1_000 in times:
        failed |= times[1_000] > SECONDS
        print(f"1,000 jobs: {times[1_000]:.1f} s, at most {SECONDS:.0f} s allowed")
    sys.exit(failed)


def dry_run_empty(folder: Path, jobs: int) -> tuple[float, float]:
    """Return the processor seconds and megabytes of a dry run of jobs that do nothing."""
    (folder / "empty.smk").write_text(EMPTY.format(jobs=jobs))
    return dry_run(folder, ["--snakefile", "empty.smk"])[:2]


if __name__ == "__main__":
    main()
