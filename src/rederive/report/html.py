"""The HTML page: figures and the origin of numbers put into pandoc's output, so that one file holds everything."""

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

from rederive.figures import style
from rederive.records import read_json


def finish(page: str, figures: Path, trace_json: Path, theme: Path) -> str:
    """Return the page with its style, script, figures and data in it."""
    index = read_json(figures / "index.json")

    def image(match: re.Match[str]) -> str:
        name = Path(html.unescape(match["src"])).stem
        return _figure(name, html.unescape(match["alt"]), figures, index[name])

    page = re.sub(r'<img\s+src="(?P<src>[^"]*)"\s+alt="(?P<alt>[^"]*)"[^>]*/?>', image, page)
    # Pandoc makes each line of code a link to itself, which no one sees.
    page = re.sub(r'<a href="#cb[\d-]+" aria-hidden="true" tabindex="-1"></a>', "", page)
    page = re.sub(r"(<td[^>]*)(><strong>(holds|does not hold|undecided)</strong></td>)", _verdict_cell, page)
    page = re.sub(r"<table.*?</table>", _scrolling, page, flags=re.DOTALL)
    page = page.replace("/*REPORT-CSS*/", (theme / "report.css").read_text(encoding="utf-8"))
    page = page.replace("/*REPORT-JS*/", (theme / "report.js").read_text(encoding="utf-8"))
    data = {
        "trace": read_json(trace_json),
        "figures": {name: [_panel(panel) for panel in entry["panels"]] for name, entry in index.items()},
    }
    return page.replace("/*REPORT-DATA*/", _script_json(data))


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    """Return a panel whose curves name their colours as the page does, for light and dark."""
    return panel | {"series": [series | {"colour": COLOURS[series["colour"]]} for series in panel["series"]]}


def _verdict_cell(match: re.Match[str]) -> str:
    return f'{match[1]} class="{match[3].replace(" ", "-")}"{match[2]}'


def _scrolling(match: re.Match[str]) -> str:
    """Wrap a table so that a narrow page scrolls it and not the text; the keyboard reaches it, too.

    Its caption goes above: within the table it would be as wide as that.
    """
    if 'class="values"' in match[0]:
        return match[0]
    # The widths are meant for paper.
    table = re.sub(r"<colgroup>.*?</colgroup>", "", match[0], flags=re.DOTALL)
    table = re.sub(r'<table([^>]*) style="[^"]*"', r"<table\1", table)
    caption = re.search(r"<caption>(.*?)</caption>", table, re.DOTALL)
    above, label = "", "Table"
    if caption:
        number = re.search(r"Table \d+", caption[1])
        above, label = f'<p class="caption">{caption[1]}</p>', number[0] if number else label
        table = table.replace(caption[0], "").replace("<table", f'<table aria-label="{label}"', 1)
    return f'{above}<div class="wide" role="region" tabindex="0" aria-label="{label}">{table}</div>'


def _script_json(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _figure(name: str, alt: str, figures: Path, entry: dict[str, Any]) -> str:
    """Return a figure's SVG for the page, with colours that follow light and dark, and its values as a table."""
    svg = (figures / f"{name}.svg").read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Identifiers must be unique in the page; each figure's drawing refers only to its own.
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    if entry["recolour"]:
        for colour, variable in COLOURS.items():
            svg = svg.replace(colour, f"var(--{variable})")
    width = float(svg[: svg.index(">")].partition('viewBox="0 0 ')[2].split()[0])
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    label = html.escape(alt, quote=True)
    about = f'class="plot" role="img" aria-label="{label}" data-figure="{name}" style="max-width: {1.8 * width:.0f}px"'
    svg = svg.replace("<svg", f"<svg {about}", 1)
    # What keeps its colours lies on a white sheet, in the dark, too.
    sheet = "" if entry["recolour"] else " sheet"
    return f'<div class="drawing{sheet}">{svg}</div>{_values(figures / f"{name}.csv")}'


COLOURS = {
    style.ALARM: "alarm",
    style.INK: "ink",
    style.GRID: "grid",
    "#ffffff": "paper",
    **{colour: f"series-{i}" for i, colour in enumerate(style.COLOURS)},
}


def _values(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    head = "".join(f'<th scope="col">{html.escape(cell.replace("_", " "))}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        "<details><summary>Values</summary>"
        '<div class="wide" role="region" tabindex="0" aria-label="Values of the figure"><table class="values">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )
