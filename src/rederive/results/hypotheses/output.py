"""What the hypotheses come to: numbers by key, the table of candidates, and lines for a terminal."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rederive.records import Number
from rederive.results.agreement import Comparison
from rederive.results.hypotheses.calibration import published_trials, seed_trials
from rederive.results.hypotheses.ranking import VERDICTS, Finding, outcome
from rederive.results.hypotheses.trained import Trained
from rederive.results.number_format import number

Rankings = Mapping[str, Sequence[Finding]]


def numbers(comparison: Comparison, trained: Trained, found: Rankings) -> dict[str, Number]:
    """Return each candidate's numbers and verdict, each row's outcome, and how often known settings come first."""
    result: dict[str, Number] = {}
    unit = comparison.study.metrics[str(comparison.study.headline)].unit if found else ""
    for row, candidates in found.items():
        result[f"hypotheses.{row}"] = number(outcome(candidates), "text", f"candidates for {row}: what they come to")
        for rank, finding in enumerate(candidates, 1):
            result |= _of_candidate(finding, rank, unit)
    result["hypotheses.rows"] = number(len(found), "count", "rows that candidates were thought of for")
    used = {name for candidates in found.values() for one in candidates if (name := one.run)}
    result["hypotheses.runs"] = number(len(used), "count", "runs of the study that candidates are read from")
    result["hypotheses.trained"] = number(len(trained.kept), "count", "trainings for candidates alone")
    verdicts = [finding.verdict for candidates in found.values() for finding in candidates]
    for verdict, words in VERDICTS.items():
        result[f"hypotheses.{verdict}"] = number(verdicts.count(verdict), "count", f"candidates: {words}")
    if found:
        result |= _trials(comparison)
    return result


def _of_candidate(finding: Finding, rank: int, unit: str) -> dict[str, Number]:
    key = f"hypotheses.{finding.row}.{finding.name}"
    source = finding.run or (f"a training of {finding.epochs} epochs" if finding.epochs else "no training so far")
    made: dict[str, Any] = {"runs": [finding.run]} if finding.run else {}
    words = f"candidate {rank} for {finding.row}, from {source}"
    result = {key: number(VERDICTS[finding.verdict], "text", words, **made)}
    result[f"{key}.rank"] = number(rank, "count", f"place of candidate {finding.name} for {finding.row}")
    if finding.curve:
        points = len(finding.curve.epochs)
        how = (
            f"mean square distance from the published curve over {points} epochs, standardised, from {source}; agrees "
            f"up to {finding.curve.limit:.2f}"
        )
        result[f"{key}.curve_chi2"] = number(finding.curve.mean_square, "multiple", how, **made)
        result[f"{key}.points"] = number(points, "count", "epochs that candidate and published curve share")
    if finding.value is not None:
        how = "published in the row that it is copied from" if finding.candidate.copied_from else f"of {source}"
        result[f"{key}.value"] = number(finding.value, unit, f"the candidate's value, {how}", **made)
    return result


def _trials(comparison: Comparison) -> dict[str, Number]:
    result: dict[str, Number] = {}
    rungs = comparison.study.hypotheses.rungs
    for position, rung in enumerate(rungs, 1):
        result[f"hypotheses.rung.{position}"] = number(rung, "count", "epochs before candidates are dropped")
    for last in (*rungs, None):
        over = f"the first {last} epochs" if last else "all epochs"
        for kind, trials in (("published", published_trials), ("seeds", seed_trials)):
            tried = trials(comparison, last)
            facts = {
                "trials": (len(tried), f"curves whose settings are known ({kind})"),
                "hits": (sum(one.hit for one in tried), f"of these, the true settings come first over {over}"),
                "kept": (sum(one.agrees for one in tried), f"of these, not excluded by the bound over {over}"),
            }
            for key, (value, how) in facts.items():
                result[f"hypotheses.{kind}.{key}{f'@{last}' if last else ''}"] = number(value, "count", how)
    return result


COLUMNS = (
    *("experiment", "rank", "candidate", "label", "verdict", "read_from", "epochs", "curve_points", "curve_rms"),
    *("curve_chi2_per_point", "curve_limit", "value", "published", "value_z2", "value_limit"),
    "log_likelihood",
)


def to_csv(found: Rankings, comparison: Comparison) -> str:
    """Return the table of all candidates of all rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, candidates in found.items():
        published = comparison.values[row].value if row in comparison.values else None
        for rank, finding in enumerate(candidates, 1):
            curve, agreement = finding.curve, finding.agreement
            writer.writerow(
                [
                    *(row, rank, finding.name, finding.candidate.label, VERDICTS[finding.verdict]),
                    *(finding.run or "", finding.epochs, len(curve.epochs) if curve else 0),
                    *map(_cell, (curve.rms, curve.mean_square, curve.limit) if curve else (None,) * 3),
                    *map(_cell, (finding.value, published)),
                    *map(_cell, (agreement.mean_square, agreement.limit) if agreement else (None,) * 2),
                    _cell(finding.log_likelihood if curve or agreement else None),
                ]
            )
    return buffer.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def as_text(comparison: Comparison, found: Rankings) -> str:
    """Return the candidates of each row in their order, one a line, and how often known settings come first."""
    lines = []
    for row, candidates in found.items():
        lines.append(f"{row}: {outcome(candidates)}")
        for finding in candidates:
            told = []
            if finding.curve:
                told.append(f"chi^2/n {finding.curve.mean_square:.2f} over {len(finding.curve.epochs)} epochs")
            if finding.agreement:
                told.append(f"value {finding.value:.3f}, z^2 {finding.agreement.mean_square:.2f}")
            lines.append(f"  {VERDICTS[finding.verdict]:30} {finding.candidate.label}: {'; '.join(told) or '-'}")
    for words, trials in (("published curves", published_trials), ("our own curves", seed_trials)):
        tried = trials(comparison)
        lines.append(f"known settings come first for {sum(trial.hit for trial in tried)} of {len(tried)} {words}")
    return "\n".join(lines)
