"""The study that a configuration resolves to: every experiment complete, with the run that it is read from."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from rederive import imports
from rederive.config.errors import describe
from rederive.config.hypotheses import Hypotheses
from rederive.config.schema import Data, DataSet, Figure, Metric, Report, Table, Trainer, Training, headline
from rederive.config.settings import Part, Settings, Size
from rederive.errors import UserError, of_system
from rederive.files import write_text
from rederive.layout import Layout


class Experiment(Part):
    """One experiment of the study, complete."""

    key: str
    label: str
    changed: str
    value: str
    origin: Literal["published", "ours"]
    trainer: str
    data: str = Field(description="the data set of the study that it trains on; empty where there is none")
    run: str = Field(description="the key of the experiment whose training this one is read from")
    epochs: Size = Field(description="the epoch at which its own numbers are read")
    schedule: bool = Field(False, description="whether its length matters to what each epoch computes")
    spec: SerializeAsAny[Settings]

    def identity_of(self, spec: Settings) -> str:
        """Return what the run of this experiment's trainer with these settings is; `Settings.identity` has the rest."""
        return f"{spec.identity()} in {spec.epochs} epochs" if self.schedule else spec.identity()


class Study(Part):
    """The resolved configuration: everything that the steps after it need to know."""

    seeds: list[int]
    data: Data
    training: Training
    report: Report
    trainers: dict[str, Trainer]
    metrics: dict[str, Metric]
    strict: bool = False
    derivations: str | None = Field(description="the package with the derivations")
    experiments: dict[str, Experiment] = Field(description="by key, in the order of the config")
    tables: list[Table]
    figures: dict[str, Figure]
    hypotheses: Hypotheses = Hypotheses()

    @model_validator(mode="before")
    @classmethod
    def _specs_have_their_models(cls, study: Any) -> Any:
        """Read each spec, where it comes from a file, as what its trainer says."""
        experiments, trainers = study["experiments"], study["trainers"]
        if isinstance(experiments, dict) and isinstance(trainers, dict):  # else the fields say what they are
            for experiment in experiments.values():
                if isinstance(experiment, dict):
                    trainer = Trainer.model_validate(trainers[experiment["trainer"]])
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
        """The metric that tables show and that published values are of."""
        return headline(self.metrics)

    def trainers_in_use(self) -> dict[str, Trainer]:
        """Return the trainers of the runs; others may serve candidates of `hypotheses`."""
        used = {experiment.trainer for experiment in self.experiments.values()}
        return {name: trainer for name, trainer in self.trainers.items() if name in used}

    def candidate(self, row: str, name: str) -> Experiment:
        """Return a candidate of `hypotheses` for a row as an experiment, of its own name and with the row's length.

        Raises ValueError for settings that its trainer does not take.
        """
        candidate = self.hypotheses.candidates(row)[name]
        base = self.experiments[candidate.like or row]
        trainer = candidate.trainer or base.trainer
        given = base.spec.model_dump() | {"epochs": self.experiments[row].epochs} | candidate.changes
        spec = self.trainers[trainer].settings_model().model_validate(given)
        key = f"{row}.{name}"
        return base.model_copy(
            update={"key": key, "run": key, "label": candidate.label, "trainer": trainer, "spec": spec}
            | {
                "data": self.trainers[trainer].data_set,
                "schedule": self.trainers[trainer].schedule,
                "epochs": spec.epochs,
                "origin": "ours",
            }
        )

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
        except OSError as error:
            raise of_system(error) from None
        except ValidationError as error:
            raise UserError(
                f"{path}: not a study of this version: {describe(error, cls)[0]}; remove it, `rederive resolve` (or "
                "any build) writes it"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            told = f"{error} is not given" if isinstance(error, KeyError) else str(error)
            raise UserError(
                f"{path}: not a study of this version ({told}); remove it, `rederive resolve` (or any build) writes it"
            ) from None
