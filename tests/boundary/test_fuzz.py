"""The first 5,000 cases of the fuzzing; more of them: `python -m tests.boundary.fuzz 200000`."""

from pathlib import Path

from tests.boundary.fuzz import IN_TESTS, fuzzed


def test_no_fuzzed_input_is_a_traceback(tmp_path: Path) -> None:
    found = fuzzed(tmp_path, IN_TESTS, [], always_the_same=True)
    failures = {kind: count.failure for kind, count in found.items() if count.failure}
    assert not failures, "\n".join(f"{kind}: {failure}" for kind, failure in failures.items())
    assert sum(count.cases for count in found.values()) >= IN_TESTS * 0.98  # shares are rounded down
    # What is changed is mostly refused, else nothing of interest was changed.
    assert all(count.refused > 0 for count in found.values())
