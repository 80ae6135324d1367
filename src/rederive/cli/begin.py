"""Beginning a study, and building it."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import STUDY, StudyFile


def new(
    folder: Annotated[Path, typer.Argument(help="where it goes: a new folder, or an empty one")],
    example: Annotated[str, typer.Option(help="which study it begins as: minimal, digits or imported")] = "minimal",
) -> None:
    """Write a small study that builds at once: config, text, a claim, a trainer, a Snakefile and CI."""
    import shlex

    from rederive import new

    new.new(folder, example)
    print(f"{folder} is a study. Build it:\n\n    cd {shlex.quote(str(folder))}\n    rederive build\n")


def build(
    arguments: Annotated[list[str] | None, typer.Argument(help="targets and options of Snakemake, such as -n")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Build the report, or what is named: Snakemake on all cores, with a live view on a terminal."""
    from rederive.build import build

    raise typer.Exit(build(arguments or [], study))
