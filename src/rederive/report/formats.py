"""Set the report: Markdown to HTML, LaTeX, Typst and PDF.

    convert(report_md, output, trace_json, figures_dir, theme_dir, engine="auto")

The suffix of `output` says what is made: `.html` (one file with everything in it), `.tex`, `.typ`, or `.pdf`, which
`engine` (auto, latexmk, tectonic or typst) sets in a temporary folder; auto is a LaTeX engine where there is one, else
Typst. `trace_json` and `figures_dir/index.json` are needed for HTML only. Equal inputs give equal bytes.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from rederive.errors import UserError
from rederive.files import write_bytes, write_text
from rederive.report import html, html_sections
from rederive.report.head import commit, page_head

# What the Markdown of GitHub, Jekyll and Hugo reads, too: pandoc's own extensions that guess at plain text are off.
READER = (
    "markdown-smart-citations-example_lists-fancy_lists-subscript-superscript-pandoc_title_block"
    "+tex_math_dollars+pipe_tables+native_spans"
)

ENGINES = ("auto", "latexmk", "tectonic", "typst")


def convert(
    report_md: Path,
    output: Path,
    trace_json: Path,
    figures_dir: Path,
    theme_dir: Path,
    engine: str = "auto",
    set_at: str | None = None,
) -> None:
    """Write the report in the format of `output`'s suffix.

    `set_at` is the commit that the page names; without it, that of this folder.
    """
    front, body = split_front_matter(Path(report_md).read_text(encoding="utf-8"))
    theme = Path(theme_dir).resolve()
    figures = Path(figures_dir).resolve()
    match Path(output).suffix:
        case ".html":
            write_text(output, page(body, front, figures, Path(trace_json), theme, set_at=set_at))
        case ".tex":
            write_text(output, _latex(body, front, theme))
        case ".typ":
            write_text(output, _typst(body, front, theme))
        case ".pdf":
            numbers = Path(report_md).with_name("numbers.csv")
            write_bytes(output, _pdf(body, front, theme, figures, numbers, choose_engine(engine)))
        case suffix:
            raise UserError(f"{output}: found the suffix {suffix!r}; expected .html, .tex, .typ or .pdf")


def page(
    body: str,
    front: dict[str, Any],
    figures: Path,
    trace_json: Path,
    theme: Path,
    convert_section: Callable[[str], str] | None = None,
    set_at: str | None = None,
) -> str:
    """Return the HTML page. `convert_section` is `html_section` with the theme, or what remembers its results."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a pandoc of its own
        converted = pool.map(convert_section or partial(html_section, theme=theme), html_sections.split(body))
        text, contents = html_sections.joined(converted)
    head = page_head(front, commit(Path()) if set_at is None else set_at)
    return html.finish(text, contents, head, figures, trace_json, theme)


def html_section(markdown: str, theme: Path) -> str:
    """Return a section of the page, without numbers: its headings one level down, under the title's."""
    options = ["--mathml", "--section-divs", "--shift-heading-level-by=1"]
    return _run_pandoc(markdown, "html5", theme, options)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return the YAML front matter and the text after it."""
    match = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not match:
        raise UserError("report.md has no front matter; render it again")
    return yaml.safe_load(match[1]), match[2]


def choose_engine(wanted: str) -> str:
    """Return the engine that will set the PDF. Raises UserError where the one that is wanted is not there."""
    if wanted not in ENGINES:
        raise UserError(f"pdf_engine: found {wanted!r}; expected one of {', '.join(ENGINES)}")
    if wanted == "auto":
        return next((engine for engine in ("latexmk", "tectonic") if shutil.which(engine)), "typst")
    if wanted != "typst" and not shutil.which(wanted):
        raise UserError(f"pdf_engine: {wanted} is not installed; install it, or set pdf_engine: typst")
    return wanted


def _latex(body: str, front: dict[str, Any], theme: Path) -> str:
    source = _pandoc(body, "latex", front, theme, ["--toc", "--toc-depth=2"])
    return source.replace("%REPORT-CHARACTERS", _declarations(source))


# How LaTeX sets characters that its text fonts do not have.
CHARACTERS = {
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "≠": r"\ensuremath{\neq}",
    "→": r"\ensuremath{\to}",
    "χ": r"\ensuremath{\chi}",
    "∂": r"\ensuremath{\partial}",
    "∑": r"\ensuremath{\sum}",
    "√": r"\ensuremath{\surd}",
    "⊘": r"\ensuremath{\oslash}",
    "⊙": r"\ensuremath{\odot}",
    "✓": r"\ensuremath{\checkmark}",
}


def _declarations(source: str) -> str:
    """Return what LaTeX has to be told of the characters in its source: a label may hold any.

    Those of Latin scripts LaTeX knows. One that nobody knows is printed as its code point and stops no build.
    """
    lines = []
    for character in sorted(set(source)):
        if ord(character) < 0x180 or 0x2010 <= ord(character) <= 0x2027:
            continue
        shown = CHARACTERS.get(character) or rf"\texttt{{U+{ord(character):04X}}}"
        lines.append(rf"\newunicodechar{{{character}}}{{{shown}}}")
    return "\n".join(lines)


def _typst(body: str, front: dict[str, Any], theme: Path) -> str:
    variables = [f"--variable=author-text:{_typst_text(author)}" for author in front["author"]]
    if date := front.get("date"):
        year, month, day = map(int, str(date).split("-"))
        variables += [f"--variable=date:datetime(year: {year}, month: {month}, day: {day})"]
    else:
        variables += ["--variable=date:none"]
    return _pandoc(body, "typst", front, theme, ["--toc", "--toc-depth=2", *variables])


def _typst_text(text: str) -> str:
    """Return text for a string in Typst's quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _pandoc(body: str, target: str, front: dict[str, Any], theme: Path, options: list[str]) -> str:
    """Return the whole text in LaTeX or Typst, by the theme's template."""
    suffix = {"latex": "tex", "typst": "typ"}[target]
    metadata = [
        # As plain text: from the front matter pandoc would read titles as Markdown.
        f"--metadata=title:{front['title']}",
        *(f"--metadata=author:{author}" for author in front.get("author", [])),
        *(f"--metadata={name}:{front[key]}" for name, key in (("version", "version"), ("day", "date")) if key in front),
        "--metadata=lang:en-GB",
    ]
    template = ["--standalone", f"--template={theme / f'report.{suffix}'}"]
    return _run_pandoc(body, target, theme, [*template, *metadata, *options])


def _run_pandoc(markdown: str, target: str, theme: Path, options: list[str]) -> str:
    import pypandoc

    arguments = [
        pypandoc.get_pandoc_path(),
        f"--from={READER}",
        f"--to={target}",
        f"--lua-filter={theme / 'filter.lua'}",
        "--wrap=preserve",
        *options,
    ]
    result = subprocess.run(arguments, input=markdown, capture_output=True, text=True, encoding="utf-8", check=False)
    if result.returncode:
        raise UserError(f"pandoc cannot set the report: {result.stderr.strip()}")
    return result.stdout


def _pdf(body: str, front: dict[str, Any], theme: Path, figures: Path, numbers: Path, engine: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").symlink_to(figures)
        work = folder / "report"
        work.mkdir()
        (work / "numbers.csv").write_bytes(numbers.read_bytes())
        if engine == "typst":
            (work / "report.typ").write_text(_typst(body, front, theme), encoding="utf-8")
            return _typst_pdf(work / "report.typ", folder)
        (work / "report.tex").write_text(_latex(body, front, theme), encoding="utf-8")
        command = {
            "latexmk": ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
            "tectonic": ["tectonic", "-Z", "deterministic-mode", "report.tex"],
        }[engine]
        environment = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
        run = subprocess.run(command, cwd=work, env=environment, capture_output=True, check=False)
        if run.returncode:
            output = run.stdout.decode("utf-8", "replace")
            raise UserError(f"{engine} cannot set the report:\n{_latex_error(output)}")
        return (work / "report.pdf").read_bytes()


def _typst_pdf(source: Path, root: Path) -> bytes:
    """Return the PDF as PDF/UA-1; where the text has what that forbids, as one that is tagged and no more."""
    import typst

    compile: Any = partial(typst.compile, str(source), root=str(root), ignore_system_fonts=True)
    try:
        try:
            pdf: bytes = compile(pdf_standards=["ua-1"])
        except typst.TypstError as error:
            if "PDF/UA-1" not in str(error):
                raise
            print(f"the PDF is not PDF/UA-1: {error}", file=sys.stderr)
            pdf = compile()
    except typst.TypstError as error:
        raise UserError(f"Typst cannot set the report: {error}") from None
    return pdf


def _latex_error(output: str) -> str:
    lines = output.splitlines()
    errors = [i for i, line in enumerate(lines) if line.startswith("!")]
    start = errors[0] if errors else max(0, len(lines) - 15)
    return "\n".join(lines[start : start + 12])
