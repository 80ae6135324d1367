"""A study in one file, and the check of it."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import STUDY, StudyFile, layout_of


def pack(
    output: Annotated[Path | None, typer.Argument(help="the file [pack.zip in the results folder]")] = None,
    sign: Annotated[
        Path | None, typer.Option(help="an SSH key of the author's, to sign the list of files with")
    ] = None,
    study: StudyFile = STUDY,
) -> None:
    """Pack report, numbers, runs, proofs, text and code in one file that anyone can audit, and an archive takes."""
    from rederive.audit.pack import pack

    layout = layout_of(study)
    place = output or layout.folder / "pack.zip"
    pack(layout, Path.cwd(), place, sign)
    print(place)


def audit(
    file: Annotated[Path, typer.Argument(metavar="PACK", help="what `rederive pack` wrote")],
    replay: Annotated[int, typer.Option(min=0, help="train the first epoch of so many trainings again")] = 0,
    retrain: Annotated[list[str] | None, typer.Option(help="train this run again, whole; may be repeated")] = None,
    draw: Annotated[int | None, typer.Option(help="the seed that draws what is replayed [by chance]")] = None,
    trust_proofs: Annotated[bool, typer.Option("--trust-proofs", help="do not prove the derivations again")] = False,
    trust_code: Annotated[bool, typer.Option("--trust-code", help="run the study's own code out of the pack")] = False,
    allowed_signers: Annotated[
        Path | None, typer.Option(help="whose keys are whose, as ssh-keygen reads it: name, then public key")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="write what was found as a page (Markdown)")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write what was found as JSON")] = None,
) -> None:
    """Check a pack: is all that the report prints what its runs give? Exit with 1 unless everything agrees."""
    from rederive import files
    from rederive.audit.audit import Asked, audit
    from rederive.audit.page import page as page_of

    asked = Asked(not trust_proofs, trust_code, allowed_signers, replay, retrain or [], draw)
    found = audit(file, asked)
    text = page_of(found)
    print(text)
    if page:
        files.write_text(page, text)
    if json_file:
        files.write_json(json_file, found.to_json())
    if not found.agrees:
        raise typer.Exit(1)
