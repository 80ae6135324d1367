"""What a run costs, as its trainer counts it from the settings, and what is asked of a cluster for a job."""

import math
from dataclasses import dataclass

SAFETY = 2.0  # generous, since a job over its limit is killed and starts again


@dataclass(frozen=True)
class Cost:
    """The size of a run's network, and what one seed of it takes on one slow processor core.

    `parameters` counts those that are trained, `flops_per_image` the floating-point operations of training on one
    example once. Both are numbers that a text may use.
    """

    parameters: int
    flops_per_image: int
    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Resources:
    """What to ask of a cluster for a job: main memory in megabytes, time in minutes."""

    mem_mb: int
    runtime: int


# Where a trainer does not count.
UNKNOWN = Resources(mem_mb=4000, runtime=120)


def resources(cost: Cost | None, seeds: int) -> Resources:
    """Return what training with so many seeds needs, one seed after the other on one processor core."""
    if cost is None:
        return UNKNOWN
    return Resources(
        mem_mb=math.ceil(cost.memory_mb / 500) * 500, runtime=math.ceil(10 + SAFETY * cost.seconds * seeds / 60)
    )
