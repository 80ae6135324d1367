"""Test each conclusion of the write-up on the runs.

    test_claims(layout, derivations)             tests them all and writes `claims.json`
    differing(claims_json) -> list[str]          what `rederive check-claims` prints; empty where all is as pinned

What a claim is: `rederive.results.claim_file`. How values become verdicts: `rederive.results.verdicts`.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rederive import forms
from rederive.config import Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.layout import CLAIMS, PUBLISHED, PUBLISHED_CURVES, Layout
from rederive.records import RunFacts, read_json, read_records
from rederive.results.claim_file import Test, load_claims, tests_digest
from rederive.results.evidence import Evidence, NotTestableError, Published
from rederive.results.number_keys import unknown
from rederive.results.outcomes import Outcome, record, table
from rederive.results.published import published_curves, published_values, refuse_unknown
from rederive.results.quantities import comparisons, parse_quantity, parts
from rederive.results.runs import RunTable
from rederive.results.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    UNTESTABLE,
    Comparison,
    combine,
    decide,
    holm,
    p_fails,
    p_holds,
    seeds_needed,
)


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
    proofs = [read_json(path, forms.Proof) for path in derivations]
    refuse_unknown(study, published_yaml, published_csv)
    given = published_values(published_yaml, study.metrics)
    evidence = Evidence(study, runs, index, proofs, read_json(layout.predictions, forms.Predictions), given)
    published = Published(study, given, published_curves(published_csv, study.metrics))
    digest = tests_digest(claims_yaml)
    result: dict[str, dict[str, Any]] = {}
    for name, claim in load_claims(claims_yaml).items():
        try:
            outcomes = test_claim(claim.tests, evidence)
        except UserError as error:
            raise UserError(f"{claims_yaml}: {name}: {error}") from None
        verdict = combine([outcome.verdict for outcome in outcomes])
        result[name] = {
            "number": claim.number,
            "place": claim.place,
            "verdict": verdict,
            "expected": claim.expected.get(study.data.source),
            "tests": [
                record(test, outcome, evidence, published) for test, outcome in zip(claim.tests, outcomes, strict=True)
            ],
            "fixed_before": _fixed_before(outcomes, evidence, index, digest),
            "p": _p_value(verdict, outcomes),
        }
    together = holm({name: found["p"] for name, found in result.items() if found["p"] is not None})
    for name, found in result.items():
        found["family"] = None if found["p"] is None else name in together
    write_json(layout.claims, result)
    write_text(layout.claims.with_suffix(".csv"), table(result))


test_claims.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is no test case


def differing(claims_json: Path) -> list[str]:
    """Return one line for each claim whose verdict is not the one pinned in `claims.yaml`."""
    return [
        f"claim {claim['number']} ({name}): {claim['verdict']}; pinned: {claim['expected']}"
        for name, claim in sorted(read_json(claims_json, forms.Verdicts).items(), key=lambda item: item[1]["number"])
        if claim["expected"] not in (None, claim["verdict"])
    ]


def test_claim(tests: Sequence[Test], evidence: Evidence) -> list[Outcome]:
    """Return the outcomes of a claim's tests, which share out the error of not holding."""
    parsed = [_parse(test, evidence) for test in tests]
    k = max(1, len({one for keys, forms in parsed for one in comparisons(forms, keys)}))
    return [_outcome(test, keys, forms, k, evidence) for test, (keys, forms) in zip(tests, parsed, strict=True)]


test_claim.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is no test case


def _parse(test: Test, evidence: Evidence) -> tuple[list[str], list[ast.expr]]:
    """Return the keys of a test's quantity and its parts. Raises UserError for what no run could ever give."""
    if test.quantity is None:
        if test.proved not in evidence.derivations:
            raise unknown(str(test.proved), evidence.derivations, "proved", "derivation")
        return [], []
    keys, expression = parse_quantity(test.quantity)
    if not keys:
        raise UserError(f"quantity {test.quantity!r}: found no key of a number in braces, expected one at least")
    for key in keys:
        evidence.experiment(key)
        if key.endswith("@0"):
            raise UserError(f"quantity {test.quantity!r}: found the epoch of {key}; epochs count from 1")
    try:
        forms = parts(expression, lowest=test.above is not None)
    except UserError as error:
        told = re.sub(r"\bk(\d+)\b", lambda match: f"{{{keys[int(match[1])]}}}", str(error))
        raise UserError(f"quantity {test.quantity!r}: {told}") from None
    if test.within and len(forms) > 1:
        raise UserError(f"quantity {test.quantity!r}: equality of an extreme; test each pair by itself")
    return keys, forms


def _outcome(test: Test, keys: Sequence[str], forms: Sequence[ast.expr], k: int, evidence: Evidence) -> Outcome:
    if test.proved is not None:
        passed = evidence.derivations[test.proved]
        return Outcome(HOLDS if passed else FAILS, "proved for all sizes" if passed else "the proof fails")
    try:
        observed = evidence.observe(keys)
        found = tuple(evidence.comparison(observed, form) for form in forms)
    except NotTestableError as error:
        return Outcome(UNTESTABLE, str(error), keys=tuple(keys))
    if len(observed.seeds) == 1:
        return Outcome(UNTESTABLE, "one seed: no interval", tuple(keys), observed, found)
    region = test.region
    by_seeds = decide(region, found, k)
    images = all(comparison.image_error is not None for comparison in found)
    return Outcome(
        by_seeds.verdict,
        "nothing random" if not observed.seeds else "",
        tuple(keys),
        observed,
        found,
        by_seeds,
        decide(region, found, k, Comparison.bootstrapped) if observed.seeds else None,
        decide(region, found, k, Comparison.over_seeds_and_images) if images and observed.seeds else None,
        {
            HOLDS: max(p_holds(region, comparison) for comparison in found),
            FAILS: min(1.0, k * min(p_fails(region, comparison) for comparison in found)),
        },
        seeds_needed(region, found, k) if by_seeds.verdict == UNDECIDED else None,
    )


def _p_value(verdict: str, outcomes: Sequence[Outcome]) -> float | None:
    """Return the p-value of a claim's verdict, 1 for none; None where no chance is in it or nothing was tested."""
    random = [outcome for outcome in outcomes if outcome.observed and outcome.observed.seeds and outcome.p]
    if not random or verdict == UNTESTABLE or (verdict == FAILS and any(_surely_fails(each) for each in outcomes)):
        return None
    if verdict == UNDECIDED:
        return 1.0
    return (max if verdict == HOLDS else min)(outcome.p[verdict] for outcome in random)


def _surely_fails(outcome: Outcome) -> bool:
    return outcome.verdict == FAILS and not (outcome.observed and outcome.observed.seeds)


def _fixed_before(
    outcomes: Sequence[Outcome], evidence: Evidence, index: Mapping[str, RunFacts], digest: str
) -> dict[str, int]:
    """Count the trainings that a claim rests on by whether the tests of today stood when they began."""
    counts = {"before": 0, "changed": 0, "unknown": 0}
    for run, seeds in evidence.what_became([key for outcome in outcomes for key in outcome.keys]).items():
        known = index[run].tests_digest if run in index else {}
        for seed in seeds.counted:
            told = known.get(seed)
            counts["unknown" if told is None else "before" if told == digest else "changed"] += 1
    return counts
