"""Every number that the text, the tables and the captions can use, with where it comes from.

    summarise(study_path, runs_csv, runs_index, published_yaml, published_curves_csv, derivations, manifests,
              output_json, tables_dir)

`runs_csv` and `runs_index` are what `collect` wrote; `derivations` are `<results>/derivations/*.json`; `manifests` are
`<results>/data/*/manifest.json`. Writes `output_json` (`numbers.json`), a mapping from key to

    value   the number, or null where these runs do not give it
    text    how it is printed
    unit    accuracy, loss, count, setting or text
    low, high, n    its 95 % interval and the number of seeds, where it is a mean over seeds
    how     a sentence: how it was computed; brief: the same in a few words
    runs, seeds, files    the runs it was read from; files as {path in the results folder: sha256}
    missing why there is no value

and one `<tables_dir>/<table>.csv` for each table of the study, `agreement.csv` for all published rows and
`hypotheses.csv` for the candidates of those that disagree. Equal inputs give equal bytes.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rederive.config import Experiment, Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.hypotheses import report as hypotheses
from rederive.hypotheses.trained import Trained
from rederive.results import agreement
from rederive.results.keys import COUNTED
from rederive.results.number import Number, number, origin
from rederive.results.published import PublishedValue, published_accuracies, published_curves, reading_errors
from rederive.results.runs import RunTable
from rederive.results.statistics import mean_interval, prediction_interval

QUANTITY_WORDS = {
    "mnist accuracy": "validation accuracy",
    "cifar10 accuracy": "test accuracy",
    "training_loss": "mean training loss",
    "validation_loss": "mean validation loss",
    "test_loss": "mean test loss",
    "training_accuracy": "training accuracy",
}


def quantity_words(dataset: str, quantity: str) -> str:
    """Return what a quantity is called in a sentence."""
    return QUANTITY_WORDS.get(f"{dataset} {quantity}") or QUANTITY_WORDS[quantity]


def summarise(
    study_path: Path,
    runs_csv: Path,
    runs_index: Path,
    published_yaml: Path,
    published_curves_csv: Path,
    derivations: Sequence[Path],
    manifests: Sequence[Path],
    output_json: Path,
    tables_dir: Path,
) -> None:
    """Write all numbers and the tables."""
    study = Study.load(study_path)
    runs = RunTable.load(runs_csv)
    index = read_json(runs_index)
    published = published_accuracies(published_yaml)
    numbers: dict[str, Number] = {}
    for name, experiment in study.experiments.items():
        numbers |= _settings(name, experiment)
        numbers |= _measured(name, experiment, runs, index)
        if name in published:
            numbers |= _against(name, experiment, published[name], runs, index)
    curves = published_curves(published_curves_csv)
    for name, curve in curves.items():
        for epoch, loss in curve.items():
            how = f"read off the write-up's figure: mean training loss of {name} over epoch {epoch}"
            brief = f"read off a published figure, epoch {epoch}"
            numbers[f"{name}.published_loss@{epoch}"] = number(loss, "loss", how, brief=brief)
    for name, value in published.items():
        numbers[f"{name}.published"] = number(
            value.accuracy, "accuracy", f"the write-up's {value.place}", brief=f"published, {value.place}"
        )
    comparison = agreement.Comparison(study, runs, published, curves, reading_errors(published_curves_csv))
    beside = agreement.rows(comparison)
    numbers |= agreement.numbers(beside, index)
    trained = Trained.load(study.hypotheses.kept)
    candidates = hypotheses.findings(comparison, trained)
    numbers |= hypotheses.numbers(comparison, trained, candidates)
    numbers |= _study_facts(study, runs, index)
    for path in manifests:
        numbers |= _data_facts(read_json(path))
    numbers |= _derivation_facts([read_json(path) for path in sorted(derivations)])
    write_json(output_json, numbers)
    for table in study.tables:
        rows = [f"{table.dataset}.{row}" for row in table.rows]
        write_text(Path(tables_dir) / f"{table.name}.csv", _table_csv(study, rows, numbers))
    write_text(Path(tables_dir) / "agreement.csv", agreement.to_csv(beside, numbers))
    write_text(Path(tables_dir) / "hypotheses.csv", hypotheses.to_csv(candidates, comparison))


def read_json(path: str | Path) -> Any:
    """Read a JSON file of the build. Raises UserError where it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the build writes it") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}); remove it and build again") from None


def _settings(name: str, experiment: Experiment) -> dict[str, Number]:
    settings = {}
    for field, value in experiment.spec.model_dump().items():
        text = " and ".join(f"{item:,}" for item in value) if isinstance(value, list) else value
        if isinstance(text, bool):
            text = "yes" if text else "no"
        unit = "text" if isinstance(text, str) else "setting"
        shown = text.replace("_", " ") if isinstance(text, str) else text
        settings[f"{name}.{field}"] = number(shown, unit, f"config: {name}, {field}", brief="config")
    return settings


def _measured(name: str, experiment: Experiment, runs: RunTable, index: Mapping[str, Any]) -> dict[str, Number]:
    """Return the curves' numbers: each epoch, and without an epoch the one where the experiment ends."""
    found = {}
    held_out = "validation_loss" if experiment.dataset == "mnist" else "test_loss"
    for quantity in sorted({"accuracy", "training_loss", held_out, *runs.quantities(experiment.run)}):
        for epoch in range(1, experiment.epochs + 1):
            found[f"{name}.{quantity}@{epoch}"] = _mean(experiment, quantity, epoch, runs, index)
        found[f"{name}.{quantity}"] = found[f"{name}.{quantity}@{experiment.epochs}"]
    for cost in COUNTED:
        values = index.get(experiment.run, {}).get(cost, [])
        how = f"counted from the layers of the network of {name}"
        missing = {} if values else {"missing": f"{experiment.run} was not run"}
        found[f"{name}.{cost}"] = number(values[0] if values else None, "count", how, **missing)
    return found


def _mean(experiment: Experiment, quantity: str, epoch: int, runs: RunTable, index: Mapping[str, Any]) -> Number:
    words = quantity_words(experiment.dataset, quantity)
    unit = "accuracy" if "accuracy" in quantity else "loss"
    values = runs.at(experiment.run, quantity, epoch)
    when = f"over epoch {epoch}" if quantity == "training_loss" else f"after epoch {epoch}"
    if not values:
        reached = index.get(experiment.run, {}).get("epochs", 0)
        missing = f"{experiment.run} ended at epoch {reached}" if reached else f"{experiment.run} was not run"
        return number(None, unit, f"{words} {when}", missing=missing)
    estimate = mean_interval(list(values.values()))
    how = (
        f"mean over {estimate.n} seeds of the {words} {when}, with its 95 % t interval"
        if estimate.n > 1
        else f"{words} {when} of one seed: nothing can be said about spread"
    )
    return number(
        estimate.value,
        unit,
        how,
        low=_finite(estimate.low),
        high=_finite(estimate.high),
        n=estimate.n,
        seeds=list(values),
        brief=f"epoch {epoch}, {estimate.n} seed{'s' if estimate.n > 1 else ''} of {experiment.run}",
        **origin(experiment, index),
    )


def _against(
    name: str, experiment: Experiment, published: PublishedValue, runs: RunTable, index: Mapping[str, Any]
) -> dict[str, Number]:
    """Return ours minus published, and the range in which one more run of ours is expected."""
    values = list(runs.at(experiment.run, "accuracy", experiment.epochs).values())
    if not values:
        missing = {"missing": f"{experiment.run} has no accuracy at epoch {experiment.epochs}"}
        return {
            f"{name}.difference": number(None, "difference", "ours minus published", **missing),
            f"{name}.one_more_run": number(None, "accuracy", "range of one more run", **missing),
        }
    mean, one = mean_interval(values), prediction_interval(values)
    shift = published.accuracy
    made = origin(experiment, index)
    return {
        f"{name}.difference": number(
            mean.value - shift,
            "difference",
            f"mean over {mean.n} seeds minus the write-up's {published.place}",
            low=None if mean.low is None else mean.low - shift,
            high=None if mean.high is None else mean.high - shift,
            n=mean.n,
            brief=f"ours minus {published.place}",
            **made,
        ),
        f"{name}.one_more_run": number(
            one.value,
            "accuracy",
            "mean, and the range in which one more run with another seed falls 19 times in 20",
            low=one.low,
            high=one.high,
            n=one.n,
            **made,
        ),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _study_facts(study: Study, runs: RunTable, index: Mapping[str, Any]) -> dict[str, Number]:
    planned = study.runs()
    facts = {
        "study.seeds": (len(study.seeds), "seeds of the configuration"),
        "study.experiments": (len(study.experiments), "experiments of the configuration"),
        "study.runs": (len(planned), "experiments with a training run of their own"),
        "study.runs_present": (len(runs.runs), "runs in the run table"),
        "study.trainings": (sum(len(run["seeds"]) for run in index.values()), "trainings: runs times seeds"),
    }
    return {key: number(value, "count", how) for key, (value, how) in facts.items()}


def _data_facts(manifest: Mapping[str, Any]) -> dict[str, Number]:
    dataset = manifest["dataset"]
    how = "counted when the data was prepared"
    return {f"{dataset}.images.{split}": number(size, "count", how) for split, size in manifest["sizes"].items()}


def _derivation_facts(derivations: Sequence[Mapping[str, Any]]) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    kinds = ("formula", "source")
    sums = dict.fromkeys(("total", "rejected", "equivalent", "agreeing"), 0)
    for derivation in derivations:
        name = f"derivations.{derivation['name']}"
        for kind in kinds:
            for count in sums:
                sums[count] += derivation["mutants"].get(kind, {}).get(count, 0)
        title = derivation["title"]
        proved = sum(bool(step["proved"]) for step in derivation["steps"])
        mutants = [derivation["mutants"].get(kind, {}) for kind in kinds]
        rejected = sum(kind.get("rejected", 0) for kind in mutants)
        numbers[f"{name}.steps"] = number(len(derivation["steps"]), "count", f"steps of {title}")
        numbers[f"{name}.steps_proved"] = number(proved, "count", f"steps of {title} that are proved")
        numbers[f"{name}.mutants"] = number(
            sum(kind.get("total", 0) for kind in mutants), "count", f"mutants of {title}"
        )
        numbers[f"{name}.mutants_rejected"] = number(rejected, "count", f"mutants of {title} that were rejected")
        error = derivation["numeric"].get("max_relative_error")
        numbers[f"{name}.max_relative_error"] = number(
            error, "error", f"largest relative error of {derivation['title']}"
        )
    steps = [step for derivation in derivations for step in derivation["steps"]]
    facts = {
        "derivations.count": (len(derivations), "derivations verified"),
        "derivations.steps": (len(steps), "steps of all derivations"),
        "derivations.steps_proved": (sum(bool(step["proved"]) for step in steps), "steps that are proved"),
        **{f"derivations.mutants.{key}": (value, f"mutants: {key}, of all derivations") for key, value in sums.items()},
    }
    return numbers | {key: number(value, "count", how) for key, (value, how) in facts.items()}


TABLE_COLUMNS = (
    *("experiment", "label", "changed", "value", "origin", "epochs", "n", "accuracy", "low", "high"),
    *("published", "difference", "one_more_low", "one_more_high", "published_inside"),
)


def _table_csv(study: Study, rows: Sequence[str], numbers: Mapping[str, Number]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(TABLE_COLUMNS)
    for name in rows:
        experiment = study.experiments[name]
        accuracy = numbers[f"{name}.accuracy"]
        published = numbers.get(f"{name}.published", {}).get("value")
        difference = numbers.get(f"{name}.difference", {}).get("value")
        one = numbers.get(f"{name}.one_more_run", {})
        inside = published_inside(name, numbers)
        about = (name, experiment.label, experiment.changed, experiment.value, experiment.origin, experiment.epochs)
        measured = (accuracy["value"], accuracy.get("low"), accuracy.get("high"), published, difference)
        writer.writerow(
            [
                *about,
                accuracy.get("n", 0),
                *("" if value is None else f"{value:.6f}" for value in (*measured, one.get("low"), one.get("high"))),
                {True: "inside", False: "outside", None: ""}[inside],
            ]
        )
    return buffer.getvalue()


def published_inside(name: str, numbers: Mapping[str, Number]) -> bool | None:
    """Say whether the published accuracy lies where one more run of ours is expected; None where that is unknown."""
    published = numbers.get(f"{name}.published", {}).get("value")
    one = numbers.get(f"{name}.one_more_run", {})
    if published is None or one.get("low") is None:
        return None
    return one["low"] <= published <= one["high"]
