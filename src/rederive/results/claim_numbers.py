"""The numbers of the claims' tests, from their records in `claims.json`."""

from collections.abc import Mapping
from typing import Any

from rederive.records import Number, RunFacts
from rederive.results.number_format import number
from rederive.results.statistics import LEVEL
from rederive.results.verdicts import FAILS, HOLDS, UNDECIDED, UNTESTABLE

COUNTS = {HOLDS: "holds", FAILS: "does_not_hold", UNDECIDED: "undecided", UNTESTABLE: "not_testable"}
DECIMALS = 3  # where no bound is near


def claim_numbers(verdicts: Mapping[str, Any], index: Mapping[str, RunFacts]) -> dict[str, Number]:
    """Return the estimate of each test, the same on published values, and how many claims have each verdict."""
    found: dict[str, Number] = {}
    for name, verdict in verdicts.items():
        for i, test in enumerate(verdict["tests"], 1):
            if test["value"] is None:
                continue
            unit = "ratio" if test["unit"] == "ratio" else "difference"
            files: dict[str, str] = {}
            for run in test["runs"]:
                files |= index[run].files if run in index else {}
            found[f"claims.{name}.{i}"] = number(
                test["value"],
                unit,
                how(test),
                enough_decimals(test),
                formula=test["quantity"],
                brief=f"claim {verdict['number']}, test {i}",
                low=test["low"] if test["n"] else None,
                high=test["high"] if test["n"] else None,
                n=test["n"],
                level=test["level"] or LEVEL,
                seeds=test["seeds"],
                runs=test["runs"],
                files=files,
            )
            if test["published"] is not None:
                found[f"claims.{name}.{i}.published"] = number(
                    test["published"],
                    unit,
                    f"{test['measures']}, computed from the published values",
                    formula=test["quantity"],
                    brief=f"claim {verdict['number']}, test {i}, on published values",
                )
    given = [outcome["verdict"] for outcome in verdicts.values()]
    found["claims.count"] = number(len(given), "count", "conclusions in claims.yaml")
    for verdict, key in COUNTS.items():
        found[f"claims.{key}"] = number(given.count(verdict), "count", f"conclusions with the verdict: {verdict}")
    for way, words in ((True, "the same way"), (False, "the other way")):
        said = f"conclusions not tested with these runs, whose one run points {words}"
        pointing = sum(direction(outcome) is way for outcome in verdicts.values())
        found[f"claims.{words.split()[1]}_way"] = number(pointing, "count", said)
    return found


def direction(verdict: Mapping[str, Any]) -> bool | None:
    """Say whether the one run of a claim points its way in all tests; None where there is no one run to ask."""
    points = [test["points"] for test in verdict["tests"] if test["points"] is not None]
    return all(points) if points and verdict["verdict"] == UNTESTABLE else None


def enough_decimals(test: Mapping[str, Any]) -> int:
    """Return how many decimals show on which side of a test's bounds its value and its interval's ends lie."""
    ends = [test[key] for key in ("value", "low", "high") if test[key] is not None]
    bounds = [bound for bound in test["region"] if bound is not None]
    for decimals in range(DECIMALS, 7):
        if all(_side(round(end, decimals), bound) == _side(end, bound) for end in ends for bound in bounds):
            return decimals
    return 7


def _side(value: float, bound: float) -> int:
    return (value > bound) - (value < bound)


def how(test: Mapping[str, Any]) -> str:
    """Return how a test's estimate was computed, in a sentence."""
    if not test["seeds"]:
        return f"{test['measures']}; nothing in it is random"
    if test["n"] == 1:
        return f"{test['measures']}, of one seed"
    pairs = "" if test["paired"] else ", of runs with draws of their own taken two by two"
    return f"{test['measures']}, computed for each seed{pairs}; mean with its {100 * test['level']:.3g} % t interval"
