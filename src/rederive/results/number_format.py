"""How a number of `numbers.json` is made and printed (see `rederive.results.summarise`)."""

import math
from collections.abc import Mapping
from typing import Any

from rederive.config import Experiment
from rederive.records import Number, RunFacts


def number(value: float | str | None, unit: str, how: str, digits: int = 3, **more: Any) -> Number:
    """Return one number's record; `more` are its interval, runs, and so on."""
    if isinstance(value, float) and not math.isfinite(value):
        value, more = None, {**more, "missing": "diverged"}
    if digits != 3:
        more["digits"] = digits
    return Number(value=value, unit=unit, text=format_value(value, unit, digits), how=how, **more)


def format_value(value: float | str | None, unit: str, digits: int = 3) -> str:
    """Return how a value is printed: what is measured with so many decimals, counts with thousands marked."""
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
    text = f"{value:,.{digits}f}" if abs(value) < 100 else f"{value:,.0f}"
    return text.lstrip("-") if not text.strip("-0.") else text


def facts_of(experiment: Experiment, index: Mapping[str, RunFacts]) -> RunFacts:
    """Return what is known of the run that an experiment is read from; nothing where it was not run."""
    return index.get(experiment.run, RunFacts())


def sources(experiment: Experiment, index: Mapping[str, RunFacts]) -> dict[str, Any]:
    """Return the run that an experiment's numbers are read from, and its files, as keys of a number."""
    return {"runs": [experiment.run], "files": facts_of(experiment, index).files}
