"""The run table: one row for each run, seed, epoch, split and metric.

`collect` writes it; everything after it reads it through `RunTable`. The columns are

    experiment,seed,epoch,split,metric,value

where `experiment` is the key of the experiment that was trained (others with the same spec are read from it), `epoch`
counts from 1, and `split` and `metric` are as the trainer names them.
"""

import csv
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from rederive.config import Metric, Study
from rederive.errors import UserError

COLUMNS = ("experiment", "seed", "epoch", "split", "metric", "value")

Curve = dict[int, float]

# Two seeds of a run that draws anything agree to six digits in one epoch's loss about once in 10^4, and in all epochs
# never; of a run that draws nothing, rounding on another processor leaves more than this.
SAME = 1e-6
CHANCE_SEEDS = 3


class RunTable:
    """The curves of every run: seed -> epoch -> value, by run and metric of the study."""

    def __init__(self, curves: dict[tuple[str, str], dict[int, Curve]], metrics: Mapping[str, Metric]):
        self._curves, self.metrics = curves, metrics
        self._copies: dict[str, dict[int, int]] = {}  # of the runs that were asked for; it is asked often

    @classmethod
    def load(cls, path: str | Path, study: Study) -> "RunTable":
        """Read a run table. Raises UserError where it is missing or a row cannot be read."""
        curves: dict[tuple[str, str], dict[int, Curve]] = {}
        known = {
            name: {row: key for key, metric in study.metrics.items() if (row := metric.row(name))}
            for name in study.trainers
        }
        undeclared: set[tuple[str, str, str]] = set()
        for line, (run, seed, epoch, split, name, value) in _read(path):
            if run not in study.experiments:
                raise UserError(f"{path}, line {line}: found {run!r}, which is no experiment of the study")
            metrics = known[study.experiments[run].trainer]
            if (split, name) not in metrics:
                if (run, split, name) not in undeclared:
                    undeclared.add((run, split, name))
                    _undeclared(
                        f"{path}, line {line}: {run}: `{split} {name}` is no metric of the configuration", study
                    )
                continue
            place = f"{path}, line {line}"
            of_seed = curves.setdefault((run, metrics[split, name]), {}).setdefault(_as(int, seed, "seed", place), {})
            of_seed[_as(int, epoch, "epoch", place)] = _as(float, value, "value", place)
        return cls(curves, study.metrics)

    @property
    def runs(self) -> list[str]:
        """The runs in the table, sorted."""
        return sorted({run for run, _ in self._curves})

    def curves(self, run: str, metric: str) -> dict[int, Curve]:
        """Seed -> epoch -> value; empty where there is none."""
        return self._curves.get((run, metric), {})

    def at(self, run: str, metric: str, epoch: int) -> dict[int, float]:
        """Seed -> value after one epoch, for the seeds that got that far; a copy of another seed is left out."""
        copies = self.copies(run)
        return {
            seed: curve[epoch]
            for seed, curve in sorted(self.curves(run, metric).items())
            if epoch in curve and seed not in copies
        }

    def metrics_of(self, run: str) -> list[str]:
        """Return the metrics that a run has, in the order of the configuration."""
        return [metric for metric in self.metrics if (run, metric) in self._curves]

    def telling(self, run: str) -> dict[int, Curve]:
        """Return the curves that tell whether a run diverged, and how far its seeds got.

        They are those of the first metric taken over an epoch, as a training loss is; without one, of the first.
        """
        return self.curves(run, [*self._over(run), *self.metrics_of(run), ""][0])

    def _over(self, run: str) -> list[str]:
        return [metric for metric in self.metrics_of(run) if self.metrics[metric].when == "over"]

    def copies(self, run: str) -> dict[int, int]:
        """Return, for each seed that repeats an earlier seed, that earlier one.

        Seeds repeat each other where the curves of the first metric taken over an epoch are equal. Where there is none,
        the numbers may be counts over a few examples, which two seeds share by chance: then they do where all seeds,
        at least CHANCE_SEEDS, have the same numbers in all metrics.
        """
        if run not in self._copies:
            self._copies[run] = self._repeated(run) if self._over(run) else self._all_alike(run)
        return self._copies[run]

    def _repeated(self, run: str) -> dict[int, int]:
        curves = sorted(self.telling(run).items())
        found: dict[int, int] = {}
        for position, (seed, curve) in enumerate(curves):
            for earlier, other in curves[:position]:
                if earlier not in found and _same(curve, other):
                    found[seed] = earlier
                    break
        return found

    def _all_alike(self, run: str) -> dict[int, int]:
        by_metric = [self.curves(run, metric) for metric in self.metrics_of(run)]
        seeds = sorted({seed for curves in by_metric for seed in curves})
        if len(seeds) < CHANCE_SEEDS:
            return {}
        first, *others = seeds
        alike = all(_same(curves.get(first, {}), curves.get(seed, {})) for curves in by_metric for seed in others)
        return dict.fromkeys(others, first) if alike else {}


def _undeclared(found: str, study: Study) -> None:
    """Name a metric that the study does not declare; raise UserError where it is strict."""
    declared = ", ".join(study.metrics) or "none"
    told = f"{found}; declared: {declared}. Declare it under `metrics`, with `reads`"
    if study.strict:
        raise UserError(told)
    print(f"{told}, to use it; it is left out", file=sys.stderr)


def _same(one: Curve, other: Curve) -> bool:
    if one.keys() != other.keys() or not any(map(math.isfinite, one.values())):
        return False
    return all(
        math.isclose(value, other[epoch], rel_tol=SAME) or str(value) == str(other[epoch])
        for epoch, value in one.items()
    )


def _read(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file with their lines. Raises UserError for a missing file or other columns."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            if tuple(header) != COLUMNS:
                raise UserError(f"{path}: found the columns {', '.join(header)}; expected {', '.join(COLUMNS)}")
            for row in reader:
                if len(row) > len(COLUMNS):
                    found = f"line {reader.line_num} has {len(row)} fields"
                    raise UserError(f"{path}: {found}; expected the columns {', '.join(COLUMNS)}")
                yield reader.line_num, row + [""] * (len(COLUMNS) - len(row))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the build writes it") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: {error}; expected the columns {', '.join(COLUMNS)}") from None


NumberType = TypeVar("NumberType", int, float)


def _as(kind: Callable[[str], NumberType], text: str, column: str, place: str) -> NumberType:
    """Return the number that a text means exactly."""
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{place}: found {column} {text!r}, expected a number") from None
