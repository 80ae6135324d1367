"""The configuration."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import ARCHIVE, STUDY, StudyFile, layout_of, resolved
from rederive.errors import UserError


def resolve(
    configs: Annotated[list[Path], typer.Argument(help="config files, each laid over those before it")],
    output: Annotated[
        Path | None, typer.Option(help="where the study goes; without it, the config is only checked")
    ] = None,
) -> None:
    """Check config files and write the study that they describe."""
    study = resolved(configs)
    if output:
        study.save(output)
    print(f"{len(study.experiments)} experiments, {len(study.runs())} training runs, {len(study.seeds)} seeds")


def fsck(
    archive: Annotated[
        Path | None, typer.Option(help="a folder of kept runs [archive, where there is one]", show_default=False)
    ] = None,
    study: StudyFile = STUDY,
) -> None:
    """Walk all results, checkpoints and kept runs; say what is damaged, missing or foreign; exit with 1 if anything."""
    from rederive.config import Study
    from rederive.fsck import fsck

    if archive is not None and not archive.is_dir():
        raise UserError(f"fsck: --archive: {archive} is no folder")
    kept = archive or (ARCHIVE if ARCHIVE.is_dir() else None)
    found = fsck(Study.load(study), layout_of(study), kept)
    for finding in found:
        print(finding)
    if found:
        print(f"{len(found)} thing{'s' * (len(found) > 1)} to mend")
        raise typer.Exit(1)
    print("nothing damaged, missing or foreign")
