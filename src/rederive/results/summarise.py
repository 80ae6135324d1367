"""Every number that the text, the tables and the captions can use, with where it comes from.

`numbers.json` maps from key to `rederive.records.Number`; `tables/` has one CSV for each table of the study, and
`agreement.csv` for all published rows. Equal inputs give equal bytes.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rederive import forms
from rederive.config import Experiment, Metric, Study, Table
from rederive.files import write_text
from rederive.layout import PUBLISHED, PUBLISHED_CURVES, Layout
from rederive.records import Number, RunFacts, read_json, read_records, write_records
from rederive.results import agreement, number_keys, table_columns
from rederive.results.claim_numbers import claim_numbers
from rederive.results.hypotheses import output
from rederive.results.hypotheses.ranking import rankings
from rederive.results.hypotheses.trained import Trained
from rederive.results.number_format import facts_of, number, sources
from rederive.results.number_keys import COUNTED, DIFFERENCE, ONE_MORE_RUN, of_metric
from rederive.results.published import (
    PublishedValue,
    published_curves,
    published_values,
    reading_errors,
    refuse_unknown,
)
from rederive.results.runs import RunTable
from rederive.results.seed_fates import seeds_of
from rederive.results.statistics import mean_interval, prediction_interval


def summarise(
    layout: Layout,
    derivations: Sequence[Path],
    published_yaml: Path = PUBLISHED,
    published_csv: Path = PUBLISHED_CURVES,
) -> None:
    """Write all numbers and the tables. `derivations` are the files of what was proved."""
    study = Study.load(layout.study)
    runs = RunTable.load(layout.run_table, study)
    index = read_records(layout.run_index, RunFacts)
    refuse_unknown(study, published_yaml, published_csv)
    published = published_values(published_yaml, study.metrics)
    original = study.report.original
    numbers: dict[str, Number] = {}
    for name, experiment in study.experiments.items():
        numbers |= _settings(experiment)
        numbers |= _measured(study, experiment, runs, index)
        for metric, values in published.items():
            if name in values:
                numbers |= _against(study, experiment, metric, values[name], runs, index)
    curves = published_curves(published_csv, study.metrics)
    for (name, metric), curve in curves.items():
        declared = study.metrics[metric]
        words = declared.words or metric.replace("_", " ")
        for epoch, value in curve.items():
            how = f"read off {possessive(original)} figure: {words} of {name} {declared.when} epoch {epoch}"
            brief = f"read off a published figure, epoch {epoch}"
            numbers[f"{name}.published_{metric}@{epoch}"] = number(value, declared.unit, how, brief=brief)
    for metric, values in published.items():
        key = of_metric(number_keys.PUBLISHED, metric, study.headline)
        for name, given in values.items():
            how, brief = f"{possessive(original)} {given.place}", f"published, {given.place}"
            numbers[f"{name}.{key}"] = number(given.value, study.metrics[metric].unit, how, brief=brief)
    errors = reading_errors(published_csv, study.metrics)
    comparison = agreement.Comparison(study, runs, published.get(str(study.headline), {}), curves, errors)
    beside = agreement.rows(comparison)
    numbers |= agreement.numbers(beside, index)
    trained = Trained.load(study.hypotheses.kept)
    candidates = rankings(comparison, trained)
    numbers |= output.numbers(comparison, trained, candidates)
    numbers |= _study_facts(study, runs, index)
    for data_set in study.data_sets():
        numbers |= _data_facts(read_json(layout.manifest(data_set), forms.Manifest))
    numbers |= claim_numbers(read_json(layout.claims, forms.Verdicts), index)
    numbers |= _derivation_facts([read_json(path, forms.Proof) for path in sorted(derivations)])
    table_columns.refuse_unknown_columns(study, numbers)
    write_records(layout.numbers, numbers)
    write_text(layout.table("agreement"), agreement.to_csv(beside, study.headline, numbers))
    if study.hypotheses.rows:
        write_text(layout.table("hypotheses"), output.to_csv(candidates, comparison))
    for table in study.tables:
        write_text(layout.table(table.name), _table_csv(study, table, numbers))


def possessive(name: str) -> str:
    """Return the possessive of a name."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _settings(experiment: Experiment) -> dict[str, Number]:
    name = experiment.key
    settings = {}
    for field, value in experiment.spec.model_dump().items():
        text = " and ".join(f"{item:,}" for item in value) if isinstance(value, list) else value
        if isinstance(text, bool):
            text = "yes" if text else "no"
        elif not isinstance(text, int | float | None):
            text = str(text)
        unit = "text" if isinstance(text, str) else "setting"
        shown = text.replace("_", " ") if isinstance(text, str) else text
        settings[f"{name}.{field}"] = number(shown, unit, f"config: {name}, {field}", brief="config")
    return settings


def _measured(study: Study, experiment: Experiment, runs: RunTable, index: Mapping[str, RunFacts]) -> dict[str, Number]:
    """Return the curves' numbers: each epoch, and without an epoch the one where the experiment ends."""
    name = experiment.key
    found = {}
    for metric in study.metrics_of(experiment.trainer):
        for epoch in range(1, experiment.epochs + 1):
            found[f"{name}.{metric}@{epoch}"] = _mean(study, experiment, metric, epoch, runs, index)
        found[f"{name}.{metric}"] = found[f"{name}.{metric}@{experiment.epochs}"]
    became = seeds_of(runs, experiment.run, [], experiment.epochs)
    for fate, seeds in (("diverged", became.diverged), ("collapsed", became.collapsed)):
        how = f"seeds of {experiment.run} that {fate}"
        found[f"{name}.{fate}"] = number(len(seeds), "count", how, of=len(became.counted))
    if spent := [seconds for _, seconds in sorted(facts_of(experiment, index).seconds.items())]:
        how = f"mean over {len(spent)} seeds of the seconds that training {experiment.run} took, all its epochs"
        found[f"{name}.seconds"] = number(
            math.fsum(spent) / len(spent), "seconds", how, 1, **sources(experiment, index)
        )
    for cost in COUNTED:
        values = getattr(facts_of(experiment, index), cost)
        how = f"counted from the layers of the network of {name}"
        why = "its trainer does not count them" if experiment.run in index else f"{experiment.run} was not run"
        missing: dict[str, Any] = {} if values else {"missing": why}
        found[f"{name}.{cost}"] = number(values[0] if values else None, "count", how, **missing)
    return found


def _mean(
    study: Study, experiment: Experiment, metric: str, epoch: int, runs: RunTable, index: Mapping[str, RunFacts]
) -> Number:
    declared = study.metrics[metric]
    words, unit, digits = declared.called(experiment.trainer), declared.unit, declared.digits
    values = runs.at(experiment.run, metric, epoch)
    when = f"{declared.when} epoch {epoch}"
    if not values:
        return number(None, unit, f"{words} {when}", digits, missing=_why_none(declared, experiment, epoch, index))
    estimate = mean_interval(list(values.values()))
    alike = estimate.n == 1 and bool(runs.copies(experiment.run))
    seeds = "any seed" if alike else f"{estimate.n} seed{'s' if estimate.n > 1 else ''}"
    how = (
        f"{words} {when}: the same with every seed, nothing in this run is random"
        if alike
        else f"mean over {estimate.n} seeds of the {words} {when}, with its 95 % t interval"
        if estimate.n > 1
        else f"{words} {when} of one seed: nothing can be said about spread"
    )
    return number(
        estimate.value,
        unit,
        how,
        digits,
        low=_finite(estimate.low),
        high=_finite(estimate.high),
        n=estimate.n,
        seeds=list(values),
        brief=f"epoch {epoch}, {seeds} of {experiment.run}",
        **sources(experiment, index),
    )


def _why_none(metric: Metric, experiment: Experiment, epoch: int, index: Mapping[str, RunFacts]) -> str:
    """Say why a run has no value of a metric after an epoch."""
    if not (reached := facts_of(experiment, index).epochs):
        return f"{experiment.run} was not run"
    if reached < epoch:
        return f"{experiment.run} ended at epoch {reached}"
    return f"{experiment.run} has no `{' '.join(metric.row(experiment.trainer) or ())}` after epoch {epoch}"


def _against(
    study: Study,
    experiment: Experiment,
    metric: str,
    published: PublishedValue,
    runs: RunTable,
    index: Mapping[str, RunFacts],
) -> dict[str, Number]:
    """Return ours minus published, and the range in which one more run of ours is expected."""
    difference, one_more_run = (
        f"{experiment.key}.{of_metric(kind, metric, study.headline)}" for kind in (DIFFERENCE, ONE_MORE_RUN)
    )
    unit, digits = study.metrics[metric].unit, study.metrics[metric].digits
    values = list(runs.at(experiment.run, metric, experiment.epochs).values())
    if not values:
        missing = f"{experiment.run} has no {metric.replace('_', ' ')} at epoch {experiment.epochs}"
        return {
            difference: number(None, "difference", "ours minus published", digits, missing=missing),
            one_more_run: number(None, unit, "range of one more run", digits, missing=missing),
        }
    mean, one = mean_interval(values), prediction_interval(values)
    shift = published.value
    made = sources(experiment, index)
    return {
        difference: number(
            mean.value - shift,
            "difference",
            f"mean over {mean.n} seeds minus {possessive(study.report.original)} {published.place}",
            digits,
            low=None if mean.low is None else mean.low - shift,
            high=None if mean.high is None else mean.high - shift,
            n=mean.n,
            brief=f"ours minus {published.place}",
            **made,
        ),
        one_more_run: number(
            one.value,
            unit,
            "mean, and the range in which one more run with another seed falls 19 times in 20",
            digits,
            low=one.low,
            high=one.high,
            n=one.n,
            **made,
        ),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _study_facts(study: Study, runs: RunTable, index: Mapping[str, RunFacts]) -> dict[str, Number]:
    planned = study.runs()
    facts = {
        "study.seeds": (len(study.seeds), "seeds of the configuration"),
        "study.experiments": (len(study.experiments), "experiments of the configuration"),
        "study.runs": (len(planned), "experiments with a training run of their own"),
        "study.runs_present": (len(runs.runs), "runs in the run table"),
        "study.trainings": (sum(len(run.seeds) for run in index.values()), "trainings: runs times seeds"),
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
        routes = derivation["routes"]
        numbers[f"{name}.routes"] = number(len(routes), "count", f"routes to {title}: {', '.join(routes)}")
        numbers[f"{name}.routes_right"] = number(sum(routes.values()), "count", f"routes to {title} that lead there")
        numbers[f"{name}.mutants"] = number(
            sum(kind.get("total", 0) for kind in mutants), "count", f"mutants of {title}"
        )
        numbers[f"{name}.mutants_rejected"] = number(rejected, "count", f"mutants of {title} that were rejected")
        error = derivation["numeric"].get("max_relative_error")
        numbers[f"{name}.max_relative_error"] = number(
            error, "error", f"largest relative error of {derivation['title']}"
        )
    steps = [step for derivation in derivations for step in derivation["steps"]]
    certified = [derivation["certificates"] for derivation in derivations if derivation.get("certificates")]
    facts = {
        "derivations.certificates": (sum(one["total"] for one in certified), "certificates that were written"),
        "derivations.certificates_checked": (sum(one["checked"] for one in certified), "certificates that are checked"),
        "derivations.count": (len(derivations), "derivations verified"),
        "derivations.steps": (len(steps), "steps of all derivations"),
        "derivations.steps_proved": (sum(bool(step["proved"]) for step in steps), "steps that are proved"),
        **{f"derivations.mutants.{key}": (value, f"mutants: {key}, of all derivations") for key, value in sums.items()},
    }
    return numbers | {key: number(value, "count", how) for key, (value, how) in facts.items()}


def _table_csv(study: Study, table: Table, numbers: Mapping[str, Number]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    rows, metric = table.rows, table.metric
    if table.columns:
        writer.writerow(("experiment", *table_columns.names(table.columns, study.metrics)))
        for name in rows:
            found = table_columns.cells(
                name, study.experiments[name].model_dump(), table.columns, numbers, study.metrics
            )
            writer.writerow([name, *("" if value is None else value for value in found)])
        return buffer.getvalue()
    about = ("experiment", "label", "changed", "value", "origin", "epochs", "n")
    compared = ("published", "difference", "one_more_low", "one_more_high", "published_inside")
    writer.writerow((*about, metric, "low", "high", *compared))
    for name in rows:
        experiment = study.experiments[name]
        ours = numbers.get(f"{name}.{metric}")
        # Published values are of the first metric.
        published, difference, one = (
            numbers.get(f"{name}.{key}") if metric == study.headline else None
            for key in ("published", "difference", "one_more_run")
        )
        found = [
            *((ours.value, ours.low, ours.high) if ours else (None, None, None)),
            *(number.value if number else None for number in (published, difference)),
            *((one.low, one.high) if one else (None, None)),
        ]
        writer.writerow(
            [
                *(name, experiment.label, experiment.changed, experiment.value, experiment.origin, experiment.epochs),
                (ours and ours.n) or 0,
                *("" if value is None else f"{value:.6f}" for value in found),
                {True: "inside", False: "outside", None: ""}[published_inside(published, one)],
            ]
        )
    return buffer.getvalue()


def published_inside(published: Number | None, one_more_run: Number | None) -> bool | None:
    """Say whether the published value lies where one more run of ours is expected; None where that is unknown."""
    if published is None or one_more_run is None or one_more_run.low is None or one_more_run.high is None:
        return None
    return one_more_run.low <= float(published.value or 0) <= one_more_run.high
