"""Runs that were kept: the same run is taken as it was, any other is trained."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import studies
from tests.training.examples import MLP

from rederive import files
from rederive.config import Study
from rederive.data.prepare import generate
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.training import archive, train
from rederive.training.history import from_csv
from writeup import mlp, standin

KEPT = sorted((Path(__file__).parents[2] / "archive").glob("*/seeds_*.json"))


class Build:
    """A study of one run, with its results and an archive beside them."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data = folder, data
        self.archive = folder / "archive"

    def study(self, run: str = "small", seeds: tuple[int, ...] = (0, 1), **changes: Any) -> Study:
        experiments = {run: MLP | {"trainer": "mlp"} | changes}
        settings = {"archive": str(self.archive)} if self.archive.exists() else {}
        return studies.small(experiments, seeds=list(seeds), training=settings)

    def train(self, study: Study, results: str = "results") -> tuple[bytes, dict[str, Any]]:
        """Train the study's run, or take it; return the CSV's bytes and the provenance."""
        layout = Layout(self.folder / results)
        study.save(layout.study)
        placed = layout.manifest("mnist").parent
        shutil.rmtree(placed, ignore_errors=True)
        shutil.copytree(self.data, placed)
        (path,) = study.run_files(layout)
        (run,) = study.runs()
        train(layout.study, run, study.seeds)
        return path.read_bytes(), json.loads(layout.provenance(path).read_text())


@pytest.fixture
def build(tmp_path, standin) -> Build:
    return Build(tmp_path, standin["mnist"])


@pytest.fixture
def kept(build) -> bytes:
    """The CSV of a run that has been trained and is kept in the build's archive."""
    study = build.study()
    content, _ = build.train(study)
    archive.keep(study, Layout(build.folder / "results"), build.archive)
    return content


@pytest.fixture
def no_training(monkeypatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(mlp, "train", refuse)


def test_a_kept_run_is_taken_under_any_name(build, kept, no_training):
    taken, provenance = build.train(build.study("renamed"), "again")
    assert taken == kept
    assert provenance["taken_from"].endswith("archive/small/seeds_0-1.csv")
    assert provenance["run"] == "renamed"
    original = json.loads((build.folder / "results/runs/small/seeds_0-1.json").read_text())
    for fact in ("device", "versions", "threads", "fingerprint", "data_checksum", "started", "ended"):
        assert provenance[fact] == original[fact]


def test_fewer_seeds_and_epochs_are_those_of_a_run_of_its_own(build, kept):
    fewer = build.study(seeds=(1,), epochs=2)
    taken, provenance = build.train(fewer, "taken")
    shutil.rmtree(build.archive)
    trained, own = build.train(build.study(seeds=(1,), epochs=2), "trained")
    assert "taken_from" in provenance
    assert "taken_from" not in own
    assert taken == trained


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_rate": 2e-3}, "no run with this spec"),
        ({"epochs": 4}, "differs in epochs"),
        ({"seeds": (0, 2)}, "differs in seeds"),
    ],
)
def test_another_run_is_trained_and_the_log_says_why(build, kept, capsys, changes, told):
    taken, provenance = build.train(build.study(**changes), "again")
    assert "taken_from" not in provenance
    assert taken != kept
    assert told in capsys.readouterr().out


def test_a_run_of_other_code_is_neither_taken_nor_kept(build, kept, monkeypatch, capsys):
    study = build.study()
    build.train(study)
    before = sorted(build.archive.rglob("*"))
    monkeypatch.setattr(archive, "fingerprint", lambda entry: "another")
    with pytest.raises(UserError, match="seeds_0-1.csv: differs in fingerprint .*\n.*nothing was archived"):
        archive.keep(study, Layout(build.folder / "results"), build.archive)
    assert sorted(build.archive.rglob("*")) == before
    _, provenance = build.train(study, "again")
    assert "taken_from" not in provenance
    assert "differs in fingerprint" in capsys.readouterr().out


def test_a_run_on_other_data_is_not_taken(build, kept, tmp_path, capsys):
    build.data = tmp_path / "other"
    generate("mnist", standin.digits, {"train": 300, "validation": 60, "test": 20}, 1, build.data)
    taken, provenance = build.train(build.study(), "again")
    assert "taken_from" not in provenance
    assert taken != kept
    assert "differs in data_checksum" in capsys.readouterr().out


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.", "1.", 1))


@pytest.mark.parametrize(
    ("damaged", "damage", "told"),
    [
        ("csv", _edit, "seeds_0-1.csv: is not the file that was archived"),
        ("csv", Path.unlink, "seeds_0-1.csv"),
        ("json", lambda path: path.write_text("{"), "seeds_0-1.json: not the provenance of a run"),
        ("json", lambda path: path.write_text("[]"), "seeds_0-1.json: not the provenance of a run"),
        ("json", lambda path: path.write_text("{}"), "seeds_0-1.json: not the provenance of a run"),
    ],
)
def test_a_damaged_entry_is_named_and_ignored(
    build, kept, capsys, damaged: str, damage: Callable[[Path], None], told: str
):
    damage(build.archive / f"small/seeds_0-1.{damaged}")
    trained, provenance = build.train(build.study(), "again")
    assert "taken_from" not in provenance
    assert trained == kept
    assert told in capsys.readouterr().out


def test_what_was_taken_can_be_kept_again(build, kept):
    study = build.study()
    build.train(study, "again")
    before = {path: path.read_bytes() for path in build.archive.rglob("*.*")}
    archive.keep(study, Layout(build.folder / "again"), build.archive)
    assert {path: path.read_bytes() for path in build.archive.rglob("*.*")} == before


def test_results_are_no_archive(build, kept, capsys):
    shutil.rmtree(build.archive)
    shutil.copytree(build.folder / "results/runs", build.archive)
    _, provenance = build.train(build.study(), "again")
    assert "taken_from" not in provenance
    assert "is not the file that was archived" in capsys.readouterr().out


@pytest.mark.parametrize("changes", [{"epochs": 2}, {"learning_rate": 2e-3}])
def test_another_run_of_the_same_name_takes_no_place(build, kept, changes):
    other = build.study(**changes)
    build.train(other, "other")
    before = {path: path.read_bytes() for path in build.archive.rglob("*.*")}
    with pytest.raises(UserError, match=r"small/seeds_0-1.csv: a run with another spec; remove it, or name another"):
        archive.keep(other, Layout(build.folder / "other"), build.archive)
    assert {path: path.read_bytes() for path in build.archive.rglob("*.*")} == before


def test_the_machine_is_not_named(build, kept):
    (entry,) = build.archive.rglob("*.json")
    assert "host" not in json.loads(entry.read_text())


def test_a_folder_that_is_not_there_and_a_build_without_runs_are_errors(build, kept):
    study = build.study()
    with pytest.raises(UserError, match="found no finished run"):
        archive.keep(study, Layout(build.folder / "nothing"), build.folder / "new")
    assert not (build.folder / "new").exists()
    shutil.rmtree(build.archive)
    with pytest.raises(UserError, match="training.archive: .*archive is no folder"):
        build.train(study, "again")


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_what_the_project_keeps_is_whole_and_real(path):
    provenance = json.loads(path.read_text())
    numbers = path.with_suffix(".csv")
    assert files.sha256(numbers) == provenance["sha256"]
    assert provenance["data_source"] == "official"
    split = {"mnist": "validation", "cifar10": "test"}[path.parent.name.partition(".")[0]]
    epochs = range(1, provenance["spec"]["epochs"] + 1)
    expected = [
        (seed, epoch, *measured)
        for seed in provenance["seeds"]
        for epoch in epochs
        for measured in (("train", "loss"), (split, "accuracy"), (split, "loss"))
    ]
    assert [row[:-1] for row in from_csv(numbers.read_text())] == sorted(expected)
