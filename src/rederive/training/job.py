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
from rederive.config import Cifar10Spec, Experiment, MnistSpec, Study
from rederive.data import Dataset, load
from rederive.errors import UserError
from rederive.training import archive
from rederive.training import spec as cost
from rederive.training.history import Row, Trained, diverged, to_csv
from rederive.training.keeper import Keeper, StopRequest


def run_job(
    study_path: str | Path,
    run: str,
    seeds: Sequence[int],
    data_dir: str | Path,
    checkpoint_dir: str | Path,
    output_csv: str | Path,
    device: str,
    threads: int,
) -> None:
    """Do what `rederive.training.train` says."""
    began = datetime.now(UTC)
    study = Study.load(study_path)
    experiment = _experiment(study, run, study_path)
    data = load(data_dir)
    if data.manifest["dataset"] != experiment.dataset:
        raise UserError(f"{data_dir}: found {data.manifest['dataset']} data; {run} trains on {experiment.dataset}.")
    identity = archive.identity(experiment, data.manifest["checksum"])
    if study.training.archive:
        taken = archive.take(Path(study.training.archive), experiment, seeds, identity)
        if taken:
            _write(Path(output_csv), experiment, seeds, data, *taken)
            return
    place = _device(device)
    print(f"{run}: {_place_and_attempt(place)}", flush=True)
    tf32 = study.training.tf32 and place == "cuda"
    key = {**identity, "threads": threads, "device": place, "tf32": tf32}
    keepers: list[Keeper] = []
    with StopRequest().listening() as stop, progress.shares() as show:

        def watch(group: list[int]) -> Keeper:
            folder = Path(checkpoint_dir) / run
            keepers.append(Keeper(run, folder, key, group, study.training.checkpoint_minutes, stop, show))
            return keepers[-1]

        try:
            trained = _train(experiment, data, list(seeds), place, threads, tf32, watch)
        except Exception as error:
            # An error may come before the first network has a keeper: impossible sizes, or no memory on the GPU.
            (keepers[-1] if keepers else watch(list(seeds))).fail(error)
            raise
    rows = [row for part in trained for row in part.rows]
    made = {
        "fingerprint": identity["fingerprint"],
        "threads": threads,
        "device": device_name(place),
        "tf32": tf32,
        "versions": versions(),
        "seconds_per_epoch": {"-".join(map(str, keeper.key["seeds"])): keeper.seconds for keeper in keepers},
        "openings": {str(seed): _as_json(losses) for part in trained for seed, losses in part.openings.items()},
        # One digit an image, in the order of the evaluation images.
        "predictions": {
            str(seed): "".join(map(str, classes)) for part in trained for seed, classes in part.predictions.items()
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
        _write(Path(output_csv), experiment, seeds, data, rows, made)
    except OSError as error:
        raise UserError(
            f"{output_csv}: could not be written ({error.strerror}). The training is done and its checkpoint is kept "
            f"in {checkpoint_dir}: make room and run again."
        ) from error
    for keeper in keepers:
        keeper.forget()


def _write(
    output_csv: Path,
    experiment: Experiment,
    seeds: Sequence[int],
    data: Dataset,
    rows: list[Row],
    made: Mapping[str, Any],
) -> None:
    """Write the rows, and beside them what the run is and how it was made."""
    provenance = {
        **made,
        "run": f"{experiment.dataset}.{experiment.name}",
        "spec": experiment.spec.model_dump(mode="json"),
        "data_checksum": data.manifest["checksum"],
        "data_source": data.manifest["source"],
        "origin": experiment.origin,
        "seeds": list(seeds),
        "parameters": cost.parameters(experiment.spec),
        "flops_per_image": cost.training_flops_per_image(experiment.spec),
        "diverged": {str(seed): epoch for seed, epoch in diverged(rows).items()},
    }
    files.write_json(output_csv.with_suffix(".json"), provenance)
    files.write_text(output_csv, to_csv(rows))


def _experiment(study: Study, run: str, study_path: str | Path) -> Experiment:
    runs = study.runs()
    if run not in runs:
        shared = study.experiments[run].run if run in study.experiments else None
        hint = f"it is read from {shared}" if shared else f"its runs: {', '.join(runs)}"
        raise UserError(f"{study_path}: {run} is no run of this study; {hint}.")
    return runs[run]


def _train(
    experiment: Experiment, data: Dataset, seeds: list[int], device: str, threads: int, tf32: bool, watch: Any
) -> list[Trained]:
    if "torch" in sys.modules or experiment.dataset == "cifar10":
        import torch

        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        if device == "cuda":
            # A processor computes the same again anyway; a GPU does where PyTorch knows how, and warns where not.
            torch.set_deterministic_debug_mode("warn")
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if isinstance(experiment.spec, MnistSpec):
        from rederive.training.mnist import train_mnist

        return train_mnist(experiment.spec, data, seeds, device, watch)
    assert isinstance(experiment.spec, Cifar10Spec)
    from rederive.training.cifar10 import train_cifar10

    return train_cifar10(experiment.spec, data, seeds, device, watch)


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


def device_name(device: str) -> str:
    """Return the device with its model, for a run's provenance."""
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
    return ", ".join([device_name(device), f"node {socket.gethostname()}", *known])


def versions() -> dict[str, str]:
    """Return the versions of this package, of Python and of the numerical libraries in use."""
    libraries: tuple[str, ...] = ("numpy", "torch")
    used = {name: version(name) for name in libraries if name in sys.modules}
    return {"rederive": __version__, "python": platform.python_version(), **used}
