"""A table as dots on rows: the mean over seeds with its interval, and the published value as an open diamond."""

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
    figure, axes = new(0.75 + 0.24 * len(names), notice=bool(source.notice))
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
    ax.plot([], [], "o-", color=style.INK, linewidth=2.5, markersize=5, label="reproduced: mean and 95 % interval")
    ax.plot([], [], "D", color=style.INK, markerfacecolor="none", markersize=7, markeredgewidth=0.9, label="published")
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=7)
    page.alt = f"{table.title}. " + "; ".join(words) + "."
    return page


def _fit(ax: Axes, rows: list[tuple[Any, ...]], metric: Metric) -> None:
    """End the axis at the values and at what of their intervals there can be: few seeds give wide intervals."""
    ends = [value for row in rows for value in row[4:8] if value is not None]
    if not ends:
        return
    least, largest = metric.limits
    low = min(ends) if least is None else max(min(ends), least)
    high = max(ends) if largest is None else min(max(ends), largest)
    margin = 0.04 * (high - low) or 0.02
    ax.set_xlim(low - margin, high + margin)
