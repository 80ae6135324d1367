"""Why a mutant is right all the same: each one that is has to have a reason, and every reason such a mutant."""

import re
from collections.abc import Iterable, Mapping

# Of a mutant as `source_mutants` writes it, «what was changed» in its statement: where it stands says why.
GENERAL: Mapping[str, str] = {
    r": raise ": "It stands in the text of an error, which no right use raises.",
    r"namespace\(«": "Only the library of the array is asked for.",
    r"«\w+»\.(shape|device)|_like\(«": "Only the shape, the dtype or the device is asked for.",
    r"«\w+» is (not )?None": "Only whether it is None is asked for.",
    r"«keepdims»": "Only whether it is true is asked for.",
    r"«\w+» \*\* 2 with -": "A number and its negative have one square.",
}


def grouped(mutants: Iterable[str], declared: Mapping[str, str]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Return right mutants by the reason why they are right, those without one, and declared patterns without any.

    Args:
        mutants: What was changed, each.
        declared: Reasons by the pattern of the mutants that they are about; they come before the general ones.
    """
    reasons: dict[str, list[str]] = {}
    unexplained, unused = [], set(declared)
    for mutant in mutants:
        found = next((pattern for pattern in {**declared, **GENERAL} if re.search(pattern, mutant)), None)
        if found is None:
            unexplained.append(mutant)
        else:
            unused.discard(found)
            reasons.setdefault({**GENERAL, **declared}[found], []).append(mutant)
    return dict(sorted(reasons.items())), unexplained, sorted(unused)
