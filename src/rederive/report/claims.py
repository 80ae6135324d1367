"""What the report says of a claim's tests, from their records in `claims.json`."""

from collections.abc import Mapping
from typing import Any

from rederive.results.verdicts import UNTESTABLE, combine

DECIMALS = 3  # where no bound is near


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


def otherwise(verdict: Mapping[str, Any], rule: str) -> str:
    """Return the verdict on a claim where its random tests are judged by another rule, "same" where it is the same.

    `rule` is bootstrap, or images (seeds and images).
    """
    random = [test for test in verdict["tests"] if test["seeds"]]
    if not random or verdict["verdict"] == UNTESTABLE:
        return "–"
    if any(test[rule] is None for test in random):
        return "not known"
    other = combine([test[rule]["verdict"] if test["seeds"] else test["verdict"] for test in verdict["tests"]])
    return "same" if other == verdict["verdict"] else other


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless there is one."""
    return f"{count} {noun}" + ("s" if count != 1 else "")


def how(test: Mapping[str, Any]) -> str:
    """Return how a test's estimate was computed, in a sentence."""
    if not test["seeds"]:
        return f"{test['measures']}; nothing in it is random"
    if test["n"] == 1:
        return f"{test['measures']}, of one seed"
    pairs = "" if test["paired"] else ", of runs with draws of their own taken two by two"
    return f"{test['measures']}, computed for each seed{pairs}; mean with its {100 * test['level']:.3g} % t interval"
