"""Rows that others wrote: a CSV with the columns seed, split, metric, value, and epoch where there are several."""

import csv
import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rederive.config import Experiment
from rederive.errors import UserError
from rederive.training.history import COLUMNS, Row

NEEDED = tuple(column for column in COLUMNS if column != "epoch")


def read_rows_of(path: Path, seeds: Collection[int], epochs: int) -> list[Row]:
    """Return the rows of some seeds from a CSV; without a column `epoch` they are those of the last epoch.

    Raises UserError, with the line, for a file that is missing, has other columns, a value that is no number, or the
    same row twice, and where `whole` finds something missing.
    """
    rows = from_table(path, read_text(path), epochs)
    return whole(path, rows, seeds, epochs)


def read_text(path: Path) -> str:
    """Return the text of a file. Raises UserError where it is missing or no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a file with results") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8 ({error.reason} at byte {error.start})") from None


def from_table(path: Path, text: str, epochs: int) -> list[Row]:
    """Return the rows of our CSV's text; see `read_rows_of`."""
    reader = csv.DictReader(io.StringIO(text))
    try:
        return _rows(path, reader, epochs)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num + 1}: not CSV: {error}") from None


def _rows(path: Path, reader: "csv.DictReader[str]", epochs: int) -> list[Row]:
    found = [name.strip() for name in reader.fieldnames or []]
    if set(found) not in ({*NEEDED}, {*COLUMNS}) or len(found) != len(set(found)):
        raise UserError(
            f"{path}, line 1: found the columns {', '.join(found) or 'none'}; expected {', '.join(COLUMNS)} "
            "(epoch may be left out)"
        )
    reader.fieldnames = found
    rows: dict[tuple[int, int, str, str], Row] = {}
    for record in reader:
        where = f"{path}, line {reader.line_num}"
        if None in record or None in record.values():
            raise UserError(f"{where}: found another number of fields than in line 1; expected {len(found)}")
        split, metric = record["split"].strip(), record["metric"].strip()
        if not split or not metric or len(f"{split} {metric}".split()) != 2:
            raise UserError(f"{where}: found split {split!r} and metric {metric!r}; expected a word for each")
        seed = _whole_number(where, "seed", record["seed"], 0)
        epoch = _whole_number(where, "epoch", record["epoch"], 1) if "epoch" in record else epochs
        row = Row(seed, epoch, split, metric, _number(where, "value", record["value"]))
        if row[:-1] in rows:
            raise UserError(f"{where}: a second value of {split} {metric}, seed {seed}, epoch {epoch}; expected one")
        rows[row[:-1]] = row
    return list(rows.values())


def whole(where: Path | str, rows: Collection[Row], seeds: Collection[int], epochs: int) -> list[Row]:
    """Return the rows of the seeds. Raises UserError where they differ in their places, or end elsewhere."""
    places = {seed: {row[1:-1] for row in rows if row.seed == seed} for seed in seeds}
    if missing := [seed for seed, found in places.items() if not found]:
        known = ", ".join(map(str, sorted({row.seed for row in rows}))) or "none"
        raise UserError(f"{where}: found no row of seed {missing[0]}; its seeds: {known}")
    for seed, found in places.items():
        if odd := sorted(set.union(*places.values()) - found):
            raise UserError(
                f"{where}: seed {seed} has no {' '.join(odd[0][1:])} in epoch {odd[0][0]}; other seeds have"
            )
    last = max(row.epoch for row in rows if row.seed in places)
    if last != epochs:
        raise UserError(f"{where}: reaches epoch {last}, and its experiment has `epochs: {epochs}`; expected the same")
    return [row for row in rows if row.seed in places]


def filled(text: str, known: Mapping[str, Any], experiment: Experiment, what: str) -> str:
    """Return a text with each {NAME} replaced by what is known, or by a setting. Raises UserError for another name."""
    settings = experiment.spec.model_dump(mode="json")

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return str(known[name])
        if name in settings:
            return str(settings[name])
        raise UserError(
            f"experiments.{experiment.key}: the {what} of trainer {experiment.trainer} holds {{{name}}}, which is no "
            f"setting; known: {', '.join([*known, *settings])}"
        )

    return re.sub(r"\{(\w+)\}", value, text)


def _whole_number(where: str, column: str, text: str, least: int) -> int:
    value = _number(where, column, text)
    if not value.is_integer() or value < least:
        raise UserError(f"{where}: found {column} {text!r}; expected a whole number from {least}")
    return int(value)


def _number(where: str, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{where}: found {column} {text!r}; expected a number") from None
