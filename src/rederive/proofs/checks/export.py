"""Certificates of the steps of derivations: written as SMT-LIB files, with an index that says what came of each.

A step is a line of a chain, which must equal the line before it. It is written at two choices of sizes, 1 for all and
2 for all; what cannot be written is listed with the reason.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rederive.files import write_json
from rederive.proofs.checks import certificates, samples, smt
from rederive.proofs.checks.smt import NotExpressibleError
from rederive.proofs.language.derivation import Chain, Derivation
from rederive.proofs.language.text import to_text

CHECKED = certificates.CHECKED
SIZES = (1, 2)
BY_DEFINITION = "it is what the derivative of L means, and states nothing to be decided"


@dataclass(frozen=True)
class Step:
    """A line of a chain, at one choice of sizes.

    Attributes:
        derivation: Its name.
        chain: What the chain derives.
        place: The number of the chain and of the line, from 1.
        reason: The line's own.
        size: The size of everything.
        certificate: The SMT-LIB text; None where there is none.
        rules: The rules that were used to write it.
        refused: Why there is none.
    """

    derivation: str
    chain: str
    place: tuple[int, int]
    reason: str
    size: int
    certificate: str | None = None
    rules: tuple[str, ...] = ()
    refused: str = ""

    @property
    def file(self) -> str:
        """The name of the certificate's file."""
        return f"{self.derivation}-{self.place[0]}-{self.place[1]}-size-{self.size}.smt2"


def steps(name: str, derivation: Derivation) -> Iterator[Step]:
    """Yield every step of a derivation at every choice of sizes."""
    for number, chain in enumerate(derivation.chains, start=1):
        for place in range(1, len(chain.lines) + 1):
            for size in SIZES:
                yield _step(name, derivation, chain, (number, place), size)


def _step(name: str, derivation: Derivation, chain: Chain, place: tuple[int, int], size: int) -> Step:
    line = chain.lines[place[1] - 1]
    about = (name, to_text(chain.start), place, line.reason, size)
    if chain.gradient_of and place[1] == 1:
        return Step(*about, refused=BY_DEFINITION)
    before = chain.lines[place[1] - 2].expression if place[1] > 1 else chain.start
    at = dict.fromkeys(derivation.sizes, size)
    labels = {
        one.name: [k % samples.size(one.below, at) for k in range(samples.size(one.shape[0], at))]
        for one in derivation.inputs
        if one.below is not None
    }
    try:
        found = smt.certify(derivation.unfold(before), derivation.unfold(line.expression), at, labels)
        title = f"{derivation.title}: {about[1]}, step {place[1]}, all sizes {size}\n{line.reason}"
        return Step(*about, found.text(title), tuple(sorted(found.rules)))
    except NotExpressibleError as error:
        return Step(*about, refused=str(error))


def export(folder: Path, derivations: Mapping[str, Derivation]) -> dict[str, Any]:
    """Write the certificates of derivations into a folder, have z3 check them where it is installed; return the index.

    The index names the checker, the rules, each file with the step that it is of and the verdict (None without z3),
    and each step that has no certificate, with the reason. The checker is written beside it: it needs nothing but z3.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = certificates.version()
    written: dict[str, Any] = {}
    without = []
    for step in (step for name, derivation in derivations.items() for step in steps(name, derivation)):
        said = {"derivation": step.derivation, "chain": step.chain, "step": list(step.place), "reason": step.reason}
        if step.certificate is None:
            without.append({**said, "size": step.size, "why": step.refused})
            continue
        (folder / step.file).write_text(step.certificate, encoding="utf-8")
        verdict = certificates.check(step.certificate) if version else None
        written[step.file] = {**said, "size": step.size, "rules": list(step.rules), "verdict": verdict}
    checker = version and f"z3 {version}"
    index = {"checker": checker, "rules": smt.RULES, "certificates": written, "without": without}
    write_json(folder / "index.json", index)
    shutil.copyfile(certificates.__file__, folder / "check.py")
    return index


def counts(index: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the checker, and how many certificates of a derivation there are, were checked, and cannot be written."""
    verdicts = [found["verdict"] for found in index["certificates"].values() if found["derivation"] == name]
    lacking = [one for one in index["without"] if one["derivation"] == name and one["why"] != BY_DEFINITION]
    return {
        "checker": index["checker"],
        "checked": verdicts.count(CHECKED),
        "total": len(verdicts),
        "not_expressible": len(lacking),
    }
