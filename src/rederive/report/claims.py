"""What the report says of claims, from what came of their tests (`claims.json`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2

from rederive.errors import UserError
from rederive.report.markdown import escape, link
from rederive.results.claim_file import Claim, Margin
from rederive.results.claim_numbers import COUNTS, direction
from rederive.results.number_keys import unknown
from rederive.results.verdicts import FAILS, HOLDS, UNDECIDED, UNTESTABLE, combine

if TYPE_CHECKING:
    from rederive.report.document import Document


class Claims:
    """The sentences of the claims, with their verdicts."""

    def __init__(self, document: "Document", claims: Mapping[str, Claim], verdicts: Mapping[str, Any]):
        self._document, self._claims, self.verdicts = document, claims, verdicts
        self._numbers = document.used_numbers

    def functions(self) -> dict[str, Any]:
        """Return what templates can call, by the names that they call it."""
        return {
            "claim": self.claim,
            "margins": self.margins(),
            "family": self.family(),
            "verdicts": self.named,
            "pointing": self.pointing,
            "badges": self.badges,
            "tally": self.tally,
        }

    def claim(self, name: str) -> str:
        """Return the sentence that the claim's verdict calls for, and the verdict as a link to the scorecard."""
        verdict = self._verdict(name)
        sentence = self._claims[name].sentences.get(verdict["verdict"])
        if sentence is None:
            who = f"*{_capital(self._document.study.report.original)} concludes:* " if self._claims[name].place else ""
            sentence = f"{who}{self._claims[name].says} {self._untested(name, verdict)}"
        with self._numbers.at(f"claim {verdict['number']} ({name})"):
            text = self._render(
                name, sentence, result=lambda i: self.result(name, i), published=lambda i: self.own(name, i)
            )
        text = " ".join([text, *map(escape, self._remarks(verdict))])
        number, said = verdict["number"], verdict["verdict"]
        return f"{text} {link(f'Claim {number}: {said}', f'claim-{number}')}"

    def _untested(self, name: str, verdict: Mapping[str, Any]) -> str:
        """Return what to say where runs decide nothing: where one run points, or what is missing."""
        if (points := direction(verdict)) is not None:
            values = [self.result(name, i) for i, test in enumerate(verdict["tests"], 1) if test["value"] is not None]
            return f"Our one run points {'the same way' if points else 'the other way'}: {', '.join(values)}."
        reasons = "; ".join(dict.fromkeys(test["reason"] for test in verdict["tests"] if test["reason"]))
        return f"These runs cannot test that: {escape(reasons)}."

    def _remarks(self, verdict: Mapping[str, Any]) -> list[str]:
        """Return a sentence for each run of a claim whose seeds did not all train."""
        found: dict[str, str] = {}
        for test in verdict["tests"]:
            for fate in ("diverged", "collapsed"):
                for run, seeds in test[fate].items():
                    total = len(self._document.runs[run].seeds if run in self._document.runs else [])
                    label = self._document.experiment(run).label
                    found[f"{fate} {run}"] = f"({label}: {len(seeds)} of {counted(total, 'seed')} {fate}.)"
        return list(found.values())

    def says(self, name: str) -> str:
        """Return our sentence for a claim."""
        return self._render(name, self._claims[name].says)

    def result(self, name: str, i: int, unbroken: bool = False) -> str:
        """Return the estimate of a claim's test, counted from 1."""
        test = self._verdict(name)["tests"][i - 1]
        if test["value"] is None:
            return "–"
        return self._numbers.interval(f"claims.{name}.{i}", unbroken=unbroken)

    def own(self, name: str, i: int) -> str:
        """Return a test's quantity by the published values, counted from 1; nothing where they do not give it."""
        key = f"claims.{name}.{i}.published"
        return self._numbers.num(key) if key in self._numbers else ""

    def margins(self) -> list[Margin]:
        """Return the margins that the claims' tests name."""
        named = [
            margin for claim in self._claims.values() for test in claim.tests for margin in (test.margin, test.within)
        ]
        return sorted({margin.name: margin for margin in named if margin}.values(), key=lambda margin: margin.name)

    def family(self) -> list[str]:
        """Return links to the claims whose verdicts are all right together with 95 %."""
        numbers = [found["number"] for _, found in self.in_order() if found["family"]]
        return [link(str(number), f"claim-{number}") for number in numbers]

    def in_order(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return all claims with their verdicts, by number."""
        return sorted(self.verdicts.items(), key=lambda item: item[1]["number"])

    def named(self, verdict: str) -> list[str]:
        """Return the names of the claims with a verdict, by number."""
        return [name for name, found in self.in_order() if found["verdict"] == verdict]

    def pointing(self, way: bool) -> list[str]:
        """Return the names of the claims whose one run points their way, or the other; none with several seeds."""
        return [name for name, found in self.in_order() if direction(found) is way]

    def badges(self, names: Sequence[str] | None = None) -> str:
        """Return claims, or all, as their numbers with their verdicts, each a link to the scorecard."""
        chosen = sorted(
            (self._verdict(name) for name in (self.verdicts if names is None else names)), key=lambda v: v["number"]
        )
        return " ".join(link(f"{found['number']} {self.short(found)}", f"claim-{found['number']}") for found in chosen)

    @staticmethod
    def short(verdict: Mapping[str, Any]) -> str:
        """Return a verdict in a few words; of one run, where it points."""
        points = direction(verdict)
        if points is None:
            return str(verdict["verdict"]).removesuffix(" with these runs")
        return f"one run: {'the same way' if points else 'the other way'}"

    def tally(self) -> str:
        """Return how many claims have each verdict, those that none has left out, as the end of a sentence."""
        words = {
            HOLDS: ("holds", "hold"),
            FAILS: ("does not hold", "do not hold"),
            UNDECIDED: ("stays undecided", "stay undecided"),
            UNTESTABLE: ("cannot be tested with these runs",) * 2,
        }
        parts = [
            f"{self._numbers.num(f'claims.{COUNTS[verdict]}')} {one if len(found) == 1 else many}"
            for verdict, (one, many) in words.items()
            if (found := self.named(verdict))
        ]
        return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))

    def _verdict(self, name: str) -> Mapping[str, Any]:
        if name not in self.verdicts:
            raise unknown(name, self.verdicts, "claim", "claim")
        verdict: Mapping[str, Any] = self.verdicts[name]
        return verdict

    def _render(self, name: str, template: str, **more: Callable[..., str]) -> str:
        try:
            return self._document.environment.from_string(template).render(**more)
        except jinja2.TemplateError as error:
            raise UserError(f"claims.yaml: {name}: {error}") from None


def otherwise(verdict: Mapping[str, Any], rule: str) -> str:
    """Return the verdict on a claim where its random tests are judged by another rule, "same" where it is the same.

    `rule` is bootstrap, or images (seeds and images).
    """
    random = [test for test in verdict["tests"] if test["seeds"]]
    if not random or verdict["verdict"] == UNTESTABLE:
        return "–"
    if any(test[rule] is None for test in random):
        return "not known"
    other = combine([test[rule]["verdict"] if test["seeds"] else test["verdict"] for test in verdict["tests"]])
    return "same" if other == verdict["verdict"] else other


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless there is one."""
    return f"{count} {noun}" + ("s" if count != 1 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
