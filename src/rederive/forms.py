"""The form of the JSON files that steps write and later ones read as they are, for `records.read_json`.

What is named here is what readers rely on; a file may say more.
"""

from typing import Any

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

Predictions = dict[str, dict[str, str]]
"""For each run and seed the class of every evaluation image, a digit each."""


class TestOutcome(TypedDict):
    """The outcome of a claim's test (`rederive.results.outcomes.record`)."""

    measures: str
    quantity: str | None
    proved: str | None
    unit: str
    bound: dict[str, float]
    margin: float
    region: list[float | None]
    verdict: str
    reason: str
    value: float | None
    low: float | None
    high: float | None
    level: float | None
    n: int
    points: bool | None
    bootstrap: dict[str, Any] | None
    images: dict[str, Any] | None
    seeds_needed: Any
    seeds: list[int]
    paired: bool
    runs: list[str]
    left_out: dict[str, dict[str, Any]]
    diverged: dict[str, dict[str, Any]]
    collapsed: dict[str, dict[str, Any]]
    deterministic: list[str]
    published: float | None
    published_points: bool | None


class Verdict(TypedDict):
    """The verdict on a claim (`rederive.results.claims.test_claims`)."""

    number: int
    place: str
    verdict: str
    expected: str | None
    tests: list[TestOutcome]
    fixed_before: dict[str, int]
    p: float | None
    family: bool | None


Verdicts = dict[str, Verdict]


class Proof(TypedDict):
    """What was found of a derivation (`rederive.proofs.result.Result.to_json`)."""

    name: str
    title: str
    order: float
    passed: bool
    steps: list[dict[str, Any]]
    mutants: dict[str, dict[str, Any]]
    numeric: dict[str, Any]
    conventions: list[str]
    trusted: list[str]


class Manifest(TypedDict):
    """What a prepared data set is (`rederive.data.arrays.save`)."""

    dataset: str
    source: str
    checksum: str
    sizes: dict[str, int]
    files: dict[str, str]


class Trace(TypedDict):
    """Where the numbers of a report come from (`rederive.report.document.Document.trace`)."""

    numbers: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]
