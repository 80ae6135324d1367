"""From runs to numbers, verdicts and figures."""

from typing import Annotated

import typer

from rederive.cli.common import STUDY, StudyFile, layout_of, proved, step


def collect(study: StudyFile = STUDY) -> None:
    """Put the files of all training jobs into one table."""
    from rederive.results.collect import collect

    layout = layout_of(study)
    with step(study, "collect") as wrote:
        collect(layout)
        wrote += [layout.run_table, layout.run_index, layout.predictions]


def summarise(study: StudyFile = STUDY) -> None:
    """Compute every number that the report can use, and its tables."""
    from rederive.results.summarise import summarise

    layout = layout_of(study)
    with step(study, "summarise") as wrote:
        summarise(layout, proved(layout))
        wrote += [layout.numbers, *layout.tables.glob("*.csv")]


def test_claims(study: StudyFile = STUDY) -> None:
    """Test each conclusion of the write-up on the runs."""
    from rederive.results.claims import test_claims

    layout = layout_of(study)
    with step(study, "test_claims") as wrote:
        test_claims(layout, proved(layout))
        wrote += [layout.claims, layout.claims.with_suffix(".csv")]


def check_claims(study: StudyFile = STUDY) -> None:
    """Compare the verdicts with those pinned in claims.yaml; exit with 1 where one differs."""
    from rederive.results.claims import differing

    if lines := differing(layout_of(study).claims):
        print("\n".join(lines))
        raise typer.Exit(1)


def plot(
    only: Annotated[list[str] | None, typer.Argument(help="figures; without names, all")] = None,
    processes: Annotated[int, typer.Option(min=1, help="that draw side by side")] = 1,
    study: StudyFile = STUDY,
) -> None:
    """Draw the figures, each with the numbers that it shows beside it."""
    from rederive import written
    from rederive.figures import plot

    layout = layout_of(study)
    if only:
        written.forget(layout, "plot")
        plot(layout, only, processes=processes)
        return
    with step(study, "plot") as wrote:
        plot(layout, processes=processes)
        wrote += [path for path in layout.figures.iterdir() if path.is_file()]
