"""What templates can call, and what it records on the way."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from rederive import environment
from rederive.config import Experiment, Study
from rederive.errors import UserError
from rederive.records import FigureEntry, Number, RunFacts
from rederive.report.citations import References
from rederive.report.claim_tables import ClaimTables
from rederive.report.claims import Claims
from rederive.report.hypotheses import Candidates
from rederive.report.listings import listing
from rederive.report.markdown import anchor, escape, link, slug, table
from rederive.report.numbers import Numbers, identifier
from rederive.report.tables import Tables
from rederive.report.trace import figures_with, how_made, settings_of
from rederive.results.claim_file import Claim
from rederive.results.number_keys import unknown
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
        self.conclusions = Claims(self, self.claims, self.verdicts)
        self._tables = Tables(self)

    def functions(self, environment: jinja2.Environment) -> dict[str, Any]:
        """Return the globals of the templates."""
        self.environment = environment
        return {
            "num": self.used_numbers.num,
            "interval": self.used_numbers.interval,
            "value": lambda key: self.used_numbers.get(key).value,
            "place": self.place,
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
            "references": lambda: _REFERENCES,
            "origins": lambda: _ORIGINS,
            "derivation": self.derivation,
            "derivations": self.derivations,
            "conventions": self.conventions,
            "checkers": sorted({one["checker"] for p in self.derivations if (one := p.get("certificates"))}),
            "trusted": list(dict.fromkeys(line for proof in self.derivations for line in proof["trusted"])),
            "escape": escape,
            "label": lambda name: escape(self.experiment(name).label),
            "study": self.study,
            "title": self.title,
            "standin": self.study.data.source == "standin",
            "one_seed": self.one_seed,
            # What our marks and lines are, in captions.
            "ours": "our run" if self.one_seed else "our mean with its 95 % interval",
            "band": "" if self.one_seed else ", with the seeds' range as a band",
            **self.conclusions.functions(),
            **ClaimTables(self, self.conclusions).functions(),
            **self._tables.functions(),
            **Candidates(self, self._tables).functions(),
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
        """Whether the original draws any of the claims: without that, they are the report's own."""
        return any(claim.place for claim in self.claims.values())

    def place(self, name: str) -> str:
        """Say where in the document the following numbers are; prints nothing."""
        self.used_numbers.place = name
        return ""

    # Figures and tables

    def figure(self, name: str, caption: str) -> str:
        """Return a figure with its caption. An unknown name is a UserError."""
        if name not in self.figures:
            raise unknown(name, self.figures, "figure", "figure")
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

    def captioned(
        self, name: str, caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], align: str
    ) -> str:
        """Return a table with its caption above it."""
        return f"\n{self.caption(name, caption)}\n\n{table(header, rows, align)}\n"

    def _number(self, kind: str, identifier: str) -> str:
        if identifier in self._labels:
            raise UserError(f"{kind} {identifier} stands in the text twice")
        self._counters[kind] = self._counters.get(kind, 0) + 1
        self._labels[identifier] = f"{kind} {self._counters[kind]}"
        return self._labels[identifier]

    def derivation(self, name: str) -> str:
        """Return a derivation line by line, without a heading. An unknown name is a UserError."""
        known = {proof["name"]: proof for proof in self.derivations}
        if name not in known:
            raise unknown(name, known, "derivation", "derivation")
        template = Path(__file__).with_name("derivation.md.j2").read_text(encoding="utf-8")
        return self.environment.from_string(template).render(d=known[name])

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

    def experiment(self, name: str) -> Experiment:
        """Return an experiment of the study. Raises UserError, with the nearest names, for an unknown one."""
        if name not in self.study.experiments:
            raise unknown(name, self.study.experiments, "label", "experiment")
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


def _reference(identifier: str) -> str:
    """Return a mark that `finish` replaces: the figure may come later than the reference to it."""
    return f"\x00{identifier}\x00"
