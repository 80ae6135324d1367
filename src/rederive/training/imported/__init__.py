"""Results that exist: files of other tools, read as they are. Nothing is trained, and the record says so.

The files of an experiment are those that the trainer's `import` names, with {experiment}, {seed} and settings filled
in. Whatever their form, they come to rows: a number for each seed, epoch, split and metric.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rederive import files
from rederive.config import Experiment, Study, Trainer
from rederive.errors import UserError
from rederive.fingerprint import fingerprint, training
from rederive.layout import Layout
from rederive.training import job
from rederive.training.archive import NO_DATA
from rederive.training.foreign_rows import filled, from_table, read_text, whole
from rederive.training.history import Row, diverged
from rederive.training.imported import lm_eval, tensorboard, wandb
from rederive.training.provenance import Seed


def run_job(study: Study, layout: Layout, run: str, seeds: Sequence[int]) -> None:
    """Do what `rederive.training.train` says of a run that is imported."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    experiment = job.find_run(study, run, layout.study)
    trainer = study.trainers[experiment.trainer]
    rows = rows_of_files(trainer, experiment, seeds)
    made = Seed(
        trainer_kind="import",
        imported_files={path.as_posix(): files.sha256(path) for path in files_of(trainer, experiment, seeds)},
        fingerprint=fingerprint(training(trainer)),
        device="not known",
        threads=0,
        versions={},
        started=now,
        ended=now,
        seconds_per_epoch=[],
    )
    lost = diverged(rows)
    by_seed = {seed: made.model_copy(update={"diverged": lost.get(seed)}) for seed in seeds}
    job.write_run(layout.run(run, seeds), experiment, trainer, NO_DATA, study.data.source, rows, by_seed)


def files_of(trainer: Trainer, experiment: Experiment, seeds: Sequence[int]) -> list[Path]:
    """Return the files that an experiment's rows come from. Raises UserError where there are none."""
    found = {path: None for seed in seeds for path in _files(trainer, experiment, seed)}
    return sorted(found)


def _files(trainer: Trainer, experiment: Experiment, seed: int) -> list[Path]:
    pattern = filled(str(trainer.imports), {"experiment": experiment.key, "seed": seed}, experiment, "import")
    found = [path for path in sorted(Path().glob(pattern)) if path.is_file()]
    if not found:
        raise UserError(f"experiments.{experiment.key}: found no file {pattern} to import; expected one")
    return found


def rows_of_files(trainer: Trainer, experiment: Experiment, seeds: Sequence[int]) -> list[Row]:
    """Return the rows of some seeds from the files of an experiment. Raises UserError, with the file."""
    by_seed = "{seed}" in str(trainer.imports)
    rows: list[Row] = []
    for seed in seeds if by_seed else seeds[:1]:
        for path in _files(trainer, experiment, seed):
            rows += _read(trainer, experiment, path, seed if by_seed else None, seeds)
    where = f"experiments.{experiment.key}: {trainer.imports}"
    places = [row[:-1] for row in rows]
    if len(set(places)) < len(places):
        seed, epoch, split, metric = next(place for place, times in Counter(places).items() if times > 1)
        raise UserError(f"{where}: two values of {split} {metric}, seed {seed}, epoch {epoch}; expected one")
    return whole(where, rows, seeds, experiment.epochs)


def _read(trainer: Trainer, experiment: Experiment, path: Path, seed: int | None, seeds: Sequence[int]) -> list[Row]:
    """Return the rows of a file; `seed` is that of its path, where that has one."""
    match trainer.format:
        case "csv":
            return from_table(path, read_text(path), experiment.epochs)
        case "wandb":
            names = _run_names(trainer, experiment, seeds if seed is None else [seed])
            return wandb.read(path, names, seed)
    if seed is None:
        raise UserError(f"{path}: a file of {trainer.format} is that of one run; write {{seed}} into the import's path")
    if trainer.format == "tensorboard":
        return tensorboard.read(path, seed)
    return lm_eval.read(path, seed, experiment.epochs)


def _run_names(trainer: Trainer, experiment: Experiment, seeds: Sequence[int]) -> dict[int, str]:
    """Return what the runs of an export are called, by seed; nothing where the trainer does not say."""
    if trainer.run is None:
        return {}
    known = {"experiment": experiment.key}
    return {seed: filled(trainer.run, {**known, "seed": seed}, experiment, "run") for seed in seeds}
