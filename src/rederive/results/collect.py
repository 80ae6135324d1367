"""Put the files of all training jobs into one run table, with an index of where each run comes from.

`runs.csv` is the run table (`rederive.results.runs`); `runs.json` holds, for each run, its files with their SHA-256,
its seeds, the fingerprint of the code, the checksum of the data, devices and versions (`rederive.records.RunFacts`).
`predictions.json` has what each seed's last network says of every evaluation image, {run: {seed: one digit an image}},
where the run's files tell it. None holds a date, a host or an absolute path: equal runs give equal bytes in any folder.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rederive.config import Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.layout import Layout
from rederive.records import RunFacts
from rederive.results.runs import COLUMNS, RunTable
from rederive.results.seeds import seeds_of
from rederive.training.history import Row
from rederive.training.provenance import Provenance, read_run

# What the report may know of how a seed was made; times and hosts stay out, so that equal runs give equal reports.
OF_SEEDS = ("fingerprint", "device", "versions", "taken_from", "trainer_kind")
OF_RUNS = ("data_checksum", "parameters", "flops_per_image")


def collect(layout: Layout, files: Sequence[Path] | None = None) -> None:
    """Write the run table and its index from the training jobs' files, those of the study or those that are given.

    Raises UserError for a file that is no run of the study, or not whole.
    """
    study = Study.load(layout.study)
    known = study.runs()
    rows: list[tuple[str | int, ...]] = []
    index: dict[str, RunFacts] = {}
    predictions: dict[str, dict[int, str]] = {}
    for path in sorted(study.report_files(layout) if files is None else files):
        run = path.parent.name
        if run not in known:
            raise UserError(f"{path}: {run} is no run of {layout.study}; remove the file or add the experiment")
        found, provenance = read_run(layout.provenance(path))
        _refuse_other_settings(path, provenance, known[run].spec.model_dump(mode="json"))
        rows += [(run, *row[:-1], repr(row.value)) for row in found]
        name = Path(os.path.relpath(path, layout.folder)).as_posix()
        _add(index.setdefault(run, RunFacts()), name, found, provenance)
        told = {seed: made.predictions for seed, made in provenance.seeds.items() if made.predictions}
        predictions[run] = predictions.get(run, {}) | told
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values([*COLUMNS])
    _refuse_repeated(table)
    write_text(layout.run_table, table.to_csv(index=False, lineterminator="\n"))
    runs = RunTable.load(layout.run_table, study)
    for run, facts in index.items():
        seeds = seeds_of(runs, run, study.seeds, known[run].epochs)
        facts.left_out, facts.collapsed, facts.deterministic = seeds.left_out, seeds.collapsed, seeds.deterministic
    write_json(layout.predictions, predictions)
    write_json(layout.run_index, {run: facts.model_dump(mode="json") for run, facts in index.items()})


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
        if made.diverged is not None:
            facts.diverged[seed] = made.diverged
        if (replay := made.certified_by) is not None:
            told = replay.model_dump(mode="json", exclude={"when"})
            facts.replays[f"{replay.made_by} {replay.replayed_by}"] = told
        for field in OF_SEEDS:
            join(field, getattr(made, field))


def _refuse_other_settings(path: Path, provenance: Provenance, spec: Mapping[str, Any]) -> None:
    found = provenance.spec
    if other := [key for key, value in spec.items() if key in found and found[key] != value]:
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
