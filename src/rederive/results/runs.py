"""The run table: one row for each dataset, experiment, seed, epoch, split and metric.

`collect` writes it; everything after it reads it through `RunTable`. The columns are

    dataset,experiment,seed,epoch,split,metric,value

where `experiment` is the name of the experiment that was trained (others with the same spec are read from it), `epoch`
counts from 1, `split` is train, validation or test, and `metric` is loss or accuracy.
"""

import csv
import math
from collections import defaultdict
from pathlib import Path

from rederive.errors import UserError

COLUMNS = ("dataset", "experiment", "seed", "epoch", "split", "metric", "value")

# What a curve is called in number keys, by split and metric. Accuracy is that of the held-out split.
QUANTITIES = {
    ("train", "loss"): "training_loss",
    ("validation", "loss"): "validation_loss",
    ("test", "loss"): "test_loss",
    ("validation", "accuracy"): "accuracy",
    ("test", "accuracy"): "accuracy",
    ("train", "accuracy"): "training_accuracy",
}

Curve = dict[int, float]

# Two seeds of a run that draws anything agree to six digits in one epoch's loss about once in 10^4, and in all epochs
# never; of a run that draws nothing, rounding on another processor leaves more than this.
SAME = 1e-6


class RunTable:
    """The curves of every run: seed -> epoch -> value, by run and quantity."""

    def __init__(self, curves: dict[tuple[str, str], dict[int, Curve]]):
        self._curves = curves

    @classmethod
    def load(cls, path: str | Path) -> "RunTable":
        """Read a run table. Raises UserError where it is missing or a row cannot be read."""
        curves: dict[tuple[str, str], dict[int, Curve]] = defaultdict(lambda: defaultdict(dict))
        for number, row in read_rows(path, COLUMNS):
            quantity = QUANTITIES.get((row["split"], row["metric"]))
            if quantity is None:
                raise UserError(
                    f"{path}, line {number}: found split {row['split']!r} with metric {row['metric']!r}; expected "
                    + ", ".join(f"{split} {metric}" for split, metric in QUANTITIES)
                )
            try:
                seed, epoch, value = int(row["seed"]), int(row["epoch"]), float(row["value"])
            except ValueError as error:
                raise UserError(f"{path}, line {number}: {error}; expected numbers for seed, epoch, value") from None
            curves[f"{row['dataset']}.{row['experiment']}", quantity][seed][epoch] = value
        return cls({key: dict(seeds) for key, seeds in curves.items()})

    @property
    def runs(self) -> list[str]:
        """The runs in the table, sorted."""
        return sorted({run for run, _ in self._curves})

    def quantities(self, run: str) -> list[str]:
        """The quantities recorded for a run, sorted; empty where it was not run."""
        return sorted(quantity for name, quantity in self._curves if name == run)

    def curves(self, run: str, quantity: str) -> dict[int, Curve]:
        """Seed -> epoch -> value; empty where there is none."""
        return self._curves.get((run, quantity), {})

    def at(self, run: str, quantity: str, epoch: int) -> dict[int, float]:
        """Seed -> value after one epoch, for the seeds that got that far; a copy of another seed is left out."""
        copies = self.copies(run)
        return {
            seed: curve[epoch]
            for seed, curve in sorted(self.curves(run, quantity).items())
            if epoch in curve and seed not in copies
        }

    def copies(self, run: str) -> dict[int, int]:
        """Return, for each seed whose training losses are those of an earlier seed, that earlier one."""
        losses = sorted(self.curves(run, "training_loss").items())
        found: dict[int, int] = {}
        for position, (seed, curve) in enumerate(losses):
            for earlier, other in losses[:position]:
                if earlier not in found and _same(curve, other):
                    found[seed] = earlier
                    break
        return found


def _same(one: Curve, other: Curve) -> bool:
    if one.keys() != other.keys() or not any(map(math.isfinite, one.values())):
        return False
    return all(
        math.isclose(value, other[epoch], rel_tol=SAME) or str(value) == str(other[epoch])
        for epoch, value in one.items()
    )


def read_rows(path: str | Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file with their line numbers. Raises UserError for a missing file or other columns."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            found = tuple(reader.fieldnames or ())
            if found != columns:
                raise UserError(f"{path}: found the columns {', '.join(found)}; expected {', '.join(columns)}")
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the build writes it") from None
    for number, row in rows:
        if None in row or None in row.values():
            raise UserError(f"{path}, line {number}: found another number of fields; expected {len(columns)}")
    return rows
