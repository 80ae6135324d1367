"""What an experiment is: the typed models of `config.yaml`, and the study that they resolve to.

`Config` is the file as a person writes it, each experiment giving only what differs from its base. `Study` is what
follows from it: every experiment complete, with the run it is read from. The rules of the workflow and every step of
the command line work on the study.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from rederive.config_errors import describe
from rederive.errors import UserError
from rederive.files import write_text
from rederive.hypotheses.model import Hypotheses, candidate_spec

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.]*$", description="letters, digits, _ and .")]
Size = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dataset = Literal["mnist", "cifar10"]


class Model(BaseModel):
    """A model that refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spec(Model):
    """What every training run has; a subclass adds its network. Two runs with one spec are one run."""

    learning_rate: Positive = Field(description="step size of the optimiser")
    momentum: Fraction = Field(description="m in v = m v + g, w = w - learning_rate v")
    weight_decay: NonNegative = Field(0.0, description="L2 coefficient (decoupled for AdamW)")
    dropout: Fraction = Field(
        0.0, description="share of the hidden units (CIFAR-10: of the last hidden layer's) dropped in training"
    )
    seed_offset: Annotated[int, Field(ge=0)] = Field(
        0, description="added to each seed: draws of its own for a run that would repeat another draw for draw"
    )
    batch_size: Size
    epochs: Size = Field(description="how long it trains, and where its own numbers are read")

    def identity(self) -> str:
        """Return what the run is, without its length, as JSON with sorted keys.

        Nothing in training depends on the number of epochs to come, so that a shorter experiment is a longer one
        read earlier. A key that has its default is left out: one that a later version adds makes no other run of it.
        """
        return json.dumps(self.model_dump(exclude={"epochs"}, exclude_defaults=True), sort_keys=True)


class MnistSpec(Spec):
    """A multilayer perceptron on MNIST, trained on the project's own engine."""

    hidden_sizes: list[Size] = Field(min_length=1, description="units of each hidden layer")
    activation: Literal["sigmoid", "relu", "tanh"]
    initialization: Literal["glorot_normal", "he_normal", "zeros", "standard_normal"]
    dtype: Literal["float32", "float64"] = Field("float32", description="precision of the arithmetic")
    skip_connections: bool = Field(False, description="add a hidden layer's input to its output where sizes agree")

    @model_validator(mode="after")
    def _something_to_skip(self) -> Self:
        if self.skip_connections and not any(before == after for before, after in pairwise(self.hidden_sizes)):
            raise ValueError(f"skip_connections: no two neighbours of hidden_sizes {self.hidden_sizes} are equal")
        return self


class Cifar10Spec(Spec):
    """A convolutional network on CIFAR-10, trained on PyTorch."""

    conv_channels: list[Size] = Field(min_length=1, description="filters of each convolutional layer")
    kernel_size: Size
    padding: Annotated[int, Field(ge=0)]
    linear_units: list[Size] = Field(description="units of each hidden linear layer")
    batch_norm: bool = Field(False, description="normalise after each convolution")
    residual: bool = Field(False, description="add a block's input to its output")
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"]
    loss: Literal["cross_entropy", "kl_divergence"]


SPECS: dict[str, type[Spec]] = {"mnist": MnistSpec, "cifar10": Cifar10Spec}


class About(Model):
    """How an experiment is called in the text, the tables and the figures."""

    label: str | None = Field(None, description="short name for legends; the key where it is left out")
    changed: str = Field("", description="what differs from the base, as the table says it")
    value: str = Field("", description="its value, as the table says it")
    origin: Literal["published", "ours"] = Field("published", description="a row of the write-up, or ours")


def _entry(name: str, spec: type[Spec]) -> type[About]:
    """Return the model of an experiment as written: any of the spec's keys, and the base for the rest."""
    fields: dict[str, Any] = {"base": (str | None, Field(None, description="the experiment that gives the rest"))}
    for key, info in spec.model_fields.items():
        constraint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        fields[key] = (constraint, Field(None, description=info.description))
    return create_model(name, __base__=About, **fields)


class Experiments(Model):
    """The experiments of each dataset, by name."""

    mnist: dict[Name, _entry("MnistEntry", MnistSpec)] = {}  # type: ignore[misc, valid-type]
    cifar10: dict[Name, _entry("Cifar10Entry", Cifar10Spec)] = {}  # type: ignore[misc, valid-type]


class Table(Model):
    """A result table of the report: one row an experiment."""

    name: Name
    title: str
    dataset: Dataset
    rows: list[str] = Field(min_length=1, description="names of experiments of the dataset")


class StandinSizes(Model):
    """How many stand-in images are made for each split."""

    train: Size
    validation: Annotated[int, Field(ge=0)] = Field(0, description="MNIST needs some")
    test: Size


class Standin(Model):
    """Generated data in the place of the official files: only where the config says so."""

    seed: Annotated[int, Field(ge=0)] = 0
    mnist: StandinSizes = StandinSizes(train=3000, validation=500, test=500)
    cifar10: StandinSizes = StandinSizes(train=1000, test=500)

    @model_validator(mode="after")
    def _something_to_validate_on(self) -> Self:
        if not self.mnist.validation:
            raise ValueError(
                "data.standin.mnist.validation: found 0, expected at least 1: MNIST's networks are judged on them"
            )
        return self


class Data(Model):
    """Where the data comes from."""

    source: Literal["official", "standin"] = Field("official", description="official files, or generated data")
    mirrors: list[str] = Field([], description="folders or http addresses, tried before the official servers")
    standin: Standin = Standin()


class Training(Model):
    """How jobs run. Nothing here changes what is computed, but for rounding."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    threads: Size = Field(1, description="processor threads of one job")
    seeds_per_job: Size | Literal["all"] = Field("all", description="split an experiment's seeds over jobs")
    tf32: bool = Field(False, description="allow TF32 matrix products on a GPU")
    checkpoint_minutes: Positive = Field(10.0, description="longest time between two checkpoints")
    archive: str | None = Field(None, description="a folder of `rederive archive`: runs that are in it are not trained")


class Report(Model):
    """How the report is set."""

    title: str = "A deep-learning write-up, rederived"
    authors: list[str] = []
    runs: Literal["all", "finished"] = Field(
        "all", description="finished: train nothing, and report on the runs that are there"
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
    experiments: Experiments
    tables: list[Table] = []
    hypotheses: Hypotheses = Hypotheses()

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        _refuse_repeated("seeds", self.seeds)
        _refuse_repeated("tables", [table.name for table in self.tables])
        for table in self.tables:
            known = getattr(self.experiments, table.dataset)
            for row in table.rows:
                if row not in known:
                    raise ValueError(
                        f"tables: table {table.name!r} has a row {row!r}, which is no experiment of {table.dataset}; "
                        f"known: {', '.join(known) or 'none'}"
                    )
        return self

    @model_validator(mode="after")
    def _experiments_are_whole(self) -> Self:
        for dataset in SPECS:
            for name in getattr(self.experiments, dataset):
                self.spec(dataset, name)
        return self

    def spec(self, dataset: str, name: str) -> Spec:
        """Return the complete spec of an experiment: its own keys over those of its base, and so on.

        Raises ValueError where a base does not exist or leads back to itself, or where a key is given nowhere.
        """
        entries = getattr(self.experiments, dataset)
        chain: list[str] = []
        following: str | None = name
        while following is not None:
            if following not in entries:
                raise ValueError(
                    f"experiments.{dataset}.{chain[-1]}.base: found {following!r}, which does not exist; "
                    f"known: {', '.join(sorted(entries))}"
                )
            if following in chain:
                raise ValueError(
                    f"experiments.{dataset}.{name}.base: leads back to itself: {' -> '.join([*chain, following])}"
                )
            chain.append(following)
            following = entries[following].base
        given: dict[str, Any] = {}
        about = {*About.model_fields, "base"}
        for link in reversed(chain):
            given |= entries[link].model_dump(exclude_unset=True, exclude=about)
        try:
            return SPECS[dataset].model_validate(given)
        except ValidationError as error:
            missing = [str(problem["loc"][0]) for problem in error.errors() if problem["type"] == "missing"]
            wrong = [str(problem["ctx"]["error"]) for problem in error.errors() if problem["type"] == "value_error"]
            if missing:
                wrong.append(f"{', '.join(missing)} not given, neither here nor in a base")
            raise ValueError(f"experiments.{dataset}.{name}: {'; '.join(wrong)}") from None


class Experiment(Model):
    """One experiment of the study, complete."""

    dataset: Dataset
    name: str
    label: str
    changed: str
    value: str
    origin: Literal["published", "ours"]
    run: str = Field(description="`dataset.name` of the experiment whose training this one is read from")
    epochs: Size = Field(description="the epoch at which its own numbers are read")
    spec: Annotated[MnistSpec | Cifar10Spec, Field(union_mode="left_to_right")]


class Study(Model):
    """The resolved configuration: everything that the steps after it need to know."""

    seeds: list[int]
    data: Data
    training: Training
    report: Report
    experiments: dict[str, Experiment] = Field(description="by `dataset.name`, in the order of the config")
    tables: list[Table]
    hypotheses: Hypotheses = Hypotheses()

    @model_validator(mode="after")
    def _hypotheses_can_be_trained(self) -> Self:
        for row in [*self.hypotheses.known, *self.hypotheses.rows]:
            if row not in self.experiments:
                raise ValueError(f"hypotheses: found the row {row!r}, which is no experiment")
        for row in self.hypotheses.rows:
            for name, candidate in self.hypotheses.candidates(row).items():
                try:
                    candidate_spec(row, candidate, self.experiments)
                except ValueError as error:
                    told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
                    raise ValueError(f"hypotheses.rows.{row}.candidates.{name}: {told}") from None
        return self

    def runs(self, dataset: str | None = None) -> dict[str, Experiment]:
        """Return the experiments that are trained, of one data set or of all: each the longest with its spec."""
        return {
            key: experiment
            for key, experiment in self.experiments.items()
            if experiment.run == key and dataset in (None, experiment.dataset)
        }

    def seed_groups(self) -> list[list[int]]:
        """Return the seeds of each training job of an experiment."""
        size = len(self.seeds) if self.training.seeds_per_job == "all" else self.training.seeds_per_job
        return [self.seeds[start : start + size] for start in range(0, len(self.seeds), size)]

    def run_files(self, dataset: str | None = None) -> list[str]:
        """Return what training writes, one CSV a job, as paths in the results folder."""
        jobs = [job_name(seeds) for seeds in self.seed_groups()]
        return [f"runs/{run.dataset}/{run.name}/{job}.csv" for run in self.runs(dataset).values() for job in jobs]

    def report_files(self, results: Path) -> list[str]:
        """Return those of `run_files` that the report is about: all, or the ones that are in the results folder."""
        return [path for path in self.run_files() if self.report.runs == "all" or results.joinpath(path).exists()]

    def meaning(self) -> str:
        """Return a hash of all that the report depends on: not how jobs run, and not where data come from."""
        told = self.model_dump(
            mode="json", exclude={"training": True, "data": {"mirrors"}, "report": {"pdf_engine", "runs"}}
        )
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def save(self, path: str | Path) -> None:
        """Write the study to a file."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a study that `save` wrote. Raises UserError if there is none or it is damaged."""
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except FileNotFoundError:
            raise UserError(f"{path}: not found. `rederive resolve` (or any build) writes it.") from None
        except ValidationError as error:
            raise UserError(f"{path}: not a study of this version: {describe(error, cls)[0]}") from None


def job_name(seeds: Iterable[int]) -> str:
    """Return what the files of a training job with these seeds are called: seeds_0-1-2."""
    return f"seeds_{'-'.join(map(str, seeds))}"


def resolve(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> Study:
    """Return the study that a merged configuration describes.

    `files` are those it was merged from, the strongest last: an error names the one that holds the offending key.
    Raises UserError for unknown keys, wrong types and impossible values.
    """
    paths = [Path(file) for file in files]
    written: dict[str, Any] = {}
    for path in paths:
        written = merge(written, read_yaml(path))
    config = _in_order_of(written, config)
    try:
        parsed = Config.model_validate(config)
    except ValidationError as error:
        problems = [f"{_holder(problem, paths)}{problem}" for problem in describe(error, Config)]
        raise UserError("\n".join(["the configuration is not valid", *problems])) from None
    specs = {
        (dataset, name): parsed.spec(dataset, name)
        for dataset in SPECS
        for name in getattr(parsed.experiments, dataset)
    }
    run_of: dict[tuple[str, str], str] = {}
    # The longest of equal experiments gives the run its name, the first of equally long ones.
    for (dataset, name), spec in sorted(specs.items(), key=lambda item: -item[1].epochs):
        run_of.setdefault((dataset, spec.identity()), f"{dataset}.{name}")
    experiments: dict[str, Experiment] = {}
    for dataset in SPECS:
        for name, entry in getattr(parsed.experiments, dataset).items():
            spec = specs[dataset, name]
            experiments[f"{dataset}.{name}"] = Experiment(
                dataset=dataset,  # type: ignore[arg-type]
                name=name,
                label=entry.label or name.replace("_", " "),
                changed=entry.changed,
                value=entry.value,
                origin=entry.origin,
                run=run_of[dataset, spec.identity()],
                epochs=spec.epochs,
                spec=spec,  # type: ignore[arg-type]
            )
    try:
        return Study(
            seeds=parsed.seeds,
            data=parsed.data,
            training=parsed.training,
            report=parsed.report,
            experiments=experiments,
            tables=parsed.tables,
            hypotheses=parsed.hypotheses,
        )
    except ValidationError as error:
        problems = [f"{_holder(problem, paths)}{problem}" for problem in describe(error, Study)]
        raise UserError("\n".join(["the configuration is not valid", *problems])) from None


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above` laid over it, mapping by mapping, as Snakemake merges config files."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _in_order_of(order: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with the keys that `order` has before the others, as they stand there, at every depth."""
    first = [key for key in order if key in config]
    return {
        key: _in_order_of(order.get(key, {}), config[key])
        if isinstance(config[key], Mapping) and isinstance(order.get(key, {}), Mapping)
        else config[key]
        for key in [*first, *(key for key in config if key not in order)]
    }


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping. Raises UserError where it is missing, is no YAML, or gives one key twice."""
    try:
        with open(path, encoding="utf-8") as stream:
            content = yaml.load(stream, Loader=_UniqueKeys)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Run from the project's folder, or name another file.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: found {type(content).__name__}, expected a mapping of keys to values")
    return content


class _UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML's own rule, which PyYAML does not keep: a mapping has each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for (key, _), value in zip(node.value, keys, strict=True):
            if keys.count(value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {value!r} is given twice; each may stand once", key.start_mark
                )
        return super().construct_mapping(node, deep)


def _refuse_repeated(where: str, values: list[Any]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{where}: {', '.join(map(repr, repeated))} given twice; each may stand once")


def _holder(problem: str, files: list[Path]) -> str:
    """Return `file: ` for the strongest file that holds the key a problem starts with, or nothing."""
    key = problem.split(":", 1)[0]
    for file in reversed(files):
        content: Any = read_yaml(file)
        rest = key
        while isinstance(content, Mapping) and rest:
            # Names of experiments may hold dots: take the longest key that fits.
            fitting = [k for k in map(str, content) if rest == k or rest.startswith(k + ".")]
            if not fitting:
                break
            longest = max(fitting, key=len)
            content, rest = content[longest], rest[len(longest) + 1 :]
        if not rest or not isinstance(content, Mapping):
            return f"{file}: "
    return f"{files[0]}: " if files else ""
