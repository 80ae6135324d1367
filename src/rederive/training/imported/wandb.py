"""The CSV that Weights & Biases exports of a chart or of a run's history."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from rederive.errors import UserError
from rederive.training.foreign_rows import read_text
from rederive.training.history import Row

STEPS = ("epoch", "Step", "_step", "step", "train/epoch", "trainer/global_step")
NO_METRICS = (*STEPS, "_timestamp", "_runtime", "Relative Time (Process)", "Wall Time")
EXTREMES = ("__MIN", "__MAX")  # what an exported chart adds to each line, for smoothing


def read(path: Path, names: Mapping[int, str], seed: int | None) -> list[Row]:
    """Return the rows of an export: each line that has a value of a metric is one epoch more of it.

    A column is `RUN - METRIC`, as charts have it, or `METRIC`, as a run's own history has it. `names` are those of the
    runs that are wanted, by seed; without them all columns are those of `seed`. The metric `val/accuracy` is metric
    accuracy of split val; one without a slash is of split `run`. Raises UserError, with the line.
    """
    if not names and seed is None:
        raise UserError(
            f"{path}: which seed is it? Write {{seed}} into the import's path, or name its `run` with {{seed}}"
        )
    reader = csv.DictReader(io.StringIO(read_text(path)))
    columns = [name for name in reader.fieldnames or [] if not name.endswith(EXTREMES)]
    step = next((name for name in STEPS if name in columns), None)
    if step is None:
        raise UserError(
            f"{path}, line 1: found the columns {', '.join(columns) or 'none'}; expected one of {', '.join(STEPS)}"
        )
    wanted: dict[str, tuple[int, str]] = {}
    for column in columns:
        run, _, metric = column.rpartition(" - ")
        owner = next((one for one, name in names.items() if name == run), None) if names else seed
        if owner is not None and column not in NO_METRICS:
            wanted[column] = owner, metric
    if missing := sorted(set(names) - {one for one, _ in wanted.values()}):
        known = ", ".join(columns)
        raise UserError(f"{path}, line 1: found no column of run {names[missing[0]]!r}; its columns: {known}")
    rows: list[Row] = []
    epochs: dict[str, int] = {}
    for record in reader:
        for column, (owner, metric) in wanted.items():
            text = record[column]
            if text is None:
                raise UserError(f"{path}, line {reader.line_num}: has fewer fields than line 1")
            if not text.strip():
                continue
            epochs[column] = epochs.get(column, 0) + 1
            split, _, name = metric.rpartition("/")
            value = _value(path, reader.line_num, column, text)
            rows.append(Row(owner, epochs[column], _word(split or "run"), _word(name), value))
    return rows


def _word(name: str) -> str:
    return "_".join(name.split())


def _value(path: Path, line: int, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{path}, line {line}: found {text!r} in column {column!r}; expected a number") from None
