"""Figures that only this study has."""

from collections.abc import Mapping

from matplotlib.ticker import LogLocator

from rederive.figures.page import Page, Source, new

COLUMNS = ("experiment", "label", "flops_per_image", "seeds", "mean", "low", "high")


def cost(source: Source) -> Page:
    """Draw what accuracy costs: the networks of CIFAR-10 by the operations for one image, each at its best training."""
    figure, axes = new(2.8, notice=bool(source.notice))
    ax = axes[0, 0]
    page = Page(figure, "Accuracy and computation on CIFAR-10", "", COLUMNS, [])
    best: dict[float, tuple[float, str]] = {}
    for name, experiment in source.study.experiments.items():
        flops = source.facts(experiment).flops_per_image
        ours = source.at(experiment, "accuracy", experiment.epochs) if experiment.data == "cifar10" else None
        if not flops or not ours:
            continue
        look = source.looks[name]
        if ours.low is not None:
            ax.plot([flops[0]] * 2, [ours.low, ours.high], color=look.colour, linewidth=1.5)
        ax.plot([flops[0]], [ours.value], look.marker, color=look.colour, markersize=5)
        page.rows.append((name, experiment.label, flops[0], ours.n, ours.value, ours.low, ours.high))
        best[flops[0]] = max(best.get(flops[0], (0.0, "")), (ours.value, experiment.label))
    for flops_of_network, (accuracy, label) in _apart(best).items():
        ax.annotate(
            label, (flops_of_network, accuracy), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=7
        )
    if best:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(_count)
        ax.xaxis.set_minor_formatter(_count)
        ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        ax.tick_params(axis="x", which="both", length=3, pad=3, labelsize=7.5)
        ax.margins(x=0.15, y=0.15)
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 0.0), min(high, 1.1))
    else:
        ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", color="#777777")
    ax.set_xlabel("Operations for one image in training (counted)")
    ax.set_ylabel("Test accuracy")
    points = "; ".join(
        f"{label}: {accuracy:.3f} at {flops:.3g} operations" for flops, (accuracy, label) in best.items()
    )
    page.alt = f"{page.title}: the most accurate training of each network. {points or 'Not run'}."
    return page


def _apart(best: Mapping[float, tuple[float, str]]) -> dict[float, tuple[float, str]]:
    """Return of networks that cost about the same the most accurate one: the others' names would lie upon its."""
    kept: dict[float, tuple[float, str]] = {}
    for flops, found in sorted(best.items(), key=lambda item: item[1], reverse=True):
        if all(max(flops, other) > 1.6 * min(flops, other) for other in kept):
            kept[flops] = found
    return kept


def _count(value: float, _: int) -> str:
    """Return a number of operations in words that need no powers of ten."""
    for size, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= size:
            return f"{value / size:g} {word}"
    return f"{value:g}"
