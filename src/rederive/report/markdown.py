"""Small pieces of Markdown that pandoc, kramdown, goldmark and markdown-it read alike."""

import re
from collections.abc import Sequence

NO_BREAK = "\u00a0"

# What has a meaning in at least one reader, and that all of them let a backslash take away. Kramdown prints the
# backslash before any other character, and an underscore within a word means nothing to any of them.
_SPECIAL = re.compile(r"[\\`*\[\]{}<|$~]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# What would begin a list, a heading, a quotation or a definition at the start of a line.
_START = re.compile(r"^( ?)(?:(\d+)(?=[.)](?:\s|$))|(?=[-+:](?:\s|$)|[#>]|--|==))")


def escape(text: str) -> str:
    """Return text that shows as it is in every format: what comes from a config or a file goes through here."""
    return _START.sub(lambda match: f"{match[1]}{match[2] or ''}\\", _inline(re.sub(r"[ \t\r\n]+", " ", text)))


def prose(text: str) -> str:
    """Return plain text that may hold formulas between dollar signs: those of the project's own files."""
    first, *parts = re.split(r"(\$[^$]+\$)", text)
    return escape(first) + "".join(_inline(part) if i % 2 else part for i, part in enumerate(parts))


def _inline(text: str) -> str:
    """Return text that shows as it is within a line."""
    return _ENTITY.sub("&amp;", _SPECIAL.sub(r"\\\g<0>", text))


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
    """Return a pipe table; `align` has l or r for each column.

    The dashes under the header carry the columns' widths: pandoc reads them from there.
    """
    align = align or "l" * len(header)
    header, *rows = _fitting([header, *rows])
    widths = _widths([header, *rows])
    rules = [
        f":{'-' * (width - 1)}" if kind == "l" else f"{'-' * (width - 1)}:"
        for width, kind in zip(widths, align, strict=True)
    ]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)


PAGE = 118  # characters of a table's type that go on a line of the page
WORD = 34  # longer words are broken


def _fitting(lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the rows of a table; where they are too wide for a page, what should stay on a line is broken.

    The widest columns are first; an interval is parted from its value before it is parted itself.
    """
    columns = [list(column) for column in zip(*lines, strict=True)]
    longest = [_longest_word(column) for column in columns]
    for kept, parted in ((f"{NO_BREAK}(", " ("), (NO_BREAK, " ")):
        for i in sorted(range(len(columns)), key=longest.__getitem__, reverse=True):
            if sum(longest) <= PAGE:
                break
            columns[i] = [cell.replace(kept, parted) for cell in columns[i]]
            longest[i] = _longest_word(columns[i])
    return list(zip(*columns, strict=True))


def _longest_word(column: Sequence[str]) -> int:
    """Return how wide a column must be, in characters."""
    return min(WORD, max([3, *(len(word) for cell in column for word in _visible(cell).split(" "))]) + 1)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns' widths in characters, for a page where they may not all fit on a line.

    Each column begins as wide as its longest word; what room is left goes, a character at a time, where it takes most
    from rows of many lines.
    """
    texts = [[_visible(cell) for cell in column] for column in zip(*lines, strict=True)]
    natural = [max(3, *map(len, column)) + 1 for column in texts]
    if sum(natural) <= PAGE:
        return natural
    widths = [_longest_word(column) for column in zip(*lines, strict=True)]

    def gain(i: int) -> float:
        before, after = (
            sum(max(1.0, len(text) / (width - 1)) ** 3 for text in texts[i]) for width in (widths[i], widths[i] + 1)
        )
        return before - after

    gains = [gain(i) for i in range(len(widths))]
    for _ in range(PAGE - sum(widths)):
        widest = max(range(len(widths)), key=gains.__getitem__)
        widths[widest] += 1
        gains[widest] = gain(widest)
    return widths


LINE = 60  # about how many symbols of a formula go on a line


def display(latex: str) -> str:
    """Return a displayed formula; one of several parts, joined with `\\quad`, goes on as many lines as it needs."""
    lines: list[str] = []
    for part in re.split(r"\\quad\s*", latex):
        if lines and _symbols(lines[-1]) + _symbols(part) <= LINE:
            lines[-1] += rf"\quad {part}"
        else:
            lines.append(part)
    body = lines[0] if len(lines) == 1 else r"\begin{gathered} " + r" \\ ".join(lines) + r" \end{gathered}"
    return f"$${body.strip()}$$"


def _symbols(latex: str) -> int:
    """Return about how many symbols a formula has side by side: those of a fraction's denominator do not count."""
    bare = re.sub(r"\\(left|right|mathbf|top|displaystyle)\b", "", latex)
    return len(re.sub(r"\\[a-zA-Z]+|[{}^_\s]", lambda match: "x" if match[0].startswith("\\") else "", bare))


def _visible(cell: str) -> str:
    """Return what is seen of a cell."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    text = re.sub(r"\$([^$]+)\$", lambda match: "x" * _symbols(match[1]), text)
    return re.sub(r"<[^>]*>|[\\*`]", "", text)
