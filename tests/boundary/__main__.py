"""All cases, as a table: `python -m tests.boundary`; with `-v` each that is unclear, a traceback or silent.

Names of areas after it choose some: `python -m tests.boundary -v config`.
"""

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.boundary.case import OUTCOMES, Case, Found, judge
from tests.boundary.cases import CASES
from tests.boundary.study import finished


def judged(cases: list[Case], folder: Path) -> list[tuple[Case, Found]]:
    """Return what came of each case, on a copy of a finished study of its own."""
    study = finished(folder / "study")
    found = []
    for position, case in enumerate(cases):
        copy = shutil.copytree(study, folder / str(position), symlinks=True)
        found.append((case, judge(case, copy)))
        shutil.rmtree(copy, ignore_errors=True)
    return found


def table(found: list[tuple[Case, Found]]) -> str:
    """Return the outcomes by area, as Markdown."""
    counts = Counter((case.area, result.outcome) for case, result in found)
    areas = list(dict.fromkeys(case.area for case, _ in found))
    rows: list[list[Any]] = [
        [
            area,
            *([sum(counts[area, outcome] for outcome in OUTCOMES)] + [counts[area, outcome] for outcome in OUTCOMES]),
        ]
        for area in areas
    ]
    rows.append(["all", *(sum(row[column] for row in rows) for column in range(1, 7))])
    head = ["area", "tried", "fine", "clear error", "unclear", "traceback", "silent"]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, ["---", *["---:"] * 6], *rows])


def main() -> None:
    """Print the table; exit with 1 where a case is unclear, a traceback or wrong in silence."""
    wanted = [argument for argument in sys.argv[1:] if argument != "-v"]
    cases = [case for case in CASES if not wanted or any(case.area.startswith(area) for area in wanted)]
    with tempfile.TemporaryDirectory() as folder:
        found = judged(cases, Path(folder))
    bad = [(case, result) for case, result in found if result.outcome not in ("fine", "clear")]
    if "-v" in sys.argv:
        for case, result in bad:
            print(f"--- {result.outcome}: {case}\n{result.output}")
    print(table(found))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
