"""The HTML page: text, figures and the origin of numbers put into the theme's template; one file holds everything."""

import csv
import html
import io
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rederive import forms
from rederive.figures import style
from rederive.files import read_text
from rederive.records import FigureEntry, read_json


def finish(text: str, contents: str, head: Mapping[str, str], figures: Path, trace_json: Path, theme: Path) -> str:
    """Return the page: text, style, script, figures and data in the places that template and filter have for them."""
    index = read_json(figures / "index.json", dict[str, FigureEntry])
    data = {
        "trace": read_json(trace_json, forms.Trace),
        "figures": {name: [_panel(panel) for panel in entry["panels"]] for name, entry in index.items()},
    }
    parts = {f"<!--drawing {name}-->": _drawing(name, figures, entry) for name, entry in index.items()}
    parts |= {f"<!--{name}-->": content for name, content in head.items()}
    parts |= {f"/*{name}*/": read_text(theme / name) for name in ASSETS}
    parts["/*report-data*/"] = _script_json(data)
    parts["<!--contents-->"] = contents
    page = read_text(theme / "report.html").replace("<!--text-->", text)
    for mark, content in parts.items():
        page = page.replace(mark, content)
    return page


# What the template asks for by name. uPlot draws curves that the reader can question; its licence goes with it.
ASSETS = ("uPlot.min.css", "report.css", "uPlot.LICENSE", "uPlot.iife.min.js", "curves.js", "report.js")


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    """Return a panel whose curves name their colours as the page does, for light and dark."""
    return panel | {"series": [series | {"colour": COLOURS[series["colour"]]} for series in panel["series"]]}


def _script_json(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _drawing(name: str, figures: Path, entry: dict[str, Any]) -> str:
    drawn, values = (read_text(figures / f"{name}.{suffix}") for suffix in ("svg", "csv"))
    return _figure(name, drawn, values, entry["alt"], entry["recolour"], entry["drawn_by"])


@lru_cache(maxsize=256)  # by all that it depends on: while a text is written its figures stay as they are
def _figure(name: str, drawn: str, values: str, alt: str, recolour: bool, drawn_by: str) -> str:
    """Return a figure's SVG for the page, with colours that follow light and dark, its values, and what draws it."""
    svg = ElementTree.fromstring(drawn)
    for parent in list(svg.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
    for node in svg.iter():
        for attribute, value in node.attrib.items():
            node.set(attribute, _for_page(attribute, value, name, recolour))
    width = float(svg.attrib["viewBox"].split()[2])
    for attribute in ("width", "height"):
        svg.attrib.pop(attribute, None)
    svg.attrib |= {
        "class": "plot",
        "role": "img",
        "aria-label": alt,
        "data-figure": name,
        "style": f"max-width: {1.8 * width:.0f}px; --least: {width:.0f}px",
    }
    drawing = ElementTree.tostring(svg, encoding="unicode")
    # What keeps its colours lies on a white sheet, in the dark, too.
    sheet = "" if recolour else " sheet"
    return f'<div class="drawing{sheet}">{drawing}</div>{_values(values, name, drawn_by)}'


def _for_page(attribute: str, value: str, figure: str, recolour: bool) -> str:
    """Return an attribute's value for a page with other drawings: identifiers are unique, colours are the page's."""
    if attribute == "id":
        return f"{figure}-{value}"
    if attribute in ("href", f"{{{XLINK}}}href"):
        return value.replace("#", f"#{figure}-", 1)
    value = value.replace("url(#", f"url(#{figure}-")
    if recolour:
        for colour, variable in COLOURS.items():
            value = value.replace(colour, f"var(--{variable})")
    return value


SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)

COLOURS = {
    style.ALARM: "alarm",
    style.INK: "ink",
    style.GRID: "grid",
    "#ffffff": "paper",
    **{colour: f"series-{i}" for i, colour in enumerate(style.COLOURS)},
}


def _values(text: str, name: str, drawn_by: str) -> str:
    header, *rows = csv.reader(io.StringIO(text))
    head = "".join(f'<th scope="col">{html.escape(cell.replace("_", " "))}</th>' for cell in header)
    again = f"rederive plot {html.escape(name)}"
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        "<details><summary>Values and code</summary>"
        f"<p>Drawn by <code>{html.escape(drawn_by)}</code>; again with <code>{again}</code></p>"
        '<div class="wide" role="region" tabindex="0" aria-label="Values of the figure"><table class="values">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )
