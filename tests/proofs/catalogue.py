"""The derivations of this repository's study, by name."""

from functools import partial

from rederive import proofs
from rederive.proofs import loading

PACKAGE = "writeup.derivations"
NAMES = proofs.derivation_names(PACKAGE)

load = partial(loading.load, package=PACKAGE)
verify = partial(proofs.verify, package=PACKAGE)
verify_all = partial(proofs.verify_all, package=PACKAGE)
ask_oracles = partial(proofs.ask_oracles, package=PACKAGE)
