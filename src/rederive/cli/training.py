"""Training jobs and kept runs."""

import re
from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import ARCHIVE, STUDY, StudyFile, answer_at_once, layout_of, record_step
from rederive.errors import UserError


def train(
    experiment: Annotated[str, typer.Argument(help="the key of a run in the config")],
    seeds: Annotated[str | None, typer.Option(help="as in 0,2 or 0-4; without it, all of the study")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Train one run, from its last checkpoint where there is one."""
    from rederive.config import Study
    from rederive.training import train

    settings = Study.load(study)
    # Without --seeds the study's jobs, one after the other, so that a build finds what it looks for.
    for group in [listed(seeds)] if seeds else settings.seed_groups():
        train(study, experiment, group)
    record_step(study, experiment)


MOST_SEEDS = 10_000  # that a command takes; a job with more is a mistake


def listed(seeds: str) -> list[int]:
    """Return the seeds of a list of numbers and of ranges, whose last number is among them: 0,2 or 0-4."""
    found: list[int] = []
    for part in seeds.split(","):
        ends = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part.strip())
        if ends is None or (ends[2] and int(ends[2]) <= int(ends[1])):
            raise UserError(f"train: --seeds: found {seeds!r}, expected numbers and ranges, as in 0,2 or 0-4")
        found_here = range(int(ends[1]), int(ends[2] or ends[1]) + 1)
        if len(found) + len(found_here) > MOST_SEEDS:
            raise UserError(f"train: --seeds: found {seeds!r}, which are more than {MOST_SEEDS:,} seeds")
        found += found_here
    if len(set(found)) < len(found):
        raise UserError(f"train: --seeds: found {seeds!r}, in which a seed stands twice")
    return found


def archive(
    folder: Annotated[Path, typer.Argument(help="where they are kept")] = ARCHIVE,
    source: Annotated[
        Path | None, typer.Option("--from", help="results or kept runs of another machine [the study's results]")
    ] = None,
    study: StudyFile = STUDY,
) -> None:
    """Keep finished runs, with what made them, for builds that need not train them again."""
    from rederive.config import Study
    from rederive.training.archive import keep

    kept = keep(Study.load(study), source or layout_of(study).runs, folder)
    print(f"{len(kept)} seeds kept in {folder}; take them with --config 'training={{archive: {folder}}}'")


def take(study: StudyFile = STUDY) -> None:
    """Take every kept run that is valid and that no file of the build holds, and train nothing."""
    from rederive import files
    from rederive.config import Study
    from rederive.training.job import take
    from rederive.training.provenance import Provenance

    layout = layout_of(study)
    settings = Study.load(study)
    print(f"{take(settings, layout)} seeds taken")
    records = [record for run in settings.runs() for record in sorted(layout.runs.glob(f"{run}/seeds_*.json"))]
    there = [
        file
        for record in records
        if all(made.taken_from for made in Provenance.read(record).seeds.values())
        for file in (record.with_suffix(".csv"), record)
    ]
    files.write_json(layout.taken, {file.relative_to(layout.folder).as_posix(): files.sha256(file) for file in there})


def replay(
    runs: Annotated[list[str] | None, typer.Argument(help="keys of experiments; without names, all")] = None,
    epochs: Annotated[int, typer.Option(min=0, help="how many to train again; 0: only the first steps")] = 1,
    seeds: Annotated[
        list[int] | None, typer.Option(help="may be given again; without, one for each code that made some")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="take so many of the runs, drawn by chance")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="kept runs, or a results folder [archive, else the study's results]")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="write what was found here, and not beside kept runs")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Train the beginning of finished runs again with today's code, and compare; exit with 1 where one differs."""
    from rederive import written
    from rederive.config import Study
    from rederive.training import limit_threads

    settings = Study.load(study)
    limit_threads(settings.training.threads)
    from rederive.training.replay import replay_all

    layout = layout_of(study)
    written.forget(layout, "replay")
    folder = source or (ARCHIVE if ARCHIVE.is_dir() else layout.folder)
    replays = replay_all(settings, folder, layout, runs or [], seeds or [], sample, epochs, output)
    if output == layout.replays:
        written.remember(layout, "replay", [output])
    if any(replay.outcome == "different" for replay in replays):
        raise typer.Exit(1)


def infer(
    rows: Annotated[list[str] | None, typer.Argument(help="rows of `hypotheses`; without names, all")] = None,
    output: Annotated[Path | None, typer.Option(help="where the ranking goes; it is printed, too")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Train candidate settings of rows that disagree, few epochs each, and rank them against what is published."""
    from rederive.config import Study
    from rederive.training import limit_threads

    limit_threads(Study.load(study).training.threads)
    from rederive.files import write_text
    from rederive.results.agreement import Comparison
    from rederive.results.hypotheses.output import as_text
    from rederive.results.hypotheses.ranking import rankings
    from rederive.training.infer import infer

    layout = layout_of(study)
    comparison = Comparison.load(layout)
    trained = infer(comparison, layout, rows or [])
    text = as_text(comparison, rankings(comparison, trained))
    print(text)
    if output:
        write_text(output, text + "\n")


def status(study: StudyFile = STUDY) -> None:
    """Show how each training job stands, from the files that they leave."""
    answer_at_once()
    from rederive.config import Study
    from rederive.training.status import jobs, other_versions, summary, table

    settings, layout = Study.load(study), layout_of(study)
    found = jobs(settings, layout)
    print(*table(found), summary(found), *other_versions(settings, layout), sep="\n")
