"""What the commands share: their options, and where a study's files are."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rederive.config import Study
    from rederive.layout import Layout

ARCHIVE = Path("archive")
CONFIG = Path("config.yaml")
STUDY = Path("results/study.json")
StudyFile = Annotated[
    Path, typer.Option("--study", help="the resolved configuration; its folder is that of all results")
]


def answer_at_once() -> None:
    """Spare a command that reads, answers and ends a tenth of a second.

    It need not collect garbage, and pydantic need not look for plugins in all that is installed.
    """
    gc.disable()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


def layout_of(study: Path) -> "Layout":
    """Return where the files of a study are."""
    from rederive.layout import Layout

    return Layout.of(study)


def proved(layout: "Layout") -> list[Path]:
    """Return the files of what was proved."""
    from rederive.config import Study
    from rederive.proofs import derivation_names

    return [layout.derivation(name) for name in derivation_names(Study.load(layout.study).derivations)]


def resolved(configs: list[Path]) -> "Study":
    """Return the study of config files, each laid over those before it."""
    from functools import reduce

    from rederive.config import resolve
    from rederive.yaml_files import merge, read_yaml

    return resolve(reduce(merge, map(read_yaml, configs), {}), configs)


@contextmanager
def step(study: Path, name: str) -> Iterator[list[Path]]:
    """Do a step on files that nobody has edited, and leave word of what it depended on (`why`) and of what it wrote.

    Yields a list, which the step fills with the files that it wrote.
    """
    from rederive import written
    from rederive.config import Study
    from rederive.why import inputs, record

    layout, resolved = layout_of(study), Study.load(study)
    written.refuse_edited(layout, inputs(name, layout, resolved))
    written.forget(layout, name)
    wrote: list[Path] = []
    yield wrote
    written.remember(layout, name, wrote)
    record(layout.folder, name, resolved)


def record_step(study: Path, step: str) -> None:
    """Leave word of what a step depended on, for `why`."""
    record_steps(study, [step])


def record_steps(study: Path, steps: list[str]) -> None:
    """Leave word of what each of some steps depended on."""
    from rederive.config import Study
    from rederive.why import record

    if study.exists():
        resolved = Study.load(study)
        for step in steps:
            record(study.parent, step, resolved)
