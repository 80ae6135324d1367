"""One training job: a run of the study, some of its seeds; reads the study and the data, writes what came out."""

import math
import os
import platform
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rederive import __version__, files, progress
from rederive.config import Experiment, Study, Trainer
from rederive.data import Dataset, load
from rederive.errors import UserError
from rederive.imports import load as load_code
from rederive.layout import Layout
from rederive.records import Provenance
from rederive.training import archive
from rederive.training.history import Row, Trained, diverged, to_csv
from rederive.training.keeper import Keeper, StopRequest


def run_job(study: Study, layout: Layout, run: str, seeds: Sequence[int], device: str) -> None:
    """Do what `rederive.training.train` says."""
    began = datetime.now(UTC)
    experiment = _experiment(study, run, layout.study)
    threads = study.training.threads
    output = layout.run(run, seeds)
    data_dir = layout.manifest(experiment.data).parent
    data = load(data_dir)
    if data.manifest["dataset"] != experiment.data:
        raise UserError(f"{data_dir}: found {data.manifest['dataset']} data; {run} trains on {experiment.data}.")
    trainer = study.trainers[experiment.trainer]
    identity = archive.identity(experiment, trainer.python, data.manifest["checksum"])
    if study.training.archive:
        taken = archive.take(Path(study.training.archive), experiment, seeds, identity)
        if taken:
            _write(output, experiment, trainer, seeds, data, *taken)
            return
    place = _device(device)
    print(f"{run}: {_place_and_attempt(place)}", flush=True)
    tf32 = study.training.tf32 and place == "cuda"
    key = {**identity, "threads": threads, "device": place, "tf32": tf32}
    keepers: list[Keeper] = []
    with StopRequest().listening() as stop, progress.shares() as show:

        def watch(group: list[int]) -> Keeper:
            folder = layout.checkpoints(run)
            keepers.append(Keeper(run, folder, key, group, study.training.checkpoint_minutes, stop, show))
            return keepers[-1]

        try:
            train = load_code(trainer.python)
            _set_up_torch(place, threads, tf32)
            trained: list[Trained] = train(experiment.spec, data, list(seeds), place, watch)
        except Exception as error:
            # An error may come before the first network has a keeper: impossible sizes, or no memory on the GPU.
            (keepers[-1] if keepers else watch(list(seeds))).fail(error)
            raise
    rows = [row for part in trained for row in part.rows]
    made = {
        "fingerprint": identity["fingerprint"],
        "threads": threads,
        "device": _device_name(place),
        "tf32": tf32,
        "versions": _versions(),
        "seconds_per_epoch": {"-".join(map(str, keeper.key["seeds"])): keeper.seconds for keeper in keepers},
        "openings": {seed: _as_json(losses) for part in trained for seed, losses in part.openings.items()},
        "predictions": {
            seed: "".join(map(str, classes)) for part in trained for seed, classes in part.predictions.items()
        },
        "restored_from_epoch": {
            "-".join(map(str, keeper.key["seeds"])): keeper.restored
            for keeper in keepers
            if keeper.restored is not None
        },
        "started": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
    }
    try:
        _write(output, experiment, trainer, seeds, data, rows, made)
    except OSError as error:
        raise UserError(
            f"{output}: could not be written ({error.strerror}). The training is done and its checkpoint is kept "
            f"in {layout.checkpoints(run)}: make room and run again."
        ) from error
    for keeper in keepers:
        keeper.forget()


def _write(
    output: Path,
    experiment: Experiment,
    trainer: Trainer,
    seeds: Sequence[int],
    data: Dataset,
    rows: list[Row],
    made: Mapping[str, Any],
) -> None:
    """Write the rows, and beside them what the run is and how it was made."""
    cost = load_code(trainer.cost)(experiment.spec) if trainer.cost else None
    provenance = Provenance.model_validate(
        {
            **made,
            "run": experiment.key,
            "spec": experiment.spec.model_dump(mode="json"),
            "data_checksum": data.manifest["checksum"],
            "data_source": data.manifest["source"],
            "origin": experiment.origin,
            "seeds": list(seeds),
            "parameters": cost.parameters if cost else None,
            "flops_per_image": cost.flops_per_image if cost else None,
            "diverged": diverged(rows),
        }
    )
    files.write_json(Layout.provenance(output), provenance.model_dump(mode="json", exclude_none=True))
    files.write_text(output, to_csv(rows))


def _experiment(study: Study, run: str, study_path: Path) -> Experiment:
    runs = study.runs()
    if run not in runs:
        shared = study.experiments[run].run if run in study.experiments else None
        hint = f"it is read from {shared}" if shared else f"its runs: {', '.join(runs)}"
        raise UserError(f"{study_path}: {run} is no run of this study; {hint}.")
    return runs[run]


def _set_up_torch(device: str, threads: int, tf32: bool) -> None:
    """Set what holds for the whole process, where the trainer computes with PyTorch."""
    if "torch" not in sys.modules:
        return
    import torch

    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    if device == "cuda":
        # A processor computes the same again anyway; a GPU does where PyTorch knows how, and warns where not.
        torch.set_deterministic_debug_mode("warn")
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _as_json(numbers: Sequence[float]) -> list[float | str]:
    """Return the numbers; those that JSON has no form for, nan and inf, as strings."""
    return [number if math.isfinite(number) else str(number) for number in numbers]


def _device(wanted: str) -> str:
    """Return cpu or cuda. torch, which takes seconds to import, is asked only where the driver of a GPU is there."""
    if wanted == "cpu" or (wanted == "auto" and not Path("/proc/driver/nvidia/version").exists()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UserError("device cuda: PyTorch finds no GPU here; set training.device to cpu or auto.")
    return "cpu"


def _device_name(device: str) -> str:
    if device == "cpu":
        return f"cpu ({_processor()})"
    import torch

    return f"cuda ({torch.cuda.get_device_name()})"


def _processor() -> str:
    """Return the processor's model where the system tells it: numerical libraries choose their kernels by it."""
    try:
        told = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return f"{told[1].strip()}, {platform.machine()}" if told else platform.processor() or platform.machine()


def _place_and_attempt(device: str) -> str:
    """Return where this process runs, for its log: device, node, and what a cluster says of the job."""
    told = {"CUDA_VISIBLE_DEVICES": "GPU", "SLURM_JOB_ID": "Slurm job", "REDERIVE_ATTEMPT": "attempt"}
    known = [f"{words} {os.environ[variable]}" for variable, words in told.items() if os.environ.get(variable)]
    return ", ".join([_device_name(device), f"node {socket.gethostname()}", *known])


def _versions() -> dict[str, str]:
    libraries: tuple[str, ...] = ("numpy", "torch")
    used = {name: version(name) for name in libraries if name in sys.modules}
    return {"rederive": __version__, "python": platform.python_version(), **used}
