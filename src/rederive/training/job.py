"""One training job: a run of the study, some of its seeds; reads the study and the data, writes what came out."""

import hashlib
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
from rederive.training.provenance import Provenance, Seed


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
    folder = study.training.archive
    kept = archive.find(Path(folder), experiment, seeds, identity) if folder else {}
    for taken in kept.values():
        print(f"taken from the archive: {taken.path}", flush=True)
    rows = [row for taken in kept.values() for row in taken.rows]
    made = {seed: taken.made for seed, taken in kept.items()}
    keepers: list[Keeper] = []
    if missing := [seed for seed in seeds if seed not in kept]:
        place = _device(device)
        print(f"{run}: {_place_and_attempt(place)}", flush=True)
        tf32 = study.training.tf32 and place == "cuda"
        key = {**identity._asdict(), "threads": threads, "device": place, "tf32": tf32}
        with StopRequest().listening() as stop, progress.shares() as show:

            def watch(group: list[int]) -> Keeper:
                folder = Path(checkpoint_dir) / run
                keepers.append(Keeper(run, folder, key, group, study.training.checkpoint_minutes, stop, show))
                return keepers[-1]

            try:
                trained = train_seeds(experiment, data, missing, place, threads, tf32, watch)
            except Exception as error:
                # An error may come before the first network has a keeper: impossible sizes, or no memory on the GPU.
                (keepers[-1] if keepers else watch(missing)).fail(error)
                raise
        rows += [row for part in trained for row in part.rows]
        common = {
            "fingerprint": identity.fingerprint,
            "threads": threads,
            "device": device_name(place),
            "tf32": tf32,
            "versions": versions(),
            "started": began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": socket.gethostname(),
        }
        for part, keeper in zip(trained, keepers, strict=True):
            made |= _made(part, keeper, common)
    try:
        _write(Path(output_csv), experiment, data, rows, {seed: made[seed] for seed in seeds})
    except OSError as error:
        raise UserError(
            f"{output_csv}: could not be written ({error.strerror}). The training is done and its checkpoint is kept "
            f"in {checkpoint_dir}: make room and run again."
        ) from error
    for keeper in keepers:
        keeper.forget()


def _made(part: Trained, keeper: Keeper, common: Mapping[str, Any]) -> dict[int, Seed]:
    """Return how the numbers of the seeds that were trained together came about."""
    group = keeper.key["seeds"]
    lost = diverged(part.rows)
    return {
        seed: Seed(
            **common,
            seconds_per_epoch=keeper.seconds,
            together=group if len(group) > 1 else [],
            restored_from_epoch=keeper.restored,
            diverged=lost.get(seed),
            opening=part.openings[seed],
            predictions="".join(map(str, part.predictions.get(seed, []))),
        )
        for seed in group
    }


def _write(output_csv: Path, experiment: Experiment, data: Dataset, rows: list[Row], made: Mapping[int, Seed]) -> None:
    """Write the rows, and beside them what the run is and how it was made."""
    text = to_csv(rows)
    provenance = Provenance(
        run=f"{experiment.dataset}.{experiment.name}",
        spec=experiment.spec.model_dump(mode="json"),
        data_checksum=data.manifest["checksum"],
        data_source=data.manifest["source"],
        origin=experiment.origin,
        parameters=cost.parameters(experiment.spec),
        flops_per_image=cost.training_flops_per_image(experiment.spec),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        seeds=dict(made),
    )
    provenance.write(output_csv.with_suffix(".json"))
    files.write_text(output_csv, text)


def _experiment(study: Study, run: str, study_path: str | Path) -> Experiment:
    runs = study.runs()
    if run not in runs:
        shared = study.experiments[run].run if run in study.experiments else None
        hint = f"it is read from {shared}" if shared else f"its runs: {', '.join(runs)}"
        raise UserError(f"{study_path}: {run} is no run of this study; {hint}.")
    return runs[run]


def train_seeds(
    experiment: Experiment, data: Dataset, seeds: list[int], device: str, threads: int, tf32: bool, watch: Any
) -> list[Trained]:
    """Train a run with each of the seeds; `watch` gives each group of seeds that is trained together its watcher."""
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
    """Return what numbers depend on: cpu or cuda, and the model."""
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
    """Return the versions of Python, of this project, and of the libraries that compute."""
    libraries: tuple[str, ...] = ("numpy", "torch")
    used = {name: version(name) for name in libraries if name in sys.modules}
    return {"rederive": __version__, "python": platform.python_version(), **used}
