"""Test each conclusion of the write-up on the runs.

    test_claims(layout, derivations)             tests them all and writes `claims.json`
    differing(claims_json) -> list[str]          what `rederive check-claims` prints; empty where all is as pinned

A claim has one or more tests. A test is a quantity, computed once for each seed that all its experiments share, and
the bound that it is held against. The mean over seeds and its t interval decide:

- `above: b` **holds** where the 95 % interval lies above b. It **does not hold** where the interval lies below
  b + `margin`: a difference large enough to matter is then ruled out. Else it is **undecided**. `below` is its mirror.
- `within: m` (practical equality) **holds** where two one-sided 5 % tests both reject, that is where the 90 % interval
  lies inside -m..m; it **does not hold** where the 95 % interval lies outside altogether. Else it is **undecided**.
- `proved: name` holds where that derivation passed.

A claim holds where all its tests hold, does not hold where one does not, is not testable where the runs it needs are
not there, diverged, or there is one seed only (no interval), and is undecided otherwise.

Quantities are written with the keys of `rederive.results.keys` in braces, `+ - * /`, `min`, `max` and `span` (largest
minus smallest): `{relu.accuracy} - {sigmoid.accuracy}`. In place of an epoch a curve also has `@mean`
(over its epochs) and `@largest_rise` (the largest step upwards from one epoch to the next). Where the write-up gives
all values of a quantity it is computed from those, too: a conclusion may not follow from its own numbers.

A quantity with `min`, `max` or `span` is tested part by part (`rederive.results.quantities.parts`): it holds where each
part does (intersection-union, Berger 1982), and does not where one does not at a level that allows for their number
(Bonferroni). What is shown is the part that is worst for the claim.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rederive.config import Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.layout import CLAIMS, PUBLISHED, PUBLISHED_CURVES, Layout
from rederive.records import RunFacts, read_json, read_records
from rederive.results.evidence import Evidence, NotTestableError, Published
from rederive.results.keys import unknown
from rederive.results.published import published_curves, published_values
from rederive.results.quantities import parse_quantity, parts
from rederive.results.runs import RunTable
from rederive.results.statistics import LEVEL, Estimate, mean_interval
from rederive.yaml_files import read_yaml

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
    layout: Layout,
    derivations: Sequence[Path],
    claims_yaml: Path = CLAIMS,
    published_yaml: Path = PUBLISHED,
    published_csv: Path = PUBLISHED_CURVES,
) -> None:
    """Test every claim and write the verdicts; the CSV beside them is a table for people, one row a test."""
    study = Study.load(layout.study)
    runs, index = RunTable.load(layout.run_table, study), read_records(layout.run_index, RunFacts)
    evidence = Evidence(study, runs, index, [read_json(path) for path in derivations])
    published = Published(
        study, published_values(published_yaml, study.headline), published_curves(published_csv, study.metrics)
    )
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
                _record(test, outcome) | {"published": published.value(test.quantity)}
                for test, outcome in zip(claim.tests, outcomes, strict=True)
            ],
        }
    write_json(layout.claims, result)
    write_text(layout.claims.with_suffix(".csv"), _table(result))


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


def decide(test: Test, evidence: Evidence) -> Outcome:
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
        found = [evidence.per_seed(keys, part) for part in parts(expression, lowest=test.above is not None)]
    except NotTestableError as error:
        return Outcome(UNTESTABLE, str(error), runs=runs)
    if test.within and len(found) > 1:
        raise UserError(f"quantity {test.quantity!r}: equality of an extreme; test each pair by itself")
    # The worst for the claim first.
    found.sort(key=lambda values: fsum(values.values()), reverse=test.below is not None)
    seeds = tuple(sorted(seed for seed in found[0] if seed is not None))
    worst = _interval(found[0])
    if len(seeds) == 1:
        return Outcome(UNTESTABLE, "one seed: no interval", worst, seeds=seeds, runs=runs)
    narrow = _interval(found[0], 0.90) if test.within and seeds else None
    verdict = HOLDS
    for values in found:
        if judge(test, _interval(values), narrow or worst) != HOLDS:
            verdict = UNDECIDED
        if judge(test, _interval(values, 1 - (1 - LEVEL) / len(found)), narrow or worst) == FAILS:
            return Outcome(FAILS, "", _interval(values), narrow, seeds, runs)
    return Outcome(verdict, "", worst, narrow, seeds, runs)


def _interval(values: Mapping[int | None, float], level: float = LEVEL) -> Estimate:
    """Return the mean over seeds; a property of the networks, the same for all seeds, has no spread."""
    if None in values:
        return Estimate(values[None], values[None], values[None], 0)
    return mean_interval(list(values.values()), level)


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


def _table(claims: Mapping[str, Any]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = ("value", "low", "high")
    writer.writerow(("number", "claim", "verdict", "place", "measures", *columns, "seeds", "published", "outcome"))
    for name, claim in sorted(claims.items(), key=lambda item: item[1]["number"]):
        for test in claim["tests"]:
            numbers = ("" if test[key] is None else f"{test[key]:.6g}" for key in (*columns, "n", "published"))
            about = (claim["number"], name.replace("_", " "), claim["verdict"], claim["place"], test["measures"])
            writer.writerow((*about, *numbers, test["verdict"]))
    return buffer.getvalue()


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
