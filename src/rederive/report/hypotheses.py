"""The settings that rows which disagree may come from: what templates can say of them, as `numbers.json` has them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rederive.report.markdown import escape
from rederive.report.tables import AGREE, Tables
from rederive.results.agreement import STATUSES
from rederive.results.hypotheses.ranking import VERDICTS

if TYPE_CHECKING:
    from rederive.report.document import Document

FIT = ("fits", "so_far")
IN_PART = ("curve", "value")
VERDICT = {words: key for key, words in VERDICTS.items()}


class Candidates:
    """The candidates for each row."""

    def __init__(self, document: "Document", tables: Tables) -> None:
        self._document, self._tables = document, tables
        self._hypotheses, self._numbers = document.study.hypotheses, document.used_numbers

    def functions(self) -> dict[str, Any]:
        """Return what templates call, by name."""
        return {
            "hypotheses": self.rows,
            "hypotheses_table": self.table,
            "candidates": self.candidates,
            "shared_candidates": self.shared,
            "unexplained_rows": self.unexplained,
            "rungs": range(1, len(self._hypotheses.rungs) + 1),
            "rung_epochs": self._hypotheses.rungs,
        }

    def rows(self) -> list[str]:
        """Return the rows that there are candidates for."""
        return [row for row in self._hypotheses.rows if f"hypotheses.{row}" in self._numbers]

    def candidates(self, row: str, *verdicts: str) -> list[str]:
        """Return the escaped labels of the candidates for a row with one of these keys of VERDICTS, best first."""
        return [label for _, label in self._ranked(row, verdicts)]

    def shared(self) -> list[tuple[str, list[str]]]:
        """Return the escaped labels of candidates that fit more than one row, with these rows."""
        fitting: dict[str, list[str]] = {}
        for row in self.rows():
            for label in self.candidates(row, *FIT):
                fitting.setdefault(label, []).append(row)
        return [(label, rows) for label, rows in fitting.items() if len(rows) > 1]

    def unexplained(self) -> list[str]:
        """Return the rows that disagree, and that no candidate fits, or that none was thought of for."""
        explained = {row for row in self.rows() if self.candidates(row, *FIT)}
        disagree = [status for status in STATUSES if status not in (*AGREE, "unknown")]
        return [name for name in self._tables.rows_where(*disagree) if name not in explained]

    def table(self, caption: str) -> str:
        """The candidates for each row: those that fit, those that fit in part, those excluded."""
        with self._numbers.at("table hypotheses"):
            rows = [
                [
                    self._tables.row_label(row),
                    *(self._told(row, verdicts) for verdicts in (FIT, IN_PART, ("excluded",))),
                ]
                for row in self.rows()
            ]
        header = ["Row", "Fits", "Fits in part", "Excluded"]
        return self._document.captioned("hypotheses", caption, header, rows, "llll")

    def _ranked(self, row: str, verdicts: Sequence[str]) -> list[tuple[str, str]]:
        """Return key and escaped label of the candidates for a row with one of these verdicts, best first."""
        found = []
        for name, candidate in self._hypotheses.candidates(row).items():
            key = f"hypotheses.{row}.{name}"
            if VERDICT[str(self._numbers.get(key).value)] in verdicts:
                rank = self._numbers.get(f"{key}.rank").value
                found.append((float(rank or 0), key, escape(candidate.label)))
        return [(key, label) for _, key, label in sorted(found)]

    def _told(self, row: str, verdicts: Sequence[str]) -> str:
        """Return the candidates with these verdicts, each with its numbers."""
        told = []
        whole = max(self._points(f"hypotheses.{row}.{name}") for name in self._hypotheses.candidates(row))
        for key, label in self._ranked(row, verdicts):
            numbers = []
            if points := self._points(key):
                numbers.append(rf"$\chi^2/n$ {self._numbers.num(f'{key}.curve_chi2')}")
                if points < whole:
                    numbers[-1] += f" over {self._numbers.num(f'{key}.points')}"
            if f"{key}.value" in self._numbers:
                numbers.append(self._numbers.num(f"{key}.value"))
            told.append(f"{label} ({', '.join(numbers)})" if numbers else label)
        return "; ".join(told) or "–"

    def _points(self, key: str) -> float:
        """Return over how many epochs a candidate's curve was compared."""
        return float(self._numbers.get(f"{key}.points").value or 0) if f"{key}.points" in self._numbers else 0.0
