"""What an experiment is: the typed models of `config.yaml`, and the study that they resolve to.

`Config` is the file as a person writes it, each experiment giving only what differs from its base. `Study` is what
follows from it: every experiment complete, with the run it is read from. The rules of the workflow and every step of
the command line work on the study.

What an experiment can set is said by its trainer: a pydantic model of the study's own code, a subclass of `Settings`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, create_model, model_validator

from rederive import imports
from rederive.config_errors import describe
from rederive.errors import UserError
from rederive.files import write_text
from rederive.layout import Layout
from rederive.yaml_files import holder, in_order_of, merge, read_yaml

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.]*$", description="letters, digits, _ and .")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="small letters, digits and _")]
ImportPath = Annotated[str, Field(pattern=r"^[\w.]+:\w+$", description="module:name, found in src/ or installed")]
PackagePath = Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", description="found in src/ or installed")]
RowName = Annotated[str, Field(pattern=r"^\S+ \S+$", description="split and metric as the trainer's rows name them")]
Size = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Model(BaseModel):
    """A model that refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(Model):
    """What every experiment sets; a trainer's own model adds its keys. Complete, they are the experiment's *spec*."""

    epochs: Size = Field(description="how long it trains, and where its own numbers are read")

    def identity(self) -> str:
        """Return what the run is, without its length, as JSON with sorted keys.

        Nothing in training depends on the number of epochs to come, so that a shorter experiment is a longer one
        read earlier. A key that has its default is left out: one that a later version adds makes no other run of it.
        """
        return json.dumps(self.model_dump(exclude={"epochs"}, exclude_defaults=True), sort_keys=True)


class About(Model):
    """How an experiment is called in the text, the tables and the figures."""

    label: str | None = Field(None, description="short name for legends; the key where it is left out")
    changed: str = Field("", description="what differs from the base, as the table says it")
    value: str = Field("", description="its value, as the table says it")
    origin: Literal["published", "ours"] = Field("published", description="a row of the original, or ours")


class Entry(About):
    """What every experiment can give; its trainer's settings are the other keys."""

    base: str | None = Field(None, description="the experiment that gives the rest")
    trainer: str | None = Field(None, description="what trains it; without it, the base's")


@cache
def entry_model(settings: type[Settings]) -> type[Entry]:
    """Return the model of an experiment as written: any of the settings, and the base for the rest."""
    fields: dict[str, Any] = {}
    for key, info in settings.model_fields.items():
        constraint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        fields[key] = (constraint, Field(None, description=info.description))
    return create_model(f"{settings.__name__}Entry", __base__=Entry, **fields)


class Trainer(Model):
    """A function of the study that trains networks, and what it can be told."""

    python: ImportPath = Field(description="(spec, data, seeds, device, watch) -> list[Trained]")
    settings: ImportPath = Field(description="the keys of its experiments: a subclass of rederive.config.Settings")
    data: str = Field(description="the data set that it trains on")
    cost: ImportPath | None = Field(None, description="spec -> rederive.training.cost.Cost; without it, a guess")
    left_out: dict[str, str] = Field(
        {}, description="definitions (module:name) that its fingerprint leaves out, each with the reason"
    )

    def settings_model(self) -> type[Settings]:
        """Return the model of its settings. Raises UserError where there is none."""
        model = imports.load(self.settings)
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise UserError(f"{self.settings}: found {model!r}, expected a subclass of rederive.config.Settings")
        return model


class Metric(Model):
    """A number that trainers report after each epoch."""

    reads: RowName | dict[str, RowName] = Field(description="rows of the run table, for all trainers or for each")
    words: str | None = Field(None, description="what a sentence calls it; without it, the row's name")
    unit: Word = Field(description="metrics of one unit can be compared")
    digits: Annotated[int, Field(ge=0)] = Field(3, description="decimals in print")
    better: Literal["higher", "lower"]
    when: Literal["after", "over"] = Field("after", description="taken after an epoch, or over it")
    limits: tuple[float | None, float | None] = Field((None, None), description="the least and the largest there is")

    def row(self, trainer: str) -> tuple[str, str] | None:
        """Return the split and the name that the trainer's rows have; None where it does not report this."""
        name = self.reads if isinstance(self.reads, str) else self.reads.get(trainer)
        return None if name is None else (name.split()[0], name.split()[1])

    def called(self, trainer: str) -> str:
        """Return what a sentence calls this metric of a trainer."""
        return self.words or " ".join(self.row(trainer) or ())


class Table(Model):
    """A result table of the report: one row an experiment."""

    name: Name
    title: str
    metric: str = Field("", description="what its values are; without it, the first of the metrics")
    rows: list[str] = Field(min_length=1, description="names of experiments")


class Panel(Model):
    """The curves that stand together in a figure."""

    title: str
    experiments: list[str] = Field(min_length=1)
    metric: str
    log: bool = Field(False, description="a logarithmic axis")


class Figure(Model):
    """A figure of one kind: panels of curves, a traced graph, or whatever a function of the study draws."""

    title: str = ""
    panels: list[Panel] = Field([], description="curves over the epochs")
    graph: Literal["add", "mlp"] | None = Field(None, description="a small computation as the engine records it")
    python: ImportPath | None = Field(None, description="rederive.figures.page.Source -> rederive.figures.page.Page")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(map(bool, (self.panels, self.graph, self.python))) != 1:
            raise ValueError("give one of panels, graph, python")
        return self


class DataSet(Model):
    """Where the arrays of a data set come from."""

    title: str
    files: ImportPath | None = Field(None, description="a rederive.data.official.OfficialFiles; none: nothing to fetch")
    read: ImportPath = Field(description="folder of the files -> {name: Split}")
    standin: ImportPath | None = Field(None, description="(sizes, seed) -> {name: Split}: generated data of its form")
    sizes: dict[Word, Size] = Field({}, description="how many examples each split of a stand-in has")


class Data(Model):
    """The data sets, and whether the real ones are used."""

    source: Literal["official", "standin"] = Field("official", description="official files, or generated data")
    mirrors: list[str] = Field([], description="folders or http addresses, tried before the official servers")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="of the stand-ins")
    sets: dict[Word, DataSet] = {}


class Training(Model):
    """How jobs run. Nothing here changes what is computed, but for rounding."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    threads: Size = Field(1, description="processor threads of one job")
    seeds_per_job: Size | Literal["all"] = Field("all", description="split an experiment's seeds over jobs")
    tf32: bool = Field(False, description="allow TF32 matrix products on a GPU")
    checkpoint_minutes: Positive = Field(10.0, description="longest time between two checkpoints")
    replay: Annotated[int, Field(ge=0)] = Field(
        0, description="how many kept runs a build that takes some trains the first steps of again, to compare"
    )
    versions: Literal["record", "require"] = Field(
        "record", description="require: train again where Python, a library or the processor is another"
    )
    archive: str | None = Field(None, description="a folder of `rederive archive`: runs that are in it are not trained")


class Report(Model):
    """How the report is set."""

    title: str = "Report"
    authors: list[str] = []
    original: str = Field("the original", description="what sentences call the work that is reproduced")
    digits: dict[str, str] = Field({}, description="regular expressions of digits that templates may hold, and why")
    runs: Literal["all", "finished"] = Field(
        "all", description="finished: train nothing, and report on the runs that are there or kept"
    )
    pdf_engine: Literal["auto", "latexmk", "tectonic", "typst"] = Field(
        "auto", description="auto: a LaTeX engine where there is one, else Typst"
    )


class Config(Model):
    """`config.yaml`: what is measured."""

    pathvars: dict[Literal["results", "resources", "logs", "benchmarks"], str] = Field(
        {}, description="folders of the build (Snakemake's path variables)"
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, description="one training run for each")
    data: Data = Data()
    training: Training = Training()
    report: Report = Report()
    trainers: dict[Word, Trainer] = {}
    metrics: dict[Word, Metric] = Field({}, description="the first is the one that tables show")
    derivations: PackagePath | None = Field(
        None, description="the package with the derivations, a module each; without one nothing is proved"
    )
    experiments: dict[Name, dict[str, Any]] = Field(description="each what differs from its base")
    tables: list[Table] = []
    figures: dict[Word, Figure] = {}

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        _refuse_repeated("seeds", self.seeds)
        _refuse_repeated("tables", [table.name for table in self.tables])
        for name, trainer in self.trainers.items():
            _refuse_unknown(f"trainers.{name}.data", [trainer.data], self.data.sets, "data set")
            rows = [row for metric in self.metrics.values() if (row := metric.row(name))]
            _refuse_repeated(f"metrics: rows of {name}", [" ".join(row) for row in rows])
        for name, metric in self.metrics.items():
            if not isinstance(metric.reads, str):
                _refuse_unknown(f"metrics.{name}.reads", metric.reads, self.trainers, "trainer")
        for table in self.tables:
            where = f"tables: table {table.name!r}"
            _refuse_unknown(f"{where} has a row", table.rows, self.experiments, "experiment")
            _refuse_unknown(f"{where}: metric", [table.metric or self.headline(where)], self.metrics, "metric")
        for name, figure in self.figures.items():
            for panel in figure.panels:
                _refuse_unknown(f"figures.{name}: {panel.title}", panel.experiments, self.experiments, "experiment")
                _refuse_unknown(f"figures.{name}: {panel.title}", [panel.metric], self.metrics, "metric")
        return self

    def headline(self, who: str) -> str:
        """Return the metric that tables show. Raises ValueError where there is none."""
        if not self.metrics:
            raise ValueError(f"{who} needs a metric, and none is declared under metrics")
        return next(iter(self.metrics))


class Experiment(Model):
    """One experiment of the study, complete."""

    key: str
    label: str
    changed: str
    value: str
    origin: Literal["published", "ours"]
    trainer: str
    data: str = Field(description="the data set that it trains on")
    run: str = Field(description="the key of the experiment whose training this one is read from")
    epochs: Size = Field(description="the epoch at which its own numbers are read")
    spec: SerializeAsAny[Settings]


class Study(Model):
    """The resolved configuration: everything that the steps after it need to know."""

    seeds: list[int]
    data: Data
    training: Training
    report: Report
    trainers: dict[str, Trainer]
    metrics: dict[str, Metric]
    derivations: str | None = Field(description="the package with the derivations")
    experiments: dict[str, Experiment] = Field(description="by key, in the order of the config")
    tables: list[Table]
    figures: dict[str, Figure]

    @model_validator(mode="before")
    @classmethod
    def _specs_have_their_models(cls, study: Any) -> Any:
        """Read each spec, where it comes from a file, as what its trainer says."""
        for experiment in study["experiments"].values():
            if isinstance(experiment, dict):
                trainer = Trainer.model_validate(study["trainers"][experiment["trainer"]])
                experiment["spec"] = trainer.settings_model().model_validate(experiment["spec"])
        return study

    def runs(self, data: str | None = None) -> dict[str, Experiment]:
        """Return the experiments that are trained, on one data set or on all: each the longest with its spec."""
        return {
            key: experiment
            for key, experiment in self.experiments.items()
            if experiment.run == key and data in (None, experiment.data)
        }

    def data_sets(self) -> dict[str, DataSet]:
        """Return the data sets that the runs train on, in the order of the config."""
        used = {experiment.data for experiment in self.experiments.values()}
        return {name: data_set for name, data_set in self.data.sets.items() if name in used}

    def metrics_of(self, trainer: str) -> dict[str, Metric]:
        """Return the metrics that a trainer reports."""
        return {name: metric for name, metric in self.metrics.items() if metric.row(trainer)}

    @property
    def headline(self) -> str | None:
        """The metric that tables show and that published values are of: the first."""
        return next(iter(self.metrics), None)

    def seed_groups(self) -> list[list[int]]:
        """Return the seeds of each training job of an experiment."""
        size = len(self.seeds) if self.training.seeds_per_job == "all" else self.training.seeds_per_job
        return [self.seeds[start : start + size] for start in range(0, len(self.seeds), size)]

    def run_files(self, layout: Layout, data: str | None = None) -> list[Path]:
        """Return what training writes, one CSV a job."""
        return [layout.run(key, seeds) for key in self.runs(data) for seeds in self.seed_groups()]

    def report_files(self, layout: Layout) -> list[Path]:
        """Return what the report is about: all of `run_files`, or the files of its runs that are there."""
        if self.report.runs == "all":
            return self.run_files(layout)
        return [path for key in self.runs() for path in sorted((layout.runs / key).glob("seeds_*.csv"))]

    def meaning(self) -> str:
        """Return a hash of all that the report depends on: not how jobs run, and not where data and code come from."""
        return hashlib.sha256(json.dumps(self.told()).encode()).hexdigest()[:16]

    def told(self) -> dict[str, Any]:
        """Return all that the report depends on."""
        return self.model_dump(
            mode="json",
            exclude={
                "training": True,
                "trainers": True,
                "derivations": True,
                "data": {"mirrors"},
                "report": {"pdf_engine", "runs"},
            },
        )

    def save(self, path: str | Path) -> None:
        """Write the study to a file."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a study that `save` wrote, in the folder of its configuration.

        Raises UserError if there is none or it is damaged.
        """
        imports.add_code_of(Path.cwd())
        try:
            return cls.model_validate(json.loads(Path(path).read_bytes()))
        except FileNotFoundError:
            raise UserError(f"{path}: not found. `rederive resolve` (or any build) writes it.") from None
        except ValidationError as error:
            raise UserError(f"{path}: not a study of this version: {describe(error, cls)[0]}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a study of this version: {error!r}") from None


def resolve(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> Study:
    """Return the study that a merged configuration describes.

    `files` are those it was merged from, the strongest last: an error names the one that holds the offending key. The
    study's own code lies in `src/` beside any of them.
    Raises UserError for unknown keys, wrong types and impossible values.
    """
    paths = [Path(file) for file in files]
    written: dict[str, Any] = {}
    for path in paths:
        imports.add_code_of(path.parent)
        written = merge(written, read_yaml(path))
    config = in_order_of(written, config)
    try:
        parsed = Config.model_validate(config)
    except ValidationError as error:
        raise _invalid(describe(error, Config), paths) from None
    experiments = _complete(parsed, paths)
    # The longest of equal experiments gives the run its name, the first of equally long ones.
    run_of: dict[tuple[str, str], str] = {}
    for key, (entry, spec) in sorted(experiments.items(), key=lambda item: -item[1][1].epochs):
        run_of.setdefault((str(entry.trainer), spec.identity()), key)
    return Study(
        seeds=parsed.seeds,
        data=parsed.data,
        training=parsed.training,
        report=parsed.report,
        trainers=parsed.trainers,
        metrics=parsed.metrics,
        derivations=parsed.derivations,
        experiments={
            key: Experiment(
                key=key,
                label=entry.label or key.replace("_", " "),
                changed=entry.changed,
                value=entry.value,
                origin=entry.origin,
                trainer=str(entry.trainer),
                data=parsed.trainers[str(entry.trainer)].data,
                run=run_of[str(entry.trainer), spec.identity()],
                epochs=spec.epochs,
                spec=spec,
            )
            for key, (entry, spec) in experiments.items()
        },
        tables=[
            table.model_copy(update={"metric": table.metric or parsed.headline("a table")}) for table in parsed.tables
        ],
        figures=parsed.figures,
    )


def _complete(config: Config, files: list[Path]) -> dict[str, tuple[Entry, Settings]]:
    """Return each experiment with its trainer, and its spec: its own keys over those of its base, and so on.

    Raises UserError for whatever is wrong with them, all at once.
    """
    problems: list[str] = []
    chains: dict[str, list[str]] = {}
    entries: dict[str, Entry] = {}
    models: dict[str, type[Settings]] = {}
    for key, written in config.experiments.items():
        try:
            chains[key] = _chain(key, config.experiments)
            name = next(
                (found for link in chains[key] if (found := config.experiments[link].get("trainer")) is not None), None
            )
            if name is None:
                raise ValueError(f"experiments.{key}.trainer: not given, neither here nor in a base")
            _refuse_unknown(f"experiments.{key}.trainer", [name], config.trainers, "trainer")
            try:
                models[key] = config.trainers[name].settings_model()
            except UserError as error:
                raise ValueError(f"trainers.{name}.settings: {error}") from None
            entry = entry_model(models[key])
            entries[key] = entry.model_validate(written).model_copy(update={"trainer": name})
        except ValidationError as error:
            problems += describe(error, entry, f"experiments.{key}")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise _invalid(problems, files)
    complete: dict[str, tuple[Entry, Settings]] = {}
    for key, entry_ in entries.items():
        given: dict[str, Any] = {}
        for link in reversed(chains[key]):
            given |= entries[link].model_dump(exclude_unset=True, exclude=set(Entry.model_fields))
        try:
            complete[key] = (entry_, models[key].model_validate(given))
        except ValidationError as error:
            missing = [str(problem["loc"][0]) for problem in error.errors() if problem["type"] == "missing"]
            wrong = [str(problem["ctx"]["error"]) for problem in error.errors() if problem["type"] == "value_error"]
            # A base with another trainer may set what this one does not know.
            strange = [str(p["loc"][0]) for p in error.errors() if p["type"] not in ("missing", "value_error")]
            if strange:
                wrong.append(f"{', '.join(strange)} of its base is nothing that trainer {entry_.trainer} takes")
            if missing:
                wrong.append(f"{', '.join(missing)} not given, neither here nor in a base")
            problems.append(f"experiments.{key}: {'; '.join(wrong)}")
    if problems:
        raise _invalid(problems, files)
    return complete


def _chain(key: str, experiments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return an experiment, its base, the base of that, and so on. Raises ValueError for a base that cannot be."""
    chain: list[str] = []
    following: Any = key
    while following is not None:
        if following not in experiments:
            raise ValueError(
                f"experiments.{chain[-1]}.base: found {following!r}, which does not exist; "
                f"known: {', '.join(sorted(experiments))}"
            )
        if following in chain:
            raise ValueError(f"experiments.{key}.base: leads back to itself: {' -> '.join([*chain, following])}")
        chain.append(following)
        following = experiments[following].get("base")
    return chain


def _invalid(problems: list[str], files: list[Path]) -> UserError:
    found = [f"{holder(problem, files)}{problem}" for problem in dict.fromkeys(problems)]
    return UserError("\n".join(["the configuration is not valid", *found]))


def _refuse_repeated(where: str, values: list[Any]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{where}: {', '.join(map(repr, repeated))} given twice; each may stand once")


def _refuse_unknown(where: str, names: Iterable[str], known: Iterable[str], kind: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(
                f"{where}: found {name!r}, which is no {kind}; known: {', '.join(sorted(known)) or 'none'}"
            )
