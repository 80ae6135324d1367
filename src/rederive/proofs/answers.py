"""What other programs say of derivations: asked, or kept with the code that they were asked about."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from rederive.errors import UserError
from rederive.files import write_json
from rederive.fingerprint import ASKED, CERTIFIED, Root, fingerprint
from rederive.fingerprint import derivation as derivation_root
from rederive.layout import CERTIFICATES, ORACLES
from rederive.proofs import derivation_names
from rederive.proofs.checks import export, oracles
from rederive.proofs.language.derivation import Derivation
from rederive.proofs.loading import load
from rederive.records import read_json


def ask_oracles(
    output: Path, names: list[str] | None = None, package: str | None = None, kept: Path | None = None
) -> dict[str, Any]:
    """Ask PyTorch, JAX and TensorFlow about all derivations in one process, and write their answers for `verify`.

    TensorFlow alone takes seconds to import: once is enough, and not at all where all answers are kept.

    Args:
        output: Where the answers go, each with the fingerprint of the code that they are about.
        names: The derivations; all by default.
        package: Where they are.
        kept: The folder of what this function wrote before: what was answered about the same code is not asked again.
    """
    answers = {}
    for name in names or derivation_names(package):
        taken = _kept_answers(kept / ORACLES, name, package) if kept else {}
        # Where all is known the derivation itself is not needed.
        found = taken if taken.keys() == oracles.ORACLES.keys() else oracles.ask(load(name, package), kept=taken)
        answers[name] = {"fingerprint": fingerprint(ASKED, derivation_root(name, package)), "answers": found}
    write_json(output, answers)
    return answers


def answers_of(
    name: str, derivation: Derivation, wanted: bool | Path, package: str | None, kept: Path | None
) -> dict[str, Any]:
    """Return what the oracles say of a derivation, or why each was not asked; arguments as of `verify`."""
    if wanted is False:
        return oracles.ask(derivation, ())
    if wanted is True:
        absent = [oracle for oracle in oracles.ORACLES if oracles.version(oracle) is None]
        known = kept and absent and name in derivation_names(package)
        taken = _kept_answers(kept / ORACLES, name, package) if kept and known else {}
        return oracles.ask(derivation, kept={oracle: taken[oracle] for oracle in absent if oracle in taken})
    answers = read_json(wanted, dict[str, Answered])
    if name not in answers:
        raise UserError(f"{wanted} has no answers for {name!r}; write it again with `rederive ask-oracles`.")
    return answers[name]["answers"]


def export_certificates(folder: Path, names: Sequence[str], package: str | None = None) -> list[str]:
    """Write the certificates of derivations, have z3 check them where it is installed, and return what is not checked.

    Beside them stands `certificates.json`: what came of each derivation's, to be kept for the report.
    """
    index = export.export(folder, {Path(name).stem: load(name, package) for name in names})
    known = [name for name in names if name in derivation_names(package)]
    told = {
        name: {
            "fingerprint": fingerprint(CERTIFIED, derivation_root(name, package)),
            "answers": export.counts(index, name),
        }
        for name in known
    }
    write_json(folder / CERTIFICATES, told)
    verdicts = {file: found["verdict"] for file, found in index["certificates"].items()}
    return [f"{file}: {verdict}" for file, verdict in verdicts.items() if verdict not in (None, export.CHECKED)]


class Answered(TypedDict):
    """What another program said of one derivation, and the fingerprint of the code that it was asked about."""

    fingerprint: str
    answers: dict[str, Any]


def kept_answer(path: Path, name: str, root: Root, package: str | None) -> dict[str, Any] | None:
    """Return what is kept of a derivation; None where nothing is, or it is about other code."""
    found = read_json(path, dict[str, Answered]).get(name) if path.exists() else None
    current = found and found["fingerprint"] == fingerprint(root, derivation_root(name, package))
    return found["answers"] if found and current else None


def _kept_answers(path: Path, name: str, package: str | None) -> dict[str, Any]:
    """Return the kept answers of the oracles that were there to be asked."""
    answers = kept_answer(path, name, ASKED, package) or {}
    return {oracle: {**answer, "kept": True} for oracle, answer in answers.items() if isinstance(answer, dict)}
