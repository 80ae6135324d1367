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


class Results:
    """Where each step's files lie: the results folder is the one that holds the study."""

    def __init__(self, study: Path) -> None:
        self.study = study
        self.folder = study.parent
        self.runs = self.folder / "runs.csv"
        self.index = self.folder / "runs.json"
        self.numbers = self.folder / "numbers.json"
        self.tables = self.folder / "tables"
        self.claims = self.folder / "claims.json"
        self.figures = self.folder / "figures"
        self.report = self.folder / "report"
        self.text = self.report / "report.md"
        self.trace = self.report / "trace.json"

    def data(self, dataset: str) -> Path:
        """Return the folder of a data set's arrays."""
        return self.folder / "data" / dataset

    def manifests(self) -> list[Path]:
        """Return what says of each data set where its arrays come from."""
        return [self.data(dataset) / "manifest.json" for dataset in Dataset]

    def derivations(self) -> list[Path]:
        """Return the results of the derivations."""
        from rederive.derivations import derivation_names

        return [self.folder / "derivations" / f"{name}.json" for name in derivation_names()]


SOURCES = Path("report")
ARCHIVE = Path("archive")
PUBLISHED = SOURCES / "published.yaml", SOURCES / "published_curves.csv"
StudyFile = Annotated[
    Path, typer.Option("--study", help="the resolved configuration; its folder is that of all results")
]
STUDY = Path("results/study.json")
DatasetName = Annotated[Dataset, typer.Argument(help="the data set")]


@app.command()
def resolve(
    configs: Annotated[list[Path], typer.Argument(help="config files, each laid over those before it")],
    output: Annotated[
        Path | None, typer.Option(help="where the study goes; without it, the config is only checked")
    ] = None,
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
    source: Annotated[Path | None, typer.Option(help="the folder with the official files [resources/DATASET]")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Check official files and write them as arrays that load at once."""
    from rederive.data.prepare import prepare

    prepare(dataset, source or Path("resources") / dataset, Results(study).data(dataset))


@app.command()
def standin(dataset: DatasetName, study: StudyFile = STUDY) -> None:
    """Generate stand-in data of a data set's form, as the study says."""
    from rederive.config import Study
    from rederive.data.standin import generate

    wanted = Study.load(study).data.standin
    generate(dataset, Results(study).data(dataset), wanted.seed, getattr(wanted, dataset).model_dump())


@app.command()
def train(
    dataset: DatasetName,
    experiment: Annotated[str, typer.Argument(help="the name of a run in the config, such as relu")],
    seeds: Annotated[str | None, typer.Option(help="as in 0-1-2; without it, all of the study")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Train one run, from its last checkpoint where there is one."""
    import re

    from rederive.config import Study, job_name
    from rederive.training import train

    if seeds and not re.fullmatch(r"\d+(-\d+)*", seeds):
        raise UserError(f"train: --seeds: found {seeds!r}, expected numbers as in 0-1-2")
    paths = Results(study)
    settings = Study.load(study)
    # Without --seeds the study's jobs, one after the other, so that a build finds what it looks for.
    for group in [[int(seed) for seed in seeds.split("-")]] if seeds else settings.seed_groups():
        train(
            study,
            f"{dataset}.{experiment}",
            group,
            data_dir=paths.data(dataset),
            checkpoint_dir=paths.folder / "checkpoints",
            output_csv=paths.folder / "runs" / dataset / experiment / f"{job_name(group)}.csv",
            device=settings.training.device,
            threads=settings.training.threads,
        )


@app.command()
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

    kept = keep(Study.load(study), source or Results(study).folder / "runs", folder)
    print(f"{len(kept)} seeds kept in {folder}; take them with --config 'training={{archive: {folder}}}'")


@app.command()
def replay(
    runs: Annotated[list[str] | None, typer.Argument(help="such as mnist.relu; without names, all")] = None,
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
    from rederive.config import Study
    from rederive.training import limit_threads

    settings = Study.load(study)
    limit_threads(settings.training.threads)
    from rederive.training.replay import replay_all

    paths = Results(study)
    folder = source or (ARCHIVE if ARCHIVE.is_dir() else paths.folder)
    replays = replay_all(settings, folder, paths.data, runs or [], seeds or [], sample, epochs, output)
    if any(replay.outcome == "different" for replay in replays):
        raise typer.Exit(1)


@app.command()
def status(study: StudyFile = STUDY) -> None:
    """Show how each training job stands, from the files that they leave."""
    from rich.console import Console

    from rederive.config import Study
    from rederive.training.status import jobs, summary, table

    found = jobs(Study.load(study), Results(study).folder)
    console = Console()
    console.print(table(found))
    console.print(summary(found))


@app.command()
def ask_oracles(
    output: Annotated[Path, typer.Option(help="where the answers go")],
) -> None:
    """Ask PyTorch, JAX and TensorFlow for the gradients of all derivations."""
    from rederive.derivations import ask_oracles

    ask_oracles(output)


@app.command()
def verify(
    only: Annotated[
        list[str] | None, typer.Option(help="a derivation, or a file that defines one; may be given again")
    ] = None,
    oracles: Annotated[Path | None, typer.Option(help="take the answers of `ask-oracles` from this file")] = None,
    without_oracles: Annotated[bool, typer.Option(help="ask PyTorch alone")] = False,
    output: Annotated[Path | None, typer.Option(help="where the result of one derivation goes")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the results as JSON")] = False,
) -> None:
    """Prove the derivations, check their numbers, judge their mutants; exit with 1 where something does not hold."""
    import json

    from rederive.derivations import derivation_names, verify
    from rederive.derivations.result import print_table

    if output and len(only or []) != 1:
        raise UserError(f"verify: --output takes the result of one derivation, found {len(only or [])} names")
    results = [verify(name, output, oracles or not without_oracles) for name in only or derivation_names()]
    if as_json:
        print(json.dumps([result.to_json() for result in results], indent=2, sort_keys=True))
    else:
        print_table(results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


@app.command()
def graph(
    example: Annotated[str, typer.Argument(help="add or mlp")],
    output: Annotated[list[Path] | None, typer.Option(help="draw it in an SVG or PDF file")] = None,
) -> None:
    """Show the traced graph of a small computation, as text or as a picture."""
    from rederive.autograd.trace import trace, trace_example

    result = trace_example(example)
    print(trace(result))
    if output:
        from rederive.autograd.draw import draw_graph

        for path in output:
            draw_graph(result, path)


@app.command()
def collect(study: StudyFile = STUDY) -> None:
    """Put the files of all training jobs into one table."""
    from rederive.config import Study
    from rederive.results.collect import collect

    paths = Results(study)
    files = [paths.folder / file for file in Study.load(study).report_files(paths.folder)]
    collect(study, files, paths.runs, paths.index)


@app.command()
def summarise(study: StudyFile = STUDY) -> None:
    """Compute every number that the report can use, and its tables."""
    from rederive.results.numbers import summarise

    paths = Results(study)
    summarise(
        study,
        paths.runs,
        paths.index,
        *PUBLISHED,
        paths.derivations(),
        paths.manifests(),
        paths.numbers,
        paths.tables,
    )


@app.command()
def infer(
    study: StudyFile = STUDY,
    output: Annotated[Path | None, typer.Option(help="where the ranking goes; it is printed, too")] = None,
) -> None:
    """Train the candidate settings of rows that disagree, few epochs each, and rank them against what is published."""
    from rederive.config import Study
    from rederive.files import write_text
    from rederive.training import limit_threads

    paths, settings = Results(study), Study.load(study)
    limit_threads(settings.training.threads)
    from rederive.hypotheses import report, search
    from rederive.results.agreement import Comparison

    comparison = Comparison.load(study, paths.runs, *PUBLISHED)
    trained = search.infer(comparison, paths.data, paths.folder / "checkpoints" / "hypotheses")
    text = report.as_text(comparison, report.findings(comparison, trained))
    print(text)
    if output:
        write_text(output, text + "\n")


@app.command()
def test_claims(study: StudyFile = STUDY) -> None:
    """Test each conclusion of the write-up on the runs."""
    from rederive.results.claims import test_claims

    paths = Results(study)
    test_claims(study, paths.runs, paths.index, SOURCES / "claims.yaml", *PUBLISHED, paths.derivations(), paths.claims)


@app.command()
def check_claims(study: StudyFile = STUDY) -> None:
    """Compare the verdicts with those pinned in claims.yaml; exit with 1 where one differs."""
    from rederive.results.claims import differing

    if lines := differing(Results(study).claims):
        print("\n".join(lines))
        raise typer.Exit(1)


@app.command()
def plot(
    only: Annotated[list[str] | None, typer.Argument(help="figures; without names, all")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Draw the figures, each with the numbers that it shows beside it."""
    from rederive.figures import plot

    paths = Results(study)
    plot(study, paths.runs, paths.index, *PUBLISHED, paths.figures, only)


@app.command()
def render(study: StudyFile = STUDY) -> None:
    """Render the report's text as Markdown. A derivation that does not pass stops it."""
    from rederive.report.render import render

    paths = Results(study)
    render(
        study,
        paths.numbers,
        paths.claims,
        SOURCES / "claims.yaml",
        paths.index,
        paths.figures,
        paths.derivations(),
        SOURCES,
        Path(__file__).parents[1],
        paths.text,
        paths.trace,
    )


@app.command()
def convert(format: Annotated[str, typer.Argument(help="html, tex, typ or pdf")], study: StudyFile = STUDY) -> None:
    """Set the report in a format."""
    from rederive.config import Study
    from rederive.report.formats import convert

    paths = Results(study)
    output, engine = paths.text.with_suffix(f".{format}"), Study.load(study).report.pdf_engine
    convert(paths.text, output, paths.trace, paths.figures, SOURCES / "theme", engine)


@app.command()
def pack(study: StudyFile = STUDY) -> None:
    """Pack the report's source: unpacked anywhere, `latexmk` in it gives the PDF."""
    from rederive.report.pack import pack

    paths = Results(study)
    pack(paths.text, paths.text.with_suffix(".tex"), paths.figures, paths.report / "report-source.tar.gz")


@app.command()
def trace(
    key: Annotated[
        str | None, typer.Argument(help="such as mnist.relu.accuracy@10; without it, all are listed")
    ] = None,
    study: StudyFile = STUDY,
) -> None:
    """Tell where a number of the report comes from, and what uses it."""
    from rederive.report import trace

    folder = Results(study).folder
    print(trace.describe(folder, key) if key else "\n".join(trace.keys(folder)))


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="the results folder of a build")],
    second: Annotated[Path, typer.Argument(help="that of another")],
) -> None:
    """Tell what differs between two builds: numbers, verdicts, derivations, figures, text; exit with 1 if anything."""
    from rederive.report.diff import diff

    if lines := diff(first, second):
        print("\n".join(lines))
        raise typer.Exit(1)


@app.command()
def where(study: StudyFile = STUDY) -> None:
    """Print where the report is."""
    paths = Results(study)
    for file in sorted(paths.report.glob("report.*")):
        print(file.resolve())


def main() -> None:
    """Run the command line; what a user can mend is told without a traceback."""
    try:
        app()
    except UserError as error:
        print(f"rederive: {error}", file=sys.stderr)
        sys.exit(1)
