"""Figures that only this study has."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from rederive.figures import style
from rederive.figures.page import Shown, Source

COLUMNS = ("experiment", "label", "flops_per_image", "seeds", "mean", "low", "high")


def cost(ax: Axes, source: Source) -> Shown:
    """Draw what accuracy costs: experiments on CIFAR-10 by the operations for one image, and which nothing beats."""
    table = Shown(COLUMNS, [])
    shown: list[tuple[float, float, str]] = []
    for name, experiment in source.study.experiments.items():
        flops = source.facts(experiment).flops_per_image
        ours = source.at(experiment, "accuracy", experiment.epochs) if experiment.data == "cifar10" else None
        if not flops or not ours:
            continue
        table.rows.append((name, experiment.label, flops[0], ours.n, ours.value, ours.low, ours.high))
        if math.isfinite(ours.value):
            shown.append((flops[0], ours.value, experiment.label))
    front = pareto(shown)
    if front:
        _draw(ax, shown, front)
    else:
        ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", color="#777777")
    ax.set_xlabel("Operations for one image in training (counted)")
    ax.set_ylabel("Test accuracy")
    points = "; ".join(f"{label}: {accuracy:.3f} at {flops:.3g} operations" for flops, accuracy, label in front)
    table.alt = f"What nothing cheaper beats: {points or 'not run'}."
    return table


def pareto(shown: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Return of (cost, accuracy, label), by cost, those that are more accurate than all that cost no more."""
    front: list[tuple[float, float, str]] = []
    for point in sorted(shown, key=lambda found: (found[0], -found[1])):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front


def _draw(ax: Axes, shown: Sequence[tuple[float, float, str]], front: Sequence[tuple[float, float, str]]) -> None:
    beaten = [point for point in shown if point not in front]
    ax.plot([x for x, *_ in beaten], [y for _, y, _ in beaten], "o", color=style.COLOURS[5], markerfacecolor="white")
    costs, accuracies = [x for x, *_ in front], [y for _, y, _ in front]
    ax.step(costs, accuracies, where="post", color=style.COLOURS[0], linewidth=1)
    ax.plot(costs, accuracies, "o", color=style.COLOURS[0], markersize=5)
    for x, y, label in front:
        ax.annotate(label, (x, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(_count)
    ax.xaxis.set_minor_formatter(_count)
    ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    ax.tick_params(axis="x", which="both", length=3, pad=3, labelsize=8)
    ax.margins(x=0.15, y=0.15)


def _count(value: float, _: float) -> str:
    """Return a number of operations in words that need no powers of ten."""
    for size, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= size:
            return f"{value / size:g} {word}"
    return f"{value:g}"
