"""The published values: accuracies of the write-up's tables, and the training losses read off its figures."""

import csv
from dataclasses import dataclass
from pathlib import Path

from rederive.config import read_yaml
from rederive.errors import UserError


@dataclass(frozen=True)
class PublishedValue:
    """An accuracy of the write-up's tables, and where it stands there."""

    accuracy: float
    place: str


def published_tables(path: str | Path) -> dict[str, list[tuple[str, PublishedValue]]]:
    """Return the rows (experiment, value) of each table of `published.yaml`."""
    tables = {}
    for name, table in read_yaml(path).items():
        try:
            tables[name] = [
                (row["experiment"], PublishedValue(float(row["accuracy"]), f"{table['place']}, row {row['row']}"))
                for row in table["rows"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: table {name}: {type(error).__name__} {error}; expected `place` and `rows` with experiment, "
                "row, accuracy"
            ) from None
    return tables


def published_accuracies(path: str | Path) -> dict[str, PublishedValue]:
    """Return the published accuracy of each experiment. Raises UserError where two tables give it two values."""
    found: dict[str, PublishedValue] = {}
    for rows in published_tables(path).values():
        for experiment, value in rows:
            earlier = found.setdefault(experiment, value)
            if earlier.accuracy != value.accuracy:
                raise UserError(
                    f"{path}: {experiment} is {earlier.accuracy} in one place and {value.accuracy} in another"
                )
    return found


def published_curves(path: str | Path) -> dict[str, dict[int, float]]:
    """Return epoch -> mean training loss of each experiment whose curve the write-up shows."""
    return _points(path, "training_loss")


def reading_errors(path: str | Path) -> dict[str, dict[int, float]]:
    """Return epoch -> standard error with which a point of `published_curves` was read off its figure."""
    return _points(path, "reading_error")


def _points(path: str | Path, column: str) -> dict[str, dict[int, float]]:
    points: dict[str, dict[int, float]] = {}
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                points.setdefault(f"{row['dataset']}.{row['experiment']}", {})[int(row["epoch"])] = float(row[column])
    except FileNotFoundError:
        raise UserError(f"{path}: not found") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: {error}; expected dataset,experiment,epoch,training_loss,figure,quality,reading_error"
        ) from None
    return points
