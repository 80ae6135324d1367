"""The steps of a build from its runs on, in a folder, in a process of their own.

    with rebuilding(contents, folder, trust_code) as made:
        made() -> dict[str, bytes]    what they make, by name in the pack; it waits for the end

The same functions as the rules of the workflow call: collect, test_claims, summarise, plot, render, convert,
tex_source. Nothing that they make is given to them. The tool's code is that which is installed here; the study's own,
too, unless its packed code is trusted.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rederive.audit import crate, manifest, pack
from rederive.audit.pack import COMMIT, ENVIRONMENT, RESULTS, read_yaml_text
from rederive.errors import UserError
from rederive.imports import FOLDER
from rederive.layout import Layout

# What the steps below make of the rest.
MADE = (
    "runs.csv",
    "runs.json",
    "predictions.json",
    "numbers.json",
    "claims.json",
    "claims.csv",
    "tables",
    "figures",
    "report",
)
ABOUT = (crate.METADATA, crate.ZENODO, manifest.MANIFEST, manifest.SIGNATURE)
LIMIT = 600  # seconds


def is_made(name: str) -> bool:
    """Say whether a file of a pack is one that the steps make."""
    parts = name.split("/")
    return parts[0] == RESULTS and len(parts) > 1 and parts[1] in MADE


def inputs(contents: Mapping[str, bytes], trust_code: bool) -> dict[str, bytes]:
    """Return the files of a pack that its results are made from."""
    return {
        name: content
        for name, content in contents.items()
        if not is_made(name)
        and name not in ABOUT
        and (trust_code or not name.startswith(f"{FOLDER}/"))
        and not (name == "CITATION.cff" and pack.written_by_pack(content))
    }


@contextmanager
def rebuilding(
    contents: Mapping[str, bytes], folder: Path, trust_code: bool
) -> Iterator[Callable[[], dict[str, bytes]]]:
    """Make the results of a pack again in an empty folder, beside what is done meanwhile.

    Yields a function that waits for the results. It raises UserError, with the step's words, where a step stops.
    """
    for name, content in inputs(contents, trust_code).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    made_with = read_yaml_text(contents.get(ENVIRONMENT, b""))
    told = [str(made_with.get("pdf_engine", "auto")), str(made_with.get(COMMIT, ""))]
    # -P: nothing is imported from the folder that a module happens to lie in.
    command = [sys.executable, "-P", "-m", "rederive.audit.rebuild", *told]
    environment = os.environ | {"MPLBACKEND": "agg"}
    with tempfile.TemporaryFile() as words:  # a pipe that nobody reads meanwhile would fill up
        steps = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=words)

        def made() -> dict[str, bytes]:
            try:
                code = steps.wait(LIMIT)
            except subprocess.TimeoutExpired:
                raise UserError(f"the results were not made again within {LIMIT} s") from None
            if code:
                words.seek(0)
                lines = words.read().decode("utf-8", "replace").strip().splitlines() or [f"exit code {code}"]
                raise UserError("\n".join(line for line in lines if not line.startswith(" "))[-1500:])
            return {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted((folder / RESULTS).rglob("*"))
                if path.is_file() and is_made(path.relative_to(folder).as_posix())
            }

        try:
            yield made
        finally:
            steps.kill()
            steps.wait()


def main(engine: str, commit: str) -> None:
    """Do the steps here; a step that cannot be done ends the process with its words."""
    from rederive import figures
    from rederive.config import Study
    from rederive.layout import THEME
    from rederive.proofs import derivation_names
    from rederive.report.formats import choose_engine, convert
    from rederive.report.render import render
    from rederive.report.tex_source import tex_source
    from rederive.results.claims import test_claims
    from rederive.results.collect import collect
    from rederive.results.summarise import summarise

    layout = Layout(Path(RESULTS))
    study = Study.load(layout.study)
    packed = {path.stem for path in layout.derivation("any").parent.glob("*.json")}
    proofs = [layout.derivation(name) for name in derivation_names(study.derivations) if name in packed]
    collect(layout)
    test_claims(layout, proofs)
    summarise(layout, proofs)
    figures.plot(layout)
    render(layout, proofs)
    for suffix in ("html", "tex", "pdf"):
        try:
            chosen = choose_engine(engine)
        except UserError:
            chosen = "typst"
        convert(layout.report("md"), layout.report(suffix), layout.trace, layout.figures, THEME, chosen, commit)
    tex_source(layout.report("md"), layout.report("tex"), layout.printed, layout.figures, layout.package)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as problem:
        sys.exit(str(problem))
