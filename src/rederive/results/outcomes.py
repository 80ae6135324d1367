"""What came of a claim's tests, and how `claims.json` and `claims.csv` say it."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rederive.results.claim_file import Test
from rederive.results.evidence import Evidence, Observed, Published
from rederive.results.verdicts import Comparison, Decision


@dataclass(frozen=True)
class Outcome:
    """What came of one test."""

    verdict: str
    reason: str = ""
    keys: tuple[str, ...] = ()
    observed: Observed | None = None
    parts: tuple[Comparison, ...] = ()
    by_seeds: Decision | None = None
    by_bootstrap: Decision | None = None
    by_images: Decision | None = None  # over seeds and images
    p: dict[str, float] = field(default_factory=dict)  # of holding, and of not holding, by verdict
    seeds_needed: int | None = None


def table(claims: Mapping[str, Any]) -> str:
    """Return the CSV beside `claims.json`: one row a test."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = ("value", "low", "high", "level")
    writer.writerow(("number", "claim", "verdict", "place", "measures", *columns, "seeds", "published", "outcome"))
    for name, claim in sorted(claims.items(), key=lambda item: item[1]["number"]):
        for test in claim["tests"]:
            numbers = ("" if test[key] is None else f"{test[key]:.6g}" for key in (*columns, "n", "published"))
            about = (claim["number"], name.replace("_", " "), claim["verdict"], claim["place"], test["measures"])
            writer.writerow((*about, *numbers, test["verdict"]))
    return buffer.getvalue()


def record(test: Test, outcome: Outcome, evidence: Evidence, published: Published) -> dict[str, Any]:
    """Return a test's outcome as JSON; what a reader of `claims.json` may rely on."""
    became = evidence.what_became(outcome.keys)
    own = published.value(test.quantity)
    shown, n = _shown(test, outcome)
    one = outcome.parts and len(outcome.observed.seeds if outcome.observed else ()) == 1
    bound = {key: value for key in ("above", "below") if (value := getattr(test, key)) is not None}
    return {
        "measures": test.measures,
        "quantity": test.quantity,
        "proved": test.proved,
        "unit": test.unit,
        "bound": bound | ({"within": test.within.value} if test.within else {}),
        "margin": test.margin.value if test.margin else 0.0,
        "region": [] if test.proved else [_finite(test.region.low), _finite(test.region.high)],
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        **shown,
        "n": n,
        "points": _points(test, shown["value"]) if one else None,
        "bootstrap": _decision(outcome.by_bootstrap),
        "images": _decision(outcome.by_images),
        "seeds_needed": outcome.seeds_needed,
        "seeds": list(outcome.observed.seeds) if outcome.observed else [],
        "paired": evidence.paired(outcome.keys),
        "runs": sorted(became.keys() | {evidence.experiment(key).run for key in outcome.keys}),
        "left_out": {run: _by_seed(seeds.left_out) for run, seeds in became.items() if seeds.left_out},
        "diverged": {run: _by_seed(seeds.diverged) for run, seeds in became.items() if seeds.diverged},
        "collapsed": {run: _by_seed(seeds.collapsed) for run, seeds in became.items() if seeds.collapsed},
        "deterministic": [run for run, seeds in became.items() if seeds.deterministic],
        "published": own,
        "published_points": None if own is None else _points(test, own),
    }


def _shown(test: Test, outcome: Outcome) -> tuple[dict[str, float | None], int]:
    """Return the estimate to show, that which decided, and its number of seeds; of one seed the worst part's value."""
    if outcome.by_seeds:
        estimate = outcome.by_seeds.estimate
        return _estimate(outcome.by_seeds), estimate.n
    nothing: dict[str, float | None] = {"value": None, "low": None, "high": None, "level": None}
    if not outcome.parts:
        return nothing, 0
    worst = min((part.mean for part in outcome.parts), key=test.region.distance)
    return nothing | {"value": _finite(worst)}, 1


def _estimate(decision: Decision) -> dict[str, float | None]:
    estimate = decision.estimate
    low, high = (None if end is None else _finite(end) for end in (estimate.low, estimate.high))
    return {"value": _finite(estimate.value), "low": low, "high": high, "level": estimate.level}


def _decision(decision: Decision | None) -> dict[str, Any] | None:
    return {**_estimate(decision), "verdict": decision.verdict} if decision else None


def _points(test: Test, value: float | None) -> bool | None:
    """Say whether a single value lies where the claim says."""
    return None if value is None else test.region.distance(value) > 1e-9  # .979 - .974 is not more than .005


def _by_seed(found: Mapping[int, Any]) -> dict[str, Any]:
    return {str(seed): told for seed, told in sorted(found.items())}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
