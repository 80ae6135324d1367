"""Put the files of all training jobs into one run table, with an index of where each run comes from.

`runs.csv` is the run table (`rederive.results.runs`); `runs.json` holds, for each run, its files with their SHA-256,
its seeds, the fingerprint of the code, the checksum of the data, devices and versions (`RunFacts`). Neither holds a
date, a host or an absolute path: equal runs give equal bytes in any folder.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from rederive.config import Settings, Study
from rederive.errors import UserError
from rederive.files import sha256, write_json, write_text
from rederive.layout import Layout
from rederive.records import Provenance, RunFacts, read_record
from rederive.results.runs import COLUMNS, JOB_COLUMNS, read_rows, with_numbers


def collect(layout: Layout, files: Sequence[Path] | None = None) -> None:
    """Write the run table and its index from the training jobs' files, all of the study or those that are given.

    Raises UserError for a file that is no run of the study, or damaged.
    """
    study = Study.load(layout.study)
    known = study.runs()
    tables = [pd.DataFrame(columns=COLUMNS, dtype=str)]
    found: dict[str, list[tuple[Path, pd.DataFrame]]] = {}
    for path in sorted(study.report_files(layout) if files is None else files):
        run = path.parent.name
        if run not in known:
            raise UserError(f"{path}: {run} is no run of {layout.study}; remove the file or add the experiment")
        rows = read_rows(path, JOB_COLUMNS)
        numbers = with_numbers(rows, path)
        found.setdefault(run, []).append((path, numbers))
        # Numbers to sort by, digits as they were written.
        tables.append(numbers.assign(value=rows["value"], experiment=run)[[*COLUMNS]])
    table = pd.concat(tables).sort_values([*COLUMNS[:-1]], kind="stable")
    _refuse_repeated(table)
    write_text(layout.run_table, table.to_csv(index=False, lineterminator="\n"))
    index = {run: _facts(jobs, layout, known[run].spec) for run, jobs in found.items()}
    write_json(layout.run_index, {run: facts.model_dump(mode="json") for run, facts in index.items()})


def _facts(jobs: Iterable[tuple[Path, pd.DataFrame]], layout: Layout, spec: Settings) -> RunFacts:
    """Return what the jobs of a run have in common, and what each of them says of itself."""
    facts = RunFacts()
    for path, rows in jobs:
        facts.files[Path(os.path.relpath(path, layout.folder)).as_posix()] = sha256(path)
        facts.seeds = sorted({*facts.seeds, *map(int, rows["seed"])})
        facts.epochs = max([facts.epochs, *map(int, rows["epoch"])])
        if (file := layout.provenance(path)).exists():
            facts.add(_of_these_settings(path, read_record(file, Provenance, "train this run again"), spec))
    return facts


def _of_these_settings(path: Path, provenance: Provenance, spec: Settings) -> Provenance:
    settings = json.loads(spec.model_dump_json())
    if other := [key for key, value in settings.items() if provenance.spec.get(key, value) != value]:
        told = ", ".join(f"{key} {provenance.spec[key]}, here {settings[key]}" for key in other)
        raise UserError(
            f"{path}: trained with other settings than the study has ({told}); remove the file and build again. Two "
            "builds that write to one folder at the same time do this: give each its own (pathvars)."
        )
    return provenance


def _refuse_repeated(table: pd.DataFrame) -> None:
    repeated = table[table.duplicated([*COLUMNS[:-1]])]
    for row in repeated.itertuples():
        raise UserError(
            f"runs/{row.experiment}: two files hold seed {row.seed}, epoch {row.epoch}, {row.split} {row.metric}; "
            "remove the file that is not one of this build's"
        )
