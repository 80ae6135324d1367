"""A table as dots on rows: the mean over seeds with its interval, and the published value as an open diamond."""

from statistics import quantiles
from typing import Any

from matplotlib.axes import Axes

from rederive.config import Metric, Table
from rederive.figures import style
from rederive.figures.page import Page, Source, new

COLUMNS = ("experiment", "label", "epochs", "seeds", "mean", "low", "high", "published")


def draw(table: Table, source: Source) -> Page:
    """Draw one table of the study."""
    names = table.rows
    experiments = [source.study.experiments[name] for name in names]
    figure, axes = new(0.75 + 0.2 * len(names), notice=bool(source.notice))
    ax = axes[0, 0]
    page = Page(figure, table.title, "", COLUMNS, [])
    words = []
    for i, (name, experiment) in enumerate(zip(names, experiments, strict=True)):
        y = len(names) - 1 - i
        look = source.looks[name]
        ours = source.at(experiment, table.metric, experiment.epochs)
        compared = table.metric == source.study.headline and name in source.published
        published = source.published[name].value if compared else None
        if ours:
            if ours.low is not None and ours.high is not None:
                ax.plot([ours.low, ours.high], [y, y], color=look.colour, linewidth=2.5, solid_capstyle="butt")
            ax.plot([ours.value], [y], look.marker, color=look.colour, markersize=5)
        if published is not None:
            ax.plot([published], [y], "D", color=style.INK, markerfacecolor="none", markersize=7, markeredgewidth=0.9)
        mean, low, high, n = (ours.value, ours.low, ours.high, ours.n) if ours else (None, None, None, 0)
        page.rows.append((name, experiment.label, experiment.epochs, n, mean, low, high, published))
        reproduced = "not run" if mean is None else f"{mean:.3f}"
        words.append(f"{experiment.label}: {reproduced}, published {'nothing' if published is None else published}")
    _fit(ax, page.rows, source.study.metrics[table.metric])
    ax.set_yticks(range(len(names)), [experiment.label for experiment in reversed(experiments)])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlabel(source.words(table.metric, names[0]).capitalize())
    ax.plot(
        [],
        [],
        "o-",
        color=style.INK,
        linewidth=2.5,
        markersize=5,
        label="ours, with its 95 % interval" if any(row[5] is not None for row in page.rows) else "ours",
    )
    ax.plot([], [], "D", color=style.INK, markerfacecolor="none", markersize=7, markeredgewidth=0.9, label="published")
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    page.alt = f"{table.title}. " + "; ".join(words) + "."
    return page


def _fit(ax: Axes, rows: list[tuple[Any, ...]], metric: Metric) -> None:
    """End the axis where it shows how most rows differ; a value that lies far off is written at the axis' end.

    Few seeds give wide intervals: they are cut where no value can be, and where an end lies far off; an arrowhead marks
    that they go on.
    """
    values = sorted(value for row in rows for value in (row[4], row[7]) if value is not None)
    if not values:
        return
    first, last = _near(values)
    seen = [value for row in rows for value in row[4:8] if value is not None and first <= value <= last]
    least, largest = metric.limits
    low = max(min(seen), least if least is not None else min(seen))
    high = min(max(seen), largest if largest is not None else max(seen))
    margin = 0.05 * (high - low) or 0.02
    low, high = low - margin, high + margin
    ax.set_xlim(low, high)
    for i, row in enumerate(reversed(rows)):
        for end, edge, head in ((row[5], low, "<"), (row[6], high, ">")):
            beyond = end is not None and (end < low if head == "<" else end > high)
            if beyond and low <= row[4] <= high:
                ax.plot([edge], [i], head, color=style.INK, markersize=4, clip_on=False)
    for i, row in enumerate(reversed(rows)):
        told = [
            f"{name} {value:.3f}"
            for name, value in (("ours", row[4]), ("published", row[7]))
            if value is not None and not low <= value <= high
        ]
        if told:
            left = min(value for value in (row[4], row[7]) if value is not None) < low
            ax.annotate(
                f"← {', '.join(told)}" if left else f"{', '.join(told)} →",
                (0.005 if left else 0.995, i),
                xycoords=("axes fraction", "data"),
                ha="left" if left else "right",
                va="center",
                fontsize=8,
            )


def _near(values: list[float]) -> tuple[float, float]:
    """Return between what values do not lie far off: three times the quartiles' distance beyond them."""
    first, _, third = quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    reach = 3 * max(third - first, 0.005)
    return first - reach, third + reach
