"""The tutorial, word by word: every block goes where it says, and what comes out builds."""

import csv
import re
from pathlib import Path

import pytest
from tests.examples.study import ROOT, Study

pytestmark = pytest.mark.workflow

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
# A block names its file, and for a line that goes into one the key after whose line: ```yaml config.yaml after hidden
BLOCK = re.compile(r"^```\w+ (\S+?)(?: after (\w+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What the prose says to change within a line.
REPLACED = [
    ("config.yaml", "rows: [linear, hidden]", "rows: [linear, hidden, wide]"),
    ("config.yaml", "training_loss: {reads: train loss", "training_loss: {reads: {network: train loss}"),
]


def follow(folder: Path) -> int:
    """Do in a new study what the tutorial says, and return how many blocks it has."""
    blocks = BLOCK.findall(TUTORIAL)
    for name, key, text in blocks:
        path = folder / name
        if key:
            lines = path.read_text().splitlines(keepends=True)
            (place,) = [i for i, line in enumerate(lines) if re.match(rf"(  )?{key}:", line)]
            path.write_text("".join([*lines[: place + 1], text, *lines[place + 1 :]]))
        elif name == "src/study/train.py":
            *before, after = re.split(r"^        yield .*\n", path.read_text(), flags=re.MULTILINE)
            path.write_text("".join([*before, text, after]))
        else:
            path.write_text((path.read_text() if path.exists() else "") + f"\n{text}")
    for name, old, new in REPLACED:
        assert new in TUTORIAL
        text = (folder / name).read_text()
        assert text.count(old) == 1
        (folder / name).write_text(text.replace(old, new))
    return len(blocks)


def test_what_the_tutorial_says_builds(tmp_path: Path) -> None:
    study = Study(tmp_path / "paper", torch=False)
    study.run("rederive", "new", "paper", cwd=tmp_path)
    assert follow(study.folder) == 11
    study.run("snakemake", "--cores", "2")
    numbers = study.json("numbers.json")
    for experiment in ("linear", "hidden", "wide", "nearest"):
        for metric in ("accuracy", "recall"):
            expected = study.mean(experiment, "test", metric)
            assert numbers[f"{experiment}.{metric}"]["value"] == pytest.approx(expected)
    # Asking the neighbours comes near the best there is, with this noise.
    assert study.mean("nearest", "test", "accuracy") > 0.92
    assert study.json("claims.json")["network_as_good"]["number"] == 2
    assert len(list(csv.DictReader((study.folder / "results/figures/seeds.csv").open()))) == 4 * 3
    assert "network is" in (study.folder / "results/report/report.md").read_text()
