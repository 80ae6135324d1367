"""The chance that replays catch forged runs is that of the hypergeometric distribution."""

from pathlib import Path

import pytest
from scipy.stats import hypergeom

from rederive.audit.chance import caught, chances

DOCS = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.mark.parametrize("trainings", [1, 2, 13, 105, 340])
def test_it_is_what_scipy_says(trainings: int) -> None:
    for forged in {0, 1, trainings // 10, trainings // 2, trainings}:
        for replayed in {0, 1, trainings // 7, trainings // 2, trainings}:
            expected = hypergeom(trainings, forged, replayed).sf(0)
            assert caught(trainings, forged, replayed) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("forged", "replayed"), [(-1, 1), (1, -1), (11, 1), (1, 11)])
def test_more_than_there_are_is_refused(forged: int, replayed: int) -> None:
    with pytest.raises(ValueError, match="of 10 trainings"):
        caught(10, forged, replayed)


def test_the_documentation_has_these_figures() -> None:
    assert chances(105, [1, 2, 5, 10, 20, 52], [1, 3, 5, 10, 20, 50]) in DOCS.read_text()
