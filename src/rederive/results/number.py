"""The record of one number: what `numbers.json` holds for a key (see `rederive.results.numbers`)."""

import math
from collections.abc import Mapping
from typing import Any

from rederive.config import Experiment

Number = dict[str, Any]


def number(value: float | str | None, unit: str, how: str, **more: Any) -> Number:
    """Return one number's record; `more` are its interval, runs, and so on."""
    if isinstance(value, float) and not math.isfinite(value):
        value, more = None, {**more, "missing": "diverged"}
    return {"value": value, "unit": unit, "text": format_value(value, unit), "how": how, **more}


def format_value(value: float | str | None, unit: str) -> str:
    """Return how a value is printed: accuracies and losses with three decimals, counts with thousands marked."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "setting":
        return f"{value:,}" if isinstance(value, int) else repr(value)
    if unit == "multiple":
        return f"{value:,.1f}"
    if unit == "error":
        return f"{value:.0e}".replace("e-0", "e-")
    text = f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return text.lstrip("-") if not text.strip("-0.") else text


def origin(experiment: Experiment, index: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run that a number of an experiment is read from, and its files."""
    return {"runs": [experiment.run], "files": index.get(experiment.run, {}).get("files", {})}
