"""The first page and the discussion tell what the verdicts and the agreement of rows say, and nothing else."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from tests.writeup.test_agreement_section import change, section


@pytest.fixture
def build(built: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may change."""
    shutil.copytree(built, tmp_path / "build")
    return tmp_path / "build"


def test_every_conclusion_has_its_badge_on_the_first_page(built: Path) -> None:
    verdicts = json.loads((built / "claims.json").read_text())
    last = section(built, "At a glance").strip().splitlines()[-1]
    said = {verdict["number"]: verdict["verdict"].removesuffix(" with these runs") for verdict in verdicts.values()}
    assert last.endswith(" ".join(f"{number} {said[number]}" for number in sorted(said)))


def test_there_are_three_findings(built: Path) -> None:
    assert re.findall(r"^(\d)\. \S", section(built, "At a glance"), re.MULTILINE) == ["1", "2", "3"]


def test_the_best_accuracy_is_doubted_where_its_row_agrees_in_the_loss_alone(build: Path) -> None:
    change(build, **{"mnist.momentum_0.9.agreement": "only the curve agrees"})
    assert "belongs to no run that we could find" in section(build, "At a glance")
    assert "**The case of momentum 0.9.**" in section(build, "Discussion")
    change(build, **{"mnist.momentum_0.9.agreement": "value and curve agree"})
    assert "belongs to no run" not in section(build, "At a glance")
    assert "The case of momentum" not in section(build, "Discussion")


def test_an_accuracy_that_came_too_low_is_told_with_the_epoch_that_has_it(build: Path) -> None:
    """Ours, of epoch 1, is moved to the published value: close counts, far does not."""
    row = {"cifar10.epochs_5.agreement": "only the curve agrees", "cifar10.epochs_5.nearest_epoch": 1}
    change(build, **row, **{"cifar10.benchmark.accuracy@1": 0.483, "cifar10.epochs_5.difference": 0.1})
    assert "what our run shows after epoch 1, 0.483" in section(build, "At a glance")
    assert "5 epochs (0.485, ours" in section(build, "Discussion")
    change(build, **{"cifar10.benchmark.accuracy@1": 0.47})
    assert "what our run shows" not in section(build, "At a glance")


def test_the_conclusion_counts_what_came_back(build: Path) -> None:
    change(build, **{"agreement.both": 33})
    assert "least of all" not in section(build, "Conclusion")
    change(build, **{"agreement.both": 0})
    held = [v for v in json.loads((build / "claims.json").read_text()).values() if v["verdict"] == "holds"]
    assert ("least of all: of 33 published rows, 0 come back" in section(build, "Conclusion")) is bool(held)


def test_the_picture_has_every_row_in_its_group(built: Path) -> None:
    with (built / "tables" / "agreement.csv").open() as stream:
        expected = {row["experiment"]: row for row in csv.DictReader(stream)}
    with (built / "figures" / "agreement.csv").open() as stream:
        shown = list(csv.DictReader(stream))
    assert {row["experiment"] for row in shown} == expected.keys()
    for row in shown:
        told = expected[row["experiment"]]
        difference = float(told["value"]) - float(told["published"])
        assert float(row["difference"]) == pytest.approx(difference, abs=1e-5)
        agrees = float(told["value_z2"]) <= float(told["value_limit"])
        assert (abs(difference) <= float(row["another_run_within"])) is agrees
        if told["curve_limit"]:
            agrees = float(told["curve_chi2_per_point"]) <= float(told["curve_limit"])
            assert (float(row["curve_distance_over_allowed"]) <= 1) is agrees
    groups = [row["status"] for row in shown]
    assert groups == sorted(groups, key=list(dict.fromkeys(groups)).index)
