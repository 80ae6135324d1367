"""The typed models of `config.yaml`, as a person writes it: each experiment gives only what differs from its base."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from rederive import imports
from rederive.config.errors import refuse_repeated, refuse_unknown
from rederive.config.hypotheses import Hypotheses
from rederive.config.settings import (
    Counted,
    Expression,
    FreeSettings,
    ImportPath,
    Name,
    PackagePath,
    Part,
    Positive,
    RowName,
    Seed,
    Settings,
    Size,
    Whole,
    Word,
)
from rederive.errors import UserError
from rederive.files import sha256


class Trainer(Part):
    """What gives an experiment its numbers, in one of three ways, and what it can be told.

    Pure functions and commands are given settings, data and a seed, and give rows; files that exist are read as they
    are. A `watched` function runs its own loop over all seeds of a job, under a watcher that saves and stops it.
    """

    model_config = ConfigDict(populate_by_name=True)

    python: ImportPath | None = Field(
        None, description="(settings, data, seed) -> a mapping from 'split metric' to its value, or one an epoch"
    )
    command: str | None = Field(
        None, description="in any language; {settings} is a JSON file, {seed}, {out} the CSV to write, {KEY} a setting"
    )
    imports: str | None = Field(
        None, alias="import", description="files that exist; {experiment}, {seed} and {KEY} stand in their path"
    )
    watched: bool = Field(False, description="python is (spec, data, seeds, device, watch) -> list[Trained]")
    format: Literal["csv", "wandb", "tensorboard", "lm_eval"] = Field("csv", description="of the files of an import")
    run: str | None = Field(None, description="of a W&B export that holds several runs: the name of one, with {seed}")
    code: list[str] = Field([], description="files of a command, or patterns of some: another content is another run")
    settings: ImportPath | None = Field(
        None, description="the keys of its experiments: a subclass of rederive.config.Settings; without it, any"
    )
    data: str | list[str] | None = Field(
        None, description="the data set that it trains on; of a command also a list of files, which count as its code"
    )
    cost: ImportPath | None = Field(None, description="spec -> rederive.training.cost.Cost; without it, a guess")
    schedule: bool = Field(
        False, description="its length matters to each epoch: a shorter experiment is not read off a longer run"
    )
    left_out: dict[str, str] = Field(
        {}, description="definitions (module:name) that its fingerprint leaves out, each with the reason"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(way is not None for way in (self.python, self.command, self.imports)) != 1:
            raise ValueError("give one of python, command, import")
        if self.command is not None and "{out}" not in self.command:
            raise ValueError("the command must hold {out}, the file that it writes its rows to")
        for key, owner in (
            ("watched", self.python),
            ("left_out", self.python),
            ("code", self.command),
            ("format", self.imports),
            ("run", self.imports),
        ):
            if owner is None and getattr(self, key) not in (False, "csv", None, [], {}):
                raise ValueError(f"{key} is of no use here: it belongs to another kind of trainer")
        if isinstance(self.data, list) and self.command is None:
            raise ValueError("data: a list of files belongs to a command; name a data set")
        if self.watched and not self.data_set:
            raise ValueError("data: not given; a watched function trains on a data set")
        if self.imports is not None and self.data is not None:
            raise ValueError("data: an import trains on none")
        return self

    @property
    def kind(self) -> Literal["watched", "function", "command", "import"]:
        """How it gives its numbers."""
        if self.python is not None:
            return "watched" if self.watched else "function"
        return "command" if self.command is not None else "import"

    @property
    def data_set(self) -> str:
        """The data set of the study that it trains on; empty for files of its own, or none."""
        return self.data if isinstance(self.data, str) else ""

    def files(self) -> dict[str, str]:
        """Return the SHA-256 of each file of a command, by its path from the study's folder. Raises UserError."""
        found: dict[str, str] = {}
        for pattern in [*self.code, *(self.data if isinstance(self.data, list) else [])]:
            paths = [path for path in sorted(Path().glob(pattern)) if path.is_file()]
            if not paths:
                raise UserError(f"trainers: found no file {pattern}; expected one in the study's folder")
            found |= {path.as_posix(): sha256(path) for path in paths}
        return found

    def settings_model(self) -> type[Settings]:
        """Return the model of its settings. Raises UserError where there is none."""
        if self.settings is None:
            return FreeSettings
        model = imports.load(self.settings)
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise UserError(f"{self.settings}: found {model!r}, expected a subclass of rederive.config.Settings")
        return model


class Metric(Part):
    """A number that trainers report after each epoch."""

    reads: RowName | dict[str, RowName] = Field(description="rows of the run table, for all trainers or for each")
    words: str | None = Field(None, description="what a sentence calls it; without it, the row's name")
    unit: Word = Field(description="metrics of one unit can be compared")
    digits: Annotated[int, Counted, Field(ge=0, le=15)] = Field(3, description="decimals in print")
    better: Literal["higher", "lower"] = Field(description="what @best is, and whether nan counts as the worst")
    headline: bool = Field(False, description="what tables show and published values are of; without one, the first")
    chance: float | None = Field(
        None, description="a run that is no better than this to its end has collapsed; of several metrics, than each"
    )
    when: Literal["after", "over"] = Field("after", description="taken after an epoch, or over it")
    proportion: bool = Field(
        False, description="a share of examples answered right: its error over them is told where answers are kept"
    )
    limits: tuple[float | None, float | None] = Field((None, None), description="the least and the largest there is")

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        low, high = self.limits
        if low is not None and high is not None and not low < high:
            raise ValueError(f"limits: found {low:g} and {high:g}; the least comes first")
        return self

    def row(self, trainer: str) -> tuple[str, str] | None:
        """Return the split and the name that the trainer's rows have; None where it does not report this."""
        name = self.reads if isinstance(self.reads, str) else self.reads.get(trainer)
        return None if name is None else (name.split()[0], name.split()[1])

    def called(self, trainer: str) -> str:
        """Return what a sentence calls this metric of a trainer."""
        return self.words or " ".join(self.row(trainer) or ())


class Table(Part):
    """A result table of the report: one row an experiment."""

    name: Name
    title: str
    metric: str = Field("", description="what its values are; without it, the first of the metrics")
    rows: list[str] = Field(min_length=1, description="names of experiments")
    columns: list[str] = Field(
        [], description="a setting, a metric, published, difference, one_more_run, seconds, parameters, label, ..."
    )


class Panel(Part):
    """The curves that stand together in a figure."""

    title: str
    experiments: list[str] = Field(min_length=1)
    metric: str
    log: bool = Field(False, description="a logarithmic axis")


class Bars(Part):
    """A mark for each experiment: a metric where it ends."""

    metric: str
    experiments: list[str] = Field(min_length=1)


class Scatter(Bars):
    """A point for each experiment: a metric against something else."""

    x: str = Field(description="a setting, a metric, parameters or flops_per_image")
    log: bool = Field(False, description="a logarithmic axis for x")


class Figure(Part):
    """A figure of one kind: declared curves, dots, bars or points, a graph, a function of the study, a picture."""

    title: str = ""
    panels: list[Panel] = Field([], description="curves over the epochs")
    dots: Bars | None = Field(None, description="a row for each experiment, with what is published")
    bars: Bars | None = None
    scatter: Scatter | None = None
    file: str | None = Field(None, description="a PNG or JPEG that is not computed from the runs; the report says so")
    graph: Literal["add", "mlp"] | None = Field(None, description="a small computation as the engine records it")
    python: ImportPath | None = Field(None, description="(axes, rederive.figures.page.Source) -> None, or a Shown")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = ("panels", "dots", "bars", "scatter", "graph", "python", "file")
        if sum(bool(getattr(self, kind)) for kind in kinds) != 1:
            raise ValueError(f"give one of {', '.join(kinds)}")
        return self

    @property
    def shown(self) -> list[tuple[str, Panel | Bars]]:
        """What it shows of experiments, each with what an error calls it."""
        marks = [(kind, found) for kind in ("dots", "bars", "scatter") if (found := getattr(self, kind))]
        return [*((panel.title, panel) for panel in self.panels), *marks]


class DataSet(Part):
    """Where the arrays of a data set come from."""

    title: str
    files: ImportPath | None = Field(None, description="a rederive.data.official.OfficialFiles; none: nothing to fetch")
    read: ImportPath = Field(description="folder of the files -> {name: Split}")
    standin: ImportPath | None = Field(None, description="(sizes, seed) -> {name: Split}: generated data of its form")
    sizes: dict[Word, Size] = Field({}, description="how many examples each split of a stand-in has")


class Data(Part):
    """The data sets, and whether the real ones are used."""

    source: Literal["official", "standin"] = Field("official", description="official files, or generated data")
    mirrors: list[str] = Field([], description="folders or http addresses, tried before the official servers")
    seed: Seed = Field(0, description="of the stand-ins")
    sets: dict[Word, DataSet] = Field({}, description="by the names that trainers call them")


class Training(Part):
    """How jobs run. Nothing here changes what is computed, but for rounding."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    threads: Size = Field(1, description="processor threads of one job")
    seeds_per_job: Size | Literal["all"] = Field("all", description="split an experiment's seeds over jobs")
    tf32: bool = Field(False, description="allow TF32 matrix products on a GPU")
    checkpoint_minutes: Positive = Field(10.0, description="longest time between two checkpoints")
    replay: Whole = Field(
        0, description="how many kept runs a build that takes some trains the first steps of again, to compare"
    )
    versions: Literal["record", "require"] = Field(
        "record", description="require: train again where Python, a library or the processor is another"
    )
    archive: str | None = Field(None, description="a folder of `rederive archive`: runs that are in it are not trained")


class Report(Part):
    """How the report is set."""

    title: str = "Report"
    authors: list[str] = Field([])
    original: str = Field("the original", description="what sentences call the work that is reproduced")
    digits: dict[Expression, str] = Field(
        {}, description="regular expressions of digits that templates may hold, and why"
    )
    runs: Literal["all", "finished"] = Field(
        "all", description="finished: train nothing, and report on the runs that are there or kept"
    )
    pdf_engine: Literal["auto", "latexmk", "tectonic", "typst"] = Field(
        "auto", description="auto: a LaTeX engine where there is one, else Typst"
    )


class Config(Part):
    """`config.yaml`: what is measured."""

    pathvars: dict[Literal["results", "resources", "logs", "benchmarks"], Annotated[str, Field(min_length=1)]] = Field(
        {}, description="folders of the build (Snakemake's path variables)"
    )
    seeds: list[Seed] = Field(min_length=1, description="one training run for each")
    data: Data = Data()
    training: Training = Training()
    report: Report = Report()
    trainers: dict[Word, Trainer] = Field({}, description="what trains experiments")
    metrics: dict[Word, Metric] = Field({}, description="by name; the headline, or the first, is what tables show")
    strict: bool = Field(False, description="an undeclared metric of a run stops the build, instead of a warning")
    derivations: PackagePath | None = Field(
        None, description="the package with the derivations, a module each; without one nothing is proved"
    )
    experiments: dict[Name, dict[str, Any]] = Field(description="each what differs from its base")
    tables: list[Table] = Field([])
    figures: dict[Word, Figure] = Field({})
    hypotheses: Hypotheses = Hypotheses()

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        refuse_repeated("seeds", self.seeds)
        refuse_repeated("tables", [table.name for table in self.tables])
        for name, trainer in self.trainers.items():
            if trainer.data_set:
                refuse_unknown(f"trainers.{name}.data", [trainer.data_set], self.data.sets, "data set")
            rows = [row for metric in self.metrics.values() if (row := metric.row(name))]
            refuse_repeated(f"metrics: rows of {name}", [" ".join(row) for row in rows])
        for name, metric in self.metrics.items():
            if not isinstance(metric.reads, str):
                refuse_unknown(f"metrics.{name}.reads", metric.reads, self.trainers, "trainer")
        if len(headlines := [name for name, metric in self.metrics.items() if metric.headline]) > 1:
            raise ValueError(f"metrics: {', '.join(headlines)} are each the headline; expected one")
        for table in self.tables:
            where = f"tables: table {table.name!r}"
            refuse_unknown(f"{where} has a row", table.rows, self.experiments, "experiment")
            refuse_unknown(f"{where}: metric", [table.metric or self.headline(where)], self.metrics, "metric")
        for name, figure in self.figures.items():
            for what, shown in figure.shown:
                refuse_unknown(f"figures.{name}: {what}", shown.experiments, self.experiments, "experiment")
                refuse_unknown(f"figures.{name}: {what}", [shown.metric], self.metrics, "metric")
        return self

    def headline(self, who: str) -> str:
        """Return the metric that tables show. Raises ValueError where there is none."""
        if not self.metrics:
            raise ValueError(f"{who} needs a metric, and none is declared under metrics")
        return str(headline(self.metrics))


def headline(metrics: Mapping[str, Metric]) -> str | None:
    """Return the metric that tables show and that published values are of: the one that says so, or the first."""
    return next((name for name, metric in metrics.items() if metric.headline), next(iter(metrics), None))
