"""Figures that a function of the study draws: it is handed axes, and what it draws into them is read off again."""

from collections.abc import Iterator
from inspect import signature
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.ticker import FixedFormatter, FuncFormatter

from rederive import imports
from rederive.errors import UserError
from rederive.figures.page import Page, Shown, Source, leave_room, new

HEIGHT = 2.6  # inches
COLUMNS = ("panel", "series", "x", "y")


def draw(title: str, path: str, source: Source) -> Page:
    """Draw a figure by the function at an import path: `(axes, source) -> None`, or `-> Shown` with a table of its own.

    The axes have the text's width, and `axes.figure` is the function's to change: its height, more axes. Raises
    UserError where the function is of another form, or has drawn what no table can be read off.
    """
    function = imports.load(path)
    figure, grid = new(HEIGHT)
    try:
        signature(function).bind(grid[0, 0], source)
    except (TypeError, ValueError) as error:
        raise UserError(f"figures: {path} cannot be called with (axes, source): {error}") from None
    shown = function(grid[0, 0], source)
    if shown is None:
        rows = [row for axes in figure.axes for row in read_off(axes, path)]
        if not rows:
            raise UserError(f"figures: {path} has drawn nothing into the axes that it was handed")
        shown = Shown(COLUMNS, rows, _ranges(rows))
    elif not isinstance(shown, Shown):
        raise UserError(f"figures: {path} returned {shown!r:.60}; expected None or a rederive.figures.page.Shown")
    leave_room(figure, bool(source.notice))
    return Page(figure, title, f"{title}. {shown.alt}", shown.columns, shown.rows)


def read_off(axes: Axes, path: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield panel, series, x and y of every point of lines, marks, bars and areas, in data's units.

    A series without a label gets the number of its drawing; a place of an axis that has a name gets that. Raises
    UserError for an image or a mesh of colours.
    """
    if axes.images or any(found.get_array() is not None for found in axes.collections if not _is_marks(found)):
        raise UserError(f"figures: {path} draws an image, off which no table is read; return a Shown with one")
    drawn: list[tuple[str, Any]] = [
        *((str(line.get_label()), line.get_xydata()) for line in axes.lines if line.get_transform() == axes.transData),
        *((str(found.get_label()), _vertices(found)) for found in axes.collections),
        *((str(bars.get_label()), _bars(bars)) for bars in axes.containers if isinstance(bars, BarContainer)),
    ]
    panel, names = axes.get_title(loc="left"), (_names(axes.xaxis), _names(axes.yaxis))
    for number, (label, points) in enumerate(drawn, 1):
        series = str(number) if label.startswith("_") or not label else label
        for point in np.asarray(points, dtype=float):
            x, y = (known.get(value, value) for known, value in zip(names, map(float, point), strict=True))
            yield panel, series, x, y


def _is_marks(found: Any) -> bool:
    return isinstance(found, PathCollection)


def _vertices(found: Any) -> Any:
    """Return the points of a scatter; of areas and pieces of lines, their corners."""
    if _is_marks(found):
        return found.get_offsets()
    return np.concatenate([np.empty((0, 2)), *(path.vertices for path in found.get_paths())])


def _bars(bars: BarContainer) -> list[tuple[float, float]]:
    """Return where each bar stands and where it ends."""
    if bars.orientation == "horizontal":
        return [(bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in bars]
    return [(bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height()) for bar in bars]


def _names(axis: Axis) -> dict[float, str]:
    """Return the places of an axis that were given names."""
    formatter, places = axis.get_major_formatter(), [float(place) for place in axis.get_majorticklocs()]
    if not isinstance(formatter, FuncFormatter | FixedFormatter | StrCategoryFormatter):
        return {}
    return {place: name for place, name in zip(places, formatter.format_ticks(places), strict=True) if name}


def _ranges(rows: list[tuple[Any, ...]]) -> str:
    """Return the series in words: from where to where each goes."""
    found: dict[str, list[Any]] = {}
    for panel, series, _, y in rows:
        found.setdefault(": ".join(filter(None, (panel, series))), []).append(y)
    return "; ".join(
        f"{name}: {_short(min(ys, key=_order))} to {_short(max(ys, key=_order))}" for name, ys in found.items()
    )


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
