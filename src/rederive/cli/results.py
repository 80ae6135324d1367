"""From runs to numbers, verdicts and figures."""

from typing import Annotated

import typer

from rederive.cli.common import STUDY, StudyFile, layout_of, proved, record_step


def collect(study: StudyFile = STUDY) -> None:
    """Put the files of all training jobs into one table."""
    from rederive.results.collect import collect

    collect(layout_of(study))
    record_step(study, "collect")


def summarise(study: StudyFile = STUDY) -> None:
    """Compute every number that the report can use, and its tables."""
    from rederive.results.summarise import summarise

    layout = layout_of(study)
    summarise(layout, proved(layout))
    record_step(study, "summarise")


def test_claims(study: StudyFile = STUDY) -> None:
    """Test each conclusion of the write-up on the runs."""
    from rederive.results.claims import test_claims

    layout = layout_of(study)
    test_claims(layout, proved(layout))
    record_step(study, "test_claims")


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
    from rederive.figures import plot

    plot(layout_of(study), only, processes=processes)
    if not only:
        record_step(study, "plot")
