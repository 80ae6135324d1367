"""A sample of the cases of bad input; all of them: `python -m tests.boundary`."""

from pathlib import Path

from tests.boundary.__main__ import judged
from tests.boundary.cases import CASES

SAMPLE = CASES[::9]


def test_no_sampled_case_is_unclear_a_traceback_or_silent(tmp_path: Path) -> None:
    bad = {str(case): found for case, found in judged(SAMPLE, tmp_path) if found.outcome not in ("fine", "clear")}
    assert not bad, "\n".join(f"{found.outcome}: {case}\n{found.output}" for case, found in bad.items())


def test_the_names_of_the_cases_are_different() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)
