"""Published rows beside ours, on an invented build."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.agreement import STATUSES, Comparison, rows
from rederive.results.published import published_curves, published_values, reading_errors
from rederive.results.runs import RunTable


def comparison_of(folder: Path) -> Any:
    layout = Layout(folder)
    study = Study.load(layout.study)
    values = published_values(synthetic.PUBLISHED, study.metrics)[str(study.headline)]
    curves, errors = (read(synthetic.PUBLISHED_CURVES, study.metrics) for read in (published_curves, reading_errors))
    return Comparison(study, RunTable.load(layout.run_table, study), values, curves, errors)


def test_the_published_curves_say_how_well_they_were_read() -> None:
    """As the note on the digitised figures states it."""
    metrics = ["accuracy", "training_loss"]
    errors = {name: curve for (name, _), curve in reading_errors(synthetic.PUBLISHED_CURVES, metrics).items()}
    assert errors.keys() == {name for name, _ in published_curves(synthetic.PUBLISHED_CURVES, metrics)}
    assert errors["mnist.benchmark"][1] == pytest.approx(0.022)
    assert errors["mnist.benchmark"][2] == 0.002
    assert (errors["mnist.zeros"][2], errors["cifar10.benchmark"][20]) == (0.03, 0.005)


def test_a_point_without_an_error_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    path.write_text("experiment,epoch,training_loss,reading_error\na,1,0.5,0\n")
    with pytest.raises(UserError, match=r"curves.csv: line 2: found reading_error 0, expected more than 0"):
        reading_errors(path, ["training_loss"])


def status(folder: Path) -> dict[str, Any]:
    return {row.name: row.status for row in rows(comparison_of(folder))}


def test_every_published_row_has_its_line(built: Path) -> None:
    found = status(built)
    assert found.keys() == published_values(synthetic.PUBLISHED, ["accuracy"])["accuracy"].keys()
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


def test_a_row_read_earlier_is_held_against_the_longer_run_s_curve(built: Path) -> None:
    comparison = comparison_of(built)
    assert comparison.curve_of("cifar10.epochs_5") == "cifar10.benchmark"
    # The same settings under another name: whether it was the same run, nobody knows.
    assert comparison.curve_of("cifar10.baseline") is None
    found = {row.name: row for row in rows(comparison)}
    assert found["cifar10.epochs_5"].curve.epochs == (1, 2, 3, 4, 5)
    assert found["cifar10.baseline"].status in ("value_agrees", "value_differs")


@pytest.mark.parametrize(
    ("metric", "expected"), [("none", "both"), ("accuracy", "only_curve"), ("loss", "only_value"), ("all", "neither")]
)
def test_what_is_moved_away_no_longer_agrees(tmp_path: Path, metric: str, expected: str) -> None:
    csvs = synthetic.write_build(tmp_path, synthetic.study(seeds=[0, 1, 2, 3]))
    path = next(path for path in csvs if path.parent.name == "cifar10.batch_32")
    moved = {"accuracy": ["accuracy"], "loss": ["loss"], "all": ["accuracy", "loss"]}.get(metric, [])

    def move(line: str) -> Any:
        *place, of, value = line.split(",")
        return ",".join([*place, of, str(float(value) + 0.2)]) if of in moved else line

    synthetic.edit_run(path, move)
    synthetic.summarise_build(tmp_path, csvs)
    assert status(tmp_path)["cifar10.batch_32"] == expected


def test_one_seed_everywhere_decides_nothing(tmp_path: Path) -> None:
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, synthetic.study(seeds=[0])))
    assert set(status(tmp_path).values()) == {"unknown"}


def test_stand_in_data_is_nobody_s_published_run(tmp_path: Path) -> None:
    made = synthetic.study(seeds=[0, 1], data={"source": "standin"})
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, made))
    assert status(tmp_path) == {}
