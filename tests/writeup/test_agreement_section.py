"""The section on rows that disagree says what the numbers say."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.errors import UserError


@pytest.fixture
def build(built: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may change."""
    shutil.copytree(built, tmp_path / "build")
    return tmp_path / "build"


def section(folder: Path, start: Any = "Where we disagree") -> Any:
    text = (folder / "report" / "report.md").read_text().replace("\\", "")
    text = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", text)
    return text.split(f"# {start}\n")[1].split("\n# ")[0]


def change(folder: Path, **values: Any) -> None:
    """Change texts of numbers.json by key, and render again."""
    path = folder / "numbers.json"
    numbers = json.loads(path.read_text())
    for key, value in values.items():
        numbers[key] |= {"value": value, "text": value if isinstance(value, str) else f"{value:g}"}
    path.write_text(json.dumps(numbers))
    synthetic.render_build(folder)


def test_the_table_has_every_published_row(built: Path) -> None:
    lines = [line for line in section(built).splitlines() if re.match(r"\| (MNIST|CIFAR-10): .* (agree|differs)", line)]
    assert len(lines) == 33
    assert len({line.split("|")[1] for line in lines}) == 33


def test_the_text_follows_what_agrees(build: Path) -> None:
    change(build, **{"mnist.momentum_0.9.agreement": "value and curve agree"})
    assert "need not exclude each other" in section(build, "Configurations on MNIST")
    change(build, **{"mnist.momentum_0.9.agreement": "only the curve agrees"})
    assert "can hardly be of one run" in section(build, "Configurations on MNIST")
    listed = section(build).split("The loss agrees, the accuracy does not")[1].split("\n\nIn such a row")[0]
    assert "- MNIST: Momentum 0.9: published 0.979" in listed


def test_on_generated_images_it_says_that_there_is_nothing_to_compare(build: Path) -> None:
    change(build, **{"agreement.rows": 0})
    assert "nothing to hold against" in section(build)
    assert "|" not in section(build)


def test_a_status_that_does_not_exist_is_named(build: Path, tmp_path: Path) -> None:
    shutil.copytree(synthetic.TEMPLATES, tmp_path / "templates")
    path = tmp_path / "templates" / "sections" / "disagreements.md.j2"
    path.write_text(path.read_text().replace('rows_where("only_curve")', 'rows_where("only_curv")'))
    with pytest.raises(UserError, match=r"rows_where: .*'only_curv'.*only_curve"):
        synthetic.render_build(build, tmp_path / "templates")
