"""Render the one text: templates, numbers, verdicts, proofs and listings become `report.md`.

    render(study_path, numbers_json, claims_json, claims_yaml, runs_index, figures_dir, derivations, templates_dir,
           source_root, output_md, output_trace)

`templates_dir` is the folder `report/` with `report.md.j2`, `sections/*.md.j2` and `references.bib`; `figures_dir` has
`index.json`; `source_root` is the folder that holds the package, for listings. Writes `output_md` (`report.md`, with
YAML front matter; links to figures are relative to it) and `output_trace` (`trace.json`): for each number that the
report uses its record, the places that use it, and its runs. No date, host or absolute path goes into either.

Templates print numbers with `num`, `interval` and `table`, conclusions with `claim`, and so on (see `Document`); a
number typed into a template stops the build (`rederive.report.typed`).
"""

import os
import re
import traceback
from collections.abc import Sequence
from pathlib import Path

import jinja2

from rederive.config import Study
from rederive.errors import UserError
from rederive.files import write_json, write_text
from rederive.report.document import Document
from rederive.report.markdown import code, display, prose
from rederive.report.typed import refuse_typed_numbers
from rederive.results.claim_file import load_claims
from rederive.results.numbers import read_json


def render(
    study_path: Path,
    numbers_json: Path,
    claims_json: Path,
    claims_yaml: Path,
    runs_index: Path,
    figures_dir: Path,
    derivations: Sequence[Path],
    templates_dir: Path,
    source_root: Path,
    output_md: Path,
    output_trace: Path,
) -> None:
    """Write the report as Markdown, and where its numbers come from."""
    claims = load_claims(claims_yaml)
    refuse_typed_numbers(
        {str(path): path.read_text(encoding="utf-8") for path in sorted(Path(templates_dir).rglob("*.j2"))}
        | {f"{claims_yaml}: {name}: says": claim.says for name, claim in claims.items()}
        | {
            f"{claims_yaml}: {name}: {verdict}": sentence
            for name, claim in claims.items()
            for verdict, sentence in claim.sentences.items()
        }
    )
    proofs = [read_json(path) for path in derivations]
    if failed := sorted(proof["name"] for proof in proofs if not proof["passed"]):
        raise UserError(f"no report: the derivation {', '.join(failed)} does not pass; see `rederive verify`")
    document = Document(
        study=Study.load(study_path),
        numbers=read_json(numbers_json),
        claims=claims,
        verdicts=read_json(claims_json),
        runs=read_json(runs_index),
        figures=read_json(Path(figures_dir) / "index.json"),
        figures_link=Path(os.path.relpath(figures_dir, Path(output_md).parent)).as_posix(),
        derivations=sorted(proofs, key=lambda proof: (proof["order"], proof["name"])),
        references_bib=Path(templates_dir) / "references.bib",
        source_root=Path(source_root),
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code_text"] = code
    environment.filters["display"] = display
    environment.filters["prose"] = prose
    environment.globals.update(document.functions(environment))
    try:
        text = environment.get_template("report.md.j2").render()
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, TypeError, UserError) as error:
        raise UserError(f"{_place(error)}{error}") from None
    write_text(output_md, _tidy(document.finish(text)))
    write_json(output_trace, document.trace())


def _place(error: BaseException) -> str:
    """Return the template's file and line that an error comes from, as the start of a message."""
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename.endswith(".j2")]
    return f"{steps[-1].filename}, line {steps[-1].lineno}: " if steps else ""


def _tidy(text: str) -> str:
    """Return the text without trailing blanks and runs of empty lines."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"
