"""The report as a page of a site: the text in the dialect that the site reads, its figures beside it.

    site(report_md, figures_dir, output_dir, dialect="github")

writes `<output_dir>/report.md` and `<output_dir>/figures/`. The dialects differ in how they take formulas, and in
nothing else:

    github      between dollar signs, as report.md has them: GitHub, GitLab, Quarto, Hugo with its passthrough extension
    kramdown    between two dollar signs, within a line, too: Jekyll
    commonmark  with what CommonMark would read in them escaped: Hugo as it comes, markdown-it, any other, with MathJax
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from rederive.errors import UserError
from rederive.files import write_text

# Code and escaped characters stay as they are; what is left between dollar signs is a formula.
_FORMULAS = re.compile(
    r"```.*?```|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|\\."
    r"|\$\$(?P<displayed>.+?)\$\$|\$(?P<inline>[^$]+)\$",
    re.DOTALL,
)


def site(report_md: Path, figures_dir: Path, output_dir: Path, dialect: str = "github") -> None:
    """Write the page and its figures. Raises UserError for a dialect that there is not."""
    if dialect not in DIALECTS:
        raise UserError(f"site: found the dialect {dialect!r}; expected one of {', '.join(DIALECTS)}")
    text = beside_figures(Path(report_md).read_text(encoding="utf-8"), Path(figures_dir))
    write_text(Path(output_dir) / "report.md", DIALECTS[dialect](text))
    for path in page_figures(Path(figures_dir)):
        (Path(output_dir) / "figures").mkdir(exist_ok=True)
        shutil.copyfile(path, Path(output_dir) / "figures" / path.name)


def beside_figures(text: str, figures_dir: Path) -> str:
    """Return the report's text for a folder that has the figures in it."""
    return text.replace(f"](../{figures_dir.name}/", "](figures/")


def page_figures(figures_dir: Path) -> list[Path]:
    """Return the figures that a page shows, sorted."""
    return sorted(figures_dir.glob("*.svg"))


def _kramdown(text: str) -> str:
    return _formulas(text, lambda latex: f"$${latex}$$", lambda latex: f"$${latex}$$")


def _commonmark(text: str) -> str:
    def escaped(latex: str) -> str:
        return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", latex)

    return _formulas(text, lambda latex: rf"\\({escaped(latex)}\\)", lambda latex: rf"\\[{escaped(latex)}\\]")


def _formulas(text: str, inline: Callable[[str], str], displayed: Callable[[str], str]) -> str:
    def formula(match: re.Match[str]) -> str:
        if match["displayed"]:
            return displayed(match["displayed"])
        return inline(match["inline"]) if match["inline"] else match[0]

    return _FORMULAS.sub(formula, text)


DIALECTS: dict[str, Callable[[str], str]] = {"github": str, "kramdown": _kramdown, "commonmark": _commonmark}
