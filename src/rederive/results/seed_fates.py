"""What became of each seed of a run: which are copies of others, diverged, collapsed, or are not there.

A seed that diverged or collapsed is a result and counts as one; a copy of another seed is no observation of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rederive.config import Metric
from rederive.results.runs import Curve, RunTable


@dataclass(frozen=True)
class Seeds:
    """The seeds of a run, up to an epoch.

    `counted` are those that give an observation, `left_out` the planned ones that do not, with the reason. `diverged`
    and `collapsed` (from which epoch on) are among the counted. A `deterministic` run came out the same with every
    seed, two at least: one of them is counted, and stands for all.
    """

    counted: tuple[int, ...]
    left_out: dict[int, str]
    diverged: dict[int, int]
    collapsed: dict[int, int]
    deterministic: bool


def seeds_of(runs: RunTable, run: str, planned: Sequence[int], last: int) -> Seeds:
    """Return what became of the seeds of a run up to epoch `last`."""
    telling = runs.telling(run)
    chances = {name: runs.curves(run, name) for name in runs.metrics_of(run) if runs.metrics[name].chance is not None}
    curves = [telling, *chances.values()]
    present = sorted({seed for of_metric in curves for seed in of_metric})
    originals = runs.copies(run)
    deterministic = len(present) > 1 and len(originals) == len(present) - 1
    left_out = {seed: "was not trained" for seed in planned if seed not in present}
    counted = []
    for seed in present:
        reached = min(max(of_metric[seed]) for of_metric in curves if seed in of_metric)
        if reached < last:
            left_out[seed] = f"ended at epoch {reached} of {last}"
        elif seed in originals:
            if not deterministic:
                left_out[seed] = f"has the numbers of seed {originals[seed]}"
        else:
            counted.append(seed)
    diverged = {seed: epoch for seed in counted if (epoch := diverged_in(telling.get(seed, {}))) and epoch <= last}
    collapsed = {
        seed: epoch
        for seed in counted
        if seed not in diverged
        and (epoch := collapsed_from({name: found.get(seed, {}) for name, found in chances.items()}, runs.metrics))
        and epoch <= last
    }
    return Seeds(tuple(counted), left_out, diverged, collapsed, deterministic)


def diverged_in(losses: Curve) -> int | None:
    """Return the first epoch whose value is not finite; None where there is none."""
    return min((epoch for epoch, loss in losses.items() if not math.isfinite(loss)), default=None)


def collapsed_from(curves: Mapping[str, Curve], metrics: Mapping[str, Metric]) -> int | None:
    """Return the epoch from which on, to its end, a run answers as by chance; None where it does not.

    It does where each of the curves, of metrics that declare `chance`, is no better than that. A run that learns late
    has not collapsed.
    """
    first = None
    for epoch in sorted(set.intersection(*map(set, curves.values())) if curves else (), reverse=True):
        if not all(_no_better(curve[epoch], metrics[name]) for name, curve in curves.items()):
            break
        first = epoch
    return first


def _no_better(value: float, metric: Metric) -> bool:
    assert metric.chance is not None
    return value <= metric.chance if metric.better == "higher" else value >= metric.chance
