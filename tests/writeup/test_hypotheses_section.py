"""The section on rows that disagree says of the candidates what the numbers say."""

import json
import re
import shutil
from pathlib import Path

from tests import synthetic

ROW = "cifar10.double_filters"


def section(folder: Path) -> str:
    text = (folder / "report" / "report.md").read_text().replace("\\", "")
    text = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", text)
    return text.split("Settings that the published rows may come from\n")[1].split("\n# ")[0]


def told(folder: Path, row: str) -> str:
    (line,) = re.findall(rf"^- \*\*{re.escape(row)}\.\*\*(.*)$", section(folder), re.MULTILINE)
    return str(line)


def test_the_text_follows_the_verdicts(built: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    shutil.copytree(built, build)
    path = build / "numbers.json"
    numbers = json.loads(path.read_text())
    study = synthetic.study()
    numbers[f"{ROW}.agreement"] |= dict.fromkeys(("value", "text"), "neither agrees")

    def render(**verdicts: str) -> str:
        for name in study.hypotheses.candidates(ROW):
            words = verdicts.get(name, "excluded")
            numbers[f"hypotheses.{ROW}.{name}"] |= {"value": words, "text": words}
        path.write_text(json.dumps(numbers))
        synthetic.render_build(build)
        return told(build, "CIFAR-10: Double filters")

    assert render().strip() == "None of those tried fits."
    assert "CIFAR-10: Double filters" in section(build).split("What stays unexplained")[1]
    assert render(batch_32="fits", batch_64="not trained").strip() == (
        "One candidate fits: batch size 32. Not trained yet: batch size 64."
    )
    both = render(batch_32="fits", single_filters="fits")
    assert both.startswith(" Not to be told apart: ")
    assert {"batch size 32", "filters not doubled, batch size 32"} <= set(re.split("[:;.] ?", both.replace(": ", ";")))
    assert "Not excluded after the first epochs: batch size 64." in render(batch_64="fits so far")
    assert "matched by momentum 0.8, but not the accuracy" in render(
        **{"momentum_0.8": "fits the curve, not the value"}
    )


def test_every_row_of_the_hypotheses_has_its_line(built: Path) -> None:
    rows = re.findall(r"^- \*\*(?:MNIST|CIFAR-10): .*?\.\*\* ", section(built), re.MULTILINE)
    assert len(rows) == len(synthetic.study().hypotheses.rows) > 9
