"""The command line: one sub-command for each step of the workflow, each one call of one function.

Modules are imported when a command runs: `rederive --help` and the short steps start at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rederive.errors import UserError

if TYPE_CHECKING:
    from rederive.config import DataSet, Study
    from rederive.layout import Layout

app = typer.Typer(
    name="rederive",
    help="Rebuild a deep-learning write-up: proofs, training, conclusions, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


ARCHIVE = Path("archive")
StudyFile = Annotated[
    Path, typer.Option("--study", help="the resolved configuration; its folder is that of all results")
]
STUDY = Path("results/study.json")
Package = Annotated[str | None, typer.Option(help="the package of the derivations [the tool's own catalogue]")]
DataSetName = Annotated[str, typer.Argument(help="a data set of the config")]


@app.command()
def resolve(
    configs: Annotated[list[Path], typer.Argument(help="config files, each laid over those before it")],
    output: Annotated[
        Path | None, typer.Option(help="where the study goes; without it, the config is only checked")
    ] = None,
) -> None:
    """Check config files and write the study that they describe."""
    study = _resolved(configs)
    if output:
        study.save(output)
    print(f"{len(study.experiments)} experiments, {len(study.runs())} training runs, {len(study.seeds)} seeds")


@app.command()
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


@app.command()
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
    folder = _layout(study).manifest(data_set).parent
    prepare(data_set, official, load(declared.read), source or Path("resources") / data_set, folder)
    _record(study, f"prepare.{data_set}")


@app.command()
def standin(data_set: DataSetName, study: StudyFile = STUDY) -> None:
    """Generate stand-in data of a data set's form, as the study says."""
    from rederive.config import Study
    from rederive.data.prepare import generate
    from rederive.imports import load

    settings = Study.load(study)
    declared = _data_set(settings, data_set)
    if declared.standin is None:
        raise UserError(f"data.sets.{data_set}.standin: not given; without it there is no stand-in for this data set")
    folder = _layout(study).manifest(data_set).parent
    generate(data_set, load(declared.standin), declared.sizes, settings.data.seed, folder)
    _record(study, f"standin.{data_set}")


def _data_set(study: "Study", name: str) -> "DataSet":
    if name not in study.data.sets:
        raise UserError(f"found no data set {name}; known: {', '.join(study.data.sets) or 'none'}")
    return study.data.sets[name]


def _layout(study: Path) -> "Layout":
    from rederive.layout import Layout

    return Layout.of(study)


def _derivations(layout: "Layout") -> list[Path]:
    """Return the files of what was proved."""
    from rederive.config import Study
    from rederive.derivations import derivation_names

    return [layout.derivation(name) for name in derivation_names(Study.load(layout.study).derivations)]


def _package(named: str | None) -> str:
    """Return the package of derivations that is meant, and let its code be found."""
    from rederive import imports
    from rederive.derivations import CATALOGUE

    imports.add_code_of(Path.cwd())
    return named or CATALOGUE


@app.command()
def train(
    experiment: Annotated[str, typer.Argument(help="the key of a run in the config")],
    seeds: Annotated[str | None, typer.Option(help="as in 0-1-2; without it, all of the study")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Train one run, from its last checkpoint where there is one."""
    import re

    from rederive.config import Study
    from rederive.training import train

    if seeds and not re.fullmatch(r"\d+(-\d+)*", seeds):
        raise UserError(f"train: --seeds: found {seeds!r}, expected numbers as in 0-1-2")
    settings = Study.load(study)
    # Without --seeds the study's jobs, one after the other, so that a build finds what it looks for.
    for group in [[int(seed) for seed in seeds.split("-")]] if seeds else settings.seed_groups():
        train(study, experiment, group)
    _record(study, experiment)


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

    kept = keep(Study.load(study), source or _layout(study).runs, folder)
    print(f"{len(kept)} seeds kept in {folder}; take them with --config 'training={{archive: {folder}}}'")


@app.command()
def take(study: StudyFile = STUDY) -> None:
    """Take every kept run that is valid and that no file of the build holds, and train nothing."""
    from rederive import files
    from rederive.config import Study
    from rederive.training.job import take

    layout = _layout(study)
    settings = Study.load(study)
    print(f"{take(settings, layout)} seeds taken")
    there = [file for run in settings.runs() for file in sorted(layout.runs.glob(f"{run}/seeds_*.csv"))]
    files.write_json(layout.taken, {file.relative_to(layout.folder).as_posix(): files.sha256(file) for file in there})


@app.command()
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
    from rederive.config import Study
    from rederive.training import limit_threads

    settings = Study.load(study)
    limit_threads(settings.training.threads)
    from rederive.training.replay import replay_all

    layout = _layout(study)
    folder = source or (ARCHIVE if ARCHIVE.is_dir() else layout.folder)
    replays = replay_all(settings, folder, layout, runs or [], seeds or [], sample, epochs, output)
    if any(replay.outcome == "different" for replay in replays):
        raise typer.Exit(1)


@app.command()
def status(study: StudyFile = STUDY) -> None:
    """Show how each training job stands, from the files that they leave."""
    from rich.console import Console

    from rederive.config import Study
    from rederive.training.status import jobs, other_versions, summary, table

    found = jobs(Study.load(study), _layout(study))
    console = Console()
    console.print(table(found))
    console.print(summary(found))
    for line in other_versions(Study.load(study), _layout(study)):
        console.print(line)


@app.command()
def ask_oracles(
    output: Annotated[Path, typer.Option(help="where the answers go")],
    package: Package = None,
) -> None:
    """Ask PyTorch, JAX and TensorFlow for the gradients of all derivations."""
    from rederive.derivations import ask_oracles

    ask_oracles(output, package=_package(package))
    _record(output.parent / "study.json", "ask_oracles")


@app.command()
def verify(
    only: Annotated[
        list[str] | None, typer.Option(help="a derivation, or a file that defines one; may be given again")
    ] = None,
    oracles: Annotated[Path | None, typer.Option(help="take the answers of `ask-oracles` from this file")] = None,
    without_oracles: Annotated[
        bool, typer.Option("--without-oracles", help="ask no other library; none is asked with --only, either")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="processes that prove [one for each core]")] = None,
    output: Annotated[Path | None, typer.Option(help="where the result of one derivation goes")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the results as JSON")] = False,
    package: Package = None,
) -> None:
    """Prove the derivations, check their numbers, judge their mutants; exit with 1 where something does not hold."""
    import json

    from rederive.derivations import derivation_names, verify_all
    from rederive.derivations.result import print_table

    if output and len(only or []) != 1:
        raise UserError(f"verify: --output takes the result of one derivation, found {len(only or [])} names")
    where = _package(package)
    asked = oracles or not (without_oracles or only)
    results = verify_all(only or derivation_names(where), output, asked, jobs, where)
    if output and only and only[0] in derivation_names(where):
        _record(output.parents[1] / "study.json", f"verify.{only[0]}")
    if as_json:
        print(json.dumps([result.to_json() for result in results], indent=2, sort_keys=True))
    else:
        print_table(results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


@app.command()
def fuzz_prover(
    expressions: Annotated[int, typer.Option(help="how many random expressions meet their normal form")] = 10_000,
    pairs: Annotated[int, typer.Option(help="how many mutants of them are judged")] = 50_000,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
) -> None:
    """Compare what the prover says of random expressions with exact numbers; exit with 1 at any mistake."""
    from rederive.derivations.fuzz import fuzz

    found = fuzz(expressions, pairs, seed)
    print(found)
    for mistake in found.mistakes:
        print(mistake)
    if found.mistakes:
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
    from rederive.results.collect import collect

    collect(_layout(study))
    _record(study, "collect")


@app.command()
def summarise(study: StudyFile = STUDY) -> None:
    """Compute every number that the report can use, and its tables."""
    from rederive.results.numbers import summarise

    layout = _layout(study)
    summarise(layout, _derivations(layout))
    _record(study, "summarise")


@app.command()
def test_claims(study: StudyFile = STUDY) -> None:
    """Test each conclusion of the write-up on the runs."""
    from rederive.results.claims import test_claims

    layout = _layout(study)
    test_claims(layout, _derivations(layout))
    _record(study, "test_claims")


@app.command()
def check_claims(study: StudyFile = STUDY) -> None:
    """Compare the verdicts with those pinned in claims.yaml; exit with 1 where one differs."""
    from rederive.results.claims import differing

    if lines := differing(_layout(study).claims):
        print("\n".join(lines))
        raise typer.Exit(1)


@app.command()
def plot(
    only: Annotated[list[str] | None, typer.Argument(help="figures; without names, all")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Draw the figures, each with the numbers that it shows beside it."""
    from rederive.figures import plot

    plot(_layout(study), only)
    if not only:
        _record(study, "plot")


@app.command()
def render(study: StudyFile = STUDY) -> None:
    """Render the report's text as Markdown. A derivation that does not pass stops it."""
    from rederive.report.render import render

    layout = _layout(study)
    render(layout, _derivations(layout), Path(__file__).parents[1])
    _record(study, "render")


@app.command()
def convert(format: Annotated[str, typer.Argument(help="html, tex, typ or pdf")], study: StudyFile = STUDY) -> None:
    """Set the report in a format."""
    from rederive.config import Study
    from rederive.layout import THEME
    from rederive.report.formats import convert

    layout, engine = _layout(study), Study.load(study).report.pdf_engine
    convert(layout.report("md"), layout.report(format), layout.trace, layout.figures, THEME, engine)
    _record(study, "convert")


@app.command()
def pack(study: StudyFile = STUDY) -> None:
    """Pack the report's source: unpacked anywhere, `latexmk` in it gives the PDF."""
    from rederive.report.pack import pack

    layout = _layout(study)
    pack(layout.report("md"), layout.report("tex"), layout.printed, layout.figures, layout.package)
    _record(study, "pack")


@app.command()
def site(
    folder: Annotated[Path, typer.Argument(help="where the page and its figures go")],
    dialect: Annotated[str, typer.Option(help="of Markdown: github, kramdown (Jekyll) or commonmark")] = "github",
    study: StudyFile = STUDY,
) -> None:
    """Write the report as a page of a Jekyll, Hugo or Quarto site, with its figures."""
    from rederive.report.site import site

    layout = _layout(study)
    site(layout.report("md"), layout.figures, folder, dialect)


@app.command()
def trace(
    key: Annotated[str | None, typer.Argument(help="such as relu.accuracy@10; without it, all are listed")] = None,
    study: StudyFile = STUDY,
) -> None:
    """Tell where a number of the report comes from, and what uses it."""
    from rederive.report import trace

    layout = _layout(study)
    print(trace.describe(layout, key) if key else "\n".join(trace.keys(layout)))


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
def why(
    step: Annotated[str, typer.Argument(help="a run of the study, or a rule, such as summarise")],
    study: StudyFile = STUDY,
    configs: Annotated[
        list[Path] | None,
        typer.Option("--config", help="config files in place of the study's settings; may be repeated"),
    ] = None,
) -> None:
    """Tell why a step would run again: which definition, setting or file changed since it ran."""
    from rederive.config import Study
    from rederive.why import why

    print("\n".join(why(study.parent, step, _resolved(configs) if configs else Study.load(study))))


@app.command()
def where(study: StudyFile = STUDY) -> None:
    """Print where the report is."""
    for file in sorted(_layout(study).report("md").parent.glob("report.*")):
        print(file.resolve())


def _resolved(configs: list[Path]) -> "Study":
    from functools import reduce

    from rederive import config

    return config.resolve(reduce(config.merge, map(config.read_yaml, configs), {}), configs)


def _record(study: Path, step: str) -> None:
    """Leave word of what a step depended on, for `why`."""
    from rederive.why import record

    if study.exists():
        record(study.parent, step)


def main() -> None:
    """Run the command line; what a user can mend is told without a traceback."""
    try:
        app()
    except UserError as error:
        print(f"rederive: {error}", file=sys.stderr)
        sys.exit(1)
