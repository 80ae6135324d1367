"""What the hypotheses come to, for the report: numbers by key, the table of candidates, and lines for a terminal."""

import csv
import io
from collections.abc import Mapping, Sequence

from rederive.hypotheses.ranking import VERDICTS, Finding, outcome, published_trials, ranking, seed_trials
from rederive.hypotheses.trained import Trained
from rederive.results.agreement import Comparison
from rederive.results.number import Number, number


def findings(comparison: Comparison, trained: Trained) -> dict[str, list[Finding]]:
    """Return the ranked candidates of each row of the hypotheses; none on stand-in data."""
    if comparison.study.data.source != "official":
        return {}
    return {row: ranking(comparison, trained, row) for row in comparison.study.hypotheses.rows}


def numbers(comparison: Comparison, trained: Trained, found: Mapping[str, Sequence[Finding]]) -> dict[str, Number]:
    """Return each candidate's numbers and verdict, each row's outcome, and how often known settings come first."""
    result: dict[str, Number] = {}
    trained_count = 0
    for row, candidates in found.items():
        result[f"hypotheses.{row}"] = number(outcome(candidates), "text", f"candidates for {row}: what they come to")
        for rank, finding in enumerate(candidates, 1):
            key = f"hypotheses.{row}.{finding.name}"
            source = finding.source or (
                f"a training of {finding.epochs} epochs" if finding.epochs else "no training so far"
            )
            more = {"runs": [finding.source]} if finding.source else {}
            result[key] = number(
                VERDICTS[finding.verdict], "text", f"candidate {rank} for {row}, from {source}", rank=rank, **more
            )
            if finding.loss:
                points = len(finding.loss.epochs)
                result[f"{key}.curve_chi2"] = number(
                    finding.loss.mean_square,
                    "multiple",
                    f"mean square distance from the published curve over {points} epochs, standardised, from {source}; "
                    f"agrees up to {finding.loss.limit:.2f}",
                    **more,
                )
                result[f"{key}.points"] = number(points, "count", "epochs that candidate and published curve share")
            if finding.value is not None:
                how = "published in the row that it is copied from" if finding.candidate.copied_from else f"of {source}"
                result[f"{key}.value"] = number(finding.value, "accuracy", f"the candidate's accuracy, {how}", **more)
    if found:
        trained_count = len(trained.records)
        for i, rung in enumerate(comparison.study.hypotheses.rungs, 1):
            result[f"hypotheses.rung.{i}"] = number(rung, "count", "epochs of training before candidates are dropped")
        for last in (*comparison.study.hypotheses.rungs, None):
            for kind, trials in (("published", published_trials), ("seeds", seed_trials)):
                results = trials(comparison, last)
                at = f"@{last}" if last else ""
                over = f"the first {last} epochs" if last else "all epochs"
                facts = {
                    "trials": (len(results), f"curves whose settings are known ({kind})"),
                    "hits": (
                        sum(trial.hit for trial in results),
                        f"of these, the true settings come first over {over}",
                    ),
                    "kept": (
                        sum(trial.agrees for trial in results),
                        f"of these, not excluded by the bound over {over}",
                    ),
                }
                for key, (value, how) in facts.items():
                    result[f"hypotheses.{kind}.{key}{at}"] = number(value, "count", how)
    result["hypotheses.trained"] = number(trained_count, "count", "candidates trained for the hypotheses")
    return result


COLUMNS = (
    *("experiment", "rank", "candidate", "label", "verdict", "read_from", "epochs", "curve_points", "curve_rms"),
    *("curve_chi2_per_point", "curve_limit", "accuracy", "published", "accuracy_z2", "accuracy_limit"),
    "log_likelihood",
)


def to_csv(found: Mapping[str, Sequence[Finding]], comparison: Comparison) -> str:
    """Return the table of all candidates of all rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, candidates in found.items():
        published = comparison.values[row].accuracy if row in comparison.values else None
        for rank, finding in enumerate(candidates, 1):
            loss, accuracy = finding.loss, finding.accuracy
            writer.writerow(
                [
                    *(row, rank, finding.name, finding.candidate.label, VERDICTS[finding.verdict]),
                    *(finding.source or "", finding.epochs, len(loss.epochs) if loss else 0),
                    *map(_cell, (loss.rms, loss.mean_square, loss.limit) if loss else (None,) * 3),
                    *map(_cell, (finding.value, published)),
                    *map(_cell, (accuracy.mean_square, accuracy.limit) if accuracy else (None,) * 2),
                    _cell(finding.log_likelihood if loss or accuracy else None),
                ]
            )
    return buffer.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def as_text(comparison: Comparison, found: Mapping[str, Sequence[Finding]]) -> str:
    """Return the candidates of each row in their order, one a line, and how often known settings come first."""
    lines = []
    for row, candidates in found.items():
        lines.append(f"{row}: {outcome(candidates)}")
        for finding in candidates:
            told = []
            if finding.loss:
                told.append(f"chi^2/n {finding.loss.mean_square:.2f} over {len(finding.loss.epochs)} epochs")
            if finding.accuracy:
                told.append(f"accuracy {finding.value:.3f}, z^2 {finding.accuracy.mean_square:.2f}")
            lines.append(f"  {VERDICTS[finding.verdict]:32} {finding.candidate.label}: {'; '.join(told) or '-'}")
    for words, trials in (("published curves", published_trials), ("our own curves", seed_trials)):
        results = trials(comparison, None)
        hits = sum(trial.hit for trial in results)
        lines.append(f"known settings come first for {hits} of {len(results)} {words}")
    return "\n".join(lines)
