"""Experiments as marks: bars of a metric, or points of one against a setting or another metric; and pictures."""

import math
from pathlib import Path
from typing import Any

from rederive.config import Bars, Experiment, Scatter
from rederive.errors import UserError
from rederive.figures import style
from rederive.figures.page import Page, Source, new
from rederive.files import sha256
from rederive.results.number_keys import COUNTED
from rederive.results.statistics import Estimate

PICTURES = {".png", ".jpg", ".jpeg"}


def bars(title: str, wanted: Bars, source: Source) -> Page:
    """Draw a bar for each experiment: the mean over seeds where it ends, with its interval."""
    figure, axes = new(2.6, notice=bool(source.notice))
    ax = axes[0, 0]
    columns = ("experiment", "label", "epochs", "seeds", "mean", "low", "high")
    page = Page(figure, title, "", columns, [])
    words = []
    for place, name in enumerate(wanted.experiments):
        experiment = source.study.experiments[name]
        ours = source.at(experiment, wanted.metric, experiment.epochs)
        page.rows.append((name, experiment.label, experiment.epochs, *_numbers(ours)))
        words.append(f"{experiment.label}: {'not run' if ours is None else f'{ours.value:.3f}'}")
        if ours and math.isfinite(ours.value):
            ax.bar([place], [ours.value], width=0.7, color=source.looks[name].colour)
            if ours.low is not None and ours.high is not None:
                ax.plot([place, place], [ours.low, ours.high], color=style.INK, linewidth=1.2)
    labels = [source.study.experiments[name].label for name in wanted.experiments]
    ax.set_xticks(range(len(labels)), labels)
    ax.set_ylabel(source.words(wanted.metric, wanted.experiments[0]).capitalize())
    page.alt = f"{title}. " + "; ".join(words) + "."
    return page


def scatter(title: str, wanted: Scatter, source: Source) -> Page:
    """Draw a point for each experiment: a metric where it ends, against a setting, what is counted, or a metric."""
    figure, axes = new(2.8, notice=bool(source.notice))
    ax = axes[0, 0]
    columns = ("experiment", "label", wanted.x, "seeds", "mean", "low", "high")
    page = Page(figure, title, "", columns, [])
    words = []
    for name in wanted.experiments:
        experiment = source.study.experiments[name]
        place, ours = _place(experiment, wanted.x, source), source.at(experiment, wanted.metric, experiment.epochs)
        page.rows.append((name, experiment.label, place, *_numbers(ours)))
        if place is None or ours is None or not math.isfinite(ours.value):
            words.append(f"{experiment.label}: not known")
            continue
        look = source.looks[name]
        if ours.low is not None and ours.high is not None:
            ax.plot([place, place], [ours.low, ours.high], color=look.colour, linewidth=1.2)
        ax.plot([place], [ours.value], look.marker, color=look.colour, markersize=5)
        ax.annotate(experiment.label, (place, ours.value), xytext=(5, 3), textcoords="offset points", fontsize=7)
        words.append(f"{experiment.label}: {ours.value:.3f} at {place:g}")
    if wanted.log:
        ax.set_xscale("log")
    first = wanted.experiments[0]
    metrics = source.study.metrics
    ax.set_xlabel((source.words(wanted.x, first) if wanted.x in metrics else wanted.x.replace("_", " ")).capitalize())
    ax.set_ylabel(source.words(wanted.metric, first).capitalize())
    ax.margins(0.15)
    page.alt = f"{title}. " + "; ".join(words) + "."
    return page


def picture(title: str, path: Path, source: Source) -> Page:
    """Show a picture that is not computed from the runs. Raises UserError where there is none."""
    import matplotlib.pyplot as plt

    if path.suffix.lower() not in PICTURES:
        raise UserError(f"{path}: found {path.suffix or 'no suffix'}; a picture of a figure is a PNG or a JPEG")
    try:
        image = plt.imread(path)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a picture ({error})") from None
    height = style.WIDTH * image.shape[0] / image.shape[1]
    figure, axes = new(height, notice=bool(source.notice))
    axes[0, 0].imshow(image)
    axes[0, 0].axis("off")
    alt = f"{title}. A picture, {path.as_posix()}, that is not computed from the runs."
    return Page(figure, title, alt, ("file", "sha256"), [(path.as_posix(), sha256(path))])


def _numbers(ours: Estimate | None) -> tuple[Any, ...]:
    return (ours.n, ours.value, ours.low, ours.high) if ours else (0, None, None, None)


def _place(experiment: Experiment, x: str, source: Source) -> float | None:
    """Return where an experiment lies on the x axis; None where that is not known. Raises UserError for no number."""
    if x in source.study.metrics:
        found = source.at(experiment, x, experiment.epochs)
        return found.value if found else None
    if x in COUNTED:
        counted = getattr(source.facts(experiment), x)
        return float(counted[0]) if counted else None
    value = getattr(experiment.spec, x, None)
    if not isinstance(value, int | float):
        known = ", ".join([*source.study.metrics, *COUNTED, *experiment.spec.model_dump()])
        raise UserError(f"{experiment.key}: {x} is {value!r}; expected a number to draw at. What can be drawn: {known}")
    return float(value)
