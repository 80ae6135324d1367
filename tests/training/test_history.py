"""The rows of a run, and their file."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rederive.training.history import Row, diverged, from_csv, to_csv


def test_rows_are_sorted_and_numbers_are_short() -> None:
    rows = [Row(1, 1, "train", "loss", 0.1), Row(0, 10, "train", "loss", 1e-7), Row(0, 2, "test", "accuracy", 0.5)]
    expected = "seed,epoch,split,metric,value\n0,2,test,accuracy,0.5\n0,10,train,loss,1e-07\n1,1,train,loss,0.1\n"
    assert to_csv(rows) == expected


@given(st.floats())
def test_numbers_read_back_as_they_were(value: float) -> None:
    (line,) = to_csv([Row(0, 1, "train", "loss", value)]).splitlines()[1:]
    found = float(line.rsplit(",", 1)[1])
    assert found == value or (math.isnan(found) and math.isnan(value))


def test_divergence_begins_with_the_first_loss_that_is_not_finite() -> None:
    losses = {(0, 1): 1.0, (0, 2): math.inf, (0, 3): math.nan, (1, 1): 2.0, (2, 1): math.nan, (2, 2): 1.0}
    rows = [Row(seed, epoch, "train", "loss", value) for (seed, epoch), value in losses.items()]
    assert diverged(rows) == {0: 2, 2: 1}


def test_a_bare_carriage_return_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match=r"line \d+: .*new-line character"):
        from_csv("seed,epoch,split,metric,value\n0,1,train,loss\r,0.1\n")
