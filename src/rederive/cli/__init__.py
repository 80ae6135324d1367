"""The command line: one sub-command for each step of the workflow, each one call of one function.

Modules are imported when a command runs: `rederive --help` and the short steps start at once.
"""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import typer

from rederive.cli import audit, begin, data, proofs, report, results, study, training
from rederive.errors import UserError, of_system

app = typer.Typer(
    name="rederive",
    help="Rebuild a deep-learning write-up: proofs, training, conclusions, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

# By what a person wants. The steps are what the rules of a build call, in their order.
COMMANDS: dict[str, list[Callable[..., None]]] = {
    "Begin": [begin.new, study.resolve],
    "Build": [begin.build],
    "Look": [
        training.status,
        report.where,
        report.trace,
        report.why,
        report.diff,
        report.preview,
        proofs.graph,
    ],
    "Check": [
        proofs.verify,
        results.check_claims,
        study.fsck,
        audit.audit,
        training.replay,
        training.infer,
        proofs.fuzz_prover,
    ],
    "Share": [training.archive, report.site, audit.pack],
    "Steps of a build": [
        data.fetch,
        data.prepare,
        data.standin,
        proofs.ask_oracles,
        training.train,
        training.take,
        results.collect,
        results.summarise,
        results.test_claims,
        results.plot,
        report.render,
        report.convert,
        report.tex_source,
    ],
}
# Of these commands what is no option of theirs is Snakemake's.
FORWARDING = {begin.build}

for panel, commands in COMMANDS.items():
    for command in commands:
        settings = {"ignore_unknown_options": True} if command in FORWARDING else {}
        app.command(rich_help_panel=panel, context_settings=settings)(command)


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
    except (MemoryError, OSError, UserError) as error:
        # Who found no data may not have had the memory to look at them.
        if _is_of_memory(error) or _is_of_memory(error.__cause__):
            raise UserError("there was not enough memory; free some, or set what is asked for to less") from None
        if not isinstance(error, OSError):
            raise
        if error.filename is None:
            _forget_output()
        raise of_system(error) from error


def _is_of_memory(error: BaseException | None) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _forget_output() -> None:
    """Let Python end without trying once more to write what nobody can take."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(message: str) -> None:
    with suppress(OSError):
        print(f"rederive: {message}", file=sys.stderr)
