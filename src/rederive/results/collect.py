"""Put the files of all training jobs into one run table, with an index of where each run comes from.

    collect(study_path, run_csvs, output_csv, output_index, output_predictions)

`run_csvs` are `<results>/runs/<dataset>/<experiment>/seeds_<first>-<last>.csv` (columns seed,epoch,split,metric,value),
each with a `.json` of the same name beside it that says how it was made. `output_csv` is the run table (`runs.csv`, see
`rederive.results.runs`); `output_index` (`runs.json`) holds, for each run, its files with their SHA-256, its seeds,
the fingerprint of the code, the checksum of the data, devices and versions, the seeds that give no observation and why,
and for each seed the digest of the claims' tests as they stood when it was trained. `output_predictions`
(`predictions.json`) has what each seed's last network says of every evaluation image, {run: {seed: one digit an
image}}, where the run's files tell it. None holds a date, a host or an absolute path: equal runs give equal bytes in
any folder. Paths are relative to the folder of `study_path`.
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
from rederive.files import sha256, write_json, write_text
from rederive.results.runs import COLUMNS, RunTable, read_rows
from rederive.results.seeds import seeds_of

RUN_COLUMNS = ("seed", "epoch", "split", "metric", "value")

# What the report may know of a run's provenance; times and hosts stay out, so that equal runs give equal reports.
STABLE = ("fingerprint", "data_checksum", "device", "versions", "parameters", "flops_per_image")


def collect(
    study_path: Path, run_csvs: Sequence[Path], output_csv: Path, output_index: Path, output_predictions: Path
) -> None:
    """Write the run table, its index and the predictions.

    Raises UserError for a file that is no run of the study, or damaged.
    """
    study = Study.load(study_path)
    known = study.runs()
    root = Path(study_path).parent
    rows: list[tuple[str, str, int, int, str, str, str]] = []
    index: dict[str, dict[str, Any]] = {}
    predictions: dict[str, dict[str, str]] = {}
    for path in sorted(map(Path, run_csvs)):
        dataset, experiment = path.parent.parent.name, path.parent.name
        run = f"{dataset}.{experiment}"
        if run not in known:
            raise UserError(f"{path}: {run} is no run of {study_path}; remove the file or add the experiment")
        found = _rows(path)
        rows += [(dataset, experiment, *row) for row in found]
        facts = _add(index.setdefault(run, _empty()), path, root, found, known[run].spec.model_dump(mode="json"))
        predictions.setdefault(run, {}).update(facts.get("predictions") or {})
    _refuse_repeated(rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    write_text(output_csv, buffer.getvalue())
    table = RunTable.load(output_csv)
    for run, entry in index.items():
        seeds = seeds_of(table, run, study.seeds, known[run].epochs)
        entry |= {"left_out": seeds.left_out, "collapsed": seeds.collapsed, "deterministic": seeds.deterministic}
    write_json(output_index, {run: _sorted(entry) for run, entry in index.items()})
    write_json(output_predictions, predictions)


def _rows(path: Path) -> list[tuple[int, int, str, str, str]]:
    rows = []
    for number, row in read_rows(path, RUN_COLUMNS):
        try:
            float(row["value"])
            rows.append((int(row["seed"]), int(row["epoch"]), row["split"], row["metric"], row["value"]))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}; train this run again") from None
    return rows


def _empty() -> dict[str, Any]:
    counts = {"files": {}, "seeds": set(), "epochs": 0, "diverged": {}, "tests_digest": {}}
    return counts | {key: set() for key in STABLE}


def _add(
    entry: dict[str, Any],
    path: Path,
    root: Path,
    rows: Iterable[tuple[int, int, str, str, str]],
    spec: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Add a run's file to its entry in the index; return its provenance, empty where there is none."""
    entry["files"][Path(os.path.relpath(path, root)).as_posix()] = sha256(path)
    for seed, epoch, *_ in rows:
        entry["seeds"].add(seed)
        entry["epochs"] = max(entry["epochs"], epoch)
    provenance = path.with_suffix(".json")
    if not provenance.exists():
        return {}
    try:
        facts: dict[str, Any] = json.loads(provenance.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{provenance}: not JSON ({error}); train this run again") from None
    if other := [key for key, value in spec.items() if key in facts.get("spec", {}) and facts["spec"][key] != value]:
        told = ", ".join(f"{key} {facts['spec'][key]}, here {spec[key]}" for key in other)
        raise UserError(
            f"{path}: trained with other settings than the study has ({told}); remove the file and build again. Two "
            "builds that write to one folder at the same time do this: give each its own (pathvars)."
        )
    entry["diverged"] |= facts.get("diverged") or {}
    entry["tests_digest"] |= {str(seed): facts.get("tests_digest") for seed in facts.get("seeds", [])}
    for key in STABLE:
        if (value := facts.get(key)) is not None:
            entry[key].add(value if isinstance(value, (str, int)) else json.dumps(value, sort_keys=True))
    return facts


def _sorted(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, set) else value for key, value in entry.items()}


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
