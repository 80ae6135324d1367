"""Numbers of runs that were trained before, kept with what made them.

`rederive archive` keeps the finished runs of a study; with `training.archive` a job that finds its own run there takes
the numbers and trains nothing. A run is found by what it is and not by its name: its spec, the fingerprint of the code,
the checksum of the data. A kept run of more epochs or more seeds will do: neither changes the numbers of the others.
Each `.json` is the provenance that the training job wrote, with the checksum of the `.csv` beside it.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rederive import files
from rederive.config import SPECS, Experiment, Study
from rederive.errors import UserError
from rederive.fingerprint import fingerprint
from rederive.training.history import Row, from_csv


def identity(experiment: Experiment, data_checksum: str) -> dict[str, str]:
    """Return what determines the numbers of a run, apart from its seeds and its length."""
    return {
        "spec": experiment.spec.identity(),
        "fingerprint": fingerprint(f"train_{experiment.dataset}"),
        "data_checksum": data_checksum,
    }


def keep(study: Study, results: Path, folder: Path) -> list[Path]:
    """Copy the finished runs of a study from its results folder into another; return the files written there.

    A run takes the place of the same by other code. Raises UserError, and writes nothing, where no run is finished, one
    is not what study and code say now, or one would take the place of a run with other settings or on other data.
    """
    kept: dict[Path, dict[str, Any]] = {}
    refused = []
    for file in filter(Path.exists, (results / path for path in study.run_files())):
        provenance = _read(file.with_suffix(".json"))
        experiment = study.experiments[f"{file.parent.parent.name}.{file.parent.name}"]
        if found := _differences(provenance, experiment, identity(experiment, provenance["data_checksum"])):
            refused.append(f"{file}: differs in {', '.join(found)} from what study and code say now; build it again")
        copy = folder / file.relative_to(results / "runs")
        if copy.with_suffix(".json").exists():
            there = _read(copy.with_suffix(".json"))
            if found := [name for name in ("spec", "data_checksum") if there[name] != provenance[name]]:
                refused.append(f"{copy}: a run with another {', '.join(found)}; remove it, or name another folder")
        kept[copy] = provenance
    if refused:
        raise UserError("\n".join([*refused, "nothing was archived"]))
    if not kept:
        raise UserError(f"{results}: found no finished run of the study; train first")
    for copy, provenance in kept.items():
        files.write_bytes(copy, (results / "runs" / copy.relative_to(folder)).read_bytes())
        known = {key: value for key, value in provenance.items() if key not in ("host", "taken_from")}
        files.write_json(copy.with_suffix(".json"), known | {"sha256": files.sha256(copy)})
    return list(kept)


def take(
    folder: Path, experiment: Experiment, seeds: Collection[int], wanted: Mapping[str, str]
) -> tuple[list[Row], dict[str, Any]] | None:
    """Return the rows of a run's seeds and their provenance, or None after a line that says why.

    `wanted` is the run's `identity`. Raises UserError where there is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"training.archive: {folder} is no folder; `rederive archive` makes one, null does without")
    reasons = []
    for path in sorted((folder / experiment.dataset).glob("*/seeds_*.json")):
        copy = path.with_suffix(".csv")
        try:
            provenance = _read(path)
            differences = _differences(provenance, experiment, wanted)
            if "spec" in differences:
                continue
            if not set(seeds) <= set(provenance["seeds"]):
                differences.append("seeds")
            if differences:
                reasons.append(f"{path}: differs in {', '.join(differences)}")
                continue
            if files.sha256(copy) != provenance.pop("sha256", None):
                raise UserError(f"{copy}: is not the file that was archived")
            rows = from_csv(copy.read_text(encoding="utf-8"))
        except (OSError, UserError) as error:
            reasons.append(str(error))
            continue
        print(f"taken from the archive: {copy}", flush=True)
        wanted_rows = [row for row in rows if row.seed in seeds and row.epoch <= experiment.spec.epochs]
        return wanted_rows, provenance | {"taken_from": copy.as_posix()}
    for reason in reasons or [f"{folder}: no run with this spec"]:
        print(f"not in the archive: {reason}", flush=True)
    return None


def _read(path: Path) -> dict[str, Any]:
    """Read the provenance of a run. Raises UserError where it is missing or is none."""
    try:
        provenance: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if provenance.keys() >= {"spec", "fingerprint", "data_checksum", "seeds"}:
            return provenance
        raise ValueError("its keys are not those of a run")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not the provenance of a run ({error})") from None


def _differences(provenance: Mapping[str, Any], experiment: Experiment, wanted: Mapping[str, str]) -> list[str]:
    """Return in what a run differs from the wanted one, the seeds apart."""
    try:
        spec = SPECS[experiment.dataset].model_validate(provenance["spec"])
    except ValidationError:
        return ["spec"]
    found = {**provenance, "spec": spec.identity()}
    differences = [name for name, value in wanted.items() if found[name] != value]
    return differences + ["epochs"] * (spec.epochs < experiment.spec.epochs)
