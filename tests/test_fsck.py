"""What is damaged, missing or foreign among results and kept runs is found, named, and nothing else is."""

import json
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import synthetic
from typer.testing import CliRunner

from rederive import written
from rederive.cli import app
from rederive.data import Split
from rederive.data.arrays import save
from rederive.files import sha256, write_json
from rederive.layout import CERTIFICATES, ORACLES, Layout
from rederive.results.collect import collect
from rederive.training import archive, checkpoint

RUN = "mnist.relu"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder and a folder of kept runs, with a checkpoint and prepared data, all of it whole."""
    root = tmp_path_factory.mktemp("fsck")
    made = synthetic.study(seeds=[0, 1])
    results, layout = root / "results", Layout(root / "results")
    collect(layout, synthetic.write_build(results, made))
    archive.keep(made, layout.runs, root / "archive")
    for name in (ORACLES, CERTIFICATES):
        write_json(root / "archive" / name, {})
    write_json(layout.numbers, {"a": {"value": 1, "unit": "count", "text": "1", "how": "counted"}})
    written.remember(layout, "summarise", [layout.numbers])
    images, labels = np.zeros((4, 1, 2, 2), np.uint8), np.zeros(4, np.uint8)
    shutil.rmtree(results / "data")
    save(results / "data/mnist", "mnist", "official", {"train": Split(images, labels)})
    place = layout.checkpoints("mnist.benchmark") / "seeds_0.checkpoint"
    checkpoint.write(
        place, {"seeds": [0]}, checkpoint.Progress(rows=[], epoch=1, batch=0, seconds=[], this_epoch=0.0), {"w": images}
    )
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def checked(root: Path) -> tuple[int, str]:
    arguments = ["fsck", "--study", str(root / "results/study.json"), "--archive", str(root / "archive")]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_what_is_whole_is_not_blamed(whole: Path) -> None:
    assert checked(whole) == (0, "nothing damaged, missing or foreign\n")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def resign(path: Path) -> None:
    record = path.with_suffix(".json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"sha256": sha256(path)}))


def a_value(path: Path) -> None:
    edit(path, "accuracy,0.", "accuracy,0.9")


def an_epoch_signed_again(path: Path) -> None:
    path.write_text(re.sub(r"(?m)^\d,2,train,loss,.*\n", "", path.read_text(), count=1))
    resign(path)


def of_range_signed_again(path: Path) -> None:
    edit(path, "accuracy,0.", "accuracy,42.")
    resign(path)


DAMAGE: dict[str, list[tuple[Callable[[Path], object], str, str]]] = {
    f"results/runs/{RUN}/seeds_0-1.csv": [
        (a_value, "damaged", "its SHA-256 is not the one in seeds_0-1.json"),
        (an_epoch_signed_again, "damaged", "line 5: seed 0, epoch 2, train loss is missing"),
        (of_range_signed_again, "damaged", "found accuracy 42."),
        (Path.unlink, "missing", "the numbers of seeds_0-1.json"),
    ],
    f"results/runs/{RUN}/seeds_0-1.json": [
        (Path.unlink, "missing", "the record of seeds_0-1.csv"),
        (lambda path: path.write_text("{"), "damaged", "not the provenance of a run"),
        (lambda path: edit(path, '"momentum"', '"momentun"'), "damaged", "momentum: Field required"),
        (lambda path: edit(path, '"momentum": 0.0', '"momentum": 0.5'), "damaged", "momentum 0.5, here 0.0"),
    ],
    f"results/runs/{RUN}": [
        (lambda path: (path / "seeds_0.txt").touch(), "foreign", "no training job writes a file of this name"),
    ],
    "results/runs": [
        (lambda path: (path / "mnist.unheard_of").mkdir(), "foreign", "no run of the study has this name"),
        (lambda path: shutil.rmtree(path / RUN), "missing", "named in runs.json"),
    ],
    "results/runs.csv": [(lambda path: edit(path, "accuracy,0.", "accuracy,0.9"), "damaged", "is not what the runs'")],
    "results/runs.json": [(lambda path: path.write_text("[]"), "damaged", "runs.json")],
    "results/checkpoints/mnist.benchmark/seeds_0.checkpoint": [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "damaged", "do not have the checksum"),
        (lambda path: path.write_bytes(b""), "damaged", "no checkpoint of this version"),
    ],
    "results/numbers.json": [
        (lambda path: path.write_text("{}"), "damaged", "is not the file that summarise wrote"),
        (Path.unlink, "missing", "named in"),
    ],
    "results/data/mnist/train_labels.npy": [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\7"), "damaged", "its SHA-256 is not the one in"),
        (Path.unlink, "missing", "named in manifest.json"),
    ],
    f"archive/{RUN}/seed_1.csv": [
        (a_value, "damaged", "its SHA-256 is not the one in seed_1.json"),
        (an_epoch_signed_again, "damaged", "seed 1, epoch 2, train loss is missing"),
        (of_range_signed_again, "damaged", "found accuracy 42."),
        (Path.unlink, "missing", "cannot be read"),
    ],
    "archive/oracles.json": [(lambda path: edit(path, "{", "{{"), "damaged", "JSON")],
    f"archive/{RUN}/seed_1.json": [
        (Path.unlink, "missing", "the record of seed_1.csv"),
        (lambda path: edit(path, '"momentum": 0', '"momentum": 7'), "foreign", "no run of the study has its settings"),
    ],
    f"archive/{RUN}": [
        (lambda path: (path / "notes.txt").touch(), "foreign", "no kept run has a file of this name"),
        (lambda path: (path / "replays.json").write_text("{}"), "damaged", "not a list of replays"),
    ],
}


@pytest.mark.parametrize(
    ("place", "damage", "kind", "told"),
    [(place, *case) for place, cases in DAMAGE.items() for case in cases],
)
def test_what_is_wrong_is_named_with_its_kind_and_how_to_mend_it(
    root: Path, place: Any, damage: Any, kind: Any, told: Any
) -> None:
    damage(root / place)
    code, output = checked(root)
    assert code == 1, output
    (line, mend), *_ = (pair for pair in pairwise(output.splitlines()) if told in pair[0])
    assert line.startswith(kind), output
    assert str(root / place).removesuffix(".json").removesuffix(".csv") in line
    assert mend.startswith("         to mend: ")


def test_a_seed_in_two_files_is_told(root: Path) -> None:
    folder = root / "results/runs" / RUN
    text = "".join(
        line for line in (folder / "seeds_0-1.csv").read_text().splitlines(True) if not line.startswith("1,")
    )
    (folder / "seeds_0.csv").write_text(text)
    record = json.loads((folder / "seeds_0-1.json").read_text())
    del record["seeds"]["1"]
    (folder / "seeds_0.json").write_text(json.dumps(record))
    resign(folder / "seeds_0.csv")
    code, output = checked(root)
    assert code == 1
    assert "seed 0 is in seeds_0-1.csv, too" in output or "seed 0 is in seeds_0.csv, too" in output
