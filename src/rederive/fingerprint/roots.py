"""What the fingerprint of each rule starts from, and what is left out of it, each with the reason."""

from collections.abc import Mapping
from typing import NamedTuple


class Root(NamedTuple):
    """Where a fingerprint starts. `left_out` and `unfollowed` give a reason for each definition; see `Reach`."""

    entries: tuple[str, ...]
    left_out: Mapping[str, str] = {}
    unfollowed: Mapping[str, str] = {}


# From the prepared data's files to the rows written, but for what a person reads meanwhile.
JOB = {
    "rederive.config:Study": "the values of the configuration that change a result are parameters of the rule",
    "rederive.config:Experiment": "the same",
    "rederive.training.archive:identity": "names a run: spec, fingerprint and data, which are parameters of the rule",
    "rederive.training.archive:find": "finds rows that the same code computed, or that a replay certifies",
    "rederive.training.job:device_name": "tells where a run was made",
    "rederive.training.job:_place_and_attempt": "tells where a run is made",
    "rederive.environment:versions": "tells with what a run was made",
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
}
MNIST = {
    "rederive.training.cifar10:train_cifar10": "the other data set's",
    "rederive.config:Cifar10Spec": "the other data set's",
    "rederive.training.spec:_convolutional": "the other data set's",
    "rederive.autograd.ops:": "operators on tensors: the trainer applies each operation by its name (tested)",
}
CIFAR10 = {
    "rederive.training.mnist:train_mnist": "the other data set's",
    "rederive.config:MnistSpec": "the other data set's",
    "rederive.training.spec:_perceptron": "the other data set's",
    "rederive.autograd.ops:": "the other data set's",
}
BY_NAME = {
    "rederive.derivations.verification:load": "which derivation it loads is a parameter of the rule of its own",
    "rederive.derivations.oracles:version": "the oracles are other projects",
}

ROOTS = {
    "prepare": Root(("rederive.data.prepare:prepare",)),
    "standin": Root(("rederive.data.standin:generate",)),
    "train_mnist": Root(("rederive.training.job:run_job",), JOB | MNIST),
    "train_cifar10": Root(("rederive.training.job:run_job",), JOB | CIFAR10),
    "ask_oracles": Root(("rederive.derivations.verification:ask_oracles",), unfollowed=BY_NAME),
    "verify": Root(("rederive.derivations.verification:verify",), unfollowed=BY_NAME),
    "collect": Root(("rederive.results.collect:collect",)),
    "summarise": Root(("rederive.results.numbers:summarise",)),
    "test_claims": Root(("rederive.results.claims:test_claims",)),
    "plot": Root(("rederive.figures:plot",)),
    "render": Root(("rederive.report.render:render",)),
    "convert": Root(("rederive.report.formats:convert",)),
    "pack": Root(("rederive.report.pack:pack",)),
}


def derivation(name: str) -> Root:
    """Return the root of a derivation, as it stands in the catalogue."""
    return Root((f"rederive.derivations.catalogue.{name}:DERIVATION",))
