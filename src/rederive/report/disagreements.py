"""Where published rows and ours disagree, and the settings that they may come from: what templates can call."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rederive.hypotheses.ranking import VERDICTS
from rederive.report.markdown import escape, table
from rederive.results.agreement import STATUSES
from rederive.results.keys import unknown

if TYPE_CHECKING:
    from rederive.report.document import Document

AGREE = ("both", "value_agrees")
IN_PART = ("curve", "value")
FIT = ("fits", "so_far")


class Disagreements:
    """The rows by what agrees, and the candidates for those that do not, as `numbers.json` has them."""

    def __init__(self, document: "Document"):
        self._document = document
        self._origin = document.origin
        self._status = {words: key for key, words in STATUSES.items()}
        self._verdict = {words: key for key, words in VERDICTS.items()}

    def functions(self) -> dict[str, Any]:
        """Return what templates call, by name."""
        return {
            "rows_where": self.rows_where,
            "agreement_table": self.agreement_table,
            "hypotheses": self.rows,
            "hypotheses_table": self.hypotheses_table,
            "candidates": self.candidates,
            "unexplained": self.unexplained,
            "shared": self.shared,
            "labels_of": lambda names: [self._label(name) for name in names],
        }

    def rows_where(self, *statuses: str) -> list[str]:
        """Return the experiments whose status is one of these keys of STATUSES, in the order of the study."""
        for status in statuses:
            if status not in STATUSES:
                raise unknown(status, STATUSES, "rows_where")
        return [name for name in self._document.study.experiments if self._status_of(name) in statuses]

    def rows(self) -> list[str]:
        """Return the rows that there are candidates for."""
        return [row for row in self._document.study.hypotheses.rows if f"hypotheses.{row}" in self._document.numbers]

    def candidates(self, row: str, *verdicts: str) -> list[tuple[str, str]]:
        """Return key and escaped label of the candidates for a row with one of these verdicts, best first."""
        known = self._document.study.hypotheses.candidates(row)
        found = []
        for name, candidate in known.items():
            number = self._document.numbers[f"hypotheses.{row}.{name}"]
            if self._verdict[number["value"]] in verdicts:
                found.append((number["rank"], f"hypotheses.{row}.{name}", escape(candidate.label)))
        return [(key, label) for _, key, label in sorted(found)]

    def unexplained(self) -> list[str]:
        """Return the rows that disagree, and that no candidate fits, or that none was thought of for."""
        fitted = {row for row in self.rows() if self.candidates(row, *FIT)}
        disagree = [status for status in STATUSES if status not in (*AGREE, "unknown")]
        return [name for name in self.rows_where(*disagree) if name not in fitted]

    def shared(self) -> list[tuple[str, list[str]]]:
        """Return the escaped labels of candidates that fit more than one row, with these rows."""
        fitting: dict[str, list[str]] = {}
        for row in self.rows():
            for _, label in self.candidates(row, *FIT):
                fitting.setdefault(label, []).append(row)
        return [(label, rows) for label, rows in fitting.items() if len(rows) > 1]

    def agreement_table(self, caption: str) -> str:
        """All rows of the write-up: what was published, what ours came to, and what agrees."""
        rows = []
        with self._origin.at("table agreement"):
            for name in self._document.study.experiments:
                if (status := self._status_of(name)) is None:
                    continue
                rows.append(
                    [
                        self._label(name),
                        self._origin.num(f"{name}.published"),
                        self._origin.interval(f"{name}.accuracy", unbroken=True),
                        *(self._num(f"{name}.{key}") for key in ("accuracy_z", "curve_distance", "curve_multiple")),
                        self._spread_is(name),
                        self._num(f"{name}.curve_chi2"),
                        STATUSES[status] if status in AGREE else f"**{STATUSES[status]}**",
                    ]
                )
        header = ["Row", "Published", "Ours (95 % interval)", "Off by", "Curve off by", "In spreads", "Spread", "χ²/n"]
        return self._captioned("agreement", caption, [*header, "What agrees"], rows, "lrrrrrlrl")

    def hypotheses_table(self, caption: str) -> str:
        """The candidates for each row that disagrees: those that fit, those that fit in part, those excluded."""
        with self._origin.at("table hypotheses"):
            rows = [
                [
                    self._label(row),
                    *(self._told(row, verdicts) for verdicts in (FIT, IN_PART, ("excluded",))),
                    self._origin.num(f"hypotheses.{row}"),
                ]
                for row in self.rows()
            ]
        header = ["Row", "Fits", "Fits in part", "Excluded", "Outcome"]
        return self._captioned("hypotheses", caption, header, rows, "lllll")

    def _told(self, row: str, verdicts: Sequence[str]) -> str:
        """Return the candidates with these verdicts, each with its numbers."""
        told = []
        names = self._document.study.hypotheses.candidates(row)
        numbers_of = self._document.numbers
        whole = max(numbers_of.get(f"hypotheses.{row}.{name}.points", {}).get("value", 0) for name in names)
        for key, label in self.candidates(row, *verdicts):
            numbers = []
            points = numbers_of.get(f"{key}.points", {}).get("value")
            if points:
                numbers.append(f"χ²/n {self._origin.num(f'{key}.curve_chi2')}")
                if points < whole:
                    numbers[-1] += f" over {self._origin.num(f'{key}.points')}"
            if f"{key}.value" in numbers_of:
                numbers.append(self._origin.num(f"{key}.value"))
            told.append(f"{label} ({', '.join(numbers)})" if numbers else label)
        return "; ".join(told) or "–"

    def _status_of(self, name: str) -> str | None:
        number: Mapping[str, Any] | None = self._document.numbers.get(f"{name}.agreement")
        return self._status[number["value"]] if number else None

    def _spread_is(self, name: str) -> str:
        number = self._document.numbers.get(f"{name}.curve_spread")
        return "–" if number is None else "pooled" if number["pooled"] else "own"

    def _label(self, name: str) -> str:
        experiment = self._document.study.experiments[name]
        return f"{'MNIST' if experiment.dataset == 'mnist' else 'CIFAR-10'}: {escape(experiment.label)}"

    def _num(self, key: str) -> str:
        return self._origin.num(key) if key in self._document.numbers else "–"

    def _captioned(
        self, name: str, caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], align: str
    ) -> str:
        return f"\n{self._document.caption(name, caption)}\n\n{table(header, rows, align)}\n"
