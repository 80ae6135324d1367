"""The configuration."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import resolved


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
