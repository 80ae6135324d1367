"""What templates can call, and what it records on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from rederive.config import Study
from rederive.errors import UserError
from rederive.report.citations import References
from rederive.report.listings import listing
from rederive.report.markdown import anchor, code, escape, link, slug, table
from rederive.report.origin import Numbers, bounds, identifier
from rederive.results.claims import Claim
from rederive.results.keys import unknown
from rederive.results.numbers import number, published_inside

# Stands where the appendix of origins goes: it can be written only when all numbers have been used.
_ORIGINS = "\x00origins\x00"
_REFERENCES = "\x00references\x00"

STANDIN_TITLE = "[Stand-in data] "


@dataclass
class Document:
    """The functions of the templates. They return Markdown, except where they say otherwise."""

    study: Study
    numbers: Mapping[str, Any]
    claims: Mapping[str, Claim]
    verdicts: Mapping[str, Any]
    runs: Mapping[str, Any]
    figures: Mapping[str, Any]
    figures_link: str
    derivations: Sequence[Mapping[str, Any]]
    references_bib: Path
    source_root: Path
    _counters: dict[str, int] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin = Numbers({**self.numbers, **self._claim_numbers()}, list(self.study.experiments))
        self.references = References(self.references_bib)

    def functions(self, environment: jinja2.Environment) -> dict[str, Any]:
        """Return the globals of the templates."""
        self._environment = environment
        return {
            "num": self.origin.num,
            "interval": self.origin.interval,
            "value": lambda key: self.origin.get(key)["value"],
            "place": self.place,
            "claim": self.claim,
            "verdict": lambda name: self._verdict(name)["verdict"],
            "scorecard": self.scorecard,
            "tests": self.tests,
            "table": self.table,
            "figure": self.figure,
            "fig": lambda name: self._reference("Figure", f"fig-{slug(name)}"),
            "tab": lambda name: self._reference("Table", f"tab-{slug(name)}"),
            "listing": lambda module, name: listing(self.source_root, module, name),
            "cite": self.references.cite,
            "references": lambda: _REFERENCES,
            "origins": lambda: _ORIGINS,
            "derivations": self.derivations,
            "escape": escape,
            "label": lambda name: escape(self._experiment(name).label),
            "runs": self.runs,
            "study": self.study,
            "title": self.title,
            "standin": self.study.data.source == "standin",
            "md_table": table,
            "code": code,
        }

    @property
    def title(self) -> str:
        """The title as plain text; a report on stand-in data says so in it."""
        return (STANDIN_TITLE if self.study.data.source == "standin" else "") + self.study.report.title

    def place(self, name: str) -> str:
        """Say where in the document the following numbers are; prints nothing."""
        self.origin.place = name
        return ""

    # Figures and tables

    def figure(self, name: str, caption: str) -> str:
        """Return a figure with its caption. An unknown name is a UserError."""
        if name not in self.figures:
            raise unknown(name, self.figures, "figure")
        identifier = f"fig-{slug(name)}"
        number = self._number("Figure", identifier)
        image = f"![{escape(self.figures[name]['alt'])}]({self.figures_link}/{name}.svg)"
        return f"\n{image}\n\n{anchor(f'**{number}.**', identifier)} {' '.join(caption.split())}\n"

    def caption(self, name: str, text: str) -> str:
        """Return the caption that stands above a table."""
        identifier = f"tab-{slug(name)}"
        number = self._number("Table", identifier)
        return f"{anchor(f'**{number}.**', identifier)} {' '.join(text.split())}"

    def table(self, name: str, caption: str) -> str:
        """Return a result table of the study: each row reproduced and published, and whether they agree."""
        wanted = [table for table in self.study.tables if table.name == name]
        if not wanted:
            raise unknown(name, [table.name for table in self.study.tables], "table")
        names = [f"{wanted[0].dataset}.{row}" for row in wanted[0].rows]
        before, self.origin.place = self.origin.place, f"table {name}"
        rows = [self._table_row(name) for name in names]
        self.origin.place = before
        header = ["Changed", "Value", "Epochs", "Reproduced (95 % interval)", "Published", "Difference", "One more run"]
        return f"\n{self.caption(name, caption)}\n\n{table(header, rows, 'llrlrrl')}\n"

    def _table_row(self, name: str) -> list[str]:
        experiment = self.study.experiments[name]
        published, difference = "", ""
        if f"{name}.published" in self.numbers:
            published = self.origin.num(f"{name}.published")
            difference = self.origin.num(f"{name}.difference", signed=True)
        inside = published_inside(name, self.numbers)
        value = escape(experiment.value) + (" (ours)" if experiment.origin == "ours" else "")
        return [
            escape(experiment.changed),
            value,
            self.origin.num(f"{name}.epochs"),
            self.origin.interval(f"{name}.accuracy"),
            published,
            difference,
            {True: "inside", False: "outside", None: ""}[inside],
        ]

    def _number(self, kind: str, identifier: str) -> str:
        if identifier in self._labels:
            raise UserError(f"{kind} {identifier} stands in the text twice")
        self._counters[kind] = self._counters.get(kind, 0) + 1
        self._labels[identifier] = f"{kind} {self._counters[kind]}"
        return self._labels[identifier]

    def _reference(self, kind: str, identifier: str) -> str:
        """Return a mark that `finish` replaces: the figure may come later than the reference to it."""
        return f"\x00{identifier}\x00"

    # Claims

    def claim(self, name: str) -> str:
        """Return the sentence that the claim's verdict calls for, and the verdict as a link to the scorecard."""
        verdict = self._verdict(name)
        sentence = self.claims[name].sentences.get(verdict["verdict"])
        if sentence is None:
            reasons = "; ".join(dict.fromkeys(test["reason"] for test in verdict["tests"] if test["reason"]))
            sentence = f"{self.claims[name].says} These runs cannot test it: {escape(reasons)}."
        before, self.origin.place = self.origin.place, f"claim {verdict['number']} ({name})"
        text = self._render(sentence, result=lambda i: self._result(name, i))
        self.origin.place = before
        number, said = verdict["number"], verdict["verdict"]
        return f"{text} {link(f'Claim {number}: {said}', f'claim-{number}')}"

    def scorecard(self, caption: str) -> str:
        """Return the table of all claims with the estimate that decided each."""
        before, self.origin.place = self.origin.place, "scorecard"
        rows = []
        for name, verdict in sorted(self.verdicts.items(), key=lambda item: item[1]["number"]):
            deciding = next(
                (i for i, t in enumerate(verdict["tests"], 1) if t["verdict"] == verdict["verdict"] and t["n"]), 1
            )
            if verdict["tests"][deciding - 1]["value"] is None:
                deciding = next((i for i, t in enumerate(verdict["tests"], 1) if t["value"] is not None), deciding)
            measured = verdict["tests"][deciding - 1]
            rows.append(
                [
                    anchor(str(verdict["number"]), f"claim-{verdict['number']}"),
                    self._render(self.claims[name].says),
                    escape(verdict["place"]),
                    self._result(name, deciding) if measured["value"] is not None else escape(measured["reason"]),
                    f"**{verdict['verdict']}**",
                ]
            )
        self.origin.place = before
        header = ["No.", "What the write-up concludes", "From", "Our estimate", "Verdict"]
        return f"\n{self.caption('scorecard', caption)}\n\n{table(header, rows, 'rllll')}\n"

    def tests(self, caption: str) -> str:
        """Return the table of all tests: what each measures, the bound, and how it came out."""
        before, self.origin.place = self.origin.place, "table of tests"
        rows = []
        for name, verdict in sorted(self.verdicts.items(), key=lambda item: item[1]["number"]):
            for i, test in enumerate(verdict["tests"], 1):
                measured = test["value"] is not None
                rows.append(
                    [
                        link(str(verdict["number"]), f"claim-{verdict['number']}"),
                        escape(test["measures"]),
                        self._result(name, i) if measured else "proved" if test["proved"] else "–",
                        escape(_bound(test)),
                        escape(test["verdict"] + (f" ({test['reason']})" if test["reason"] else "")),
                    ]
                )
        self.origin.place = before
        header = ["Claim", "What is measured, for each seed", "Mean (95 % interval)", "Bound", "Outcome"]
        return f"\n{self.caption('tests', caption)}\n\n{table(header, rows, 'rllll')}\n"

    def _claim_numbers(self) -> dict[str, Any]:
        found = {}
        for name, verdict in self.verdicts.items():
            for i, test in enumerate(verdict["tests"], 1):
                if test["value"] is None:
                    continue
                unit = {"accuracy": "difference", "loss": "difference", "ratio": "loss"}[test["unit"]]
                files: dict[str, str] = {}
                for run in test["runs"]:
                    files |= self.runs.get(run, {}).get("files", {})
                found[f"claims.{name}.{i}"] = number(
                    test["value"],
                    unit,
                    f"{test['measures']}: {test['quantity']}, computed for each seed",
                    low=test["low"] if test["n"] else None,
                    high=test["high"] if test["n"] else None,
                    n=test["n"],
                    seeds=test["seeds"],
                    runs=test["runs"],
                    files=files,
                )
        return found

    def _result(self, name: str, i: int) -> str:
        test = self.verdicts[name]["tests"][i - 1]
        return self.origin.interval(f"claims.{name}.{i}") if test["value"] is not None else "–"

    def _verdict(self, name: str) -> Mapping[str, Any]:
        if name not in self.verdicts:
            raise unknown(name, self.verdicts, "claim")
        return self.verdicts[name]

    def _render(self, template: str, **more: Callable[..., str]) -> str:
        return self._environment.from_string(template).render(**more)

    def _experiment(self, name: str) -> Any:
        if name not in self.study.experiments:
            raise unknown(name, self.study.experiments, "experiment")
        return self.study.experiments[name]

    # The end of the text

    def finish(self, text: str) -> str:
        """Put in what is known only when all else is written: references to figures, the appendix, the references."""
        self.origin.check_identifiers()
        for target, label in self._labels.items():
            text = text.replace(f"\x00{target}\x00", link(label, target))
        text = text.replace(_ORIGINS, self._origins()).replace(_REFERENCES, self.references.bibliography())
        if "\x00" in text:
            missing = text.split("\x00")[1]
            raise UserError(f"the text refers to {missing}, which it does not have")
        return text

    def _origins(self) -> str:
        rows = []
        for key in sorted(self.origin.uses):
            number = self.origin.get(key)
            value = f"{number['text']} {bounds(number)}".strip()
            how = escape(number["how"] + (f" ({number['missing']})" if number.get("missing") else ""))
            runs = ", ".join(code(run) for run in number.get("runs", []))
            rows.append([anchor(code(key), identifier(key)), escape(value), f"{how}{'; runs ' if runs else ''}{runs}"])
        return table(["Key", "Value", "How"], rows, "lll")

    def trace(self) -> dict[str, Any]:
        """Return the record of every number that the text uses."""
        used = {key: {**self.origin.get(key), "uses": places} for key, places in self.origin.uses.items()}
        runs = {run for number in used.values() for run in number.get("runs", [])}
        return {
            "numbers": {key: {**number, "anchor": identifier(key)} for key, number in used.items()},
            "runs": {run: self.runs[run] for run in sorted(runs) if run in self.runs},
        }


def _bound(test: Mapping[str, Any]) -> str:
    if test["proved"]:
        return f"derivation {test['proved']}"
    ((kind, value),) = test["bound"].items()
    margin = f", margin {test['margin']:g}" if test["margin"] else ""
    return f"within ±{value:g}" if kind == "within" else f"{kind} {value:g}{margin}"
