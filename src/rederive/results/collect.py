"""Put the files of all training jobs into one run table, with an index of where each run comes from.

    collect(study_path, run_csvs, output_csv, output_index)

`run_csvs` are `<results>/runs/<dataset>/<experiment>/seeds_<first>-<last>.csv` (columns seed,epoch,split,metric,value),
each with a `.json` of the same name beside it that says how it was made. `output_csv` is the run table (`runs.csv`, see
`rederive.results.runs`); `output_index` (`runs.json`) holds, for each run, its files with their SHA-256, its seeds,
the fingerprint of the code, the checksum of the data, devices and versions. Neither holds a date, a host or an absolute
path: equal runs give equal bytes in any folder. Paths are relative to the folder of `study_path`.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rederive.config import Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.results.runs import COLUMNS
from rederive.training.history import Row
from rederive.training.provenance import Provenance, read_run

# What the report may know of how a seed was made; times and hosts stay out, so that equal runs give equal reports.
OF_SEEDS = ("fingerprint", "device", "versions", "taken_from")
OF_RUNS = ("data_checksum", "parameters", "flops_per_image")


def collect(study_path: Path, run_csvs: Sequence[Path], output_csv: Path, output_index: Path) -> None:
    """Write the run table and its index. Raises UserError for a file that is no run of the study, or not whole."""
    study = Study.load(study_path)
    known = study.runs()
    root = Path(study_path).parent
    rows: list[tuple[str, str, int, int, str, str, str]] = []
    index: dict[str, dict[str, Any]] = {}
    for path in sorted(map(Path, run_csvs)):
        dataset, experiment = path.parent.parent.name, path.parent.name
        run = f"{dataset}.{experiment}"
        if run not in known:
            raise UserError(f"{path}: {run} is no run of {study_path}; remove the file or add the experiment")
        found, provenance = read_run(path.with_suffix(".json"))
        _refuse_other_settings(path, provenance, known[run].spec.model_dump(mode="json"))
        rows += [(dataset, experiment, *row[:-1], repr(row.value)) for row in found]
        _add(index.setdefault(run, _empty()), Path(os.path.relpath(path, root)).as_posix(), found, provenance)
    _refuse_repeated(rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    write_text(output_csv, buffer.getvalue())
    write_json(output_index, {run: _sorted(entry) for run, entry in index.items()})


def _empty() -> dict[str, Any]:
    return {"files": {}, "seeds": set(), "epochs": 0, "diverged": {}, "replays": {}} | {
        key: set() for key in (*OF_SEEDS, *OF_RUNS)
    }


def _add(entry: dict[str, Any], name: str, rows: Iterable[Row], provenance: Provenance) -> None:
    entry["files"][name] = provenance.sha256
    entry["seeds"] |= provenance.seeds.keys()
    entry["epochs"] = max(entry["epochs"], *(row.epoch for row in rows))
    for key in OF_RUNS:
        entry[key].add(getattr(provenance, key))
    for seed, made in provenance.seeds.items():
        if made.diverged is not None:
            entry["diverged"][str(seed)] = made.diverged
        if made.certified_by is not None:
            replay = made.certified_by.model_dump(mode="json", exclude={"when"})
            entry["replays"][f"{replay['made_by']} {replay['replayed_by']}"] = replay
        for key in OF_SEEDS:
            if (value := getattr(made, key)) is not None:
                entry[key].add(value if isinstance(value, str) else json.dumps(value, sort_keys=True))


def _sorted(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, set) else value for key, value in entry.items()}


def _refuse_other_settings(path: Path, provenance: Provenance, spec: Mapping[str, Any]) -> None:
    found = provenance.spec
    if other := [key for key, value in spec.items() if key in found and found[key] != value]:
        told = ", ".join(f"{key} {found[key]}, here {spec[key]}" for key in other)
        raise UserError(
            f"{path}: trained with other settings than the study has ({told}); remove the file and build again. Two "
            "builds that write to one folder at the same time do this: give each its own (pathvars)."
        )


def _refuse_repeated(rows: list[tuple[str, str, int, int, str, str, str]]) -> None:
    seen = set()
    for row in rows:
        if row[:-1] in seen:
            dataset, experiment, seed, epoch, split, metric, _ = row
            raise UserError(
                f"runs/{dataset}/{experiment}: two files hold seed {seed}, epoch {epoch}, {split} {metric}; remove the "
                "file that is not one of this build's"
            )
        seen.add(row[:-1])
