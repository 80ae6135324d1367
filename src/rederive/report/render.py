"""Render the one text: templates, numbers, verdicts, proofs and listings become `report.md`.

Writes `report.md` (with YAML front matter; links to figures are relative to it) and `trace.json`: for each number that
the report uses its record, the places that use it, and its runs; `numbers.csv` is the same as a table for people. No
time, host or absolute path goes into any, and no date but that of the project's release.

Templates print numbers with `num`, `interval` and `table`, conclusions with `claim`, and so on (see `Document`); a
number typed into a template stops the build (`rederive.report.typed`).
"""

import os
import re
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from jinja2.sandbox import SandboxedEnvironment

from rederive import forms
from rederive.config import Study
from rederive.errors import UserError
from rederive.files import read_text, write_json, write_text
from rederive.layout import CLAIMS, TEXT, Layout
from rederive.records import FigureEntry, Number, RunFacts, read_json, read_records
from rederive.report.document import Document
from rederive.report.head import front_matter
from rederive.report.markdown import code, display, prose
from rederive.report.trace import as_csv
from rederive.report.typed import refuse_typed_numbers
from rederive.results.claim_file import load_claims
from rederive.training.provenance import Replay


def render(layout: Layout, derivations: Sequence[Path], templates: Path = TEXT) -> None:
    """Write the report as Markdown, and where its numbers come from.

    `derivations` are the files of what was proved; `templates` is the folder of `report.md.j2`, `sections/*.md.j2`,
    `claims.yaml` and `references.bib`.
    """
    study = Study.load(layout.study)
    claims_yaml = templates / CLAIMS.name
    claims = load_claims(claims_yaml)
    refuse_typed_numbers(
        {str(path): read_text(path) for path in sorted(templates.rglob("*.j2"))}
        | {f"{claims_yaml}: {name}: says": claim.says for name, claim in claims.items()}
        | {
            f"{claims_yaml}: {name}: {verdict}": sentence
            for name, claim in claims.items()
            for verdict, sentence in claim.sentences.items()
        },
        study.report.digits,
    )
    proofs = [read_json(path, forms.Proof) for path in derivations]
    if failed := sorted(proof["name"] for proof in proofs if not proof["passed"]):
        raise UserError(f"no report: the derivation {', '.join(failed)} does not pass; see `rederive verify`")
    document = Document(
        study=study,
        numbers=read_records(layout.numbers, Number),
        claims=claims,
        verdicts=read_json(layout.claims, forms.Verdicts),
        runs=read_records(layout.run_index, RunFacts),
        figures=read_records(layout.figure_index, FigureEntry),
        figures_link=Path(os.path.relpath(layout.figures, layout.report("md").parent)).as_posix(),
        derivations=sorted(proofs, key=lambda proof: (proof["order"], proof["name"])),
        references_bib=templates / "references.bib",
        replays=_replays(layout),
    )
    # Templates need none of what the sandbox keeps from them: private attributes, loops of a million.
    environment = _Sandbox(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_COMPILED,
    )
    environment.filters["code_text"] = code
    environment.filters["display"] = display
    environment.filters["prose"] = prose
    environment.globals.update(document.functions(environment))
    environment.globals["front"] = front_matter(document.title, study.report.authors, templates.parent / "CITATION.cff")
    try:
        text = environment.get_template("report.md.j2").render()
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise UserError(f"{_place(error)}{error}{_nearest(str(error), environment.globals)}") from None
    except (jinja2.TemplateError, UserError) as error:
        raise UserError(f"{_place(error)}{error}") from None
    except RecursionError:
        raise UserError(f"{templates / 'report.md.j2'}: a template includes itself") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        if not (place := _place(error)):
            raise
        raise UserError(f"{place}{str(error).replace(chr(39) + 'NoneType' + chr(39), 'nothing')}") from None
    write_text(layout.report("md"), _tidy(document.finish(text)))
    trace = document.trace()
    write_json(layout.trace, trace)
    write_text(layout.printed, as_csv(trace))


class _Sandbox(SandboxedEnvironment):
    """Templates read the study, and write nothing by way of it."""

    def is_safe_callable(self, obj: Any) -> bool:
        """Say whether a template may call something."""
        return super().is_safe_callable(obj) and not isinstance(getattr(obj, "__self__", None), Study)


class _Compiled(jinja2.BytecodeCache):
    """Templates compiled in this process, by name and content: a preview renders them again and again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, where it was compiled before."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def _place(error: BaseException) -> str:
    """Return the template's file and line that an error comes from, as the start of a message."""
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename.endswith(".j2")]
    return f"{steps[-1].filename}, line {steps[-1].lineno}: " if steps else ""


def _nearest(told: str, known: Iterable[str]) -> str:
    """Return for "'figur' is undefined" what is most like it, as the end of a message; nothing where nothing is."""
    near = get_close_matches(told.split("'")[1], list(known)) if told.endswith("' is undefined") else []
    return f"; nearest: {', '.join(near)}" if near else ""


def _tidy(text: str) -> str:
    """Return the text without trailing blanks and runs of empty lines."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def _replays(layout: Layout) -> list[tuple[str, Replay]]:
    """Return what came of training the beginning of some runs again for this build, by run."""
    if not layout.replays.exists():
        return []
    return [(entry.pop("run"), Replay.model_validate(entry)) for entry in read_json(layout.replays)]
