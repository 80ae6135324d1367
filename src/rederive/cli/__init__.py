"""The command line: one sub-command for each step of the workflow, each one call of one function.

Modules are imported when a command runs: `rederive --help` and the short steps start at once.
"""

import sys
from collections.abc import Callable

import typer

from rederive.cli import data, proofs, report, results, study, training
from rederive.errors import UserError

app = typer.Typer(
    name="rederive",
    help="Rebuild a deep-learning write-up: proofs, training, conclusions, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

COMMANDS: list[Callable[..., None]] = [
    study.resolve,
    data.fetch,
    data.prepare,
    data.standin,
    proofs.ask_oracles,
    proofs.verify,
    proofs.fuzz_prover,
    proofs.graph,
    training.train,
    training.archive,
    training.take,
    training.replay,
    training.status,
    results.collect,
    results.summarise,
    results.test_claims,
    results.check_claims,
    results.plot,
    report.render,
    report.convert,
    report.preview,
    report.pack,
    report.site,
    report.trace,
    report.diff,
    report.why,
    report.where,
]
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line; what a user can mend is told without a traceback."""
    try:
        app()
    except UserError as error:
        print(f"rederive: {error}", file=sys.stderr)
        sys.exit(1)
