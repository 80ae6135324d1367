"""What all figures share: where their numbers come from, and how a finished one is written."""

import csv
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from rederive.config import Experiment, Study
from rederive.figures import style
from rederive.files import atomic, write_text
from rederive.layout import PUBLISHED, PUBLISHED_CURVES, Layout
from rederive.records import FigureEntry, PanelEntry, RunFacts, Series, read_records
from rederive.results.published import (
    PublishedCurves,
    PublishedValue,
    published_curves,
    published_values,
    reading_errors,
)
from rederive.results.runs import RunTable
from rederive.results.statistics import Estimate, mean_interval


@dataclass(frozen=True)
class Source:
    """All that figures are drawn from."""

    study: Study
    runs: RunTable
    index: dict[str, RunFacts]
    published: dict[str, PublishedValue]
    published_curves: PublishedCurves
    published_curve_errors: PublishedCurves
    looks: dict[str, style.Look]

    @classmethod
    def load(cls, layout: Layout, published: Path = PUBLISHED, curves: Path = PUBLISHED_CURVES) -> "Source":
        """Read all inputs."""
        study = Study.load(layout.study)
        return cls(
            study,
            RunTable.load(layout.run_table, study),
            read_records(layout.run_index, RunFacts),
            published_values(published, study.metrics).get(str(study.headline), {}),
            published_curves(curves, study.metrics),
            reading_errors(curves, study.metrics),
            style.looks(study),
        )

    @property
    def notice(self) -> str:
        """What every figure has to say about its data; empty for real data."""
        if self.study.data.source != "standin":
            return ""
        real = " or ".join(data_set.title for data_set in self.study.data_sets().values())
        return f"Generated stand-in data, not {real}: these numbers say nothing about {self.study.report.original}"

    def facts(self, experiment: Experiment) -> RunFacts:
        """Return what made the experiment's run; empty where it was not run."""
        return self.index.get(experiment.run, RunFacts())

    def words(self, metric: str, experiment: str) -> str:
        """Return what a sentence calls a metric of an experiment."""
        return self.study.metrics[metric].called(self.study.experiments[experiment].trainer)

    def at(self, experiment: Experiment, metric: str, epoch: int) -> Estimate | None:
        """Return the mean over seeds with its interval; None where it was not run that far."""
        values = list(self.runs.at(experiment.run, metric, epoch).values())
        return mean_interval(values) if values else None


@dataclass
class Panel:
    """One set of axes, and the curves in it, for the page that shows values on hover."""

    axes: Axes
    series: list[Series] = field(default_factory=list)

    def entry(self) -> PanelEntry:
        """Return where the axes lie in the SVG (points from its upper left corner), and their limits."""
        figure = self.axes.figure
        assert isinstance(figure, Figure)
        width, height = figure.get_size_inches() * 72
        box = self.axes.get_position()
        left, bottom, right, top = (float(edge) for edge in box.extents)
        corners = (left * width, (1 - top) * height, right * width, (1 - bottom) * height)
        first, last = (round(float(v), 6) for v in self.axes.get_xlim())
        return PanelEntry(
            box=tuple(round(v, 2) for v in corners),
            x=(first, last),
            title=self.axes.get_title(loc="left"),
            log=self.axes.get_yscale() == "log",
            series=self.series,
        )


@dataclass
class Shown:
    """What a figure shows, as a table, and in words for those who do not see it."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    alt: str = ""


@dataclass
class Page:
    """A finished figure."""

    figure: Figure
    title: str
    alt: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    panels: list[Panel] = field(default_factory=list)

    def save(self, folder: Path, name: str, notice: str, drawn_by: str) -> FigureEntry:
        """Write SVG, PDF and CSV, and return the figure's entry of the index."""
        if notice:
            self.figure.text(
                0.5, 0.995, notice, ha="center", va="top", fontsize=7, weight="bold", color=style.ALARM, gid="stand-in"
            )
        self.figure.patch.set_gid("page")
        panels = [panel.entry() for panel in self.panels]
        # The canvases' own functions draw once; `savefig` draws each file twice, and lays it out anew.
        with atomic(folder / f"{name}.svg") as temporary:
            FigureCanvasSVG(self.figure).print_svg(temporary, metadata={"Date": None})  # type: ignore[no-untyped-call]
        self.figure.set_layout_engine("none")
        with atomic(folder / f"{name}.pdf") as temporary:
            FigureCanvasPdf(self.figure).print_pdf(temporary, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
        plt.close(self.figure)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(tuple(_cell(value) for value in row) for row in self.rows)
        write_text(folder / f"{name}.csv", buffer.getvalue())
        alt = f"{notice}. {self.alt}" if notice else self.alt
        return FigureEntry(title=self.title, alt=alt, panels=panels, recolour=True, drawn_by=drawn_by)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def new(height: float, rows: int = 1, columns: int = 1, notice: bool = False, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of the text's width, with a grid of axes and room for the notice above them."""
    # The SVG and PDF writers put no date into a file where this is set and metadata say none.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    matplotlib.rcParams.update(style.SETTINGS)  # type: ignore[arg-type]
    figure, axes = plt.subplots(
        rows, columns, figsize=(style.WIDTH, height), squeeze=False, layout="constrained", **options
    )
    leave_room(figure, notice)
    return figure, axes


def leave_room(figure: Figure, notice: bool) -> None:
    """Keep what a figure's layout places below the line that `Page.save` writes a notice into."""
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    room = 0.16 / figure.get_figheight() if notice else 0
    engine.set(rect=(0, 0, 1, 1 - room))
