"""Where the values of a claim's quantity come from: the runs seed by seed, the networks, and the published values."""

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rederive.config import Experiment, Metric, Study
from rederive.errors import UserError
from rederive.records import RunFacts
from rederive.results.curve_summaries import Summary, summary
from rederive.results.number_keys import (
    COUNTED,
    PUBLISHED,
    CurveKey,
    experiment_of,
    metric_of,
    unknown,
    unknown_experiment,
)
from rederive.results.published import PublishedCurves, PublishedValues
from rederive.results.quantities import evaluate, linear, oriented, parse_quantity
from rederive.results.runs import RunTable
from rederive.results.seed_fates import Seeds, seeds_of
from rederive.results.statistics import image_error
from rederive.results.verdicts import Comparison

Values = Mapping[int | None, float]


class NotTestableError(Exception):
    """These runs do not give what a test needs; the message says what."""


@dataclass(frozen=True)
class Observed:
    """The values of some keys, by seed; {None: values} where none of them depends on one."""

    keys: tuple[str, ...]
    values: dict[int | None, list[float]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that all keys have; none where nothing is random."""
        return tuple(seed for seed in self.values if seed is not None)


class Evidence:
    """Where the values of keys come from: the curves by seed, facts of the networks, and the proofs.

    `predictions` has for each run and seed (as text) the predicted classes of the evaluation images, one digit each.
    """

    def __init__(
        self,
        study: Study,
        runs: RunTable,
        index: Mapping[str, RunFacts],
        derivations: Sequence[Mapping[str, Any]],
        predictions: Mapping[str, Mapping[str, str]],
        published: PublishedValues | None = None,
    ):
        self._published = published or {}
        self._study, self._runs, self._index, self._predictions = study, runs, index, predictions
        self.derivations = {derivation["name"]: bool(derivation["passed"]) for derivation in derivations}
        self._seeds_of = cache(lambda run, last: seeds_of(runs, run, study.seeds, last))

    def experiment(self, key: str) -> Experiment:
        """Return the experiment that a key names. Raises UserError, with the nearest, where the study has none."""
        name = experiment_of(key)
        if name not in self._study.experiments:
            raise unknown_experiment(name, self._study.experiments, f"quantity {{{key}}}")
        return self._study.experiments[name]

    def observe(self, keys: Sequence[str]) -> Observed:
        """Return the values of the keys for each seed that all of them have. Raises NotTestableError."""
        found = [self._values(key) for key in keys]
        varying = [set(values) for values in found if None not in values]
        seeds: set[int | None] = set.intersection(*varying) if varying else {None}
        if not seeds:
            raise NotTestableError("its experiments share no seed")
        return Observed(
            tuple(keys),
            {
                seed: [values[seed if seed in values else None] for values in found]
                for seed in sorted(seeds, key=lambda seed: -1 if seed is None else seed)
            },
        )

    def comparison(self, observed: Observed, expression: ast.expr) -> Comparison:
        """Return the values of an expression, with their error over images where that is known."""
        try:
            expression = oriented(expression, list(observed.values.values()))
            values = [evaluate(expression, row) for row in observed.values.values()]
        except ZeroDivisionError:
            raise NotTestableError("with this configuration it divides by zero") from None
        except ValueError:
            raise NotTestableError("it takes the logarithm of a number that is not above zero") from None
        if not observed.seeds and not math.isfinite(values[0]):
            raise NotTestableError("it diverged with every seed")
        return Comparison(tuple(values), not observed.seeds, self._image_error(observed, expression, values))

    def what_became(self, keys: Sequence[str]) -> dict[str, Seeds]:
        """Return for each run that the keys are read from what became of its seeds, up to the last epoch read."""
        last: dict[str, int] = {}
        for key in keys:
            if curve_key := CurveKey.parse(key, self._study.metrics):
                experiment = self.experiment(key)
                last[experiment.run] = max(last.get(experiment.run, 0), _last(curve_key, experiment))
        return {run: self._seeds_of(run, epoch) for run, epoch in sorted(last.items())}

    def paired(self, keys: Sequence[str]) -> bool:
        """Say whether a seed means the same draws in all runs of the keys."""
        curves = [key for key in keys if CurveKey.parse(key, self._study.metrics)]
        return len({getattr(self.experiment(key).spec, "seed_offset", 0) for key in curves}) <= 1

    def _values(self, key: str) -> Values:
        experiment = self.experiment(key)
        curve_key = CurveKey.parse(key, self._study.metrics)
        if curve_key is None:
            return {None: self._fact(experiment, key.removeprefix(f"{experiment_of(key)}."))}
        metric = self._study.metrics[curve_key.metric]
        last, summarised = _last(curve_key, experiment), _summary(curve_key, metric, key)
        curves = self._runs.curves(experiment.run, curve_key.metric)
        seeds = self._seeds_of(experiment.run, last)
        if not seeds.counted:
            raise NotTestableError(
                f"{experiment.run} has not reached epoch {last}" if curves else f"{experiment.run} was not run"
            )
        values: dict[int | None, float] = {}
        for seed in seeds.counted:
            curve = {epoch: _ranked(value, metric) for epoch, value in curves.get(seed, {}).items() if epoch <= last}
            if not curve or (summarised is None and last not in curve):
                raise NotTestableError(f"{experiment.run} has no {curve_key.metric} in epoch {last}")
            values[seed] = curve[last] if summarised is None else summarised(curve)
        return {None: next(iter(values.values()))} if seeds.deterministic else values

    def _fact(self, experiment: Experiment, field: str) -> float:
        """Return a setting of the experiment, its published value, or what its run's files say of its network."""
        if (metric := metric_of(field, PUBLISHED, self._study.metrics, self._study.headline)) is not None:
            if self._study.data.source != "official":
                raise NotTestableError("what is published is not of generated data")
            if experiment.key not in (given := self._published.get(metric, {})):
                raise UserError(f"{experiment.key}.{field}: no {metric} of it is published; give it in published.yaml")
            return given[experiment.key].value
        if (setting := getattr(experiment.spec, field, None)) is not None:
            try:
                return float(setting)
            except (TypeError, ValueError):
                raise UserError(f"{experiment.key}.{field}: is {setting!r}; a quantity needs a number") from None
        if field not in COUNTED:
            raise unknown(
                field,
                [*type(experiment.spec).model_fields, *self._study.metrics, *COUNTED],
                experiment.key,
                "metric or setting",
            )
        if experiment.run not in self._index:
            raise NotTestableError(f"{experiment.run} was not run")
        recorded = getattr(self._index[experiment.run], field)
        if not recorded:
            raise NotTestableError(f"the files of {experiment.run} do not say its {field}")
        return float(recorded[0])

    def _image_error(self, observed: Observed, expression: ast.expr, values: Sequence[float]) -> float | None:
        """Return the error over images of a sum of final accuracies; None for other quantities, or unknown answers."""
        weights = linear(expression)
        if weights is None or not all(map(math.isfinite, values)):
            return None
        named = {observed.keys[int(name[1:])]: weight for name, weight in weights.items() if name and weight}
        if not named or abs(sum(named.values())) > 1e-9:
            return None
        terms = []
        for key, weight in named.items():
            answers = self._answers(key, observed.seeds)
            if answers is None:
                return None
            terms.append((weight, answers))
        if len({len(classes) for _, answers in terms for classes in answers}) != 1:
            raise UserError(f"{', '.join(named)}: predictions of different numbers of images; train these runs again")
        return image_error(terms, math.fsum(values) / len(values) - weights.get("", 0.0))

    def _answers(self, key: str, seeds: Sequence[int]) -> list[NDArray[np.uint8]] | None:
        """Return the predictions of a run for each seed, where it ends at the epoch that the key is read at."""
        experiment, curve_key = self.experiment(key), CurveKey.parse(key, self._study.metrics)
        if curve_key is None or curve_key.epoch is not None or not self._study.metrics[curve_key.metric].proportion:
            return None
        if experiment.epochs != self._study.experiments[experiment.run].epochs:
            return None
        known = self._predictions.get(experiment.run, {})
        if self._seeds_of(experiment.run, experiment.epochs).deterministic:
            seeds = self._seeds_of(experiment.run, experiment.epochs).counted
        found = [known.get(str(seed)) for seed in seeds]
        return [np.array(list(digits), dtype=np.uint8) for digits in found if digits] if all(found) else None


class Published:
    """The write-up's own values, for the quantities that they suffice for."""

    def __init__(self, study: Study, values: PublishedValues, curves: PublishedCurves):
        self._study, self._given, self._curves = study, values, curves

    def value(self, quantity: str | None) -> float | None:
        """Return a quantity as the write-up has it; None where it does not give all values.

        On stand-in data, with other epochs and sizes, there is nothing to compare.
        """
        if quantity is None or self._study.data.source != "official":
            return None
        keys, expression = parse_quantity(quantity)
        values = [self._value(key) for key in keys]
        known = [value for value in values if value is not None]
        try:
            return evaluate(expression, known) if len(known) == len(values) else None
        except ZeroDivisionError:
            return None

    def _value(self, key: str) -> float | None:
        name = experiment_of(key)
        curve_key = CurveKey.parse(key, self._study.metrics)
        if curve_key is None:
            field = key.removeprefix(f"{name}.")
            if (metric := metric_of(field, PUBLISHED, self._study.metrics, self._study.headline)) is not None:
                return self._stated(name, metric)
            setting = getattr(self._study.experiments[name].spec, field, None)
            return None if setting is None else float(setting)
        if curve_key.epoch is None and (stated := self._stated(name, curve_key.metric)) is not None:
            return stated
        curve = self._curves.get((name, curve_key.metric), {})
        last = max(curve, default=0)
        if not last:
            return None
        if summarised := _summary(curve_key, self._study.metrics[curve_key.metric], key):
            return summarised(curve) if all(epoch in curve for epoch in range(1, last + 1)) else None
        return curve.get(int(curve_key.epoch or last))

    def _stated(self, name: str, metric: str) -> float | None:
        """Return a value of the original's tables."""
        found = self._given.get(metric, {}).get(name)
        return None if found is None else found.value


def _last(key: CurveKey, experiment: Experiment) -> int:
    """Return the last epoch that a key reads."""
    return int(key.epoch) if key.epoch and key.epoch.isdigit() else experiment.epochs


def _summary(curve_key: CurveKey, metric: Metric, key: str) -> Summary | None:
    """Return what a key makes of a curve; None where it is read at one epoch."""
    try:
        return summary(curve_key.epoch or "", metric.better)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None


def _ranked(value: float, metric: Metric) -> float:
    """Return a value by its rank: one that is no number is worse than any, and so is an infinite loss."""
    if metric.better == "lower":
        return value if math.isfinite(value) else math.inf
    return -math.inf if math.isnan(value) else value
