"""What one number can be made of a curve: `@best`, `@first_above(0.9)` and their like, each of one seed's run.

A claim's values are those of single runs: what is estimated is the mean over seeds of each run's own maximum, and not
the maximum of the mean curve, which is lower.
"""

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from rederive.errors import UserError
from rederive.results.runs import Curve

Summary = Callable[[Curve], float]


def _mean(curve: Curve) -> float:
    return math.fsum(curve.values()) / len(curve)


def _max(curve: Curve) -> float:
    return max(curve.values())


def _min(curve: Curve) -> float:
    return min(curve.values())


def _largest_rise(curve: Curve) -> float:
    values = [curve[epoch] for epoch in sorted(curve)]
    if not all(map(math.isfinite, values)):
        return math.inf
    return max((later - earlier for earlier, later in pairwise(values)), default=0.0)


SUMMARIES: dict[str, Summary] = {
    "mean": _mean,
    "max": _max,
    "min": _min,
    "largest_rise": _largest_rise,
}
_FIRST_ABOVE = re.compile(r"first_above\((?P<bound>[^()]+)\)")


def summary(name: str, better: Literal["higher", "lower"]) -> Summary | None:
    """Return what a name after @ makes of a curve of a metric; None for an epoch or no name at all.

    Raises UserError for a name that is none of these.
    """
    if not name or name.isdigit():
        return None
    if name == "best":
        return _max if better == "higher" else _min
    if match := _FIRST_ABOVE.fullmatch(name):
        return _first_above(name, match["bound"])
    if name not in SUMMARIES:
        raise UserError(
            f"found @{name}; expected an epoch or one of {', '.join(['best', 'first_above(x)', *SUMMARIES])}"
        )
    return SUMMARIES[name]


def _first_above(name: str, text: str) -> Summary:
    try:
        bound = float(text)
    except ValueError:
        raise UserError(f"found @{name}; expected a number in the brackets") from None

    def first(curve: Curve) -> float:
        """Return the first epoch whose value is above the bound; of a curve that never is, infinity: later than any."""
        return min((float(epoch) for epoch, value in curve.items() if value > bound), default=math.inf)

    return first
