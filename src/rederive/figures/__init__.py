"""The figures: vector files, each with the numbers it shows beside it.

`plot` draws figures in few processes (importing matplotlib costs more than a figure) and writes, for each name,
`<name>.svg`, `.pdf` and `.csv`, and `index.json`: for each a `rederive.records.FigureEntry`. Equal inputs give equal
bytes. `names` imports no drawing library.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import PUBLISHED, PUBLISHED_CURVES, Layout

if TYPE_CHECKING:
    from rederive.figures.page import Page, Source
    from rederive.records import FigureEntry


def names(study: Study) -> list[str]:
    """Return the figures that a study has, sorted: those of its config, and each table as dots on rows."""
    return sorted([*study.figures, *(f"table_{table.name}" for table in study.tables)])


def plot(
    layout: Layout,
    only: Sequence[str] | None = None,
    published_yaml: Path = PUBLISHED,
    published_csv: Path = PUBLISHED_CURVES,
    processes: int = 1,
) -> None:
    """Draw figures: all, or those named in `only`, some side by side. Raises UserError for a name that there is not."""
    from rederive.figures.page import Source
    from rederive.records import write_records

    source = Source.load(layout, published_yaml, published_csv)
    known = names(source.study)
    if unknown := sorted(set(only or []) - set(known)):
        raise UserError(f"found no figure {', '.join(unknown)}; known: {', '.join(known)}")
    wanted = known if only is None else only
    draw = partial(_draw, source, layout.figures)
    if processes == 1:
        entries = list(map(draw, wanted))
    else:
        with ProcessPoolExecutor(processes) as pool:
            entries = list(pool.map(draw, wanted))
    if only is None:
        write_records(layout.figure_index, dict(zip(wanted, entries, strict=True)))


def _draw(source: "Source", folder: Path, name: str) -> "FigureEntry":
    """Draw a figure, and return its entry of the index."""
    from rederive.figures import graphs

    figure = source.study.figures.get(name)
    if figure and figure.graph:
        return graphs.draw(figure.graph, figure.title, folder, name)
    draw = _drawing(name, source)
    function = figure.python if figure else None
    drawn_by = function or f"{draw.func.__module__}:{draw.func.__name__}"
    return draw().save(folder, name, source.notice, drawn_by)


def _drawing(name: str, source: "Source") -> "partial[Page]":
    """Return the call that draws a figure of any kind but a graph."""
    from rederive.config import Table
    from rederive.figures import bars_and_scatter, curves, dots, own

    tables = {f"table_{table.name}": table for table in source.study.tables}
    if name in tables:
        return partial(dots.draw, tables[name], source)
    figure = source.study.figures[name]
    if figure.python:
        return partial(own.draw, figure.title or name.replace("_", " ").capitalize(), figure.python, source)
    if figure.dots:
        shown = figure.dots
        table = Table(name="dots", title=figure.title, metric=shown.metric, rows=shown.experiments)
        return partial(dots.draw, table, source)
    if figure.bars:
        return partial(bars_and_scatter.bars, figure.title, figure.bars, source)
    if figure.scatter:
        return partial(bars_and_scatter.scatter, figure.title, figure.scatter, source)
    if figure.file:
        return partial(bars_and_scatter.picture, figure.title, Path(figure.file), source)
    return partial(curves.draw, figure, source)
