"""Is a run whole, and is it what its record says? What is wrong is named with file and line.

Each seed, epoch, split and metric stands once; the seeds are those of the record and of the file's name; a run diverged
where its record says so, and nowhere else; of a study, each metric is there and within its limits.
"""

import math
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rederive.errors import UserError
from rederive.training.history import OPENING_STEPS, Row, diverged

if TYPE_CHECKING:
    from rederive.config import Study
    from rederive.training.provenance import Provenance

TOLD = 3  # problems of a file that a message names
HEADER = 1  # lines above the first row


def refuse_what_is_not_whole(path: Path, rows: Sequence[Row], provenance: "Provenance") -> None:
    """Raise UserError that names file and lines where a run's numbers are not whole or not those of its record."""
    _refuse(path, missing_or_odd(path, rows, provenance), "not whole")


def missing_or_odd(path: Path, rows: Sequence[Row], provenance: "Provenance") -> list[str]:
    """Return what of a run is missing, stands twice, or is not what its record or its file's name says."""
    return [*_unlike_its_name(path, provenance), *_unlike_its_record(rows, provenance)]


def refuse_what_no_run_gives(path: Path, rows: Sequence[Row], study: "Study", trainer: str) -> None:
    """Raise UserError where a metric of the study is missing from a run, or a value outside of the metric's limits."""
    _refuse(path, [*_unlike_its_metrics(rows, study, trainer)], "not what a run of the study gives")


def _refuse(path: Path, problems: Sequence[str], what: str) -> None:
    if problems:
        raise UserError(f"{path}: {what}: {few(problems)}; train this run again")


def few(problems: Sequence[str]) -> str:
    """Return the first problems in one line, and how many there are besides."""
    more = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
    return "; ".join(problems[:TOLD]) + more


def _unlike_its_name(path: Path, provenance: "Provenance") -> Iterator[str]:
    """Yield what the name of a file, seed_0 or seeds_0-1, says otherwise than the record does."""
    named = path.stem.partition("_")[2].split("-")
    if sorted(named) != sorted(map(str, provenance.seeds)):
        yield f"the file is named for seed {', '.join(named)}, its record has {_list(provenance.seeds)}"


def _unlike_its_record(rows: Sequence[Row], provenance: "Provenance") -> Iterator[str]:
    epochs = provenance.spec["epochs"]
    lines: dict[tuple[int, int, str, str], int] = {}
    for line, row in enumerate(rows, HEADER + 1):
        if row.seed not in provenance.seeds:
            yield f"line {line}: found seed {row.seed}, its record has {_list(provenance.seeds)}"
        elif not 1 <= row.epoch <= epochs:
            yield f"line {line}: found epoch {row.epoch}, expected 1 to {epochs}"
        elif row[:-1] in lines:
            yield f"line {line}: {_named(row[:-1])} stands in line {lines[row[:-1]]} already"
        lines.setdefault(row[:-1], line)
    if any(made.trainer_kind != "watched" for made in provenance.seeds.values()):
        # Others report when they like, but all their seeds alike, and after the last epoch.
        places = sorted({row[1:-1] for row in rows})
        if max((row.epoch for row in rows), default=0) != epochs:
            yield f"line {len(rows) + HEADER}: ends before epoch {epochs}, which is the last"
    else:
        kinds = sorted({(row.split, row.metric) for row in rows}) or [("any", "number")]
        # The epochs that are there, and the first that is not: a forged record may claim more than memory holds.
        there = {row.epoch for row in rows if 1 <= row.epoch <= epochs}
        absent = next(epoch for epoch in range(1, len(there) + 2) if epoch not in there)
        expected = sorted(there | {min(absent, epochs)})
        places = [(epoch, *kind) for epoch in expected for kind in kinds]
    present = sorted(lines)
    for seed in provenance.seeds:
        for place in places:
            if (key := (seed, *place)) not in lines:
                yield f"line {bisect(present, key) + HEADER + 1}: {_named(key)} is missing"
    lost = diverged(rows)
    for seed, made in provenance.seeds.items():
        # A run may be taken from a longer one, which diverged later.
        told = made.diverged if made.diverged is not None and made.diverged <= epochs else None
        if told != lost.get(seed) and made.trainer_kind == "watched":
            line = lines.get((seed, lost.get(seed) or told or 1, "train", "loss"), HEADER)
            yield f"line {line}: seed {seed} {_fate(lost.get(seed))}; its record says that it {_fate(told)}"
        if len(made.opening) > OPENING_STEPS or (made.predictions and not made.predictions.isdecimal()):
            yield f"the record of seed {seed}: found an opening or predictions that no training leaves"


def _unlike_its_metrics(rows: Sequence[Row], study: "Study", trainer: str) -> Iterator[str]:
    metrics = {metric.row(trainer): (name, metric) for name, metric in study.metrics_of(trainer).items()}
    present = {(row.split, row.metric) for row in rows}
    if study.trainers[trainer].kind == "watched":  # others report what they like
        for kind in sorted(" ".join(kind) for kind in metrics if kind and kind not in present):
            yield f"no line has {kind}, a metric of the study"
    for line, row in enumerate(rows, HEADER + 1):
        if (found := metrics.get((row.split, row.metric))) is None:
            continue  # told where the run table is read
        name, (low, high) = found[0], found[1].limits
        within = (low is None or row.value >= low) and (high is None or row.value <= high)
        if not within and (math.isfinite(row.value) or None not in (low, high)):
            yield f"line {line}: found {name} {row.value!r}, expected {_range(low, high)}"


def _fate(epoch: int | None) -> str:
    return "did not diverge" if epoch is None else f"diverged in epoch {epoch}"


def _range(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else f'at least {low:g}'}{' and ' * (None not in (low, high))}" + (
        "" if high is None else f"at most {high:g}"
    )


def _named(key: tuple[int, int, str, str]) -> str:
    seed, epoch, split, metric = key
    return f"seed {seed}, epoch {epoch}, {split} {metric}"


def _list(seeds: Mapping[int, object]) -> str:
    return ", ".join(map(str, seeds))
