import math
from typing import Any

import pytest
from tests.studies import configured

from rederive.config import Metric
from rederive.results.runs import RunTable
from rederive.results.seed_fates import collapsed_from, seeds_of

NAN = math.nan
METRICS = configured().metrics


def table(losses: Any, accuracies: Any = None) -> Any:
    """A run table of one run from curves by seed, as lists over the epochs."""
    curves = {
        ("a.b", "training_loss"): losses,
        ("a.b", "accuracy"): accuracies or {s: [0.5] * len(c) for s, c in losses.items()},
    }
    return RunTable(
        {key: {s: dict(enumerate(c, 1)) for s, c in seeds.items()} for key, seeds in curves.items()}, METRICS
    )


def test_a_run_that_comes_out_the_same_with_every_seed_is_deterministic() -> None:
    found = seeds_of(table({0: [2.0, 1.0], 1: [2.0, 1.0], 4: [2.0, 1.0 + 1e-9]}), "a.b", [0, 1, 4], 2)
    assert found.deterministic
    assert found.counted == (0,)
    assert found.left_out == {}


def test_one_seed_is_not_known_to_be_deterministic() -> None:
    assert not seeds_of(table({0: [2.0, 1.0]}), "a.b", [0], 2).deterministic


def test_a_copy_among_others_is_left_out_and_named() -> None:
    found = seeds_of(table({0: [2.0, 1.0], 1: [2.0, 1.1], 2: [2.0, 1.0]}), "a.b", [0, 1, 2], 2)
    assert (found.counted, found.deterministic) == ((0, 1), False)
    assert found.left_out == {2: "has the numbers of seed 0"}


def test_curves_that_agree_in_one_epoch_only_are_no_copies() -> None:
    assert seeds_of(table({0: [2.0, 1.0], 1: [2.0, 1.001]}), "a.b", [0, 1], 2).counted == (0, 1)


def test_seeds_that_diverge_at_once_are_no_copies_of_each_other() -> None:
    found = seeds_of(table({0: [NAN, NAN], 1: [NAN, NAN]}), "a.b", [0, 1], 2)
    assert (found.counted, found.diverged) == ((0, 1), {0: 1, 1: 1})


def test_a_seed_that_diverges_later_has_not_diverged_yet() -> None:
    runs = table({0: [2.0, 1.0, math.inf], 1: [2.1, 1.1, 0.9]})
    assert seeds_of(runs, "a.b", [0, 1], 2).diverged == {}
    assert seeds_of(runs, "a.b", [0, 1], 3).diverged == {0: 3}


def test_a_seed_that_is_missing_or_too_short_is_left_out_with_the_reason() -> None:
    found = seeds_of(table({0: [2.0, 1.0], 1: [2.0]}), "a.b", [0, 1, 2], 2)
    assert found.counted == (0,)
    assert found.left_out == {1: "ended at epoch 1 of 2", 2: "was not trained"}


@pytest.mark.parametrize(
    ("losses", "accuracies", "epoch"),
    [
        ([2.0, 1.9, 2.308, 2.308], [0.3, 0.3, 0.101, 0.1], 3),  # the published run with learning rate 0.01
        ([2.3, 2.3, 2.2, 1.9], [0.10, 0.11, 0.15, 0.29], None),  # learns late: learning rate 0.0001 with batch 64
        ([2.0, 1.9, 1.8, 1.76], [0.28, 0.3, 0.2, 0.12], None),  # near chance in accuracy alone: zero weights
        ([2.4, 2.31], [0.1, 0.1], 1),
        ([NAN, NAN], [0.1, 0.1], None),  # that is diverged
    ],
)
def test_what_has_collapsed(losses: Any, accuracies: list[Any], epoch: int | None) -> None:
    curves = {"training_loss": dict(enumerate(losses, 1)), "accuracy": dict(enumerate(accuracies, 1))}
    assert collapsed_from(curves, METRICS) == epoch


@pytest.mark.parametrize(
    ("f1", "depth", "counted", "deterministic"),
    [
        ([0.1, 0.1, 0.2], [3, 3, 3], (0, 1, 2), False),  # a share of few examples is easily met twice
        ([0.1, 0.1], [3, 3], (0, 1), False),
        ([0.1, 0.1, 0.1], [3, 3, 4], (0, 1, 2), False),
        ([0.1, 0.1, 0.1], [3, 3, 3], (0,), True),
    ],
)
def test_without_a_loss_over_epochs_seeds_are_copies_where_all_are(
    f1: list[Any], depth: list[Any], counted: tuple[Any, ...], deterministic: bool
) -> None:
    metrics = {name: Metric(reads=f"test {name}", unit=name, better="higher") for name in ("f1", "depth")}
    curves = {("a", name): {s: {1: v} for s, v in enumerate(values)} for name, values in (("f1", f1), ("depth", depth))}
    found = seeds_of(RunTable(curves, metrics), "a", [], 1)
    assert (found.counted, found.deterministic, found.collapsed) == (counted, deterministic, {})
