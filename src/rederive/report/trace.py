"""Where a number comes from, in words.

    describe(results_dir, key) -> str

prints for one key its value, how it was computed, the runs, seeds and files with their SHA-256, the rule that made
them, the fingerprint of the code, the experiment's settings, the checksum of the data, and everything in the report
that uses it. Without a report (or for a number that it does not use) the last part says so.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rederive.config import Study
from rederive.results.keys import unknown
from rederive.results.numbers import read_json


def describe(results_dir: Path, key: str) -> str:
    """Return the origin of a number. Raises UserError, with the nearest keys, for one that does not exist."""
    results_dir = Path(results_dir)
    numbers = read_json(results_dir / "numbers.json")
    trace_json = results_dir / "report" / "trace.json"
    used = read_json(trace_json)["numbers"] if trace_json.exists() else {}
    numbers |= {name: number for name, number in used.items() if name not in numbers}  # of claims
    if key not in numbers:
        raise unknown(key, numbers, "trace")
    study = Study.load(results_dir / "study.json")
    runs = read_json(results_dir / "runs.json")
    figures = read_json(index) if (index := results_dir / "figures" / "index.json").exists() else {}
    return "\n".join(_lines(key, numbers[key], study, runs, used.get(key), figures)) + "\n"


def keys(results_dir: Path) -> list[str]:
    """Return all keys of a build, sorted."""
    return sorted(read_json(Path(results_dir) / "numbers.json"))


def _lines(
    key: str,
    number: Mapping[str, Any],
    study: Study,
    runs: Mapping[str, Any],
    used: Mapping[str, Any] | None,
    figures: Mapping[str, Any],
) -> Iterator[str]:
    yield f"{key} = {number['text']}" + (f"   ({number['value']!r})" if number["value"] is not None else "")
    if number.get("low") is not None:
        yield f"  interval     {number['low']!r} to {number['high']!r}"
    if number.get("missing"):
        yield f"  no value     {number['missing']}"
    yield f"  computed     {number['how']}"
    if number.get("seeds"):
        yield f"  seeds        {', '.join(map(str, number['seeds']))}"
    for run in number.get("runs", []):
        facts = runs.get(run, {})
        yield f"  run          {run}, by rule {rule_of(run)} (rederive train {run.replace('.', ' ', 1)})"
        for file, digest in facts.get("files", {}).items():
            yield f"    file       {file}"
            yield f"    sha256     {digest}"
        for label, field in (("code", "fingerprint"), ("data", "data_checksum"), ("device", "device")):
            if facts.get(field):
                yield f"    {label:<10} {', '.join(map(str, facts[field]))}"
        yield f"    config     {settings_of(run, study)}"
    for name in figures_with(key, figures):
        yield f"  figure       {name}"
    for place in used["uses"] if used else []:
        yield f"  used in      {place}"
    if not used:
        yield "  used in      nothing in the report prints it"


def rule_of(run: str) -> str:
    """Return the rule that trains a run."""
    return f"train_{run.partition('.')[0]}"


def settings_of(run: str, study: Study) -> str:
    """Return a run's settings in a line, those that are not the model's defaults; empty for one that is not there."""
    if run not in study.experiments:
        return ""
    settings = study.experiments[run].spec.model_dump(exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def figures_with(key: str, figures: Mapping[str, Any]) -> list[str]:
    """Return the figures that show a curve of the key's experiment."""
    experiment = key.partition("@")[0].rpartition(".")[0]
    return sorted(
        name
        for name, entry in figures.items()
        if any(series["experiment"] == experiment for panel in entry["panels"] for series in panel["series"])
    )


COLUMNS = ("key", "value", "low", "high", "printed", "computed", "formula", "seeds", "runs", "files", "used in")


def as_csv(trace: Mapping[str, Any]) -> str:
    """Return the numbers of `trace.json` as a table, a line for each, with the files' SHA-256."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for key, number in sorted(trace["numbers"].items()):
        files = {file: digest for run in number.get("runs", []) for file, digest in _files(run, trace).items()}
        writer.writerow(
            [
                key,
                *(number.get(field) for field in ("value", "low", "high", "text", "how", "formula")),
                " ".join(map(str, number.get("seeds", []))),
                " ".join(number.get("runs", [])),
                " ".join(f"{file}:{digest}" for file, digest in files.items()),
                "; ".join(number["uses"]),
            ]
        )
    return buffer.getvalue()


def _files(run: str, trace: Mapping[str, Any]) -> Mapping[str, str]:
    return trace["runs"].get(run, {}).get("files", {})  # type: ignore[no-any-return]
