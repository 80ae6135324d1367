"""Nothing typed: templates hold no numbers. What looks like a result must come from `num()` and its like.

A template's literal text may hold digits only in the few forms of `ALLOWED`: names that contain them and the small
whole numbers of the mathematics ("16 columns", "at 0"). Template code may hold no decimal at all.
"""

import re
from collections.abc import Mapping

import jinja2

from rederive.errors import UserError

# Each form, and why it is no result.
ALLOWED = {
    r"CIFAR-10": "name of a data set",
    r"\b(?:16|ten|two) columns\b": "the size that the derivation is stated for",
    r"\bL2\b": "name of a penalty",
    r"\b[Tt]able [1-4]\b": "a table of the write-up",
    r"\b95 %": "the level of all intervals",
    r"\b90 %": "the level of the intervals of equality tests",
    r"\b5 %": "the level of each one-sided test",
    r"\bSHA-256\b": "name of a hash",
    r"\b(?:claims?|row|rows|experiment) \d+(?: and \d+)?\b": "a number of the write-up's lists",
    r"\bvector-1\b": "name",
}

_IGNORED = re.compile(
    r"```.*?```"  # code
    r"|`[^`\n]*`"
    r"|\$\$.*?\$\$"  # formulas
    r"|\$[^$\n]+\$"
    r"|\]\([^)]*\)"  # addresses
    r"|<[^>]+>"
    r"|\{#[^}]*\}",
    re.DOTALL,
)


def typed_numbers(source: str) -> list[tuple[int, str]]:
    """Return the line and the text of each number that is typed into a template."""
    found = []
    data = []
    environment = jinja2.Environment(autoescape=False)
    for line, kind, value in environment.lex(source):
        if kind == "data":
            data.append(value)
            continue
        # Keep the lines, and leave a gap where an expression stands so that the words around it do not run together.
        data.append("\n" * value.count("\n") + (" " if kind.endswith("_begin") else ""))
        if kind == "float" or (kind == "string" and re.fullmatch(r"['\"]\s*[-+−]?\d*[.,]?\d+\s*%?\s*['\"]", value)):
            found.append((line, value))
    text = _blank(_IGNORED, "".join(data))
    for allowed in ALLOWED:
        text = _blank(re.compile(allowed), text)
    digits = re.finditer(r"(?<!\w)[-+−]?\d(?:[\d.,]*\d)?(?:\s*%)?", text)
    return sorted(found + [(text.count("\n", 0, match.start()) + 1, match[0].strip()) for match in digits])


def refuse_typed_numbers(sources: Mapping[str, str]) -> None:
    """Raise UserError that lists every typed number of the given texts, by the name of each."""
    found = [f"{name}, line {line}: {number}" for name, text in sources.items() for line, number in typed_numbers(text)]
    if found:
        raise UserError(
            "numbers are typed into the text; write {{ num('key') }} instead, so that they follow the runs:\n"
            + "\n".join(found)
        )


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
