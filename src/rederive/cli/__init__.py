"""The command line: one sub-command for each step of the workflow, each one call of one function.

Modules are imported when a command runs: `rederive --help` and the short steps start at once.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress

import typer

from rederive.cli import data, proofs, report, results, study, training
from rederive.errors import UserError, of_system

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
        _run()
    except UserError as error:
        _tell(str(error))
        sys.exit(1)


def _run() -> None:
    """Run the command line and exit, as typer does; what the system refuses is a UserError, too."""
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:  # closed
                sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            _forget_output()
        raise of_system(error) from error
    except MemoryError:
        raise UserError("there was not enough memory; free some, or set what is asked for to less") from None


def _forget_output() -> None:
    """Let Python end without trying once more to write what nobody can take."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(message: str) -> None:
    with suppress(OSError):
        print(f"rederive: {message}", file=sys.stderr)
