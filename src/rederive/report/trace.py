"""Where a number comes from, in words.

    describe(layout, key) -> str

prints for one key its value, how it was computed, the runs, seeds and files with their SHA-256, the rule that made
them, the fingerprint of the code, the experiment's settings, the checksum of the data, and everything in the report
that uses it. Without a report (or for a number that it does not use) the last part says so.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rederive import forms
from rederive.layout import Layout
from rederive.records import FigureEntry, Number, RunFacts, read_json, read_records
from rederive.results.number_keys import experiment_of, unknown

if TYPE_CHECKING:
    from rederive.config import Study


def describe(layout: Layout, key: str) -> str:
    """Return the origin of a number. Raises UserError, with the nearest keys, for one that does not exist."""
    numbers = read_records(layout.numbers, Number)
    trace = read_json(layout.trace, forms.Trace) if layout.trace.exists() else {"numbers": {}, "runs": {}}
    used = trace["numbers"]
    for name, record in used.items():  # those of claims
        if name not in numbers:
            fields = {field: value for field, value in record.items() if field in Number.model_fields}
            numbers[name] = Number.model_validate(fields)
    if key not in numbers:
        raise unknown(key, numbers, "trace")
    runs = read_records(layout.run_index, RunFacts)
    figures = read_records(layout.figure_index, FigureEntry) if layout.figure_index.exists() else {}
    told = trace["runs"]
    settings = {run: told[run]["config"] for run in numbers[key].runs if "config" in told.get(run, {})}
    if others := [run for run in numbers[key].runs if run not in settings]:  # the report uses no number of theirs
        from rederive.config import Study

        study = Study.load(layout.study)
        settings |= {run: settings_of(run, study) for run in others}
    return "\n".join(_lines(key, numbers[key], settings, runs, used.get(key), figures)) + "\n"


def keys(layout: Layout) -> list[str]:
    """Return all keys of a build, sorted."""
    return sorted(read_json(layout.numbers, dict[str, Any]))


def _lines(
    key: str,
    number: Number,
    settings: Mapping[str, str],
    runs: Mapping[str, RunFacts],
    used: Mapping[str, Any] | None,
    figures: Mapping[str, FigureEntry],
) -> Iterator[str]:
    yield f"{key} = {number.text}" + (f"   ({number.value!r})" if number.value is not None else "")
    if number.low is not None:
        yield f"  interval     {number.low!r} to {number.high!r}"
    if number.missing:
        yield f"  no value     {number.missing}"
    yield f"  computed     {number.how}"
    if number.seeds:
        yield f"  seeds        {', '.join(map(str, number.seeds))}"
    for run in number.runs:
        facts = runs.get(run, RunFacts())
        yield f"  run          {run}, {how_made(run, facts)}"
        for file, digest in facts.imported.items():
            yield f"    imported   {file}"
            yield f"    sha256     {digest}"
        for file, digest in facts.files.items():
            yield f"    file       {file}"
            yield f"    sha256     {digest}"
        for label, field in (("code", "fingerprint"), ("data", "data_checksum"), ("device", "device")):
            if found := list(filter(None, getattr(facts, field))):
                yield f"    {label:<10} {', '.join(found)}"
        yield f"    config     {settings[run]}"
    for name in figures_with(key, figures):
        yield f"  figure       {name}"
    for place in used["uses"] if used else []:
        yield f"  used in      {place}"
    if not used:
        yield "  used in      nothing in the report prints it"


def how_made(run: str, facts: RunFacts) -> str:
    """Return in a few words how a run came about."""
    if facts.imported:
        return "imported: nothing was trained"
    return f"by rule train (rederive train {run})" if facts.files else "not run"


def settings_of(run: str, study: "Study") -> str:
    """Return a run's settings in a line, those that are not the model's defaults; empty for one that is not there."""
    if run not in study.experiments:
        return ""
    settings = study.experiments[run].spec.model_dump(exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def figures_with(key: str, figures: Mapping[str, FigureEntry]) -> list[str]:
    """Return the figures that show a curve of the key's experiment."""
    experiment = experiment_of(key)
    return sorted(
        name
        for name, entry in figures.items()
        if any(series.experiment == experiment for panel in entry.panels for series in panel.series)
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
