"""Training jobs: what runs a trainer of the study, keeps its state and writes down what came out."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rederive.config import Study
from rederive.layout import Layout

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def train(
    study_path: str | Path,
    run: str,
    seeds: Sequence[int],
    device: Literal["auto", "cpu", "cuda"] | None = None,
) -> None:
    """Train a run of the study with each of `seeds`, from its last checkpoint where there is one.

    Writes every epoch's metrics (columns seed,epoch,split,metric,value) and how they came about to the folder of the
    study, which has the prepared data, too (`rederive.layout`). `run` is an experiment's key; `device` is the CPU or a
    GPU, "auto" a GPU where there is one, and what the study says where it is left out.

    Raises UserError for a run that is not in the study, for data that are not there, or a full disk, and
    `rederive.training.keeper.Interrupted`, which exits with a code that leads to a retry, after SIGTERM.
    """
    study = Study.load(study_path)
    limit_threads(study.training.threads)
    layout = Layout.of(study_path)
    known = study.experiments.get(run)
    kind = study.trainers[known.trainer].kind if known else "watched"
    if kind == "import":
        from rederive.training import imported

        imported.run_job(study, layout, run, seeds)
    elif kind in ("function", "command"):
        from rederive.training import functions_and_commands

        functions_and_commands.run_job(study, layout, run, seeds)
    else:
        from rederive.training.job import run_job

        run_job(study, layout, run, seeds, device or study.training.device)


def limit_threads(threads: int) -> None:
    """Have the numerical libraries compute with so many threads, and in the same order each time.

    They read this once, when they are first imported: after that it is too late.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may sum in any order
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    elif os.environ.get("OMP_NUM_THREADS") != str(threads):
        print(f"numpy was loaded before training: it may compute with more than {threads} thread(s)", file=sys.stderr)
