"""What a file prints, read back out of it, with the place where each piece stands.

    pieces(name, content) -> list[Piece]     every piece of text, of whatever format
    numbers(name, content) -> list[Piece]    the numbers that are linked to their origin, by their anchors

Markdown, LaTeX, SVG and tables are read by lines, HTML by elements, JSON by keys, PDF by the lines of its pages.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rederive.errors import UserError


class Piece(NamedTuple):
    """Something that a file prints, and where."""

    place: str
    text: str


def pieces(name: str, content: bytes) -> list[Piece]:
    """Return all that a file prints. Raises UserError where it cannot be read as what its name says."""
    reader = READERS.get(f".{name.rpartition('.')[2]}", _lines)
    try:
        return list(reader(content))
    except Exception as error:  # whatever a reader of a damaged file throws
        raise UserError(f"cannot be read ({type(error).__name__}: {str(error)[:120]})") from None


def first_difference(found: list[Piece], wanted: list[Piece]) -> tuple[str, str, str] | None:
    """Return the place, what is found there and what was wanted, of the first piece that differs; None for equal."""
    for one, other in zip(found, wanted, strict=False):
        if one.text != other.text:
            return one.place, one.text, other.text
    if len(found) > len(wanted):
        return found[len(wanted)].place, found[len(wanted)].text, "nothing"
    if len(wanted) > len(found):
        return wanted[len(found)].place, "nothing", wanted[len(found)].text
    return None


def numbers(name: str, content: bytes) -> list[Piece]:
    """Return the numbers of a page or a text that are linked to their origin: anchor, and print; LaTeX links none."""
    text = content.decode("utf-8", "replace")
    match f".{name.rpartition('.')[2]}":
        case ".md":
            return [Piece(m[2], m[1]) for m in re.finditer(r"\[([^\]\[]*)\]\(#(n-[^)]+)\)", text)]
        case ".html":
            from lxml import html

            links = html.fromstring(content).iterfind(".//a[@href]")
            return [Piece(a.get("href")[1:], a.text_content()) for a in links if a.get("href").startswith("#n-")]
    return []


def _lines(content: bytes) -> Iterator[Piece]:
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        yield Piece(f"line {number}", line)


def _html(content: bytes) -> Iterator[Piece]:
    from lxml import html

    near = "the head"
    for element in html.fromstring(content.decode("utf-8")).iter():
        if not isinstance(element.tag, str):
            yield Piece(f"a comment near {near}", str(element.text))
            continue
        if identifier := element.get("id"):
            near = f"#{identifier}"
        place = f"<{element.tag}>, line {element.sourceline}, near {near}"
        for attribute, value in element.attrib.items():
            yield Piece(f"{place}, its {attribute}", value)
        text = element.text or ""
        if element.tag in ("script", "style"):  # data and code: in pieces that can be pointed at
            for part in re.split(r"(?<=[,;{}])", text):
                yield Piece(place, part)
        elif text.strip():
            yield Piece(place, text)
        if (element.tail or "").strip():
            yield Piece(f"after {place}", str(element.tail))


def _json(content: bytes) -> Iterator[Piece]:
    yield from _flat(json.loads(content), "")


def _flat(value: Any, key: str) -> Iterator[Piece]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}: {name}" if key else str(name))
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from _flat(inner, f"{key}[{position}]")
    else:
        yield Piece(key, json.dumps(value))


def _pdf(content: bytes) -> Iterator[Piece]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    for number, page in enumerate(reader.pages, 1):
        for line, text in enumerate(page.extract_text().splitlines(), 1):
            yield Piece(f"page {number}, line {line}", text)
    for name, attached in sorted(reader.attachments.items()):
        for piece in _lines(b"".join(attached)):
            yield Piece(f"{name} in it, {piece.place}", piece.text)


def _archive(content: bytes) -> Iterator[Piece]:
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for entry in archive:
            stream = archive.extractfile(entry)
            inner = stream.read() if stream else b""
            for piece in pieces(entry.name, inner):
                yield Piece(f"{entry.name} in it, {piece.place}", piece.text)


READERS: dict[str, Callable[[bytes], Iterator[Piece]]] = {
    ".html": _html,
    ".json": _json,
    ".pdf": _pdf,
    ".gz": _archive,
}
