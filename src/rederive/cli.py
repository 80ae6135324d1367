"""The command line: one sub-command for each step of the workflow, each one call of one function.

Modules are imported when a command runs: `rederive --help` and the short steps start at once.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rederive.errors import UserError

app = typer.Typer(
    name="rederive",
    help="Rebuild a deep-learning write-up: proofs, training, conclusions, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Dataset(StrEnum):
    """The data sets of the write-up."""

    MNIST = "mnist"
    CIFAR10 = "cifar10"


STUDY = Path("results/study.json")
StudyFile = Annotated[Path, typer.Option("--study", help="the resolved configuration, written by `resolve`")]
DatasetName = Annotated[Dataset, typer.Argument(help="the data set")]


@app.command()
def resolve(
    configs: Annotated[list[Path], typer.Argument(help="config files, each laid over those before it")],
    output: Annotated[Path | None, typer.Option(help="where the study goes; without it, the config is only checked")]
    = None,
) -> None:
    """Check config files and write the study that they describe."""
    from functools import reduce

    from rederive import config

    study = config.resolve(reduce(config.merge, map(config.read_yaml, configs), {}), configs)
    if output:
        study.save(output)
    print(f"{len(study.experiments)} experiments, {len(study.runs())} training runs, {len(study.seeds)} seeds")


@app.command()
def fetch(
    dataset: DatasetName,
    directory: Annotated[Path | None, typer.Option(help="where the official files go [resources/DATASET]")] = None,
    study: StudyFile = STUDY,
    mirror: Annotated[list[str] | None, typer.Option(help="instead of the study's mirrors")] = None,
) -> None:
    """Get the official files of a data set, from mirrors or from their servers."""
    from rederive.config import Study
    from rederive.data.fetch import fetch

    mirrors = mirror if mirror is not None else Study.load(study).data.mirrors if study.exists() else []
    fetch(dataset, directory or Path("resources") / dataset, mirrors)


@app.command()
def prepare(
    dataset: DatasetName,
    source: Annotated[Path, typer.Option(help="the folder with the official files")],
    output: Annotated[Path, typer.Option(help="the folder for the arrays")],
) -> None:
    """Check official files and write them as arrays that load at once."""
    from rederive.data.prepare import prepare

    prepare(dataset, source, output)


@app.command()
def standin(
    dataset: DatasetName,
    output: Annotated[Path, typer.Option(help="the folder for the arrays")],
    study: StudyFile = STUDY,
) -> None:
    """Generate stand-in data of a data set's form, as the study says."""
    from rederive.config import Study
    from rederive.data.standin import generate

    wanted = Study.load(study).data.standin
    generate(dataset, output, wanted.seed, getattr(wanted, dataset).model_dump())


def main() -> None:
    """Run the command line; what a user can mend is told without a traceback."""
    try:
        app()
    except UserError as error:
        print(f"rederive: {error}", file=sys.stderr)
        sys.exit(1)
