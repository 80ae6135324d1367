"""Traced graphs: computations as the engine records them, drawn by the engine's own drawing."""

import csv
import io
import re
from pathlib import Path

import matplotlib

from rederive.autograd.draw import draw_graph
from rederive.autograd.graph_text import demo_graph, graph_of
from rederive.figures.style import SETTINGS
from rederive.files import write_text
from rederive.records import FigureEntry


def draw(example: str, title: str, folder: Path, name: str) -> FigureEntry:
    """Draw one of the engine's examples, write its steps as a table, and return the figure's entry of the index."""
    result = demo_graph(example)
    # Whatever was drawn before in this process.
    with matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        for kind in ("svg", "pdf"):
            draw_graph(result, folder / f"{name}.{kind}")
    lines = str(graph_of(result)).splitlines()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("tensor", "what it is"))
    writer.writerows(re.split(r": ", line, maxsplit=1) if ": " in line else (line, "") for line in lines)
    write_text(folder / f"{name}.csv", buffer.getvalue())
    return FigureEntry(
        title=title, alt=f"{title}. {'. '.join(lines)}.", panels=[], recolour=False, drawn_by=f"{__name__}:draw"
    )
