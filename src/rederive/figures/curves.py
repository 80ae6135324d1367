"""Curves over epochs: our mean as a thick line, the seeds' range as a band, the published curve thin and dotted."""

import math
import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from rederive.config import Experiment, Figure
from rederive.config import Panel as PanelPlan
from rederive.figures import style
from rederive.figures.page import Page, Panel, Source, new
from rederive.records import Series

COLUMNS = ("panel", "experiment", "label", "metric", "epoch", "seeds", "mean", "lowest", "highest", "published")


def draw(wanted: Figure, source: Source) -> Page:
    """Draw the panels that the config declares."""
    title, plans = wanted.title, wanted.panels
    columns = min(len(plans), 2)
    rows = math.ceil(len(plans) / columns)
    figure, axes = new(2.7 if len(plans) == 1 else 2.1 * rows, rows, columns, bool(source.notice))
    page = Page(figure, title, "", COLUMNS, [])
    for ax, plan in zip(axes.flat, plans, strict=False):
        page.panels.append(_panel(ax, plan, source, page.rows))
    page.alt = f"{title}. " + " ".join(
        _describe(panel, plan, source) for panel, plan in zip(page.panels, plans, strict=True)
    )
    figure.draw_without_rendering()  # the layout is known only then
    for panel in page.panels:
        _make_room(panel)
    for panel in page.panels:
        _label_ends(panel)
    figure.set_layout_engine("none")
    return page


def _panel(ax: Axes, plan: PanelPlan, source: Source, rows: list[tuple[Any, ...]]) -> Panel:
    panel = Panel(ax)
    shown = [source.study.experiments[name] for name in plan.experiments]
    last = max((_last(experiment, source) for experiment in shown), default=1)
    for experiment in shown:
        name = experiment.key
        mean = _ours(ax, experiment, plan.metric, source, rows, plan.title)
        published = {e: v for e, v in source.published_curves.get((name, plan.metric), {}).items() if e <= last}
        _published_curve(ax, name, published, source)
        if plan.metric == source.study.headline and name in source.published:
            _published_points(ax, experiment, source)
        if mean or published:
            panel.series.append(
                Series(
                    experiment=name,
                    label=experiment.label,
                    colour=source.looks[name].colour,
                    dash=list(source.looks[name].dash),
                    values={epoch: _short(value) for epoch, value in mean.items()},
                    seeds=_seeds(experiment, plan.metric, source),
                    published={epoch: _short(value) for epoch, value in published.items()},
                )
            )
    if plan.log:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        if high < 100 * low:  # so few powers of ten that steps between them need names, too
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(lambda value, _: "")
    ax.set_title(plan.title)
    ax.set_xlabel("Epoch")
    ax.set_xlim(0.5, last + 0.5)
    ax.set_xticks([epoch for epoch in _ticks(last) if epoch <= last])
    if not panel.series:
        ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", color="#777777")
        ax.set_yticks([])
    return panel


def _seeds(experiment: Experiment, metric: str, source: Source) -> dict[int, dict[int, float]]:
    """Return the curve of each seed by epoch, where there are several."""
    found: dict[int, dict[int, float]] = {}
    for epoch in range(1, experiment.epochs + 1):
        for seed, value in source.runs.at(experiment.run, metric, epoch).items():
            if math.isfinite(value):
                found.setdefault(seed, {})[epoch] = _short(value)
    return found if len(found) > 1 else {}


def _last(experiment: Experiment, source: Source) -> int:
    reached = source.facts(experiment).epochs
    return min(reached, experiment.epochs) or experiment.epochs


def _ticks(last: int) -> list[int]:
    step = max(1, round(last / 4 / 5) * 5) if last > 8 else max(1, last // 4)
    return [1, *range(step, last + 1, step)] if step > 1 else list(range(1, last + 1))


def _ours(
    ax: Axes, experiment: Experiment, metric: str, source: Source, rows: list[tuple[Any, ...]], panel: str
) -> dict[int, float]:
    """Draw our curve with its band, add its rows to the table, and return its mean by epoch."""
    name = experiment.key
    look = source.looks[name]
    published = source.published_curves.get((name, metric), {})
    mean: dict[int, float] = {}
    low: list[float] = []
    high: list[float] = []
    for epoch in range(1, experiment.epochs + 1):
        values = list(source.runs.at(experiment.run, metric, epoch).values())
        finite = [value for value in values if math.isfinite(value)]
        given = published.get(epoch)
        if not values and given is None:
            continue
        if finite and len(finite) == len(values):
            mean[epoch] = math.fsum(values) / len(values)
            low.append(min(values))
            high.append(max(values))
        extremes = (mean[epoch], low[-1], high[-1]) if epoch in mean else (None, None, None)
        rows.append((panel, name, experiment.label, metric, epoch, len(values), *extremes, given))
    if mean:
        epochs = list(mean)
        ax.fill_between(epochs, low, high, color=look.colour, alpha=0.18, linewidth=0)
        every = max(1, len(epochs) // 4)
        ax.plot(
            epochs,
            list(mean.values()),
            color=look.colour,
            linestyle=(0, look.dash) if look.dash else "solid",
            marker=look.marker,
            markevery=(len(epochs) - 1) % every or every,
        )
    return mean


def _published_curve(ax: Axes, name: str, curve: dict[int, float], source: Source) -> None:
    if curve:
        epochs = sorted(curve)
        look = source.looks[name]
        ax.plot(epochs, [curve[e] for e in epochs], color=look.colour, linewidth=0.9, linestyle=style.DOTTED)


def _published_points(ax: Axes, experiment: Experiment, source: Source) -> None:
    """Mark the values of the original's tables that belong to this run, each at its epoch, as open markers."""
    for name, other in source.study.experiments.items():
        if other.run == experiment.run and name in source.published and source.study.data.source == "official":
            look = source.looks[name]
            value = source.published[name].value
            ax.plot([other.epochs], [value], look.marker, color=look.colour, markerfacecolor="white", markersize=6)


LABEL_SIZE = 8  # points
LABEL_LINE = 8.6  # points from one line of labels to the next


def _make_room(panel: Panel) -> None:
    """Wrap the labels where they are long, and end the axis late enough for them to stand beside the lines."""
    ax = panel.axes
    drawn = [_end(series) for series in panel.series]
    if not drawn:
        return
    renderer = ax.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    widest = 0.0
    for series in panel.series:
        text = ax.text(0, 0, _wrapped(series), fontsize=LABEL_SIZE)
        widest = max(widest, text.get_window_extent(renderer).width)
        text.remove()
    left, _ = ax.get_xlim()
    last = max(epoch for epoch, _ in drawn)
    share = max(0.3, (ax.bbox.width - widest - 16) / ax.bbox.width)
    ax.set_xlim(left, left + (last - left) / share)


def _wrapped(series: Series) -> str:
    """Return a curve's name as it stands beside its last point."""
    note = "" if series.values else " (published only)"
    return "\n".join(textwrap.wrap(series.label + note, 20)) or " "


def _label_ends(panel: Panel) -> None:
    """Write each curve's name beside its last point, moved apart where they would touch."""
    ax = panel.axes
    wanted = []
    for series in panel.series:
        x, y = ax.transData.transform(_end(series))
        label = _wrapped(series)
        wanted.append((y, x, label, series.colour, LABEL_LINE * (label.count("\n") + 1)))
    wanted.sort()
    heights = [y for y, *_ in wanted]
    room = [height for *_, height in wanted]
    bottom = ax.bbox.y0
    for i in range(len(heights)):
        heights[i] = max(heights[i], bottom + room[i] / 2)
        bottom = heights[i] + room[i] / 2 + 1
    top = ax.bbox.y1
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], top - room[i] / 2)
        top = heights[i] - room[i] / 2 - 1
    right = max((x for _, x, *_ in wanted), default=0)
    for height, (y, x, label, colour, _) in zip(heights, wanted, strict=True):
        start, bend = ax.transData.inverted().transform([(x + 3, y), (right + 9, height)])
        ax.plot([start[0], bend[0]], [start[1], bend[1]], color=colour, linewidth=0.4)
        ax.annotate(
            label,
            bend,
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            fontsize=LABEL_SIZE,
            linespacing=1.05,
            color=colour,
            annotation_clip=False,
        )


def _end(series: Series) -> tuple[int, float]:
    points = series.values or series.published
    epoch = max(points)
    return epoch, points[epoch]


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _describe(panel: Panel, plan: PanelPlan, source: Source) -> str:
    """Return a panel in words: where each curve starts and ends."""
    parts = []
    for series in panel.series:
        points = series.values or series.published
        first, last = min(points), max(points)
        note = "" if series.values else " (published only)"
        parts.append(
            f"{series.label}{note} goes from {points[first]:.3g} at epoch {first} to {points[last]:.3g} at epoch {last}"
        )
    words = source.words(plan.metric, plan.experiments[0])
    return f"{plan.title} ({words}): {'; '.join(parts) or 'not run'}."
