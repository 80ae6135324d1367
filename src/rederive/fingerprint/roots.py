"""What the fingerprint of each rule starts from, and what is left out of it, each with the reason."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rederive.files import sha256

if TYPE_CHECKING:
    from rederive.config import DataSet, Figure, Trainer


class Root(NamedTuple):
    """Where a fingerprint starts. `left_out` and `unfollowed` give a reason for each definition; see `Reach`."""

    entries: tuple[str, ...]
    left_out: Mapping[str, str] = {}
    unfollowed: Mapping[str, str] = {}
    stated: Mapping[str, str] = {}  # what counts as it stands, by name: a command, the SHA-256 of its files


# From the prepared data's files to the rows written, but for what a person reads meanwhile.
JOB = {
    "rederive.config.study:Study": "the values of the configuration that change a result are parameters of the rule",
    "rederive.config.study:Experiment": "the same",
    "rederive.training.archive:identity": "names a run: spec, fingerprint and data, which are parameters of the rule",
    "rederive.training.archive:find": "finds rows that the same code computed, or that a replay certifies",
    "rederive.training.job:device_name": "tells where a run was made",
    "rederive.training.job:tests_now": "tells which tests stood when it began",
    "rederive.training.job:_place_and_attempt": "tells where a run is made",
    "rederive.environment:versions": "tells with what a run was made",
    "rederive.training.provenance:Provenance": "the form of the record beside the rows; what it is told, job says",
    "rederive.training.provenance:Seed": "the same",
    "rederive.training.job:_what_is_left": "the error where numbers could not be written",
    "rederive.training.job:_is_out_of_memory": "the error where memory is not enough",
    "rederive.training.preflight:refuse_hopeless": "refuses a job or lets it run; changes no number",
    "rederive.training.keeper:Keeper._next": "the log",
    "rederive.training.keeper:RETRY_EXIT_CODE": "says to Snakemake that an interrupted job may be tried again",
    "rederive.training.keeper:StopRequest": "asks a job to stop; what it does then is Keeper's, and counts",
    "rederive.training.keeper:Keeper._say": "the log",
    "rederive.training.keeper:Keeper._say_epoch": "the log",
    "rederive.training.keeper:Keeper._tell": "the status, for `rederive status`",
    "rederive.training.keeper:Keeper.fail": "the status, for `rederive status`",
    "rederive.training.keeper:Keeper.forget": "removes what is used no more",
    "rederive.training.keeper:Keeper.show": "the progress bar",
    "rederive.progress:shares": "the progress bar",
    "rederive.files:atomic": "how bytes reach the disk, not which",
    "rederive.layout:Layout": "where files lie, not what is in them",
}
# What a study names by import paths is loaded by them, and is a root beside the function that loads it.
BY_PATH = {
    "rederive.imports:load": "what it loads is a root of its own where it makes a result, and else describes the study"
}
BY_NAME = {
    "rederive.proofs.loading:load": "which derivation it loads is a parameter of the rule of its own",
    "rederive.proofs.checks.oracles:version": "the oracles are other projects",
    "rederive.proofs.checks.certificates:version": "z3 is another project",
}
NAMING = dict.fromkeys(
    (
        "rederive.fingerprint:fingerprint",
        "rederive.fingerprint.roots:ASKED",
        "rederive.fingerprint.roots:CERTIFIED",
        "rederive.fingerprint.roots:derivation",
    ),
    "says whether what is kept is about the code as it is",
)

ROOTS = {
    "ask_oracles": Root(("rederive.proofs.answers:ask_oracles",), NAMING, BY_NAME),
    "verify": Root(("rederive.proofs.verification:verify",), NAMING, BY_NAME),
    "infer": Root(("rederive.training.infer:infer",), JOB, BY_PATH),
    **{
        rule: Root((entry,), unfollowed=BY_PATH)
        for rule, entry in {
            "collect": "rederive.results.collect:collect",
            "summarise": "rederive.results.summarise:summarise",
            "test_claims": "rederive.results.claims:test_claims",
            "render": "rederive.report.render:render",
            "convert": "rederive.report.formats:convert",
            "tex_source": "rederive.report.tex_source:tex_source",
        }.items()
    },
}

# What an oracle's answer about a derivation depends on, beside the derivation, and what a certificate does.
_NO_PROOF = dict.fromkeys(
    (
        "rederive.proofs.prover.array:SymbolicArray",
        "rederive.proofs.prover.array:SymbolicNamespace",
        "rederive.proofs.prover.code:Trace",
        "rederive.proofs.prover.code:compare",
        "rederive.proofs.prover.definedness:Domain",
        "rederive.proofs.prover.normal_form:normal_form",
        "rederive.proofs.prover.prove:difference",
        "rederive.proofs.prover.prove:equal",
        "rederive.proofs.prover.prove:gradient",
        "rederive.proofs.checks.optimizer_mutants:check_optimizer",
        "rederive.proofs.checks.sweep_mutants:check_sweep",
    ),
    "proves, or judges proofs; what other programs are asked does not depend on it",
)
ASKED = Root(
    ("rederive.proofs.checks.oracles:compare", "rederive.proofs.checks.oracles:engine_on_torch"), _NO_PROOF, BY_NAME
)
CERTIFIED = Root(
    ("rederive.proofs.checks.export:steps", "rederive.proofs.checks.certificates:check"), _NO_PROOF, BY_NAME
)


def training(trainer: "Trainer") -> Root:
    """Return the root of a training job, from the prepared data's files to the rows written.

    Of a command, which may be in any language, its text and the contents of its files count as they stand.
    """
    loaded = tuple(path for path in (trainer.python, trainer.settings, trainer.cost) if path)
    left_out = {**JOB, **trainer.left_out}
    if trainer.watched:
        return Root(("rederive.training.job:run_job", *loaded), left_out, BY_PATH)
    if trainer.python:
        return Root(("rederive.training.functions_and_commands:rows_of_function", *loaded), left_out, BY_PATH)
    if trainer.command:
        stated = {"command": trainer.command, **trainer.files()}
        return Root(("rederive.training.functions_and_commands:rows_of_command", *loaded), left_out, BY_PATH, stated)
    return Root(("rederive.training.imported:rows_of_files", *loaded), left_out, BY_PATH)


def preparing(data_set: "DataSet") -> Root:
    """Return the root of what makes arrays of official files."""
    loaded = tuple(path for path in (data_set.files, data_set.read) if path)
    return Root(("rederive.data.prepare:prepare", *loaded), unfollowed=BY_PATH)


def generating(data_set: "DataSet") -> Root:
    """Return the root of what makes stand-in arrays."""
    loaded = (data_set.standin,) if data_set.standin else ()
    return Root(("rederive.data.prepare:generate", *loaded), unfollowed=BY_PATH)


def plotting(figures: Iterable["Figure"]) -> Root:
    """Return the root of the figures: what draws them all, and the study's own functions."""
    wanted = list(figures)
    drawn = tuple(figure.python for figure in wanted if figure.python)
    pictures = {figure.file: sha256(figure.file) for figure in wanted if figure.file and Path(figure.file).exists()}
    return Root(("rederive.figures:plot", *drawn), unfollowed=BY_PATH, stated=pictures)


def derivation(name: str, package: str | None) -> Root:
    """Return the root of a derivation of a package."""
    return Root((f"{package}.{name}:DERIVATION",))
