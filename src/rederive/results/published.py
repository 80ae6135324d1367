"""The published values: those of the original's tables, and the curves read off its figures."""

import csv
import io
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rederive.config import Study
from rederive.errors import UserError, of_system
from rederive.files import read_text
from rederive.results.number_keys import unknown_experiment
from rederive.yaml_files import read_yaml

PublishedCurves = dict[tuple[str, str], dict[int, float]]
"""epoch -> value, by experiment and metric."""


@dataclass(frozen=True)
class PublishedValue:
    """A value of the original's tables, and where it stands there."""

    value: float
    place: str


PublishedValues = Mapping[str, Mapping[str, PublishedValue]]
"""By metric and experiment."""


def published_values(path: str | Path, metrics: Collection[str]) -> dict[str, dict[str, PublishedValue]]:
    """Return the published values, by metric and experiment. No file, no values.

    Raises UserError for a row that gives no metric or what is none, and where two tables give an experiment two values.
    """
    found: dict[str, dict[str, PublishedValue]] = {metric: {} for metric in metrics}
    if not Path(path).exists():
        return found
    expected = f"expected `place` and `rows` with experiment, row, and one or more of {', '.join(metrics)}"
    for name, table in read_yaml(path).items():
        try:
            if not isinstance(table, dict) or not isinstance(table.get("rows"), list):
                raise ValueError(f"found {table!r:.80}")
            rows = [
                (metric, _text(row["experiment"]), PublishedValue(value, f"{table['place']}, row {row['row']}"))
                for row in map(_row, table["rows"])
                for metric, value in _values(row, metrics)
            ]
        except (KeyError, TypeError, ValueError) as error:
            told = f"{error} is not given" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}: table {name}: {told}; {expected}") from None
        for metric, experiment, published in rows:
            earlier = found[metric].setdefault(experiment, published)
            if earlier.value != published.value:
                raise UserError(
                    f"{path}: {experiment} is {earlier.value} in one place and {published.value} in another"
                )
    return found


def _values(row: Mapping[Any, Any], metrics: Collection[str]) -> list[tuple[str, float]]:
    """Return the metrics that a row gives. Raises ValueError for a key that is none, and where there is no other."""
    given = {key: value for key, value in row.items() if key not in ("experiment", "row")}
    if strange := [str(key) for key in given if key not in metrics]:
        raise ValueError(f"found {', '.join(strange)}, which is no metric")
    if not given:
        raise ValueError(f"no value of {row.get('experiment')}")
    return [(metric, _number(value)) for metric, value in given.items()]


def _row(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"found the row {value!r:.80}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"found the experiment {value!r}, expected a name")
    return value


def _number(value: Any) -> float:
    """Return a number that can be compared. Raises ValueError for anything else, nan and yes among it."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError(f"found {value!r}, expected a number")
    return found


def published_curves(path: str | Path, metrics: Collection[str]) -> PublishedCurves:
    """Return the curves that the original shows; each column named as one of the metrics holds values of it."""
    return _points(path, metrics, None)


def reading_errors(path: str | Path, metrics: Collection[str]) -> PublishedCurves:
    """Return the standard error with which each point of `published_curves` was read off its figure."""
    return _points(path, metrics, "reading_error")


def _points(path: str | Path, metrics: Collection[str], column: str | None) -> PublishedCurves:
    """Return for each point what a column says of it; without one, its value. A study may have no such file."""
    points: PublishedCurves = {}
    if not Path(path).exists():
        return points
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)), strict=True)
        shown = [name for name in reader.fieldnames or () if name in metrics]
        if not shown:
            raise ValueError("no column is named as a metric")
        for row in reader:
            try:
                if None in row or None in row.values():
                    raise ValueError("found another number of columns than in the first line")
                for metric in filter(row.get, shown):
                    found = _number(row[column or metric])
                    if column and not found > 0:
                        raise ValueError(f"found {column} {found:g}, expected more than 0")
                    if (epoch := int(row["epoch"])) < 1:
                        raise ValueError(f"found the epoch {epoch}, expected 1 or more")
                    curve = points.setdefault((row["experiment"], metric), {})
                    if epoch in curve:
                        raise ValueError(f"found epoch {epoch} of {row['experiment']} twice")
                    curve[epoch] = found
            except ValueError as error:
                raise ValueError(f"line {reader.line_num}: {error}") from None
    except OSError as error:
        raise of_system(error) from None
    except (KeyError, ValueError, csv.Error) as error:
        told = f"there is no column {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path}: {told}; expected the columns experiment, epoch, reading_error, and one or more of "
            f"{', '.join(metrics)}"
        ) from None
    return points


def refuse_unknown(study: Study, published_yaml: str | Path, published_csv: str | Path) -> None:
    """Raise UserError where a published value is of an experiment that the study does not have: a misspelt one."""
    curves = published_curves(published_csv, study.metrics)
    for path, names in (
        (
            published_yaml,
            [name for given in published_values(published_yaml, study.metrics).values() for name in given],
        ),
        (published_csv, [name for name, _ in curves]),
    ):
        for name in names:
            if name not in study.experiments:
                raise unknown_experiment(name, study.experiments, str(path))
