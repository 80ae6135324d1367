"""What templates can call, and what it records on the way."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from rederive import environment
from rederive.config import Study
from rederive.errors import UserError
from rederive.records import FigureEntry, Number, RunFacts
from rederive.report.citations import References
from rederive.report.claims import counted
from rederive.report.hypotheses import Candidates
from rederive.report.listings import listing
from rederive.report.markdown import anchor, escape, link, slug
from rederive.report.numbers import Numbers, identifier
from rederive.report.tables import Tables
from rederive.report.trace import figures_with, how_made, settings_of
from rederive.results.claim_file import Claim, Margin
from rederive.results.claim_numbers import COUNTS, direction
from rederive.results.number_keys import unknown
from rederive.results.verdicts import FAILS, HOLDS, UNDECIDED, UNTESTABLE
from rederive.training.provenance import Replay

# Stands where the appendix of origins goes: it can be written only when all numbers have been used.
_ORIGINS = "\x00origins\x00"
_REFERENCES = "\x00references\x00"

STANDIN_TITLE = "[Stand-in data] "


@dataclass
class Document:
    """The functions of the templates. They return Markdown, except where they say otherwise."""

    study: Study
    numbers: Mapping[str, Number]
    claims: Mapping[str, Claim]
    verdicts: Mapping[str, Any]
    runs: Mapping[str, RunFacts]
    figures: Mapping[str, FigureEntry]
    figures_link: str
    derivations: Sequence[Mapping[str, Any]]
    references_bib: Path
    replays: Sequence[tuple[str, Replay]] = ()
    _counters: dict[str, int] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.used_numbers = Numbers(self.numbers, self.study)
        self.references = References(self.references_bib)
        self._tables = Tables(self)

    def functions(self, environment: jinja2.Environment) -> dict[str, Any]:
        """Return the globals of the templates."""
        self._environment = environment
        return {
            "num": self.used_numbers.num,
            "interval": self.used_numbers.interval,
            "value": lambda key: self.used_numbers.get(key).value,
            "place": self.place,
            "claim": self.claim,
            "margins": self.margins(),
            "family": self.family(),
            "verdicts": self.named,
            "pointing": self.pointing,
            "badges": self.badges,
            "caption": self.caption,
            "versions": self.versions,
            "taken": self.taken,
            "replayed": self.replayed,
            "other_versions": self.other_versions,
            "devices": sorted({escape(name) for facts in self.runs.values() for name in facts.device}),
            "figure": self.figure,
            "fig": lambda name: _reference(f"fig-{slug(name)}"),
            "tab": lambda name: _reference(f"tab-{slug(name)}"),
            "listing": listing,
            "cite": self.references.cite,
            "citep": self.references.citep,
            "tally": self.tally,
            "references": lambda: _REFERENCES,
            "origins": lambda: _ORIGINS,
            "derivations": self.derivations,
            "conventions": self.conventions,
            "checkers": sorted({one["checker"] for p in self.derivations if (one := p.get("certificates"))}),
            "trusted": list(dict.fromkeys(line for proof in self.derivations for line in proof["trusted"])),
            "escape": escape,
            "label": lambda name: escape(self._experiment(name).label),
            "study": self.study,
            "title": self.title,
            "standin": self.study.data.source == "standin",
            "one_seed": self.one_seed,
            # What our marks and lines are, in captions.
            "ours": "our run" if self.one_seed else "our mean with its 95 % interval",
            "band": "" if self.one_seed else ", with the seeds' range as a band",
            **self._tables.functions(),
            **Candidates(self.study, self.used_numbers, self._tables).functions(),
        }

    @property
    def title(self) -> str:
        """The title as plain text; a report on stand-in data says so in it."""
        return (STANDIN_TITLE if self.study.data.source == "standin" else "") + self.study.report.title

    @property
    def one_seed(self) -> bool:
        """Whether each experiment is a single run, which has no spread."""
        return len(self.study.seeds) == 1

    @property
    def reproduces(self) -> bool:
        """Whether anything of the study was published before: without that, its claims are its own."""
        return any(key.endswith(".published") for key in self.numbers)

    def place(self, name: str) -> str:
        """Say where in the document the following numbers are; prints nothing."""
        self.used_numbers.place = name
        return ""

    # Figures and tables

    def figure(self, name: str, caption: str) -> str:
        """Return a figure with its caption. An unknown name is a UserError."""
        if name not in self.figures:
            raise unknown(name, self.figures, "figure")
        identifier = f"fig-{slug(name)}"
        number = self._number("Figure", identifier)
        image = f"![{escape(self.figures[name].alt)}]({self.figures_link}/{name}.svg)"
        declared = self.study.figures.get(name)
        told = (
            f" (A picture, not computed from the runs: {escape(declared.file)}.)" if declared and declared.file else ""
        )
        return f"\n{image}\n\n{anchor(f'**{number}.**', identifier)} {' '.join(caption.split())}{told}\n"

    def caption(self, name: str, text: str) -> str:
        """Return the caption that stands above a table."""
        identifier = f"tab-{slug(name)}"
        number = self._number("Table", identifier)
        return f"{anchor(f'**{number}.**', identifier)} {' '.join(text.split())}"

    def _number(self, kind: str, identifier: str) -> str:
        if identifier in self._labels:
            raise UserError(f"{kind} {identifier} stands in the text twice")
        self._counters[kind] = self._counters.get(kind, 0) + 1
        self._labels[identifier] = f"{kind} {self._counters[kind]}"
        return self._labels[identifier]

    # Claims

    def claim(self, name: str) -> str:
        """Return the sentence that the claim's verdict calls for, and the verdict as a link to the scorecard."""
        verdict = self._verdict(name)
        sentence = self.claims[name].sentences.get(verdict["verdict"])
        if sentence is None:
            who = f"*{_capital(self.study.report.original)} concludes:* " if self.reproduces else ""
            sentence = f"{who}{self.claims[name].says} {self._untested(name, verdict)}"
        with self.used_numbers.at(f"claim {verdict['number']} ({name})"):
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
                    total = len(self.runs[run].seeds if run in self.runs else [])
                    label = self._experiment(run).label
                    found[f"{fate} {run}"] = f"({label}: {len(seeds)} of {counted(total, 'seed')} {fate}.)"
        return list(found.values())

    def says(self, name: str) -> str:
        """Return our sentence for a claim."""
        return self._render(name, self.claims[name].says)

    def result(self, name: str, i: int, unbroken: bool = False) -> str:
        """Return the estimate of a claim's test, counted from 1."""
        test = self._verdict(name)["tests"][i - 1]
        if test["value"] is None:
            return "–"
        return self.used_numbers.interval(f"claims.{name}.{i}", unbroken=unbroken)

    def own(self, name: str, i: int) -> str:
        """Return a test's quantity by the published values, counted from 1; nothing where they do not give it."""
        key = f"claims.{name}.{i}.published"
        return self.used_numbers.num(key) if key in self.used_numbers else ""

    def margins(self) -> list[Margin]:
        """Return the margins that the claims' tests name."""
        named = [
            margin for claim in self.claims.values() for test in claim.tests for margin in (test.margin, test.within)
        ]
        return sorted({margin.name: margin for margin in named if margin}.values(), key=lambda margin: margin.name)

    def family(self) -> list[str]:
        """Return links to the claims whose verdicts are all right together with 95 %."""
        numbers = [found["number"] for _, found in self.claims_in_order() if found["family"]]
        return [link(str(number), f"claim-{number}") for number in numbers]

    def claims_in_order(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return all claims with their verdicts, by number."""
        return sorted(self.verdicts.items(), key=lambda item: item[1]["number"])

    def named(self, verdict: str) -> list[str]:
        """Return the names of the claims with a verdict, by number."""
        return [name for name, found in self.claims_in_order() if found["verdict"] == verdict]

    def pointing(self, way: bool) -> list[str]:
        """Return the names of the claims whose one run points their way, or the other; none with several seeds."""
        return [name for name, found in self.claims_in_order() if direction(found) is way]

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
            f"{self.used_numbers.num(f'claims.{COUNTS[verdict]}')} {one if len(found) == 1 else many}"
            for verdict, (one, many) in words.items()
            if (found := self.named(verdict))
        ]
        return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))

    def _verdict(self, name: str) -> Mapping[str, Any]:
        if name not in self.verdicts:
            raise unknown(name, self.verdicts, "claim")
        verdict: Mapping[str, Any] = self.verdicts[name]
        return verdict

    def _render(self, name: str, template: str, **more: Callable[..., str]) -> str:
        try:
            return self._environment.from_string(template).render(**more)
        except jinja2.TemplateError as error:
            raise UserError(f"claims.yaml: {name}: {error}") from None

    def conventions(self, derivation: Mapping[str, Any] | None = None) -> list[str]:
        """Return the conventions that only this derivation has; without one, those that all have."""
        sets = [set(proof["conventions"]) for proof in self.derivations]
        common = set.intersection(*sets) if sets else set()
        if derivation is None:
            return [line for line in (self.derivations[0]["conventions"] if sets else []) if line in common]
        return [line for line in derivation["conventions"] if line not in common]

    def versions(self) -> str:
        """Return the libraries that trained the runs, with their versions."""
        found = {
            f"{escape(name)} {escape(version)}"
            for facts in self.runs.values()
            for versions in facts.versions
            for name, version in json.loads(versions).items()
            if name != "processor"  # the devices tell it
        }
        return ", ".join(sorted(found))

    def taken(self) -> str:
        """Return how many of the trainings were taken from kept runs, and what certifies those of other code."""
        kept = [file for facts in self.runs.values() for file in facts.taken_from]
        if not kept:
            return ""
        trainings = sum(len(facts.seeds) for facts in self.runs.values())
        outcomes = Counter(replay["outcome"] for facts in self.runs.values() for replay in facts.replays.values())
        told = "; ".join(f"{outcome}: {count}" for outcome, count in sorted(outcomes.items()))
        certified = f" Those that other code made are taken by replays of their runs ({told})." if told else ""
        return f"{len(kept)} of {trainings} trainings were taken from kept runs, the others trained here.{certified}"

    def replayed(self) -> str:
        """Return what came of training the beginning of a sample of kept runs again, for this build."""
        told = [f"{escape(run)}, seed {replay.seed}: {replay.described()}" for run, replay in self.replays]
        return "; ".join(told)

    def other_versions(self) -> str:
        """Return what trained some of the runs and is another version here; nothing where all are the same."""
        found = {
            escape(told)
            for facts in self.runs.values()
            for versions in facts.versions
            for told in environment.differences(json.loads(versions)).values()
        }
        return ", ".join(sorted(found))

    def _experiment(self, name: str) -> Any:
        if name not in self.study.experiments:
            raise unknown(name, self.study.experiments, "experiment")
        return self.study.experiments[name]

    # The end of the text

    def finish(self, text: str) -> str:
        """Put in what is known only when all else is written: references to figures, the appendix, the references."""
        self.used_numbers.check_identifiers()
        for target, label in self._labels.items():
            text = text.replace(f"\x00{target}\x00", link(label, target))
        text = text.replace(_ORIGINS, self._tables.origins()).replace(_REFERENCES, self.references.bibliography())
        if "\x00" in text:
            missing = text.split("\x00")[1]
            raise UserError(f"the text refers to {missing}, which it does not have")
        return text

    def trace(self) -> dict[str, Any]:
        """Return the record of every number that the text uses."""
        numbers = {
            key: {
                **self.used_numbers.get(key).model_dump(mode="json", exclude_unset=True),
                "anchor": identifier(key),
                "figures": figures_with(key, self.figures),
                "uses": places,
            }
            for key, places in self.used_numbers.uses.items()
        }
        runs = {run for number in numbers.values() for run in number.get("runs", []) if run in self.runs}
        made = {
            run: {"way": how_made(run, self.runs[run]), "config": settings_of(run, self.study)} for run in sorted(runs)
        }
        for run, told in made.items():
            if run in self.study.experiments:
                told["trainer"] = self.study.trainers[self.study.experiments[run].trainer].python or ""
        return {
            "numbers": numbers,
            "runs": {run: {**self.runs[run].model_dump(mode="json"), **facts} for run, facts in made.items()},
        }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reference(identifier: str) -> str:
    """Return a mark that `finish` replaces: the figure may come later than the reference to it."""
    return f"\x00{identifier}\x00"
