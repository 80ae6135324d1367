"""Nothing typed: templates hold no numbers. What looks like a result must come from `num()` and its like.

A template's literal text may hold digits only in the few forms of `ALLOWED` and in those that the config names
(`report.digits`): names that contain them. Template code may hold no decimal at all. In formulas whole numbers of one
or two digits are mathematics; a decimal, a percentage or a longer number is looked at as it is elsewhere.
"""

import re
from collections.abc import Iterable, Mapping

import jinja2

from rederive.errors import UserError

# Each form, and why it is no result.
ALLOWED = {
    r"\b95 %": "the level of all intervals",
    r"\b90 %": "the level of the intervals of equality tests",
    r"\b5 %": "the level of each one-sided test",
    r"\bSHA-256\b": "name of a hash",
}

_IGNORED = re.compile(
    r"```.*?```"  # code
    r"|`[^`\n]*`"
    r"|\]\([^)]*\)"  # addresses
    r"|<[^>]+>"
    r"|\{#[^}]*\}",
    re.DOTALL,
)


_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_SMALL = re.compile(r"(?<![\d.,])\d{1,2}(?![\d.,]*\d)(?!\s*\\?%)")


def typed_numbers(source: str, allowed: Iterable[str] = ()) -> list[tuple[int, str]]:
    """Return the line and the text of each number that is typed into a template; `allowed` are further forms.

    Raises jinja2.TemplateSyntaxError.
    """
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
    # Letters and brackets of TeX touch the numbers in a formula: they are set apart, so that each is seen as one.
    text = _FORMULA.sub(lambda formula: re.sub(r"[A-Za-z\\_^{}]", " ", _blank(_SMALL, formula[0])), text)
    for form in (*ALLOWED, *allowed):
        text = _blank(re.compile(form), text)
    digits = re.finditer(r"(?<!\w)[-+−]?\d(?:[\d.,]*\d)?(?:\s*%)?", text)
    return sorted(found + [(text.count("\n", 0, match.start()) + 1, match[0].strip()) for match in digits])


def refuse_typed_numbers(sources: Mapping[str, str], allowed: Iterable[str] = ()) -> None:
    """Raise UserError that lists every typed number of the given texts, by the name of each."""
    found = []
    for name, text in sources.items():
        try:
            found += [f"{name}, line {line}: {number}" for line, number in typed_numbers(text, allowed)]
        except jinja2.TemplateSyntaxError as error:
            raise UserError(f"{name}, line {error.lineno}: {error.message}") from None
    if found:
        raise UserError(
            "numbers are typed into the text; write {{ num('key') }} instead, so that they follow the runs, or name "
            "the form of digits that are no result under report.digits of the config, with the reason:\n"
            + "\n".join(found)
        )


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
