"""Tables whose columns are named in the config: what each holds, and how it is headed."""

from collections.abc import Mapping, Sequence
from typing import Any

from rederive.config import Metric, Study, headline
from rederive.records import Number
from rederive.results.number_keys import BESIDE, PUBLISHED, metric_of, unknown

ABOUT = ("label", "changed", "value", "origin")
ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$"}


def refuse_unknown_columns(study: Study, numbers: Mapping[str, Number]) -> None:
    """Raise UserError for a column that no row of its table has."""
    for table in study.tables:
        for column in table.columns:
            if column not in ABOUT and not any(f"{row}.{column}" in numbers for row in table.rows):
                first = table.rows[0]
                known = [key.removeprefix(f"{first}.") for key in numbers if key.startswith(f"{first}.")]
                raise unknown(
                    column, [*ABOUT, *(key for key in known if "@" not in key)], f"tables: {table.name}", "column"
                )


def heading(column: str, metrics: Mapping[str, Metric], original: str) -> str:
    """Return what stands above a column; of a metric with an arrow to where it is better."""
    if column in metrics:
        metric = metrics[column]
        return f"{_capital(metric.words or column)} {ARROWS[metric.better]}"
    for kind in BESIDE:
        if name := metric_of(column, kind, metrics, headline(metrics)):
            said = f"Published by {original}" if kind == PUBLISHED else _capital(kind)
            return said if column == kind else f"{said}, {metrics[name].words or name}"
    return "Experiment" if column == "label" else _capital(column)


def _capital(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def with_ends(column: str, metrics: Mapping[str, Metric]) -> bool:
    """Say whether a column's numbers have an interval."""
    return column in metrics or any(metric_of(column, kind, metrics, headline(metrics)) for kind in BESIDE[1:])


def names(columns: Sequence[str], metrics: Mapping[str, Metric]) -> list[str]:
    """Return the columns of a table's CSV: beside each that has an interval those of its ends."""
    ends = ("low", "high")
    return [
        name
        for column in columns
        for name in (column, *(f"{column}_{end}" for end in ends if with_ends(column, metrics)))
    ]


def cells(
    row: str,
    about: Mapping[str, Any],
    columns: Sequence[str],
    numbers: Mapping[str, Number],
    metrics: Mapping[str, Metric],
) -> list[Any]:
    """Return the values of a row, in the order of `names`; None for what is not known."""
    found: list[Any] = []
    for column in columns:
        number = numbers.get(f"{row}.{column}")
        found.append(about[column] if column in ABOUT else number.value if number else None)
        if with_ends(column, metrics):
            found += [number.low, number.high] if number else [None, None]
    return found
