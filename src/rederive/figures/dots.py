"""A table as dots on rows: the mean over seeds with its interval, and the published value as an open diamond."""

from typing import Any

from matplotlib.axes import Axes

from rederive.figures import style
from rederive.figures.page import Page, Source, new
from rederive.results.numbers import quantity_words

COLUMNS = ("experiment", "label", "epochs", "seeds", "mean", "low", "high", "published")


def draw(table_name: str, source: Source) -> Page:
    """Draw one table of the study."""
    table = next(table for table in source.study.tables if table.name == table_name)
    names = [f"{table.dataset}.{row}" for row in table.rows]
    experiments = [source.study.experiments[name] for name in names]
    figure, axes = new(0.75 + 0.24 * len(names), notice=bool(source.notice))
    ax = axes[0, 0]
    page = Page(figure, table.title, "", COLUMNS, [])
    words = []
    for i, (name, experiment) in enumerate(zip(names, experiments, strict=True)):
        y = len(names) - 1 - i
        look = source.looks[name]
        ours = source.at(experiment, "accuracy", experiment.epochs)
        published = source.published[name].accuracy if name in source.published else None
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
    _fit(ax, page.rows)
    ax.set_yticks(range(len(names)), [experiment.label for experiment in reversed(experiments)])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlabel(quantity_words(table.dataset, "accuracy").capitalize())
    ax.plot([], [], "o-", color=style.INK, linewidth=2.5, markersize=5, label="reproduced: mean and 95 % interval")
    ax.plot([], [], "D", color=style.INK, markerfacecolor="none", markersize=7, markeredgewidth=0.9, label="published")
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=7)
    page.alt = f"{table.title}. " + "; ".join(words) + "."
    return page


def _fit(ax: Axes, rows: list[tuple[Any, ...]]) -> None:
    """End the axis at the values and at what of their intervals an accuracy can be: few seeds give wide intervals."""
    ends = [value for row in rows for value in row[4:8] if value is not None]
    if not ends:
        return
    low, high = max(min(ends), 0.0), min(max(ends), 1.0)
    margin = 0.04 * (high - low) or 0.02
    ax.set_xlim(low - margin, high + margin)
