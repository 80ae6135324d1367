"""Figures that a study's function draws: what it shows is read off its axes, and what cannot be read is refused."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from tests import synthetic

from rederive.errors import UserError
from rederive.figures import own, style
from rederive.figures.page import Page, Shown, Source
from rederive.layout import Layout


@pytest.fixture
def drawn(built: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    """Return what a function draws as a figure of the synthetic study."""
    source = Source.load(Layout(built), synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)

    def draw(function: Any) -> Page:
        module = ModuleType("a_study_s_figures")
        module.function = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return own.draw("A title", f"{module.__name__}:function", source)

    return draw


def test_lines_marks_bars_and_areas_are_read_off_the_axes(drawn: Callable[..., Page]) -> None:
    def several(axes: Axes, source: Source) -> None:
        axes.set_title("Panel", loc="left")
        axes.plot([1, 2], [0.5, 0.25], label="a line")
        axes.axhline(0.4)  # a rule across the axes is no datum
        axes.scatter([3.0], [0.75], label="a mark")
        axes.bar([4], [0.125], bottom=1, label="a bar")
        axes.barh([5], [0.0625])
        axes.fill_between([1, 2], [0, 0], [1, 1], label="an area")

    page = drawn(several)
    assert page.columns == ("panel", "series", "x", "y")
    found: dict[str, list[tuple[float, float]]] = {}
    for panel, series, x, y in page.rows:
        assert panel == "Panel"
        found.setdefault(series, []).append((x, y))
    assert found["a line"] == [(1, 0.5), (2, 0.25)]
    assert found["a mark"] == [(3, 0.75)]
    assert found["a bar"] == [(4, 1.125)]
    assert set(found["an area"]) == {(1, 0), (1, 1), (2, 0), (2, 1)}
    (unnamed,) = found.keys() - {"a line", "a mark", "a bar", "an area"}
    assert found[unnamed] == [(0.0625, 5)]
    assert "Panel: a line: 0.25 to 0.5" in page.alt


@pytest.mark.parametrize("ticks", [True, False])
def test_places_with_names_stand_by_name(drawn: Callable[..., Page], ticks: bool) -> None:
    def named(axes: Axes, source: Source) -> None:
        axes.plot([0, 1] if ticks else ["small", "large"], [0.5, 0.25])
        if ticks:
            axes.set_xticks([0, 1], ["small", "large"])

    assert [row[2:] for row in drawn(named).rows] == [("small", 0.5), ("large", 0.25)]


def test_size_style_files_and_notice_come_by_themselves(drawn: Callable[..., Page], tmp_path: Path) -> None:
    def tall(axes: Axes, source: Source) -> None:
        figure = axes.figure
        figure.set_figheight(4)  # type: ignore[union-attr]
        axes.remove()
        left, right = figure.subplots(1, 2)
        left.plot([1], [1], "o")
        right.plot([1], [2], "o")

    page = drawn(tall)
    assert tuple(page.figure.get_size_inches()) == (style.WIDTH, 4)
    assert not page.figure.axes[0].spines["top"].get_visible()
    page.save(tmp_path, "tall", "made up", "a_study_s_figures:function")
    with (tmp_path / "tall.csv").open() as stream:
        assert [row["y"] for row in csv.DictReader(stream)] == ["1", "2"]
    assert '<g id="stand-in">' in (tmp_path / "tall.svg").read_text()


def test_a_table_of_its_own_is_taken(drawn: Callable[..., Page]) -> None:
    page = drawn(lambda axes, source: Shown(("colour",), [("red",)], "It is red."))
    assert (page.columns, page.rows, page.alt) == (("colour",), [("red",)], "A title. It is red.")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda source: None, r"cannot be called with \(axes, source\)"),
        (lambda axes, source: None, "has drawn nothing"),
        (lambda axes, source: 3, "returned 3; expected None or"),
        (lambda axes, source: axes.imshow(np.eye(2)) and None, "draws an image"),
        (lambda axes, source: axes.pcolormesh(np.eye(2)) and None, "draws an image"),
    ],
)
def test_what_shows_nothing_that_can_be_read_is_refused(drawn: Callable[..., Page], function: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        drawn(function)
