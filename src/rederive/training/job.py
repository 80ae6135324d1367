"""One training job: a run of the study, some of its seeds; reads the study and the data, writes what came out."""

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rederive import files, progress
from rederive.config import Experiment, Study, Trainer
from rederive.data import Dataset, load
from rederive.environment import processor, versions
from rederive.errors import UserError
from rederive.imports import load as load_code
from rederive.layout import CLAIMS, Layout, job_name
from rederive.training import archive
from rederive.training.history import Row, Trained, diverged, to_csv
from rederive.training.keeper import Keeper, StopRequest
from rederive.training.loop import Watcher
from rederive.training.preflight import refuse_hopeless
from rederive.training.provenance import Provenance, Seed


def run_job(study: Study, layout: Layout, run: str, seeds: Sequence[int], device: str) -> None:
    """Do what `rederive.training.train` says."""
    began = datetime.now(UTC)
    experiment = find_run(study, run, layout.study)
    trainer, threads = study.trainers[experiment.trainer], study.training.threads
    output = layout.run(run, seeds)
    folder = study.training.archive
    # What is taken needs no data, where it is known what they would be.
    checksum = archive.official_checksum(study, experiment) if folder else None
    absent = checksum is not None and not layout.manifest(experiment.data).exists()
    data = None if absent else load_data(layout, experiment)
    identity = archive.identity(study, experiment, data.manifest["checksum"] if data else str(checksum))
    kept = archive.find(Path(folder), experiment, seeds, identity) if folder else {}
    for taken in kept.values():
        print(f"taken from the archive: {taken.path}", flush=True)
    rows = [row for taken in kept.values() for row in taken.rows]
    made = {seed: taken.made for seed, taken in kept.items()}
    keepers: list[Keeper] = []
    if missing := [seed for seed in seeds if seed not in kept]:
        data = data or load_data(layout, experiment)
        cost = load_code(trainer.cost)(experiment.spec) if trainer.cost else None
        refuse_hopeless(run, [output, layout.checkpoints(run) / f"{job_name(missing)}.checkpoint"], cost)
        place = _device(device)
        tests = tests_now()
        print(f"{run}: {_place_and_attempt(place)}", flush=True)
        tf32 = study.training.tf32 and place == "cuda"
        key = {**identity._asdict(), "threads": threads, "device": place, "tf32": tf32}
        with StopRequest().listening() as stop, progress.shares() as show:

            def watch(group: list[int]) -> Keeper:
                folder = layout.checkpoints(run)
                keepers.append(Keeper(run, folder, key, group, study.training.checkpoint_minutes, stop, show))
                return keepers[-1]

            try:
                trained = train_seeds(trainer.python, experiment, data, missing, place, threads, tf32, watch)
            except Exception as error:
                # An error may come before the first network has a keeper: impossible sizes, or no memory on the GPU.
                (keepers[-1] if keepers else watch(missing)).fail(error)
                if _is_out_of_memory(error):
                    raise UserError(
                        f"{run}: there was not enough memory ({str(error).splitlines()[0] if str(error) else 'full'}). "
                        "Free some, set batch_size or the layers to less, or train on another machine; a new start "
                        "goes on from the last checkpoint."
                    ) from error
                raise
        rows += [row for part in trained for row in part.rows]
        common = {
            "fingerprint": identity.fingerprint,
            "threads": threads,
            "device": device_name(place),
            "tf32": tf32,
            "versions": versions(),
            "tests_digest": tests,
            "started": began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": socket.gethostname(),
        }
        for part, keeper in zip(trained, keepers, strict=True):
            made |= made_of(part, keeper, common)
    try:
        about = identity.data_checksum, data.manifest["source"] if data else study.data.source
        write_run(output, experiment, trainer, *about, rows, {seed: made[seed] for seed in seeds})
    except OSError as error:
        raise UserError(
            f"{output}: could not be written ({error.strerror}). {_what_is_left(keepers)}; make room and run again."
        ) from error
    for keeper in keepers:
        keeper.forget()


def _is_out_of_memory(error: Exception) -> bool:
    """Say whether an error of NumPy's, PyTorch's or Python's own means that memory was not enough."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in told or "can't allocate memory" in told


def _what_is_left(keepers: Sequence[Keeper]) -> str:
    """Return in words what of a training is on the disk where its results could not be written; it is read back."""
    if not keepers:
        return "Nothing was trained: all seeds are kept runs"
    lost = [keeper.label for keeper in keepers if not keeper.kept_to_the_end()]
    if lost:
        return (
            f"The training is done, but the checkpoint of its end could not be written, either ({'; '.join(lost)}): "
            "what is not saved will be trained again"
        )
    return f"The training is done and its checkpoint is kept in {keepers[0].checkpoint.parent}"


def load_data(layout: Layout, experiment: Experiment) -> Dataset:
    """Return the data that an experiment trains on. Raises UserError where they are not there, or are others."""
    folder = layout.manifest(experiment.data).parent
    data = load(folder)
    if data.manifest["dataset"] != experiment.data:
        raise UserError(
            f"{folder}: found {data.manifest['dataset']} data; {experiment.key} trains on {experiment.data}."
        )
    return data


def take(study: Study, layout: Layout) -> int:
    """Write the kept runs of the study that no file of the build holds yet; return how many seeds that were."""
    taken = archive.to_take(archive.valid(study, Path(str(study.training.archive))), layout)
    for output, one in taken.items():
        experiment = study.runs()[output.parent.name]
        about = one.provenance.data_checksum, one.provenance.data_source
        write_run(output, experiment, study.trainers[experiment.trainer], *about, one.rows, {one.seed: one.made})
    return len(taken)


def made_of(part: Trained, keeper: Keeper, common: Mapping[str, Any]) -> dict[int, Seed]:
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


def write_run(
    output: Path,
    experiment: Experiment,
    trainer: Trainer,
    data_checksum: str,
    data_source: str,
    rows: list[Row],
    made: Mapping[int, Seed],
) -> None:
    """Write the rows, and beside them what the run is and how it was made."""
    text = to_csv(rows)
    cost = load_code(trainer.cost)(experiment.spec) if trainer.cost else None
    provenance = Provenance(
        run=experiment.key,
        spec=experiment.spec.model_dump(mode="json"),
        data_checksum=data_checksum,
        data_source=data_source,
        origin=experiment.origin,
        parameters=cost.parameters if cost else None,
        flops_per_image=cost.flops_per_image if cost else None,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        seeds=dict(made),
    )
    provenance.write(Layout.provenance(output))
    files.write_text(output, text)


def find_run(study: Study, run: str, study_path: Path) -> Experiment:
    """Return the experiment of a run. Raises UserError for one that is no run of the study."""
    runs = study.runs()
    if run not in runs:
        shared = study.experiments[run].run if run in study.experiments else None
        hint = f"it is read from {shared}" if shared else f"its runs: {', '.join(runs)}"
        raise UserError(f"{study_path}: {run} is no run of this study; {hint}.")
    return runs[run]


def train_seeds(
    code: str | None,
    experiment: Experiment,
    data: Dataset,
    seeds: list[int],
    device: str,
    threads: int,
    tf32: bool,
    watch: Callable[[list[int]], Watcher],
) -> list[Trained]:
    """Train a run with each of the seeds; `code` is the import path of its trainer.

    `watch` gives each group of seeds that is trained together its watcher.
    """
    train = load_code(code)  # type: ignore[arg-type]  # a watched trainer has one
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        if device == "cuda":
            # A processor computes the same again anyway; a GPU does where PyTorch knows how, and warns where not.
            torch.set_deterministic_debug_mode("warn")
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    trained: list[Trained] = train(experiment.spec, data, seeds, device, watch)
    return trained


def tests_now() -> str | None:
    """Return the digest of the claims' tests as they stand now; None where there are none that can be read."""
    from rederive.results.claim_file import tests_digest

    try:
        return tests_digest(CLAIMS)
    except UserError:
        return None


def _device(wanted: str) -> str:
    """Return cpu or cuda. torch, which takes seconds to import, is asked only where the driver of a GPU is there."""
    installed = find_spec("torch") is not None
    if wanted == "cpu" or (wanted == "auto" and not (installed and Path("/proc/driver/nvidia/version").exists())):
        return "cpu"
    if not installed:
        raise UserError("device cuda: PyTorch, which finds GPUs, is not installed; set training.device to cpu or auto.")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UserError("device cuda: PyTorch finds no GPU here; set training.device to cpu or auto.")
    return "cpu"


def device_name(device: str) -> str:
    """Return what numbers depend on: cpu or cuda, and the model."""
    if device == "cpu":
        return f"cpu ({processor()})"
    import torch

    return f"cuda ({torch.cuda.get_device_name()})"


def _place_and_attempt(device: str) -> str:
    """Return where this process runs, for its log: device, node, and what a cluster says of the job."""
    told = {"CUDA_VISIBLE_DEVICES": "GPU", "SLURM_JOB_ID": "Slurm job", "REDERIVE_ATTEMPT": "attempt"}
    known = [f"{words} {os.environ[variable]}" for variable, words in told.items() if os.environ.get(variable)]
    return ", ".join([device_name(device), f"node {socket.gethostname()}", *known])
