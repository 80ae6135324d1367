"""What the report says of a claim's tests, from their records in `claims.json`."""

from collections.abc import Mapping
from typing import Any

from rederive.results.verdicts import UNTESTABLE, combine


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
