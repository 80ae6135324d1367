"""Why a step of the build runs again: which definition, setting or file is another than when it last ran.

A step that has run leaves `made/<step>.json` in the results folder: the fingerprint of its code, its settings, and the
SHA-256 of each file that it read. What the code was stands once for each fingerprint, in `made/code/`. Steps are named
as their rules are; `verify` has one for each derivation (verify.softmax), `convert` for each format (convert.html),
`prepare` and `standin` for each data set (prepare.digits), and a training is named by its run.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from rederive import files, forms
from rederive.config import Study
from rederive.errors import UserError
from rederive.fingerprint import ROOTS, Root, derivation, fingerprint, generating, plotting, preparing, reach, training
from rederive.layout import CLAIMS, PUBLISHED, PUBLISHED_CURVES, TEXT, THEME, Layout
from rederive.proofs import derivation_names
from rederive.records import read_json
from rederive.report.listings import listed_sources

PARTS = {"verify": "DERIVATION", "convert": "FORMAT"}  # what a rule has a step for each of
CONTEXT = 1  # lines of a definition around each change


@dataclass(frozen=True)
class Step:
    """What a step depends on; `roots` is what its code starts from."""

    roots: tuple[str | Root, ...]
    settings: dict[str, Any]
    files: dict[str, str]  # SHA-256 by path

    def save(self, results: Path, name: str) -> None:
        """Leave word of what the step depended on when it ran."""
        made_by = fingerprint(*self.roots)
        code = results / "made" / "code" / f"{made_by}.json"
        if not code.exists():  # to walk through the code takes a second
            files.write_json(code, _definitions(self.roots))
        made = {"fingerprint": made_by, "settings": self.settings, "files": self.files}
        files.write_json(results / "made" / f"{name}.json", made)


def record(results: Path, name: str, study: Study | None = None) -> None:
    """Leave word, after a step has run, of what it depended on."""
    _step(results, name, study or Study.load(results / "study.json")).save(results, name)


def unchanged(results: Path, name: str) -> bool:
    """Say whether a step has run, and nothing that it depends on has changed since."""
    if not (results / "made" / f"{name}.json").exists():
        return False
    return why(results, name, Study.load(results / "study.json")) == [f"{name}: {NOTHING}"]


def forget(results: Path, name: str) -> None:
    """Remove the word of what a step depended on: before it runs again, and perhaps fails."""
    (results / "made" / f"{name}.json").unlink(missing_ok=True)


def why(results: Path, name: str, study: Study) -> list[str]:
    """Return, in lines, what has changed since a step last ran. Raises UserError for a name that is no step."""
    now = _step(results, name, study)
    made = results / "made" / f"{name}.json"
    if not made.exists():
        return [f"{name}: there is no record that it has run here ({made})"]
    before = read_json(made, _Made)
    lines = [
        *_code(results, before["fingerprint"], now.roots),
        *_values("setting", before["settings"], now.settings),
        *_files(before["files"], now.files),
    ]
    if name in study.runs() and study.runs()[name].data:  # the rule that made its data is part of what it is
        data = _data_rule(study, name)
        if (results / "made" / f"{data}.json").exists():
            lines += [line for line in why(results, data, study) if not line.endswith(NOTHING)]
    return lines or [f"{name}: {NOTHING}"]


class _Made(TypedDict):
    """What `Step.save` leaves."""

    fingerprint: str
    settings: dict[str, Any]
    files: dict[str, str]


NOTHING = "nothing changed since it ran"


def _data_rule(study: Study, run: str) -> str:
    rule = "prepare" if study.data.source == "official" else "standin"
    return f"{rule}.{study.experiments[run].data}"


def _code(results: Path, before: str, roots: tuple[str | Root, ...]) -> Iterator[str]:
    if before == (now := fingerprint(*roots)):
        return
    stored = results / "made" / "code" / f"{before}.json"
    if not stored.exists():
        yield f"code: the fingerprint is another ({before}, now {now}); what it was is not recorded"
        return
    old: dict[str, dict[str, str]] = read_json(stored, dict[str, dict[str, str]])
    new = _definitions(roots)
    # A definition that has only moved keeps its meaning under another address.
    moved = {old[key]["meaning"] for key in old.keys() - new.keys()} & {
        new[key]["meaning"] for key in new.keys() - old.keys()
    }
    for key in sorted(old.keys() | new.keys()):
        one, other = old.get(key), new.get(key)
        if (one or other or {})["meaning"] in moved or (one and other and one["meaning"] == other["meaning"]):
            continue
        yield f"code: {key} {'changed' if one and other else 'is used no more' if one else 'is used now'}"
        if one and other:
            yield from _difference(one["source"], other["source"])


def _definitions(roots: tuple[str | Root, ...]) -> dict[str, dict[str, str]]:
    return {key: value._asdict() for key, value in reach(*roots).definitions().items()}


def _difference(one: str, other: str) -> Iterator[str]:
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), lineterm="", n=CONTEXT)
    yield from (f"    {line}" for line in list(lines)[2:])  # without the names of files


def _values(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = (json.dumps(side[key], sort_keys=True) if key in side else "not given" for side in (before, now))
        if old != new:
            yield f"{what}: {key}: {old} -> {new}"


def _files(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(before.keys() | now.keys()):
        if before.get(path) != now.get(path):
            yield f"file: {path} {'is new' if path not in before else 'changed' if path in now else 'is gone'}"


def _step(results: Path, name: str, study: Study) -> Step:
    layout = Layout(results)
    if name in study.runs():
        experiment = study.runs()[name]
        settings = experiment.spec.model_dump(mode="json", exclude_defaults=True) | {"epochs": experiment.epochs}
        trainer = training(study.trainers[experiment.trainer])
        read = _arrays(layout.manifest(experiment.data)) if experiment.data else {}
        if study.trainers[experiment.trainer].kind == "import":
            from rederive.training.imported import files_of

            read = _hashed(files_of(study.trainers[experiment.trainer], experiment, study.seeds))
        return Step((trainer,), _flat(settings), read)
    rule, _, part = name.partition(".")
    if rule in ("prepare", "standin") and part in study.data.sets:
        declared = study.data.sets[part]
        root = preparing(declared) if rule == "prepare" else generating(declared)
        made_of = {"seed": study.data.seed, "sizes": declared.sizes} if rule == "standin" else {}
        return Step((root,), _flat(made_of), {})
    if name == "plot":
        drawn = plotting(study.figures.values())
        return Step((drawn,), _flat(study.told()), _hashed(inputs(rule, layout, study)))
    if rule not in ROOTS or bool(part) != (rule in PARTS):
        runs = ", ".join(list(study.runs())[:3])
        steps = [
            *(f"{rule}.{PARTS[rule]}" if rule in PARTS else rule for rule in ROOTS),
            "plot",
            *(f"{rule}.{data_set}" for data_set in study.data.sets for rule in ("prepare", "standin")),
        ]
        raise UserError(f"why: found {name!r}; expected a run ({runs}, ...) or a rule: {', '.join(steps)}")
    roots: list[str | Root] = [rule]
    if rule == "ask_oracles":
        roots += [derivation(known, study.derivations) for known in derivation_names(study.derivations)]
    elif rule == "verify":
        if part not in derivation_names(study.derivations):
            raise UserError(f"why: found {name!r}, expected the name of a derivation, as in verify.softmax")
        roots.append(derivation(part, study.derivations))
        if layout.oracles.exists():  # what was answered about the others makes no difference
            return Step(tuple(roots), _flat({"oracles": read_json(layout.oracles).get(part)}), {})
    return Step(tuple(roots), _settings(rule, study), _hashed(inputs(rule, layout, study)))


def _settings(rule: str, study: Study) -> dict[str, Any]:
    """Return the settings that a rule's result depends on."""
    match rule:
        case "collect" | "summarise" | "test_claims" | "render":
            return _flat(study.told())
        case "convert":
            return {"report.pdf_engine": study.report.pdf_engine}
    return {}


def inputs(name: str, layout: Layout, study: Study) -> list[Path]:
    """Return the files that a step reads."""
    runs = [layout.run_table, layout.run_index]
    derivations = [layout.derivation(name) for name in derivation_names(study.derivations)]
    published = [PUBLISHED, PUBLISHED_CURVES]
    figures = sorted(layout.figures.glob("*.*"))
    match name.partition(".")[0]:
        case "collect":
            return [file for path in study.report_files(layout) for file in (path, layout.provenance(path))]
        case "summarise":
            return [*runs, layout.claims, *published, *derivations, *map(layout.manifest, study.data_sets())]
        case "test_claims":
            return [*runs, layout.predictions, CLAIMS, *published, *derivations]
        case "plot":
            return [*runs, *published]
        case "render":
            sources = [path for suffix in ("j2", "yaml", "bib") for path in sorted(TEXT.rglob(f"*.{suffix}"))]
            made = [layout.numbers, layout.claims, layout.run_index, layout.figure_index, layout.replays]
            return [*made, *derivations, *sources, *listed_sources(TEXT.rglob("*.j2"))]
        case "convert":
            return [layout.report("md"), layout.trace, layout.printed, *figures, *sorted(THEME.glob("*"))]
        case "tex_source":
            return [layout.report("md"), layout.report("tex"), layout.printed, *figures]
    return []


def _arrays(path: Path) -> dict[str, str]:
    """Return the SHA-256 of prepared arrays, as their manifest gives them."""
    if not path.exists():
        return {}
    manifest = read_json(path, forms.Manifest)
    return {(path.parent / name).as_posix(): digest for name, digest in manifest["files"].items()}


def _hashed(paths: list[Path]) -> dict[str, str]:
    return {path.as_posix(): files.sha256(path) for path in paths if path.is_file()}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return nested mappings, and lists of them, as one: {"a": {"b": 1}} as {"a.b": 1}."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {key: value}
    return {
        name: inner
        for part, content in value.items()
        for name, inner in _flat(content, f"{key}.{part}" if key else str(part)).items()
    }
