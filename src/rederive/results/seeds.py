"""What became of each seed of a run: which are copies of others, diverged, collapsed, or are not there.

A seed that diverged or collapsed is a result and counts as one; a copy of another seed is no observation of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rederive.results.runs import Curve, RunTable
from rederive.results.statistics import CLASSES

# A network that answers without looking has the accuracy of one class, .09 to .114 here, and a loss of ln 10 at least:
# the published run with learning rate 0.01 has .101 and 2.308 from its 11th epoch.
NEAR_CHANCE = 1 / CLASSES + 0.02
CHANCE_LOSS = 0.99 * math.log(CLASSES)


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
    losses, accuracies = runs.losses(run), runs.curves(run, "accuracy")
    present = sorted(losses.keys() | accuracies.keys())
    originals = runs.copies(run)
    deterministic = len(present) > 1 and len(originals) == len(present) - 1
    left_out = {seed: "was not trained" for seed in planned if seed not in present}
    counted = []
    for seed in present:
        reached = min(_reached(curves[seed]) for curves in (losses, accuracies) if seed in curves)
        if reached < last:
            left_out[seed] = f"ended at epoch {reached} of {last}"
        elif seed in originals:
            if not deterministic:
                left_out[seed] = f"has the numbers of seed {originals[seed]}"
        else:
            counted.append(seed)
    diverged = {seed: epoch for seed in counted if (epoch := diverged_in(losses.get(seed, {}))) and epoch <= last}
    collapsed = {
        seed: epoch
        for seed in counted
        if seed not in diverged
        and (epoch := collapsed_from(losses.get(seed, {}), accuracies.get(seed, {})))
        and epoch <= last
    }
    return Seeds(tuple(counted), left_out, diverged, collapsed, deterministic)


def _reached(curve: Curve) -> int:
    """Return the last epoch of a curve that has all before it."""
    return next(epoch - 1 for epoch in range(1, len(curve) + 2) if epoch not in curve)


def diverged_in(losses: Curve) -> int | None:
    """Return the first epoch whose training loss is not finite; None where there is none."""
    return min((epoch for epoch, loss in losses.items() if not math.isfinite(loss)), default=None)


def collapsed_from(losses: Curve, accuracies: Curve) -> int | None:
    """Return the epoch from which on, to its end, a run answers as by chance; None where it does not.

    By chance is a training loss of at least 0.99 ln 10 together with an accuracy of at most 0.12. A run that learns
    late has not collapsed.
    """
    first = None
    for epoch in sorted(losses.keys() & accuracies.keys(), reverse=True):
        if not losses[epoch] >= CHANCE_LOSS or accuracies[epoch] > NEAR_CHANCE:
            break
        first = epoch
    return first
