"""What a training run leaves behind: a number for each seed, epoch, split and metric; how each seed began and ended."""

import csv
import io
import math
from collections.abc import Iterable
from typing import NamedTuple

OPENING_STEPS = 100
COLUMNS = ("seed", "epoch", "split", "metric", "value")


class Row(NamedTuple):
    """One number: the loss or the accuracy of a split after an epoch, counted from 1. It may be nan or inf."""

    seed: int
    epoch: int
    split: str
    metric: str
    value: float


class Trained(NamedTuple):
    """What training comes to.

    `openings` has for each seed the losses of its first OPENING_STEPS steps, each before its step: on another processor
    they can be compared before small differences grow. `predictions` has for each seed the predicted class of every
    evaluation image after the last epoch; it is empty where the last epoch's network is not at hand.
    """

    rows: list[Row]
    openings: dict[int, list[float]]
    predictions: dict[int, list[int]]


def to_csv(rows: Iterable[Row]) -> str:
    """Return the rows, sorted, as CSV; numbers in the shortest form that reads back as the same number."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((*row[:-1], repr(float(row.value))) for row in sorted(rows, key=lambda row: row[:-1]))
    return buffer.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows of `to_csv`'s text. Raises ValueError, with the line, for anything else."""
    lines = csv.reader(io.StringIO(text))
    rows = []
    try:
        if (found := next(lines, [])) != list(COLUMNS):
            raise ValueError(f"found {','.join(found)!r}, expected {','.join(COLUMNS)}")
        for line in lines:
            seed, epoch, split, metric, value = line
            rows.append(Row(int(seed), int(epoch), split, metric, float(value)))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"line {max(lines.line_num, 1)}: {error}") from None
    return rows


def diverged(rows: Iterable[Row]) -> dict[int, int]:
    """Return, for each seed whose training loss was not finite in some epoch, the first such epoch."""
    lost = [row for row in rows if (row.split, row.metric) == ("train", "loss") and not math.isfinite(row.value)]
    return {row.seed: row.epoch for row in sorted(lost, key=lambda row: row.epoch, reverse=True)}
