"""Derivations and the graph of a computation."""

from pathlib import Path
from typing import Annotated

import typer

from rederive.cli.common import CONFIG, record_step
from rederive.errors import UserError

Package = Annotated[str | None, typer.Option(help="the package of the derivations [that of config.yaml]")]


def ask_oracles(
    output: Annotated[Path, typer.Option(help="where the answers go")],
    package: Package = None,
) -> None:
    """Ask PyTorch, JAX and TensorFlow for the gradients of all derivations."""
    from rederive.proofs import ask_oracles

    ask_oracles(output, package=_package(package))
    record_step(output.parent / "study.json", "ask_oracles")


def verify(
    only: Annotated[
        list[str] | None, typer.Option(help="a derivation, or a file that defines one; may be given again")
    ] = None,
    oracles: Annotated[Path | None, typer.Option(help="take the answers of `ask-oracles` from this file")] = None,
    without_oracles: Annotated[
        bool, typer.Option("--without-oracles", help="ask no other library; none is asked with --only, either")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="processes that prove [one for each core]")] = None,
    output: Annotated[Path | None, typer.Option(help="where the result of one derivation goes")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the results as JSON")] = False,
    package: Package = None,
) -> None:
    """Prove the derivations, check their numbers, judge their mutants; exit with 1 where something does not hold."""
    import json

    from rederive.proofs import derivation_names, verify_all
    from rederive.proofs.result import print_table

    if output and len(only or []) != 1:
        raise UserError(f"verify: --output takes the result of one derivation, found {len(only or [])} names")
    where = _package(package)
    asked = oracles or not (without_oracles or only)
    results = verify_all(only or derivation_names(where), output, asked, jobs, where)
    if output and only and only[0] in derivation_names(where):
        record_step(output.parents[1] / "study.json", f"verify.{only[0]}")
    if as_json:
        print(json.dumps([result.to_json() for result in results], indent=2, sort_keys=True))
    else:
        print_table(results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def fuzz_prover(
    expressions: Annotated[int, typer.Option(help="how many random expressions meet their normal form")] = 10_000,
    pairs: Annotated[int, typer.Option(help="how many mutants of them are judged")] = 50_000,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
) -> None:
    """Compare what the prover says of random expressions with exact numbers; exit with 1 at any mistake."""
    from rederive.proofs.audit.fuzz import fuzz

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
    from rederive.autograd.trace import trace, trace_example

    result = trace_example(example)
    print(trace(result))
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
