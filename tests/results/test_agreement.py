"""Whether ours may be one more run of what is published: by hand, by SciPy, by simulation, and on an invented build."""

import csv
import json
import math

import numpy as np
import pytest
from scipy import stats
from tests import synthetic

from rederive.results.agreement import STATUSES, Comparison, Spread, Spreads, distance, rows
from rederive.results.published import published_accuracies, published_curves, reading_errors
from rederive.results.runs import RunTable


def table(**runs):
    """A run table with training losses: run -> seed -> losses by epoch."""
    return RunTable(
        {
            (name.replace("__", "."), "training_loss"): {
                seed: dict(enumerate(losses, 1)) for seed, losses in enumerate(seeds)
            }
            for name, seeds in runs.items()
        }
    )


def test_a_distance_by_hand():
    ours = {0: {1: 2.0, 2: 1.0, 3: 0.5}, 1: {1: 2.2, 2: 1.2}}
    spreads = {1: Spread(0.3, None, pooled=True), 2: Spread(0.1, 1, pooled=False)}
    found = distance(ours, {1: 2.0, 2: 1.4}, {1: 0.02, 2: 0.005}, lambda values, epoch: spreads[epoch])
    # Means 2.1 and 1.1, off by 0.1 and -0.3; variances 0.09 * 3/2 + 0.0004 and 0.01 * 3/2 + 0.000025.
    first, second = 0.01 / 0.1354, 0.09 / 0.015025
    assert found.epochs == (1, 2)
    assert found.rms == pytest.approx(math.sqrt((0.01 + 0.09) / 2))
    assert found.spread == pytest.approx(math.sqrt((0.09 + 0.01) / 2))
    assert found.in_spreads == pytest.approx(1.0)
    assert found.mean_square == pytest.approx((first + second) / 2)
    assert found.limit == pytest.approx((stats.norm.ppf(0.975) ** 2 + stats.t.ppf(0.975, 1) ** 2) / 2)
    densities = [stats.norm.logpdf(0.1, scale=math.sqrt(0.1354)), stats.norm.logpdf(0.3, scale=math.sqrt(0.015025))]
    assert found.log_likelihood == pytest.approx(sum(densities) / 2)
    assert found.pooled


def test_what_cannot_be_compared_has_no_distance():
    def spread(values, epoch):
        return Spread(0.1, None, pooled=True)

    assert distance({0: {1: 1.0}}, {2: 1.0}, {2: 0.1}, spread) is None
    assert distance({0: {1: math.nan}}, {1: 1.0}, {1: 0.1}, spread) is None
    assert distance({0: {1: 1.0}}, {1: 1.0}, {1: 0.1}, lambda values, epoch: None) is None
    assert distance({0: {1: 1.0, 2: 1.0}}, {1: 1.0, 2: 9.0}, {1: 0.1, 2: 0.1}, spread, last=1).rms == 0


def test_three_seeds_have_a_spread_of_their_own_and_two_take_the_pooled_one():
    runs = table(mnist__a=[[1.0], [1.1]], mnist__b=[[2.0], [2.2]], cifar10__c=[[1.0], [3.0]])
    spreads = Spreads(runs)
    own = spreads.of([1.0, 1.1, 1.3], "mnist", "training_loss", 1)
    assert own.deviation == pytest.approx(np.std([1.0, 1.1, 1.3], ddof=1))
    assert own.limit == pytest.approx(stats.t.ppf(0.975, 2) ** 2)
    # Both runs of MNIST differ by 1/10.5 of their mean: the median of their variances is that of either.
    relative = math.sqrt((0.1 / 1.05) ** 2 / 2 / stats.chi2.median(1))
    pooled = spreads.of([4.0], "mnist", "training_loss", 1)
    assert (pooled.deviation, pooled.degrees) == (pytest.approx(4.0 * relative), None)
    assert pooled.pooled
    assert pooled.limit == pytest.approx(3.841458820694124)  # 95 % of chi^2 with one degree of freedom


def test_seeds_that_change_nothing_have_no_spread_and_are_not_pooled():
    spreads = Spreads(table(mnist__same=[[1.0], [1.0]], mnist__lost=[[math.nan], [1.0]]))
    assert spreads.of([1.0, 1.0, 1.0], "mnist", "training_loss", 1) == Spread(0.0, None, pooled=False)
    assert spreads.of([1.0], "mnist", "training_loss", 1) is None


def test_one_run_that_collapses_does_not_move_the_pooled_spread():
    calm = {f"mnist__{i}": [[1.0], [1.0 + 0.01 * i]] for i in range(1, 6)}
    wild = Spreads(table(**calm, mnist__wild=[[0.1], [2.3]], mnist__9=[[1.0], [1.001]]))
    assert wild.pooled("mnist", "training_loss", 1) == pytest.approx(
        Spreads(table(**calm)).pooled("mnist", "training_loss", 1), rel=0.2
    )


def test_the_pooled_spread_of_normal_runs_is_their_spread():
    random = np.random.default_rng(0)
    for seeds in (2, 4):
        runs = table(**{f"mnist__{i}": 1 + 0.03 * random.standard_normal((seeds, 1)) for i in range(2000)})
        assert Spreads(runs).pooled("mnist", "training_loss", 1) == pytest.approx(0.03, rel=0.06)


@pytest.mark.parametrize("seeds", [3, 5])
def test_one_more_run_agrees_nineteen_times_in_twenty(seeds):
    random = np.random.default_rng(seeds)
    spreads = Spreads(table(mnist__a=[[1.0], [1.1]]))
    agreeing = 0
    for _ in range(4000):
        *ours, published = random.normal(1, 0.05, seeds + 1)
        found = distance(
            {seed: {1: value} for seed, value in enumerate(ours)},
            {1: published},
            {1: 0.0},
            lambda values, epoch: spreads.of(values, "mnist", "training_loss", epoch),
        )
        agreeing += found.agrees
    assert agreeing / 4000 == pytest.approx(0.95, abs=0.012)


def test_the_published_curves_say_how_well_they_were_read():
    """As the note on the digitised figures states it."""
    errors = reading_errors(synthetic.PUBLISHED_CURVES)
    assert errors.keys() == published_curves(synthetic.PUBLISHED_CURVES).keys()
    assert (errors["mnist.benchmark"][1], errors["mnist.benchmark"][2]) == (pytest.approx(0.022), 0.002)
    assert (errors["mnist.zeros"][2], errors["cifar10.benchmark"][20]) == (0.03, 0.005)


def comparison_of(folder):
    return Comparison.load(folder / "study.json", folder / "runs.csv", synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)


def status(folder):
    return {row.name: row.status for row in rows(comparison_of(folder))}


def test_every_published_row_has_its_line(built):
    found = status(built)
    assert found.keys() == published_accuracies(synthetic.PUBLISHED).keys()
    numbers = json.loads((built / "numbers.json").read_text())
    assert sum(numbers[f"agreement.{key}"]["value"] for key in STATUSES) == numbers["agreement.rows"]["value"] == 33
    with (built / "tables" / "agreement.csv").open() as stream:
        lines = {row["experiment"]: row for row in csv.DictReader(stream)}
    assert {name: STATUSES[key] for name, key in found.items()} == {
        name: line["status"] for name, line in lines.items()
    }
    line = lines["mnist.momentum_0.9"]
    assert (line["published"], line["curve_points"], line["spread_is"]) == ("0.979", "20", "own")
    assert float(line["curve_rms_in_spreads"]) == pytest.approx(
        float(line["curve_rms"]) / float(line["curve_spread"]), rel=1e-4
    )


def test_a_row_read_earlier_is_held_against_the_longer_run_s_curve(built):
    comparison = comparison_of(built)
    assert comparison.curve_of("cifar10.epochs_5") == "cifar10.benchmark"
    # The same settings under another name: whether it was the same run, nobody knows.
    assert comparison.curve_of("cifar10.baseline") is None
    found = {row.name: row for row in rows(comparison)}
    assert found["cifar10.epochs_5"].loss.epochs == (1, 2, 3, 4, 5)
    assert found["cifar10.baseline"].status in ("value_agrees", "value_differs")


@pytest.mark.parametrize(
    ("metric", "expected"), [("none", "both"), ("accuracy", "only_loss"), ("loss", "only_accuracy"), ("all", "neither")]
)
def test_what_is_moved_away_no_longer_agrees(tmp_path, metric, expected):
    csvs = synthetic.write_build(tmp_path, synthetic.study(seeds=[0, 1, 2, 3]))
    path = next(path for path in csvs if path.parent.name == "batch_32")
    moved = {"accuracy": ["accuracy"], "loss": ["loss"], "all": ["accuracy", "loss"]}.get(metric, [])
    head, *lines = path.read_text().splitlines()
    fields = [line.split(",") for line in lines]
    path.write_text("\n".join([head, *(",".join([*f[:4], str(float(f[4]) + 0.2 * (f[3] in moved))]) for f in fields)]))
    synthetic.summarise_build(tmp_path, csvs)
    assert status(tmp_path)["cifar10.batch_32"] == expected


def test_one_seed_everywhere_decides_nothing(tmp_path):
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, synthetic.study(seeds=[0])))
    assert set(status(tmp_path).values()) == {"unknown"}


def test_stand_in_data_is_nobody_s_published_run(tmp_path):
    made = synthetic.study(seeds=[0, 1], data={"source": "standin"})
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, made))
    assert status(tmp_path) == {}
