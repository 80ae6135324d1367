"""Checks certificates with z3. Nothing of the prover takes part, nor of SymPy: a folder of text is all that is read.

A folder holds `index.json` and the files that it names. A file is checked if z3 finds its assertions, among which is
that the two sides differ, unsatisfiable. `python certificates.py FOLDER` checks one without this project.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

SECONDS = 10

CHECKED = "checked"
REFUSED = "refused"  # there is a point at which the two sides differ
UNDECIDED = "undecided"


def version() -> str | None:
    """Return the version of z3, None where it is not installed."""
    try:
        import z3
    except ImportError:
        return None
    return ".".join(map(str, z3.get_version()[:3]))


def check(text: str, seconds: float = SECONDS) -> str:
    """Return what z3 says of one certificate: checked, refused or undecided."""
    import z3

    goal = z3.Goal()
    goal.add(z3.parse_smt2_string(text))
    # Polynomials are multiplied out first: most identities are decided by that.
    tactic = z3.Then(z3.With("simplify", som=True, som_blowup=100_000, arith_lhs=True), "propagate-values", "smt")
    solver = tactic.solver()
    solver.set("timeout", int(1000 * seconds))
    solver.add(goal.as_expr())
    found = solver.check()
    return CHECKED if found == z3.unsat else REFUSED if found == z3.sat else UNDECIDED


def check_folder(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return what z3 says of each file that the folder's index names, or of some of them."""
    listed = json.loads((folder / "index.json").read_text(encoding="utf-8"))["certificates"]
    return {name: check((folder / name).read_text(encoding="utf-8")) for name in names or listed}


if __name__ == "__main__":
    verdicts = check_folder(Path(sys.argv[1]))
    for file, verdict in verdicts.items():
        print(verdict, file)
    sys.exit(any(verdict != CHECKED for verdict in verdicts.values()))
