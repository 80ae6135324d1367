"""Derivations and the graph of a computation."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rederive.cli.common import ARCHIVE, CONFIG, answer_at_once, record_steps

if TYPE_CHECKING:
    from rederive.layout import Layout

Package = Annotated[str | None, typer.Option(help="the package of the derivations [that of config.yaml]")]


def ask_oracles(
    output: Annotated[Path, typer.Option(help="where the answers go")],
    kept: Annotated[
        Path | None, typer.Option(help="a folder whose oracles.json has answers: those about the same code are taken")
    ] = None,
    package: Package = None,
) -> None:
    """Ask PyTorch, JAX and TensorFlow for the gradients of all derivations, or take what they said before."""
    from rederive import written
    from rederive.layout import Layout
    from rederive.proofs import ask_oracles

    layout = Layout(output.parent)
    written.forget(layout, "ask_oracles")
    ask_oracles(output, package=_package(package), kept=kept)
    if layout.study.exists():
        written.remember(layout, "ask_oracles", [output])
    record_steps(layout.study, ["ask_oracles"])


def verify(
    only: Annotated[
        list[str] | None, typer.Option(help="a derivation, or a file that defines one; may be given again")
    ] = None,
    oracles: Annotated[Path | None, typer.Option(help="take the answers of `ask-oracles` from this file")] = None,
    without_oracles: Annotated[
        bool, typer.Option("--without-oracles", help="ask no other library; none is asked with --only, either")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="processes that prove [one for each core]")] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="a folder for the results; what did not change since they were written is not proved again"),
    ] = None,
    certificates: Annotated[
        Path | None,
        typer.Option(help="a folder for a certificate of every step; z3 checks them where it is installed"),
    ] = None,
    kept: Annotated[
        Path, typer.Option(help="the folder of oracles' kept answers, and of what came of certificates")
    ] = ARCHIVE,
    as_json: Annotated[bool, typer.Option("--json", help="print the results as JSON")] = False,
    package: Package = None,
) -> None:
    """Prove the derivations, check their numbers, judge their mutants; exit with 1 where something does not hold."""
    if only:
        answer_at_once()
    import json

    from rederive import written
    from rederive.layout import Layout
    from rederive.proofs import derivation_names, export_certificates, verify_all
    from rederive.proofs.result import print_table

    where = _package(package)
    known = derivation_names(where)
    names = only or known
    asked = oracles or not (without_oracles or only)
    if output:
        layout = Layout(output.parent)
        written.refuse_edited(layout, [layout.oracles])
        wanted, names = names, [name for name in names if not _stands(layout, output / f"{name}.json")]
        print(f"{len(wanted) - len(names)} of {len(wanted)} derivations are unchanged", file=sys.stderr)
    results = verify_all(names, output, asked, jobs, where, kept)
    passed = all(result.passed for result in results)
    if output and layout.study.exists():
        for result in results:
            written.remember(layout, f"verify.{result.name}", [output / f"{result.name}.json"])
    if output and passed:
        record_steps(layout.study, [f"verify.{name}" for name in names if name in known])
    if as_json:
        print(json.dumps([result.to_json() for result in results], indent=2, sort_keys=True))
    else:
        print_table(results)
    unchecked = export_certificates(certificates, names, where) if certificates else []
    for one in unchecked:
        print(f"not checked: {certificates}/{one}")
    if unchecked or not passed:
        raise typer.Exit(1)


def _stands(layout: "Layout", result: Path) -> bool:
    """Say whether the result of a derivation is that of its code as it is now; if not, forget when it last was."""
    from rederive import written
    from rederive.why import forget, unchanged

    name = f"verify.{result.stem}"
    whole = result.exists() and not any(written.edited(layout, [result]))
    if whole and layout.study.exists() and unchanged(layout.folder, name):
        result.touch()  # newer than what it was made of
        return True
    forget(layout.folder, name)
    written.forget(layout, name)
    return False


def fuzz_prover(
    expressions: Annotated[int, typer.Option(help="how many random expressions meet their normal form")] = 10_000,
    pairs: Annotated[int, typer.Option(help="how many mutants of them are judged")] = 50_000,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
) -> None:
    """Compare what the prover says of random expressions with exact numbers; exit with 1 at any mistake."""
    from rederive.proofs.checks.fuzz import fuzz

    found = fuzz(expressions, pairs, seed)
    print(found)
    for mistake in found.mistakes:
        print(mistake)
    if found.mistakes:
        raise typer.Exit(1)


def graph(
    example: Annotated[str, typer.Argument(help="add or mlp")],
    output: Annotated[list[Path] | None, typer.Option(help="draw it in an SVG or PDF file")] = None,
) -> None:
    """Show the traced graph of a small computation, as text or as a picture."""
    from rederive.autograd.graph_text import demo_graph, graph_of

    result = demo_graph(example)
    print(graph_of(result))
    if output:
        from rederive.autograd.draw import draw_graph

        for path in output:
            draw_graph(result, path)


def _package(named: str | None) -> str | None:
    """Return the package of derivations that is meant, and let its code be found."""
    from rederive import imports

    imports.add_code_of(Path.cwd())
    if named is not None or not CONFIG.exists():
        return named
    from rederive.yaml_files import read_yaml

    return read_yaml(CONFIG).get("derivations")
