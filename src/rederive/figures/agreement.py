"""All published rows in one picture, by what agrees: our accuracy minus the published one, and how far the curves are.

A row's band is where another run of ours would fall, and the dashed line is as far as its curve may be: the rule is
that of `rederive.results.distance`. `draw` is named in the config, as `python: "rederive.figures.agreement:draw"`.
"""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rederive.figures import style
from rederive.figures.page import Shown, Source
from rederive.results.agreement import Comparison, Row
from rederive.results.agreement import rows as published_rows
from rederive.results.distance import Distance

COLUMNS = (
    *("experiment", "label", "status", "published", "ours", "low", "high", "difference", "another_run_within"),
    "curve_distance_over_allowed",
)
HEADINGS = {
    "both": "{curve} and {value} agree",
    "only_curve": "Only the {curve} agrees",
    "only_value": "Only the {value} agrees",
    "neither": "Neither agrees",
    "value_agrees": "{value} agrees, no curve",
    "value_differs": "{value} differs, no curve",
    "unknown": "Nothing is decided",
}
MARKERS = ("o", "s", "D", "^")
ROW, HEADING = 1.0, 1.35  # heights
INCHES = 0.148  # of a row
WIDTH = 4.5  # inches: narrow enough that a phone shows labels and both panels, and large enough to read there
LINEAR = 0.02  # up to this difference the axis is linear, beyond it logarithmic


def draw(axes: Axes, source: Source) -> Shown:
    """Draw the rows, grouped: the values on the left, the curves on the right."""
    study = source.study
    comparison = Comparison(
        study, source.runs, source.published, source.published_curves, source.published_curve_errors
    )
    found = published_rows(comparison)
    groups = {status: [row for row in found if row.status == status] for status in HEADINGS}
    groups = {status: rows for status, rows in groups.items() if rows}
    height = sum(HEADING + ROW * len(rows) for rows in groups.values()) or HEADING
    figure = axes.figure
    assert isinstance(figure, Figure)
    axes.remove()
    figure.set_figwidth(WIDTH)
    figure.set_figheight(0.75 + INCHES * height)
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": (1.25, 1)})
    value, curve = study.headline or "value", comparison.curve_metric or "curve"
    shown = Shown(COLUMNS, [])
    markers = dict(zip(study.data_sets(), MARKERS, strict=False))
    words, ticks, labels = [], [], []
    y = 0.0
    for status, rows in groups.items():
        names = {"value": _words(value), "curve": "loss" if curve.endswith("loss") else _words(curve)}
        heading = HEADINGS[status].format(**names)
        heading = f"{heading[:1].upper()}{heading[1:]}: {len(rows)}"
        left.annotate(
            heading,
            (0, y),
            (-4, 0),
            ("axes fraction", "data"),
            "offset points",
            ha="right",
            va="center",
            weight="bold",
            size=7,
        )
        for ax in (left, right):
            ax.axhspan(y - HEADING / 2, y + HEADING / 2, color=style.GRID, alpha=0.45, linewidth=0)
        y += (HEADING + ROW) / 2
        for row in rows:
            ticks.append(y)
            labels.append(row.experiment.label)
            shown.rows.append(_row(row, source, left, right, y, markers))
            y += ROW
        y += (HEADING - ROW) / 2
        words.append(f"{heading} ({', '.join(row.experiment.label for row in rows)})")
    left.set_yticks(ticks, labels)
    left.set_ylim(y - HEADING / 2, -HEADING / 2)
    left.tick_params(axis="y", length=0, labelsize=7)
    right.tick_params(axis="y", length=0)
    left.axvline(0, color=style.INK, linewidth=0.8)
    left.set_xscale("symlog", linthresh=LINEAR, linscale=0.6)
    left.set_xticks([-0.1, 0, 0.1])
    left.xaxis.set_major_formatter(lambda at, _: f"{at:+g}".replace("-", "\u2212") if at else "0")
    left.xaxis.set_minor_locator(NullLocator())
    left.set_xlabel(f"{_words(value).capitalize()}:\nours minus published")
    right.set_xscale("log")
    right.xaxis.set_major_formatter(lambda at, _: f"{at:g}")
    right.xaxis.set_minor_formatter(lambda at, _: "")
    right.axvline(1, color=style.INK, linewidth=0.8, linestyle=(0, (4, 2.5)))
    right.set_xlabel(f"{_words(curve).capitalize()}: \ndistance (up to 1: agrees)")
    if not found:
        left.text(0.5, 0.5, "nothing to compare", transform=left.transAxes, ha="center", color="#777777")
    _legend(left, source, markers)
    shown.alt = "; ".join(words) + "."
    return shown


def _row(row: Row, source: Source, left: Axes, right: Axes, y: float, markers: dict[str, str]) -> tuple[Any, ...]:
    """Draw a row, and return its line of the table."""
    study = source.study
    published = source.published[row.name].value
    ours = source.at(row.experiment, str(study.headline), row.experiment.epochs)
    look = {"marker": markers.get(row.experiment.data, "o"), "markersize": 4.2, "linestyle": "none"}
    difference = within = ratio = None
    if ours:
        difference = ours.value - published
        if row.value:
            within = _allowed(row.value)
            left.barh(y, 2 * within, left=-within, height=0.62, color="#8fb4cc", alpha=0.55, linewidth=0)
        left.plot([difference], [y], **look, **_ink(row.value))  # type: ignore[arg-type]
    if row.curve:
        ratio = math.sqrt(row.curve.mean_square / row.curve.limit)
        right.plot([ratio], [y], **look, **_ink(row.curve))  # type: ignore[arg-type]
    mean, low, high = (ours.value, ours.low, ours.high) if ours else (None, None, None)
    cells = (row.status, published, mean, low, high, difference, within, ratio)
    return (row.name, row.experiment.label, *cells)


def _allowed(found: Distance) -> float:
    """Return how far the value may be to agree."""
    return found.rms * math.sqrt(found.limit / found.mean_square) if found.mean_square else 0.0


def _ink(found: Distance | None) -> dict[str, str]:
    """Return the look of what agrees, of what does not, and of what is not decided: not by colour alone."""
    if found is None:
        return {"color": style.COLOURS[5], "markerfacecolor": "white"}
    return {"color": style.COLOURS[0]} if found.agrees else {"color": style.ALARM, "markerfacecolor": "white"}


def _legend(ax: Axes, source: Source, markers: dict[str, str]) -> None:
    handles = [
        *(
            ax.plot([], [], marker, color=style.INK, markersize=4.2, label=source.study.data.sets[name].title)[0]
            for name, marker in markers.items()
        ),
        ax.plot([], [], "o", color=style.COLOURS[0], markersize=4.2, label="agrees")[0],
        ax.plot([], [], "o", color=style.ALARM, markerfacecolor="white", markersize=4.2, label="differs")[0],
        ax.bar([0], [0], color="#8fb4cc", alpha=0.55, label="where another run would fall"),
    ]
    ax.figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=7)


def _words(metric: str) -> str:
    return metric.replace("_", " ")
