"""Small pieces of Markdown that pandoc, kramdown and goldmark read alike."""

import re
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def escape(text: str) -> str:
    """Return text that shows as it is in every format: what comes from a config or a file goes through here."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def slug(text: str) -> str:
    """Return an identifier for HTML, LaTeX and Typst: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()


def link(text: str, target: str) -> str:
    """Return a link within the document; `text` is Markdown."""
    return f"[{text}](#{target})"


def anchor(text: str, identifier: str) -> str:
    """Return text that can be linked to; `text` is Markdown."""
    return f'<span id="{identifier}">{text}</span>'


def code(text: str) -> str:
    """Return text as code, with as many backticks as it needs."""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """Return a pipe table; `align` has l, r or c for each column.

    The dashes under the header are as long as the longest visible cell: pandoc takes the widths of columns from them.
    """
    align = align or "l" * len(header)
    widths = [max(3, *(_visible(row[i]) for row in [header, *rows])) for i in range(len(header))]
    rules = []
    for width, kind in zip(widths, align, strict=True):
        dashes = "-" * min(width, 40)
        rules.append(f":{dashes[1:]}" if kind == "l" else f"{dashes[1:]}:" if kind == "r" else f":{dashes[2:]}:")
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)


def _visible(cell: str) -> int:
    """Return about how many characters of a cell are seen."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    text = re.sub(r"<[^>]*>|[\\*`]", "", text)
    return len(text)
