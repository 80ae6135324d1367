"""Training: the MLPs of MNIST on the project's own engine, the convolutional networks of CIFAR-10 on PyTorch."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def train(
    study_path: str | Path,
    run: str,
    seeds: Sequence[int],
    data_dir: str | Path,
    checkpoint_dir: str | Path,
    output_csv: str | Path,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 1,
) -> None:
    """Train a run of the study with each of `seeds`, from its last checkpoint where there is one.

    Writes every epoch's metrics to `output_csv` (columns seed,epoch,split,metric,value) and how they came about to the
    `.json` beside it. `run` is a name such as "mnist.relu"; `data_dir` holds prepared data; `device` is the CPU or a
    GPU, "auto" a GPU where there is one; `threads` is the number of processor threads.

    Raises UserError for a run that is not in the study, for data that are not there, or a full disk, and
    `rederive.training.keeper.Interrupted`, which exits with a code that leads to a retry, after SIGTERM.
    """
    limit_threads(threads)
    from rederive.training.job import run_job

    run_job(study_path, run, seeds, data_dir, checkpoint_dir, output_csv, device, threads)


def limit_threads(threads: int) -> None:
    """Have the numerical libraries compute with so many threads, and in the same order each time.

    They read this once, when they are first imported: after that it is too late.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may sum in any order
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    elif os.environ.get("OMP_NUM_THREADS") != str(threads):
        print(f"numpy was loaded before training: it may compute with more than {threads} thread(s)", file=sys.stderr)
