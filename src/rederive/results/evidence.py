"""Where the values of a claim's quantity come from: the runs seed by seed, the networks, and the published values."""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rederive.config import Experiment, Study
from rederive.errors import UserError
from rederive.records import RunFacts
from rederive.results.keys import COUNTED, CurveKey, experiment_of, unknown
from rederive.results.published import PublishedCurves, PublishedValue
from rederive.results.quantities import evaluate, parse_quantity
from rederive.results.runs import Curve, RunTable


class NotTestableError(Exception):
    """These runs do not give what a test needs; the message says what."""


class Evidence:
    """Where the values of keys come from: the curves by seed, facts of the networks, and the proofs."""

    def __init__(
        self,
        study: Study,
        runs: RunTable,
        index: Mapping[str, RunFacts],
        derivations: Sequence[Mapping[str, Any]],
    ):
        self._study, self._runs, self._index = study, runs, index
        self.derivations = {derivation["name"]: bool(derivation["passed"]) for derivation in derivations}

    def run(self, key: str) -> str | None:
        """Return the run that a key is read from; None for an experiment that the study does not have."""
        experiment = self._study.experiments.get(experiment_of(key))
        return experiment.run if experiment else None

    def per_seed(self, keys: Sequence[str], expression: ast.expr) -> dict[int | None, float]:
        """Return the expression's value for each seed that all keys have; {None: value} where none depends on one."""
        values = {key: self._values(key) for key in keys}
        varying = [set(found) for found in values.values() if None not in found]
        seeds: set[int | None] = set.intersection(*varying) if varying else {None}
        if not seeds:
            raise NotTestableError("its experiments share no seed")
        result: dict[int | None, float] = {}
        for seed in sorted(seeds, key=lambda seed: -1 if seed is None else seed):
            try:
                result[seed] = evaluate(
                    expression, [found[seed if seed in found else None] for found in values.values()]
                )
            except ZeroDivisionError:
                raise NotTestableError("with this configuration it divides by zero") from None
            if not math.isfinite(result[seed]):
                raise NotTestableError(f"diverged with seed {seed}")
        return result

    def _values(self, key: str) -> Mapping[int | None, float]:
        name = experiment_of(key)
        experiment = self._study.experiments.get(name)
        if experiment is None:
            raise NotTestableError(f"{name} is not in this configuration")
        curve_key = CurveKey.parse(key, self._study.metrics)
        if curve_key is None:
            return {None: self._fact(experiment, key.removeprefix(f"{name}."))}
        curves = self._runs.curves(experiment.run, curve_key.metric)
        last = int(curve_key.epoch) if curve_key.epoch and curve_key.epoch.isdigit() else experiment.epochs
        whole = {seed: curve for seed, curve in curves.items() if all(e in curve for e in range(1, last + 1))}
        if not whole:
            raise NotTestableError(
                f"{experiment.run} has not reached epoch {last}" if curves else f"{name} was not run"
            )
        summary = SUMMARIES.get(curve_key.epoch or "")
        if summary is None and curve_key.epoch and not curve_key.epoch.isdigit():
            raise UserError(f"{key}: found @{curve_key.epoch}; expected an epoch or one of {', '.join(SUMMARIES)}")
        return {seed: summary(curve, last) if summary else curve[last] for seed, curve in whole.items()}

    def _fact(self, experiment: Experiment, field: str) -> float:
        """Return a setting of the experiment, or what its run's files say of its network."""
        if (setting := getattr(experiment.spec, field, None)) is not None:
            return float(setting)
        if field not in COUNTED:
            raise unknown(field, [*type(experiment.spec).model_fields, *self._study.metrics, *COUNTED], experiment.key)
        if experiment.run not in self._index:
            raise NotTestableError(f"{experiment.run} was not run")
        recorded = getattr(self._index[experiment.run], field)
        if not recorded:
            raise NotTestableError(f"the files of {experiment.run} do not say its {field}")
        return float(recorded[0])


class Published:
    """The write-up's own values, for the quantities that they suffice for."""

    def __init__(self, study: Study, values: Mapping[str, PublishedValue], curves: PublishedCurves):
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
            experiment = self._study.experiments.get(name)
            setting = getattr(experiment.spec, key.removeprefix(f"{name}."), None) if experiment else None
            return None if setting is None else float(setting)
        if curve_key.metric == self._study.headline and curve_key.epoch is None and name in self._given:
            return self._given[name].value
        curve = self._curves.get((name, curve_key.metric), {})
        last = max(curve, default=0)
        if not last:
            return None
        if curve_key.epoch in SUMMARIES:
            whole = all(epoch in curve for epoch in range(1, last + 1))
            return SUMMARIES[curve_key.epoch](curve, last) if whole else None
        return curve.get(int(curve_key.epoch or last))


def _mean(curve: Curve, last: int) -> float:
    return math.fsum(curve[epoch] for epoch in range(1, last + 1)) / last


def _largest_rise(curve: Curve, last: int) -> float:
    return max((curve[epoch + 1] - curve[epoch] for epoch in range(1, last)), default=0.0)


SUMMARIES: dict[str, Callable[[Curve, int], float]] = {"mean": _mean, "largest_rise": _largest_rise}
