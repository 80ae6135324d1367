"""The page's sections: the text is split into them, each is converted by itself, and together they get numbers.

So an edit converts one section again, and sections are converted side by side.
"""

import html
import re
from collections.abc import Iterable

from lxml.html import HtmlElement, fragment_fromstring, tostring

HEADINGS = ("h2", "h3", "h4")  # the page's title is its only h1


def split(body: str) -> list[str]:
    """Return the Markdown from each first-level heading to the next; headings in code are none."""
    parts: list[list[str]] = [[]]
    fence = ""
    for line in body.splitlines(keepends=True):
        if mark := re.match(r"(`{3,}|~{3,})", line):
            fence = "" if fence and line.startswith(fence) else fence or mark[1]
        if line.startswith("# ") and not fence:
            parts.append([])
        parts[-1].append(line)
    return [text for lines in parts if (text := "".join(lines)).strip()]


def joined(converted: Iterable[str]) -> tuple[str, str]:
    """Return the sections' HTML as one, with numbered headings, and the list of contents.

    A heading of the class `unnumbered` has none. Two headings of one text get identifiers of their own, and so do the
    footnotes, which stand at the end of their section.
    """
    body = fragment_fromstring("<div></div>")
    for position, section in enumerate(converted):
        part = fragment_fromstring(section, create_parent="div")
        _name_footnotes(part, position)
        body.extend(part)
    seen: dict[str, int] = {}
    counts = [0] * len(HEADINGS)
    entries: list[tuple[int, str, str, str]] = []
    for heading in body.iter(*HEADINGS):
        level = HEADINGS.index(heading.tag)
        section = heading.getparent()
        name = section.get("id", "")
        seen[name] = seen.get(name, -1) + 1
        if seen[name]:
            name = f"{name}-{seen[name]}"
            section.set("id", name)
        title, number = heading.text_content(), ""
        if "unnumbered" not in heading.get("class", "").split():
            counts[level:] = [counts[level] + 1] + [0] * (len(HEADINGS) - level - 1)
            number = ".".join(map(str, counts[: level + 1]))
            _number(heading, number)
        entries.append((level, name, number, title))
    inner = "".join(tostring(child, encoding="unicode") for child in body)
    return inner, _contents(entries)


def _name_footnotes(part: HtmlElement, position: int) -> None:
    """Give the footnotes of a section identifiers that no other section's have."""
    for notes in part.xpath("//*[@id='footnotes']"):
        notes.set("id", f"footnotes-{position}")
        for node in part.xpath("//*[starts-with(@id, 'fn') and (@role or self::li)]"):
            node.set("id", f"{node.get('id')}-{position}")
        for link in part.xpath("//a[@role='doc-noteref' or @role='doc-backlink']"):
            link.set("href", f"{link.get('href')}-{position}")


def _number(heading: HtmlElement, number: str) -> None:
    mark = heading.makeelement("span", {"class": "header-section-number"})
    mark.text, mark.tail, heading.text = number, f" {heading.text or ''}", None
    heading.insert(0, mark)


def _contents(entries: Iterable[tuple[int, str, str, str]]) -> str:
    """Return nested lists of links to the headings."""
    lines = ["<ul>"]
    depth, first = 0, True
    for level, name, number, title in entries:
        if level > depth:
            lines += ["<ul>"] * (level - depth)
        elif not first:
            lines += ["</li>", *(["</ul>", "</li>"] * (depth - level))]
        depth, first = level, False
        shown = f'<span class="toc-section-number">{number}</span> ' if number else ""
        target = html.escape(name, quote=True)
        lines.append(f'<li><a href="#{target}" id="toc-{target}">{shown}{html.escape(title)}</a>')
    return "\n".join([*lines, *(["</li>", "</ul>"] * (depth + 1))])
