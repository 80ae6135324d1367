"""Put the files of all training jobs into one run table, with an index of where each run comes from.

`runs.csv` is the run table (`rederive.results.runs`); `runs.json` holds, for each run, its files with their SHA-256,
its seeds, the fingerprint of the code, the checksum of the data, devices and versions (`rederive.records.RunFacts`).
`predictions.json` has what each seed's last network says of every evaluation image, {run: {seed: one digit an image}},
where the run's files tell it. None holds a date, a host or an absolute path: equal runs give equal bytes in any folder.
"""

import csv
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import ValidationError

from rederive.config import Experiment, Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.layout import Layout
from rederive.records import RunFacts
from rederive.results.runs import COLUMNS, RunTable
from rederive.results.seed_fates import seeds_of
from rederive.training.history import Row
from rederive.training.provenance import Provenance, read_run
from rederive.training.wholeness import refuse_what_no_run_gives

# What the report may know of how a seed was made; times and hosts stay out, so that equal runs give equal reports.
OF_SEEDS = ("fingerprint", "device", "versions", "taken_from", "trainer_kind")
OF_RUNS = ("data_checksum", "parameters", "flops_per_image")


class Collected(NamedTuple):
    """All runs of a study: the text of the run table, its index, and what the last networks say."""

    table: str
    facts: dict[str, RunFacts]
    predictions: dict[str, dict[int, str]]


def collect(layout: Layout, files: Sequence[Path] | None = None) -> None:
    """Write the run table and its index from the training jobs' files, those of the study or those that are given.

    Raises UserError for a file that is no run of the study, or not whole.
    """
    study = Study.load(layout.study)
    found = gather(study, layout, study.report_files(layout) if files is None else files)
    write_text(layout.run_table, found.table)
    runs = RunTable.load(layout.run_table, study)
    _refuse_unreported(study, runs, found.table)
    for run, facts in found.facts.items():
        seeds = seeds_of(runs, run, study.seeds, study.runs()[run].epochs)
        facts.left_out, facts.collapsed, facts.deterministic = seeds.left_out, seeds.collapsed, seeds.deterministic
    write_json(layout.predictions, found.predictions)
    if not any("seconds" in table.columns for table in study.tables):
        for facts in found.facts.values():
            facts.seconds = {}
    write_json(layout.run_index, {run: facts.model_dump(mode="json") for run, facts in found.facts.items()})


def _refuse_unreported(study: Study, runs: RunTable, table: str) -> None:
    """Raise UserError for a metric that no run has, though all that it is read from are there: a misspelt `reads`."""
    reported: dict[str, set[str]] = {}
    for run, _, _, split, name, _ in csv.reader(table.splitlines()[1:]):
        reported.setdefault(run, set()).add(f"{split} {name}")
    for key, metric in study.metrics.items():
        readers = {run: row for run, of in study.runs().items() if (row := metric.row(of.trainer))}
        if readers and readers.keys() <= reported.keys() and not any(runs.curves(run, key) for run in readers):
            rows = ", ".join(sorted({f"`{' '.join(row)}`" for row in readers.values()}))
            found = ", ".join(f"`{name}`" for name in sorted({name for run in readers for name in reported[run]}))
            raise UserError(f"metrics.{key}.reads: no run has {rows}; expected one of {found}")


def gather(study: Study, layout: Layout, files: Sequence[Path]) -> Collected:
    """Return what the files of training jobs say together. Raises UserError as `collect` does."""
    known = study.runs()
    rows: list[tuple[str | int, ...]] = []
    index: dict[str, RunFacts] = {}
    predictions: dict[str, dict[int, str]] = {}
    for path in sorted(files):
        run = path.parent.name
        if run not in known:
            raise UserError(f"{path}: {run} is no run of {layout.study}; remove the file or add the experiment")
        found, provenance = read_of_study(study, layout, path)
        rows += [(run, *row[:-1], repr(row.value)) for row in found]
        name = Path(os.path.relpath(path, layout.folder)).as_posix()
        _add(index.setdefault(run, RunFacts()), name, found, provenance)
        told = {seed: made.predictions for seed, made in provenance.seeds.items() if made.predictions}
        predictions[run] = predictions.get(run, {}) | told
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values([*COLUMNS])
    _refuse_repeated(table)
    return Collected(table.to_csv(index=False, lineterminator="\n"), index, predictions)


def read_of_study(study: Study, layout: Layout, path: Path) -> tuple[list[Row], Provenance]:
    """Return the numbers of a job and their record. Raises UserError where they are not whole or another run's."""
    experiment = study.runs()[path.parent.name]
    found, provenance = read_run(layout.provenance(path))
    _refuse_another_run(path, provenance, experiment)
    refuse_what_no_run_gives(path, found, study, experiment.trainer)
    return found, provenance


def _add(facts: RunFacts, name: str, rows: Iterable[Row], provenance: Provenance) -> None:
    """Take up what one more job says of the run."""

    def join(field: str, value: Any) -> None:
        if value is not None:
            told = value if isinstance(value, str | int) else json.dumps(value, sort_keys=True)
            setattr(facts, field, sorted({*getattr(facts, field), told}))

    facts.files[name] = provenance.sha256
    facts.seeds = sorted({*facts.seeds, *provenance.seeds})
    facts.epochs = max(facts.epochs, *(row.epoch for row in rows))
    for field in OF_RUNS:
        join(field, getattr(provenance, field))
    for seed, made in provenance.seeds.items():
        facts.tests_digest[seed] = made.tests_digest
        facts.imported |= made.imported_files
        if made.seconds_per_epoch:
            facts.seconds[seed] = math.fsum(made.seconds_per_epoch) / max(1, len(made.together))
        if made.diverged is not None:
            facts.diverged[seed] = made.diverged
        if (replay := made.certified_by) is not None:
            told = replay.model_dump(mode="json", exclude={"when"})
            facts.replays[f"{replay.made_by} {replay.replayed_by}"] = told
        for field in OF_SEEDS:
            join(field, getattr(made, field))


def _refuse_another_run(path: Path, provenance: Provenance, experiment: Experiment) -> None:
    spec = experiment.spec.model_dump(mode="json")
    try:
        found = type(experiment.spec).model_validate(provenance.spec).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"{path}: the settings of its record are none of the trainer {experiment.trainer} "
            f"({'.'.join(map(str, first['loc']))}: {first['msg']}); remove the file and build again"
        ) from None
    if provenance.run != experiment.key:
        raise UserError(f"{path}: its record is that of {provenance.run}; put it back, or remove it and build again")
    if other := [key for key, value in spec.items() if found[key] != value]:
        told = ", ".join(f"{key} {found[key]}, here {spec[key]}" for key in other)
        raise UserError(
            f"{path}: trained with other settings than the study has ({told}); remove the file and build again. Two "
            "builds that write to one folder at the same time do this: give each its own (pathvars)."
        )


def _refuse_repeated(table: pd.DataFrame) -> None:
    for row in table[table.duplicated([*COLUMNS[:-1]])].itertuples():
        raise UserError(
            f"runs/{row.experiment}: two files hold seed {row.seed}, epoch {row.epoch}, {row.split} {row.metric}; "
            "remove the file that is not one of this build's"
        )
