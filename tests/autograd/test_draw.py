"""A traced graph as text and as a picture."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.shared import first_difference

from rederive.autograd import MLP, Tensor
from rederive.autograd.draw import _assign_layers, _boxes, _place, draw_graph
from rederive.autograd.graph_text import demo_graph, graph_of
from rederive.errors import UserError


def test_the_traced_addition_as_text() -> None:
    assert str(graph_of(demo_graph("add"))).splitlines() == [
        "X: (2, 2) requires a gradient, gradient [[1, -1], [0.5, 2]]",
        "Z: (2, 2) requires a gradient, gradient [[1, -1], [0.5, 2]]",
        "Y = X + Z: (2, 2) = Add(X, Z), gradient [[1, -1], [0.5, 2]]",
    ]


def test_every_operand_stands_above_its_use() -> None:
    steps = graph_of(demo_graph("mlp")).steps
    assert [step.op for step in steps if step.op] == ["Linear", "Sigmoid", "Linear", "SoftmaxCrossEntropy"]
    known: set[str] = set()
    for step in steps:
        assert set(step.operands) <= known
        assert step.label not in known
        known.add(step.label)


def test_numbers_constants_and_equal_names_in_the_text() -> None:
    x, other = Tensor([1.0, 2.0], name="x", requires_grad=True), Tensor(np.ones(10), name="x")
    text = str(graph_of((2.0 * x).sum(axis=0) + other))
    assert "Mul(2.0, x)" in text
    assert "axis=0" in text
    assert re.search(r"Add\(\w+, x t\d\)", text)


@pytest.mark.parametrize("name", ["add", "mlp"])
@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_equal_graphs_give_equal_files(tmp_path: Path, name: str, suffix: str) -> None:
    files = [tmp_path / f"{k}{suffix}" for k in range(2)]
    for file in files:
        draw_graph(demo_graph(name), file)
    assert first_difference(*(file.read_bytes() for file in files)) == ""
    assert files[0].stat().st_size > 3000


def test_an_svg_is_xml_with_the_size_that_the_graph_needs(tmp_path: Path) -> None:
    heights = []
    for name in ("add", "mlp"):
        draw_graph(demo_graph(name), tmp_path / "graph.svg")
        root = ElementTree.parse(tmp_path / "graph.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        heights.append(float(root.attrib["height"].removesuffix("pt")))
    assert heights[1] > 2 * heights[0]


def test_no_box_covers_another_or_leaves_the_page(tmp_path: Path) -> None:
    network = MLP((4, 4, 4, 2), np.random.default_rng(0), skip_connections=True)
    result = network(Tensor(np.ones((2, 4), np.float32)))
    boxes = _boxes(graph_of(result))
    _assign_layers(boxes)
    width, height = _place(boxes)
    for k, one in enumerate(boxes):
        assert one.width / 2 <= one.x <= width - one.width / 2
        assert one.height / 2 <= one.y <= height - one.height / 2
        assert all(one.layer == parent.layer + 1 for parent in one.parents)
        for other in boxes[:k]:
            apart_across = abs(one.x - other.x) >= (one.width + other.width) / 2
            apart_down = abs(one.y - other.y) >= (one.height + other.height) / 2
            assert apart_across or apart_down
    draw_graph(result, tmp_path / "graph.svg")


def test_other_formats_and_examples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.svg or \.pdf"):
        draw_graph(demo_graph("add"), tmp_path / "graph.png")
    with pytest.raises(UserError, match='"add" or "mlp"'):
        demo_graph("division")
