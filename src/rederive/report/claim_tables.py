"""The tables of the claims: the scorecard, every test, and what else the runs say."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rederive.report.claims import Claims, otherwise
from rederive.report.markdown import NO_BREAK, anchor, escape, link
from rederive.results.claim_numbers import direction
from rederive.results.verdicts import UNDECIDED

if TYPE_CHECKING:
    from rederive.report.document import Document


class ClaimTables:
    """Each function returns a table with its caption above it."""

    def __init__(self, document: "Document", claims: Claims):
        self._document, self._claims = document, claims

    def functions(self) -> dict[str, Any]:
        """Return the tables by the names that templates call them."""
        return {"scorecard": self.scorecard, "tests": self.tests, "checks": self.checks}

    def scorecard(self, caption: str) -> str:
        """All claims, with the estimate that decided each; of one run, where it points."""
        rows = []
        with self._document.used_numbers.at("scorecard"):
            for name, verdict in self._claims.in_order():
                deciding = _deciding(verdict)
                test = verdict["tests"][deciding - 1]
                estimate = (
                    self._claims.result(name, deciding, unbroken=True)
                    if test["value"] is not None
                    else escape(test["reason"])
                )
                said = self._claims.short(verdict)
                rows.append(
                    [
                        anchor(str(verdict["number"]), f"claim-{verdict['number']}"),
                        self._claims.says(name),
                        said if direction(verdict) is not None else f"**{said}**",
                        estimate or "–",
                        escape(verdict["place"] or "this report"),
                    ]
                )
        concluded = f"What {self._document.study.report.original} concludes" if self._document.reproduces else "Claim"
        header = ["No.", concluded, "Verdict", "Our estimate", "From"]
        return self._document.captioned("scorecard", caption, header, rows, "rllll")

    def tests(self, caption: str) -> str:
        """All tests: what each measures, the bound, and how it came out."""
        with self._document.used_numbers.at("table of tests"):
            rows = [
                [
                    link(str(verdict["number"]), f"claim-{verdict['number']}"),
                    escape(test["measures"]),
                    self._claims.result(name, i, unbroken=True)
                    if test["value"] is not None
                    else "proved"
                    if test["proved"]
                    else "–",
                    _seeds(test, len(self._document.study.seeds)),
                    escape(_bound(test)),
                    self._published(name, i),
                    escape(
                        test["verdict"].removesuffix(" with these runs")
                        + (f" ({test['reason']})" if test["reason"] else "")
                    ),
                ]
                for name, verdict in self._claims.in_order()
                for i, test in enumerate(verdict["tests"], 1)
            ]
        measured = ["Measured", "Ours"] if self._document.one_seed else ["Measured for each seed", "Mean (interval)"]
        header = ["No.", *measured, "Seeds", "Bound (margin)", "Published", "Outcome"]
        return self._document.captioned("tests", caption, header, rows, "rllrlrl")

    def checks(self, caption: str) -> str:
        """What else the runs say of each claim: a bootstrap, other images, all claims together, more seeds."""
        rows = []
        for _, verdict in self._claims.in_order():
            seeds = [test["seeds_needed"] for test in verdict["tests"] if test["verdict"] == UNDECIDED]
            fixed = verdict["fixed_before"]
            rows.append(
                [
                    link(str(verdict["number"]), f"claim-{verdict['number']}"),
                    escape(verdict["verdict"].removesuffix(" with these runs")),
                    escape(otherwise(verdict, "bootstrap")),
                    escape(otherwise(verdict, "images")),
                    {True: "yes", False: "no", None: "–"}[verdict["family"]],
                    "–" if verdict["verdict"] != UNDECIDED else str(max(seeds)) if all(seeds) else "no number",
                    f"{fixed['before']} of {sum(fixed.values())}",
                ]
            )
        header = ["No.", "Verdict", "By bootstrap", "Other images", "In the family", "Seeds to decide", "Tests older"]
        return self._document.captioned("checks", caption, header, rows, "rllllrr")

    def _published(self, name: str, i: int) -> str:
        points = self._claims.verdicts[name]["tests"][i - 1]["published_points"]
        own = self._claims.own(name, i)
        return f"{own} ({'as claimed' if points else 'not as claimed'})" if own else "–"


def _deciding(verdict: Mapping[str, Any]) -> int:
    """Return which test (from 1) to show for a claim: one that came out as the claim did, and has an estimate."""
    tests = list(enumerate(verdict["tests"], 1))
    measured = [(i, test) for i, test in tests if test["value"] is not None] or tests
    return next((i for i, test in measured if test["verdict"] == verdict["verdict"]), measured[0][0])


def _seeds(test: Mapping[str, Any], planned: int) -> str:
    """Return the number of seeds of a test, of those planned where some are missing."""
    if not test["n"]:
        return "–"
    return str(test["n"]) if test["n"] >= planned else f"{test['n']} of {planned}"


def _bound(test: Mapping[str, Any]) -> str:
    if test["proved"]:
        return f"derivation {test['proved'].replace('_', ' ')}"
    ((kind, value),) = test["bound"].items()
    margin = f"{NO_BREAK}({test['margin']:g})" if test["margin"] else ""
    return f"within{NO_BREAK}±{value:g}" if kind == "within" else f"{kind}{NO_BREAK}{value:g}{margin}"
