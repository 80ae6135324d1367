from typing import Any

import pytest

from rederive.results.claim_numbers import direction, enough_decimals, how
from rederive.results.number_format import format_value

UNTESTABLE = "not testable with these runs"


@pytest.mark.parametrize(
    ("value", "low", "high", "region", "printed"),
    [
        (0.0021, 0.0004, 0.0037, [0.0, None], ("0.0021", "0.0004", "0.0037")),  # used to be 0.002 (0.000 to 0.004)
        (0.0101, 0.0004, 0.0198, [0.0, None], ("0.0101", "0.0004", "0.0198")),
        (0.030, 0.012, 0.048, [0.01, None], ("0.030", "0.012", "0.048")),
        (0.0001, -0.00499999, 0.004, [-0.005, 0.005], ("0.0001000", "-0.0050000", "0.0040000")),
        (1.0, 1.0, 1.0, [1.0, None], ("1.000", "1.000", "1.000")),  # on the bound, and printed so
    ],
)
def test_so_many_decimals_that_the_side_of_the_bound_is_seen(
    value: float, low: float, high: float, region: list[Any], printed: tuple[Any, ...]
) -> None:
    test = {"value": value, "low": low, "high": high, "region": region}
    decimals = enough_decimals(test)
    assert tuple(format_value(end, "difference", decimals) for end in (value, low, high)) == printed


@pytest.mark.parametrize(
    ("points", "said", "expected"),
    [
        ([True, True], UNTESTABLE, True),
        ([True, False], UNTESTABLE, False),
        ([None, True], UNTESTABLE, True),
        ([None], UNTESTABLE, None),  # nothing was trained
        ([True, None], "does not hold", None),  # another test has decided
    ],
)
def test_where_one_run_points(points: list[Any], said: Any, expected: bool | None) -> None:
    assert direction({"verdict": said, "tests": [{"points": point} for point in points]}) is expected


def test_an_estimate_says_its_level_and_whether_its_seeds_are_pairs() -> None:
    test = {"measures": "a difference", "seeds": [0, 1], "n": 2, "paired": False, "level": 1 - 0.05 / 6}
    assert "draws of their own" in how(test)
    assert "99.2 % t interval" in how(test)
    assert "draws of their own" not in how(test | {"paired": True})
