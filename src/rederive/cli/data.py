"""Data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rederive.cli.common import STUDY, StudyFile, layout_of, step
from rederive.errors import UserError

if TYPE_CHECKING:
    from rederive.config import DataSet, Study


DataSetName = Annotated[str, typer.Argument(help="a data set of the config")]


def fetch(
    data_set: DataSetName,
    directory: Annotated[Path | None, typer.Option(help="where the official files go [resources/DATA_SET]")] = None,
    study: StudyFile = STUDY,
    mirror: Annotated[list[str] | None, typer.Option(help="instead of the study's mirrors")] = None,
) -> None:
    """Get the official files of a data set, from mirrors or from their servers."""
    from rederive.config import Study
    from rederive.data.fetch import fetch
    from rederive.imports import load

    settings = Study.load(study)
    declared = _data_set(settings, data_set)
    if declared.files is None:
        print(f"{data_set}: no official files to fetch; `rederive prepare` makes it")
        return
    mirrors = settings.data.mirrors if mirror is None else mirror
    fetch(declared.title, load(declared.files), directory or Path("resources") / data_set, mirrors)


def prepare(
    data_set: DataSetName,
    source: Annotated[Path | None, typer.Option(help="the folder with the official files [resources/DATA_SET]")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Check official files and write them as arrays that load at once."""
    from rederive.config import Study
    from rederive.data.prepare import prepare
    from rederive.imports import load

    declared = _data_set(Study.load(study), data_set)
    official = load(declared.files) if declared.files else None
    manifest = layout_of(study).manifest(data_set)
    with step(study, f"prepare.{data_set}") as wrote:
        prepare(data_set, official, load(declared.read), source or Path("resources") / data_set, manifest.parent)
        wrote.append(manifest)


def standin(data_set: DataSetName, study: StudyFile = STUDY) -> None:
    """Generate stand-in data of a data set's form, as the study says."""
    from rederive.config import Study
    from rederive.data.prepare import generate
    from rederive.imports import load

    settings = Study.load(study)
    declared = _data_set(settings, data_set)
    if declared.standin is None:
        raise UserError(f"data.sets.{data_set}.standin: not given; without it there is no stand-in for this data set")
    manifest = layout_of(study).manifest(data_set)
    with step(study, f"standin.{data_set}") as wrote:
        generate(data_set, load(declared.standin), declared.sizes, settings.data.seed, manifest.parent)
        wrote.append(manifest)


def _data_set(study: "Study", name: str) -> "DataSet":
    if name not in study.data.sets:
        raise UserError(f"found no data set {name}; known: {', '.join(study.data.sets) or 'none'}")
    return study.data.sets[name]
