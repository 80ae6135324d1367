"""Test each conclusion of the write-up on the runs.

    test_claims(study_path, runs_csv, runs_index, claims_yaml, published_yaml, published_curves_csv, derivations,
                output_json)
    differing(claims_json) -> list[str]          what `rederive check-claims` prints; empty where all is as pinned

A claim has one or more tests. A test is a quantity, computed once for each seed that all its experiments share, and
the bound that it is held against. The mean over seeds and its t interval decide:

- `above: b` **holds** where the 95 % interval lies above b. It **does not hold** where the interval lies below
  b + `margin`: a difference large enough to matter is then ruled out. Else it is **undecided**. `below` is its mirror.
- `within: m` (practical equality) **holds** where two one-sided 5 % tests both reject, that is where the 90 % interval
  lies inside -m..m; it **does not hold** where the 95 % interval lies outside altogether. Else it is **undecided**.
- `proved: name` holds where that derivation passed.

A claim holds where all its tests hold, does not hold where one does not, is not testable where the runs it needs are
not there or there is one seed only (no interval), and is undecided otherwise.

Quantities are written with the keys of `rederive.results.keys` in braces, `+ - * /`, `min`, `max` and `span` (largest
minus smallest): `{mnist.relu.accuracy} - {mnist.benchmark.accuracy}`. In place of an epoch a curve also has `@mean`
(over its epochs) and `@largest_rise` (the largest step upwards from one epoch to the next). Where the write-up gives
all values of a quantity it is computed from those, too: a conclusion may not follow from its own numbers.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rederive.config import Experiment, Study, read_yaml
from rederive.errors import UserError
from rederive.files import write_json
from rederive.results.keys import CurveKey, unknown
from rederive.results.numbers import read_json
from rederive.results.published import PublishedValue, published_accuracies, published_curves
from rederive.results.runs import Curve, RunTable
from rederive.results.statistics import Estimate, mean_interval

HOLDS, FAILS, UNDECIDED, UNTESTABLE = (
    "holds",
    "does not hold",
    "undecided",
    "not testable with these runs",
)
Verdict = Literal["holds", "does not hold", "undecided", "not testable with these runs"]


class Model(BaseModel):
    """A model that refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Test(Model):
    """One quantity and the bound that it is held against."""

    __test__ = False  # for pytest: this is no test case

    measures: str = Field(description="what the quantity is, in words, for the scorecard")
    quantity: str | None = Field(None, description="an expression over number keys in braces")
    unit: Literal["accuracy", "loss", "ratio"] = "accuracy"
    above: float | None = None
    below: float | None = None
    margin: Annotated[float, Field(ge=0)] = Field(0.0, description="a difference up to this is practically none")
    within: Annotated[float, Field(gt=0)] | None = Field(None, description="practical equality: from -within to within")
    proved: str | None = Field(None, description="name of a derivation")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        bounds = [name for name in ("above", "below", "within", "proved") if getattr(self, name) is not None]
        if len(bounds) != 1 or (self.quantity is None) != (bounds == ["proved"]):
            raise ValueError("give a quantity with one of above, below, within; or proved alone")
        return self


class Claim(Model):
    """A conclusion of the write-up, in our words, with its tests and what the report says for each verdict."""

    number: int = Field(description="its number in the scorecard")
    place: str = Field(description="where the write-up draws it from")
    says: str = Field(description="our sentence for it; a template")
    tests: list[Test] = Field(min_length=1)
    sentences: dict[Verdict, str] = Field(description="what to print for each verdict; templates")
    expected: dict[Literal["official", "standin"], Verdict] = Field({}, description="pinned verdicts, by data source")

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        silent = [verdict for verdict in (HOLDS, FAILS, UNDECIDED) if verdict not in self.sentences]
        if silent:
            raise ValueError(f"no sentence for: {', '.join(silent)}")
        return self


@dataclass(frozen=True)
class Outcome:
    """What came of one test."""

    verdict: str
    reason: str
    estimate: Estimate | None = None
    narrow: Estimate | None = None  # the 90 % interval of a test for equality
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()


class NotTestableError(Exception):
    """These runs do not give what a test needs; the message says what."""


def load_claims(path: str | Path) -> dict[str, Claim]:
    """Read `claims.yaml`. Raises UserError with the claim and key that is wrong."""
    claims = {}
    for name, entry in read_yaml(path).items():
        try:
            claims[name] = Claim.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (name, *first["loc"])))
            raise UserError(f"{path}: {where}: {first['msg']}") from None
    return claims


def test_claims(
    study_path: Path,
    runs_csv: Path,
    runs_index: Path,
    claims_yaml: Path,
    published_yaml: Path,
    published_curves_csv: Path,
    derivations: Sequence[Path],
    output_json: Path,
) -> None:
    """Test every claim and write the verdicts."""
    study = Study.load(study_path)
    evidence = Evidence(study, RunTable.load(runs_csv), read_json(runs_index), [read_json(p) for p in derivations])
    published = Published(study, published_accuracies(published_yaml), published_curves(published_curves_csv))
    result = {}
    for name, claim in load_claims(claims_yaml).items():
        try:
            outcomes = [decide(test, evidence) for test in claim.tests]
        except UserError as error:
            raise UserError(f"{claims_yaml}: {name}: {error}") from None
        result[name] = {
            "number": claim.number,
            "place": claim.place,
            "verdict": combine([outcome.verdict for outcome in outcomes]),
            "expected": claim.expected.get(study.data.source),
            "tests": [
                _record(test, outcome) | {"published": published.value(test)}
                for test, outcome in zip(claim.tests, outcomes, strict=True)
            ],
        }
    write_json(output_json, result)


test_claims.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is no test case


def differing(claims_json: Path) -> list[str]:
    """Return one line for each claim whose verdict is not the one pinned in `claims.yaml`."""
    return [
        f"claim {claim['number']} ({name}): {claim['verdict']}; pinned: {claim['expected']}"
        for name, claim in sorted(read_json(claims_json).items(), key=lambda item: item[1]["number"])
        if claim["expected"] not in (None, claim["verdict"])
    ]


def combine(verdicts: Sequence[str]) -> str:
    """Return the verdict on a claim from those on its tests."""
    for verdict in (FAILS, UNTESTABLE, UNDECIDED):
        if verdict in verdicts:
            return verdict
    return HOLDS


def decide(test: Test, evidence: "Evidence") -> Outcome:
    """Return the outcome of one test."""
    if test.proved is not None:
        passed = evidence.derivations.get(test.proved)
        if passed is None:
            raise unknown(test.proved, evidence.derivations, "proved")
        return Outcome(HOLDS if passed else FAILS, "proved for all sizes" if passed else "the proof fails")
    assert test.quantity is not None
    keys, expression = parse_quantity(test.quantity)
    runs = tuple(sorted({run for key in keys if (run := evidence.run(key))}))
    try:
        values = evidence.per_seed(keys, expression)
    except NotTestableError as error:
        return Outcome(UNTESTABLE, str(error), runs=runs)
    seeds = tuple(sorted(seed for seed in values if seed is not None))
    estimate = mean_interval(list(values.values()))
    if not seeds:  # a property of the networks: no seed, no spread
        estimate = Estimate(estimate.value, estimate.value, estimate.value, 0)
    elif len(seeds) == 1:
        return Outcome(UNTESTABLE, "one seed: no interval", estimate, seeds=seeds, runs=runs)
    narrow = mean_interval(list(values.values()), level=0.90) if test.within and seeds else None
    verdict = judge(test, estimate, narrow or estimate)
    return Outcome(verdict, "", estimate, narrow, seeds, runs)


def judge(test: Test, estimate: Estimate, narrow: Estimate) -> str:
    """Return the verdict that the intervals give; the rule stands at the top of this module."""
    low, high = estimate.low, estimate.high
    if low is None or high is None or narrow.low is None or narrow.high is None:
        raise ValueError("no verdict without an interval")
    if test.within is not None:
        if -test.within < narrow.low and narrow.high < test.within:
            return HOLDS
        return FAILS if low > test.within or high < -test.within else UNDECIDED
    if test.below is not None:
        low, high, bound = -high, -low, -test.below
    else:
        assert test.above is not None
        bound = test.above
    if low > bound:
        return HOLDS
    return FAILS if high < bound + test.margin or high <= bound else UNDECIDED


class Evidence:
    """Where the values of keys come from: the curves by seed, facts of the networks, and the proofs."""

    def __init__(
        self,
        study: Study,
        runs: RunTable,
        index: Mapping[str, Any],
        derivations: Sequence[Mapping[str, Any]],
    ):
        self._study, self._runs, self._index = study, runs, index
        self.derivations = {derivation["name"]: bool(derivation["passed"]) for derivation in derivations}

    def run(self, key: str) -> str | None:
        """Return the run that a key is read from; None for an experiment that the study does not have."""
        experiment = self._study.experiments.get(_experiment(key))
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
            result[seed] = evaluate(expression, [found[seed if seed in found else None] for found in values.values()])
            if not math.isfinite(result[seed]):
                raise NotTestableError(f"diverged with seed {seed}")
        return result

    def _values(self, key: str) -> Mapping[int | None, float]:
        name = _experiment(key)
        experiment = self._study.experiments.get(name)
        if experiment is None:
            raise NotTestableError(f"{name} is not in this configuration")
        curve_key = CurveKey.parse(key)
        if curve_key is None:
            return {None: self._fact(experiment, key.removeprefix(f"{name}."))}
        curves = self._runs.curves(experiment.run, curve_key.quantity)
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
        if experiment.run not in self._index:
            raise NotTestableError(f"{experiment.run} was not run")
        recorded = self._index[experiment.run].get(field)
        if not recorded:
            raise NotTestableError(f"the files of {experiment.run} do not say its {field}")
        return float(recorded[0])


class Published:
    """The write-up's own values, for the quantities that they suffice for."""

    def __init__(self, study: Study, accuracies: Mapping[str, PublishedValue], curves: Mapping[str, Curve]):
        self._study, self._accuracies, self._curves = study, accuracies, curves

    def value(self, test: Test) -> float | None:
        """Return a test's quantity as the write-up has it; None where it does not give all values.

        On stand-in data, with other epochs and sizes, there is nothing to compare.
        """
        if test.quantity is None or self._study.data.source != "official":
            return None
        keys, expression = parse_quantity(test.quantity)
        values = [self._value(key) for key in keys]
        known = [value for value in values if value is not None]
        return evaluate(expression, known) if len(known) == len(values) else None

    def _value(self, key: str) -> float | None:
        name = _experiment(key)
        curve_key = CurveKey.parse(key)
        if curve_key is None:
            experiment = self._study.experiments.get(name)
            setting = getattr(experiment.spec, key.removeprefix(f"{name}."), None) if experiment else None
            return None if setting is None else float(setting)
        if curve_key.quantity == "accuracy":
            published = self._accuracies.get(name)
            return published.accuracy if published and curve_key.epoch is None else None
        curve = self._curves.get(name, {})
        last = max(curve, default=0)
        if curve_key.quantity != "training_loss" or not last:
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

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "span": lambda *values: max(values) - min(values),
}


def _experiment(key: str) -> str:
    curve_key = CurveKey.parse(key)
    return curve_key.experiment if curve_key else key.rpartition(".")[0]


def parse_quantity(text: str) -> tuple[list[str], ast.expr]:
    """Return the keys of a quantity and its expression, in which key i is the name `ki`. Raises UserError."""
    keys: list[str] = []

    def name(match: re.Match[str]) -> str:
        if match[1] not in keys:
            keys.append(match[1])
        return f"k{keys.index(match[1])}"

    try:
        expression = ast.parse(re.sub(r"\{([^{}]+)\}", name, text).strip(), mode="eval").body
        evaluate(expression, [1.0] * len(keys))
    except ZeroDivisionError:
        pass  # of the trial values, not of the quantity
    except (SyntaxError, ValueError) as error:
        raise UserError(f"quantity {text!r}: {error}; expected keys in braces, + - * /, min, max, span") from None
    return keys, expression


def evaluate(node: ast.expr, values: Sequence[float]) -> float:
    """Return the value of a quantity's expression. Raises ValueError for anything but its small language."""
    match node:
        case ast.Constant(value=int() | float() as constant):
            return float(constant)
        case ast.Name(id=name) if re.fullmatch(r"k\d+", name):
            return values[int(name[1:])]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](evaluate(left, values), evaluate(right, values))
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in _FUNCTIONS and arguments:
            return _FUNCTIONS[function](*(evaluate(argument, values) for argument in arguments))
    raise ValueError(f"found {ast.unparse(node)!r}")


def _record(test: Test, outcome: Outcome) -> dict[str, Any]:
    estimate = outcome.estimate
    return {
        "measures": test.measures,
        "quantity": test.quantity,
        "proved": test.proved,
        "unit": test.unit,
        "bound": {key: value for key in ("above", "below", "within") if (value := getattr(test, key)) is not None},
        "margin": test.margin,
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "value": estimate.value if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
        "narrow": [outcome.narrow.low, outcome.narrow.high] if outcome.narrow else None,
        "n": estimate.n if estimate else 0,
        "seeds": list(outcome.seeds),
        "runs": list(outcome.runs),
    }
