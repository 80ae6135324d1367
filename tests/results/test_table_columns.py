"""Tables with named columns, and figures by declaration, of a build with invented runs."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import yaml
from tests import synthetic

from rederive import figures
from rederive.errors import UserError
from rederive.files import sha256
from rederive.layout import Layout

ROWS = ["mnist.benchmark", "mnist.relu"]
MARKS = {"metric": "accuracy", "experiments": ROWS}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What writes and summarises a build of two runs, with tables and figures that are given."""
    monkeypatch.chdir(synthetic.REPOSITORY)

    def make(columns: Any, drawn: Any) -> Any:
        table = {"name": "named", "title": "Named", "rows": ROWS, "columns": columns}
        made = synthetic.study(seeds=[0, 1, 2], tables=[table])
        made = made.model_copy(update={"figures": {name: figures_model(figure) for name, figure in drawn.items()}})
        folder = tmp_path / "build"
        shutil.rmtree(folder, ignore_errors=True)
        paths = synthetic.write_build(folder, made)
        synthetic.summarise_build(folder, paths)
        return Layout(folder)

    return make


def figures_model(figure: Any) -> Any:
    from rederive.config import Figure

    return Figure.model_validate(figure)


def test_a_table_has_the_columns_that_it_names(build: Any) -> None:
    columns = ["label", "activation", "accuracy", "accuracy.published", "difference", "seconds"]
    layout = build(columns, {})
    numbers = json.loads(layout.numbers.read_text())
    with layout.table("named").open() as stream:
        rows = {row["experiment"]: row for row in csv.DictReader(stream)}
    relu = rows["mnist.relu"]
    assert relu["label"] == "ReLU"
    assert relu["activation"] == "relu"
    ours = numbers["mnist.relu.accuracy"]
    assert [float(relu[key]) for key in ("accuracy", "accuracy_low", "accuracy_high")] == [
        ours[key] for key in ("value", "low", "high")
    ]
    published = float(relu["published"])
    assert float(relu["difference"]) == pytest.approx(float(relu["accuracy"]) - published)
    assert float(relu["seconds"]) == 1.0  # what the invented records say: one second, in one epoch


def test_any_metric_stands_beside_what_is_published_of_it(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {
        "curves": {"place": "Figure 1", "rows": [{"experiment": "mnist.relu", "row": "end", "training_loss": 0.05}]}
    }
    published = tmp_path / "published.yaml"
    published.write_text(synthetic.PUBLISHED.read_text() + yaml.safe_dump(more))
    monkeypatch.setattr(synthetic, "PUBLISHED", published)
    layout = build(["accuracy.published", "training_loss.published", "training_loss.difference"], {})
    numbers = json.loads(layout.numbers.read_text())
    with layout.table("named").open() as stream:
        rows = {row["experiment"]: row for row in csv.DictReader(stream)}
    assert (rows["mnist.relu"]["published"], rows["mnist.relu"]["published_training_loss"]) == ("0.97", "0.05")
    ours = numbers["mnist.relu.training_loss"]
    for end, column in (("value", ""), ("low", "_low"), ("high", "_high")):
        found = float(rows["mnist.relu"][f"difference_training_loss{column}"])
        assert found == pytest.approx(ours[end] - 0.05)
    assert rows["mnist.benchmark"]["published_training_loss"] == ""


def test_seconds_are_kept_only_where_a_table_shows_them(build: Any) -> None:
    layout = build(["accuracy"], {})
    assert not any(facts["seconds"] for facts in json.loads(layout.run_index.read_text()).values())


def test_a_column_that_no_row_has_is_refused_with_the_nearest(build: Any) -> None:
    with pytest.raises(UserError, match=r"tables: named: found the column 'activatoin'.*nearest: activation"):
        build(["activatoin"], {})


def test_figures_by_declaration_show_what_is_measured(build: Any, tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    matplotlib.image.imsave(picture, np.zeros((4, 8, 3)))
    drawn = {
        "a_bars": {"title": "Bars", "bars": MARKS},
        "b_dots": {"title": "Dots", "dots": MARKS},
        "c_scatter": {"title": "Scatter", "scatter": MARKS | {"x": "learning_rate"}},
        "d_picture": {"title": "A photograph", "file": str(picture)},
    }
    layout = build(["accuracy"], drawn)
    figures.plot(layout)
    numbers = json.loads(layout.numbers.read_text())
    for name in ("a_bars", "b_dots", "c_scatter"):
        assert (layout.figures / f"{name}.svg").exists()
        with (layout.figures / f"{name}.csv").open() as stream:
            rows = {row["experiment"]: row for row in csv.DictReader(stream)}
        for run in ROWS:
            assert float(rows[run]["mean"]) == pytest.approx(numbers[f"{run}.accuracy"]["value"], rel=1e-5)
    assert {row["learning_rate"] for row in rows.values()} == {"0.0001"}
    index = json.loads(layout.figure_index.read_text())
    assert "not computed from the runs" in index["d_picture"]["alt"]
    assert sha256(picture) in (layout.figures / "d_picture.csv").read_text()


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        ({"scatter": MARKS | {"x": "activation"}}, "activation is 'sigmoid'; expected a number to draw at"),
        ({"file": "missing.png"}, "missing.png: cannot be read as a picture"),
        ({"file": "photo.tiff"}, "found .tiff; a picture of a figure is a PNG or a JPEG"),
    ],
)
def test_what_cannot_be_drawn_is_told(build: Any, figure: Any, told: str) -> None:
    layout = build(["accuracy"], {"wrong": {"title": "Wrong"} | figure})
    with pytest.raises(UserError, match=told):
        figures.plot(layout, ["wrong"])
