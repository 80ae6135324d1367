"""The report, and questions about it."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import STUDY, StudyFile, answer_at_once, layout_of, proved, resolved, step


def render(study: StudyFile = STUDY) -> None:
    """Render the report's text as Markdown. A derivation that does not pass stops it."""
    from rederive.report.render import render

    layout = layout_of(study)
    with step(study, "render") as wrote:
        render(layout, proved(layout))
        wrote += [layout.report("md"), layout.trace, layout.printed]


def convert(format: Annotated[str, typer.Argument(help="html, tex, typ or pdf")], study: StudyFile = STUDY) -> None:
    """Set the report in a format."""
    from rederive.config import Study
    from rederive.layout import THEME
    from rederive.report.formats import convert

    layout, engine = layout_of(study), Study.load(study).report.pdf_engine
    with step(study, f"convert.{format}") as wrote:
        convert(layout.report("md"), layout.report(format), layout.trace, layout.figures, THEME, engine)
        wrote.append(layout.report(format))


def preview(
    port: Annotated[int, typer.Option(help="of this machine alone; 0 takes any")] = 8000, study: StudyFile = STUDY
) -> None:
    """Show the page while its text is written: what is saved shows in the open browser."""
    from rederive.report.preview import Preview, serve

    layout = layout_of(study)
    serve(Preview(layout, proved(layout)), port)


def tex_source(study: StudyFile = STUDY) -> None:
    """Pack the report's source: unpacked anywhere, `latexmk` in it gives the PDF."""
    from rederive.report.tex_source import tex_source

    layout = layout_of(study)
    with step(study, "tex_source") as wrote:
        tex_source(layout.report("md"), layout.report("tex"), layout.printed, layout.figures, layout.package)
        wrote.append(layout.package)


def site(
    folder: Annotated[Path, typer.Argument(help="where the page and its figures go")],
    dialect: Annotated[str, typer.Option(help="of Markdown: github, kramdown (Jekyll) or commonmark")] = "github",
    study: StudyFile = STUDY,
) -> None:
    """Write the report as a page of a Jekyll, Hugo or Quarto site, with its figures."""
    from rederive.report.site import site

    layout = layout_of(study)
    site(layout.report("md"), layout.figures, folder, dialect)


def trace(
    key: Annotated[str | None, typer.Argument(help="such as relu.accuracy@10; without it, all are listed")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Tell where a number of the report comes from, and what uses it."""
    answer_at_once()
    from rederive.report import trace

    layout = layout_of(study)
    print(trace.describe(layout, key) if key else "\n".join(trace.keys(layout)))


def diff(
    first: Annotated[Path, typer.Argument(help="the results folder of a build")],
    second: Annotated[Path, typer.Argument(help="that of another")],
) -> None:
    """Tell what differs between two builds: numbers, verdicts, derivations, figures, text; exit with 1 if anything."""
    from rederive.report.diff import diff

    if lines := diff(first, second):
        print("\n".join(lines))
        raise typer.Exit(1)


def why(
    step: Annotated[str, typer.Argument(help="a run of the study, or a rule, such as summarise")],
    study: StudyFile = STUDY,
    configs: Annotated[
        list[Path] | None,
        typer.Option("--config", help="config files in place of the study's settings; may be repeated"),
    ] = None,
) -> None:
    """Tell why a step would run again: which definition, setting or file changed since it ran."""
    answer_at_once()
    from rederive.config import Study
    from rederive.why import why

    print("\n".join(why(study.parent, step, resolved(configs) if configs else Study.load(study))))


def where(study: StudyFile = STUDY) -> None:
    """Print where the report is."""
    for file in sorted(layout_of(study).report("md").parent.glob("report.*")):
        print(file.resolve())
