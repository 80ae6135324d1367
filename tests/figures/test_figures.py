import csv
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from tests import synthetic
from tests.shared import first_difference

from rederive import figures
from rederive.config import resolve
from rederive.errors import UserError
from rederive.figures import dots, graphs, style
from rederive.imports import load
from rederive.layout import THEME, Layout
from rederive.yaml_files import read_yaml


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def test_every_figure_has_a_drawing_twice_and_its_numbers(built: Path) -> None:
    names = figures.names(synthetic.study())
    assert "mnist_configurations" in names
    index = json.loads((built / "figures" / "index.json").read_text())
    assert sorted(index) == names
    for name in names:
        assert {path.suffix for path in (built / "figures").glob(f"{name}.*")} == {".svg", ".pdf", ".csv"}
        assert len(index[name]["alt"]) > 30


def test_a_figure_names_the_function_that_draws_it(built: Path) -> None:
    index = json.loads((built / "figures" / "index.json").read_text())
    expected = {
        "cifar10_cost": "writeup.figures:cost",
        "table_cifar10_parameters": "rederive.figures.dots:draw",
        "mnist_configurations": "rederive.figures.curves:draw",
        "graph_add": "rederive.figures.graphs:draw",
    }
    assert {name: index[name]["drawn_by"] for name in expected} == expected
    assert all(callable(load(entry["drawn_by"])) for entry in index.values())


def test_names_need_no_drawing_library() -> None:
    import subprocess
    import sys

    code = "import sys; from rederive.figures import names; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_curve_shows_the_mean_and_the_range_of_its_seeds(built: Path) -> None:
    with (built / "runs.csv").open() as stream:
        values = [
            float(row["value"])
            for row in csv.DictReader(stream)
            if (row["experiment"], row["epoch"], row["split"]) == ("mnist.width_8", "3", "train")
        ]
    with (built / "figures" / "mnist_configurations.csv").open() as stream:
        rows = [r for r in csv.DictReader(stream) if r["experiment"] == "mnist.width_8" and r["epoch"] == "3"]
    found = [float(rows[0][column]) for column in ("mean", "lowest", "highest")]
    assert found == pytest.approx([sum(values) / 3, min(values), max(values)], rel=1e-5)
    assert len(rows) == 1
    assert rows[0]["published"] == "0.111"  # of published_curves.csv


def test_two_drawings_have_equal_bytes(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "b", ignore=shutil.ignore_patterns("figures", "report"))
    names = ["mnist_activations", "table_activations", "cifar10_cost", "graph_add"]
    synthetic.plot_build(tmp_path / "b", names)
    for name in names:
        for suffix in ("svg", "pdf", "csv"):
            file = f"figures/{name}.{suffix}"
            assert first_difference((tmp_path / "b" / file).read_bytes(), (built / file).read_bytes()) == "", file


def test_every_figure_of_stand_in_data_says_so(tmp_path: Path) -> None:
    made = synthetic.study(seeds=[0], data={"source": "standin"})
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, made))
    names = ["mnist_activations", "table_activations", "cifar10_cost"]
    synthetic.plot_build(tmp_path, names)
    for name in names:
        assert '<g id="stand-in">' in (tmp_path / "figures" / f"{name}.svg").read_text()


def test_a_figure_of_official_data_has_no_notice(built: Path) -> None:
    assert "stand-in" not in (built / "figures" / "mnist_activations.svg").read_text()


def test_runs_that_are_not_there_leave_their_place_empty(tmp_path: Path) -> None:
    made = synthetic.study(seeds=[0])
    without = tuple(run for run in made.runs() if run.startswith("mnist."))
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, made, without=without))
    synthetic.plot_build(tmp_path, ["mnist_activations", "table_activations", "mnist_extensions"])
    with (tmp_path / "figures" / "table_activations.csv").open() as stream:
        assert [row["mean"] for row in csv.DictReader(stream)] == [""] * 4


def test_an_unknown_figure_is_answered_with_those_that_there_are(built: Path) -> None:
    with pytest.raises(UserError, match=r"no figure mnist_activation; known: .*mnist_activations"):
        synthetic.plot_build(built, ["mnist_activation"])


def test_a_label_may_hold_anything(tmp_path: Path) -> None:
    label = r"a_b & <script> $x^$ \frac{"
    made = synthetic.study(seeds=[0], experiments={"mnist.relu": {"label": label}})
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, made))
    synthetic.plot_build(tmp_path, ["mnist_activations", "table_activations"])
    assert "<script>" not in (tmp_path / "figures" / "mnist_activations.svg").read_text()
    with (tmp_path / "figures" / "table_activations.csv").open() as stream:
        assert label in {row["label"] for row in csv.DictReader(stream)}


def contrast(a: str, b: str) -> float:
    """The ratio that WCAG 2 asks to be at least 4.5 for text."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_labels_in_the_colours_of_their_lines_are_readable_on_white() -> None:
    for colour in (style.INK, *style.COLOURS):
        assert contrast(colour, "#ffffff") >= 4.5, colour


@pytest.mark.parametrize("selector", [":root", ':root[data-theme="dark"]'])
def test_the_page_is_readable_in_both_modes(selector: str) -> None:
    css = (THEME / "report.css").read_text()
    block = css[css.index(f"{selector} {{") :].partition("}")[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    text = {"ink", "soft", "accent", "holds", "falls", "open", "untested", "alarm", *(f"series-{i}" for i in range(7))}
    assert text <= set(colours)
    for name in text:
        for paper in ("paper", "raised"):
            assert contrast(colours[name], colours[paper]) >= 4.5, f"{name} on {paper}"


def test_no_two_experiments_of_a_dataset_look_alike() -> None:
    study = synthetic.study()
    looks = style.looks(study)
    for dataset in ("mnist", "cifar10"):
        runs = [looks[run] for run in study.runs(dataset)]
        assert len(set(runs)) == len(runs)


@pytest.mark.parametrize(("config", "least"), [("config.yaml", 11), ("examples/digits/config.yaml", 2)])
def test_no_two_curves_of_a_panel_have_one_colour(config: str, least: int) -> None:
    path = synthetic.REPOSITORY / config
    study = resolve(read_yaml(path), [path])
    looks = style.looks(study)
    panels = [(name, panel) for name, figure in study.figures.items() for panel in figure.panels]
    assert len(panels) >= least
    for name, panel in panels:
        colours = [looks[experiment].colour for experiment in panel.experiments]
        assert len(set(colours)) == len(colours), f"{name}: {panel.title}"


def test_an_experiment_has_one_colour_in_all_figures(built: Path) -> None:
    index = json.loads((built / "figures" / "index.json").read_text())
    colours: dict[str, set[str]] = {}
    for entry in index.values():
        for panel in entry["panels"]:
            for series in panel["series"]:
                colours.setdefault(series["experiment"], set()).add(series["colour"])
    assert len(colours) > 20
    assert all(len(found) == 1 for found in colours.values())


@pytest.mark.parametrize("name", [name for name, figure in synthetic.study().figures.items() if figure.panels])
def test_all_text_lies_within_the_drawing(built: Path, name: Any) -> None:
    from rederive.figures.curves import draw
    from rederive.figures.page import Source

    source = Source.load(Layout(built), synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)
    figure = draw(source.study.figures[name], source).figure
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * 72
    for ax in figure.axes:
        for text in ax.texts:
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= width + 1, text
            assert box.y0 >= 0, text
            assert box.y1 <= height, text


def lightness(colour: str) -> float:
    """L* of CIE 1976, from 0 to 100: what is left of a colour in greyscale."""
    y = luminance(colour)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_lines_differ_without_colour() -> None:
    found = sorted(map(lightness, style.COLOURS))
    assert all(b - a > 3 for a, b in pairwise(found))
    assert len(set(style.DASHES.values())) == len(style.COLOURS) + 1


def axis(*rows: tuple[float, float | None, float | None]) -> Any:
    """The axes of a dot plot of these means with their intervals."""
    ax = Figure().subplots()
    shown: list[tuple[Any, ...]] = [("", "", 1, 2, mean, low, high, None) for mean, low, high in rows]
    dots._fit(ax, shown, synthetic.study().metrics["accuracy"])
    return ax


def test_what_lies_far_off_does_not_squeeze_the_other_rows() -> None:
    values = [0.098, 0.891, 0.954, 0.966, 0.972, 0.974, 0.975, 0.979, 0.979]
    ax = axis(*((value, None, None) for value in values))
    assert 0.85 < ax.get_xlim()[0] < 0.891
    assert [text.get_text() for text in ax.texts] == ["← ours 0.098"]
    low, high = axis((0.3, None, None), (0.7, None, None)).get_xlim()
    assert low < 0.3 < 0.7 < high


def test_an_interval_is_seen_whole_unless_its_end_lies_far_off() -> None:
    narrow = axis((0.60, 0.58, 0.62), (0.61, 0.60, 0.625), (0.62, 0.615, 0.63))
    low, high = narrow.get_xlim()
    assert low < 0.58 < 0.63 < high
    assert not narrow.lines
    wide = axis((0.60, 0.10, 1.0), (0.61, 0.60, 0.625), (0.62, 0.615, 0.63))
    assert wide.get_xlim()[0] > 0.5
    assert [line.get_marker() for line in wide.lines] == ["<", ">"]


def test_the_front_of_cost_has_what_nothing_cheaper_beats() -> None:
    from writeup.figures import pareto

    shown = [(1.0, 0.6, "a"), (1.0, 0.5, "b"), (2.0, 0.6, "c"), (3.0, 0.7, "d"), (4.0, 0.65, "e")]
    assert [label for *_, label in pareto(shown)] == ["a", "d"]


def test_a_graph_is_drawn_alike_whatever_was_drawn_before(tmp_path: Path) -> None:
    graphs.draw("add", "An addition", tmp_path, "first")
    with matplotlib.rc_context({"font.family": "serif", "font.size": 20}):
        graphs.draw("add", "An addition", tmp_path, "second")
    assert first_difference(*((tmp_path / f"{name}.svg").read_bytes() for name in ("first", "second"))) == ""


def test_figures_drawn_side_by_side_are_those_drawn_one_after_the_other(built: Path, tmp_path: Path) -> None:
    for name in ("study.json", "runs.csv", "runs.json"):
        shutil.copy(built / name, tmp_path)
    only = ["mnist_activations", "table_activations", "graph_add"]
    figures.plot(Layout(tmp_path), only, synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES, processes=2)
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert len(files) == 9
    for name in files:
        again, first = ((folder / "figures" / name).read_bytes() for folder in (tmp_path, built))
        assert first_difference(again, first) == "", name
