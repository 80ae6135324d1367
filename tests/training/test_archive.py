"""Runs that were kept: the same run is taken as it was, any other is trained."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import studies
from tests.specs import MLP

from rederive import environment, files
from rederive.config import Study
from rederive.data.prepare import generate
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.training import archive, job, train
from rederive.training.provenance import Replay
from writeup.standin import digits

KEPT = sorted((Path(__file__).parents[2] / "archive").glob("*/seed_*.json"))


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
def build(tmp_path: Path, standin: dict[str, Path]) -> Build:
    return Build(tmp_path, standin["mnist"])


@pytest.fixture
def kept(build: Build) -> bytes:
    """The CSV of a run that has been trained and is kept in the build's archive."""
    study = build.study()
    content, _ = build.train(study)
    archive.keep(study, build.folder / "results", build.archive)
    return content


def taken_from(provenance: dict[str, Any]) -> list[int]:
    """Return the seeds that were taken."""
    return sorted(int(seed) for seed, made in provenance["seeds"].items() if "taken_from" in made)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(job, "train_seeds", refuse)


def test_a_kept_run_is_taken_under_any_name(build: Build, kept: bytes, no_training: None) -> None:
    taken, provenance = build.train(build.study("renamed"), "again")
    assert taken == kept
    assert provenance["run"] == "renamed"
    original = json.loads((build.folder / "results/runs/small/seeds_0-1.json").read_text())
    assert provenance["data_checksum"] == original["data_checksum"]
    for seed, made in provenance["seeds"].items():
        assert made.pop("taken_from").endswith(f"archive/small/seed_{seed}.csv")
        del original["seeds"][seed]["host"]  # the archive does not tell
        assert made == original["seeds"][seed]


@pytest.mark.parametrize(("setting", "expected"), [("record", [0, 1]), ("require", [])])
def test_other_versions_train_again_only_where_the_same_are_required(
    build: Build,
    kept: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    expected: list[int],
) -> None:
    here = environment.present()
    monkeypatch.setattr(environment, "present", lambda: here | {"numpy": "0.1"})
    study = build.study()
    training = study.training.model_copy(update={"versions": setting})
    _, provenance = build.train(study.model_copy(update={"training": training}), "again")
    assert taken_from(provenance) == expected
    assert (f"differs in numpy {here['numpy']} (here 0.1)" in capsys.readouterr().out) == (setting == "require")


def test_fewer_seeds_and_epochs_are_those_of_a_run_of_its_own(build: Build, kept: bytes) -> None:
    fewer = build.study(seeds=(1,), epochs=2)
    taken, provenance = build.train(fewer, "taken")
    shutil.rmtree(build.archive)
    trained, own = build.train(build.study(seeds=(1,), epochs=2), "trained")
    assert taken_from(provenance) == [1]
    assert taken_from(own) == []
    assert taken == trained
    assert "predictions" not in provenance["seeds"]["1"]  # those that are kept are of a later epoch


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_rate": 2e-3}, "no run with this spec"),
        ({"epochs": 4}, "differs in epochs: has 3, wanted 4"),
    ],
)
def test_another_run_is_trained_and_the_log_says_why(
    build: Build, kept: bytes, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], told: str
) -> None:
    taken, provenance = build.train(build.study(**changes), "again")
    assert taken_from(provenance) == []
    assert taken != kept
    assert told in capsys.readouterr().out


def test_seeds_that_are_kept_are_taken_and_the_others_trained(build: Build, kept: bytes) -> None:
    mixed, provenance = build.train(build.study(seeds=(2, 0)), "mixed")
    assert taken_from(provenance) == [0]
    shutil.rmtree(build.archive)
    trained, own = build.train(build.study(seeds=(2, 0)), "trained")
    assert mixed == trained
    assert provenance["seeds"]["2"]["opening"] == own["seeds"]["2"]["opening"]


@pytest.fixture
def changed_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "fingerprint", lambda entry: "another")


def test_a_run_of_other_code_is_taken_by_a_replay_alone(
    build: Build, kept: bytes, changed_code: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _, provenance = build.train(build.study(), "trained")
    assert taken_from(provenance) == []
    assert "differs in fingerprint, and no replay shows" in capsys.readouterr().out
    facts = json.loads((build.archive / "small/seed_0.json").read_text())["seeds"]["0"]
    replay = Replay(
        made_by=facts["fingerprint"],
        replayed_by="another",
        seed=0,
        steps=100,
        epochs=1,
        outcome="different",
        difference=0.5,
        device="cpu",
        versions={},
        when="2026-01-01T00:00:00+00:00",
    )
    for outcome, taken in (("different", []), ("bit for bit", [0, 1])):
        archive.write_replay(build.archive / "small", replay.model_copy(update={"outcome": outcome}))
        _, provenance = build.train(build.study(), outcome)
        assert taken_from(provenance) == taken
    assert provenance["seeds"]["1"]["certified_by"]["outcome"] == "bit for bit"
    # A replay by code that has changed since says nothing.
    archive.write_replay(build.archive / "small", replay.model_copy(update={"outcome": "bit for bit"}))
    (build.archive / "small" / archive.REPLAYS).write_text(
        (build.archive / "small" / archive.REPLAYS).read_text().replace('"another"', '"a third"')
    )
    _, provenance = build.train(build.study(), "later")
    assert taken_from(provenance) == []


def test_a_run_on_other_data_is_not_taken(
    build: Build, kept: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build.data = tmp_path / "other"
    generate("mnist", digits, {"train": 300, "validation": 60, "test": 20}, 1, build.data)
    taken, provenance = build.train(build.study(), "again")
    assert taken_from(provenance) == []
    assert taken != kept
    assert "differs in data_checksum" in capsys.readouterr().out


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.", "1.", 1))


@pytest.mark.parametrize(
    ("damaged", "damage", "told"),
    [
        ("csv", _edit, "seed_0.csv: is not the file that was written"),
        ("csv", Path.unlink, "seed_0.csv: cannot be read (No such file"),
        ("json", lambda path: path.write_text("{"), "seed_0.json: not the provenance of a run"),
        ("json", lambda path: path.write_text("[]"), "seed_0.json: not the provenance of a run"),
        ("json", lambda path: path.write_text("{}"), "seed_0.json: not the provenance of a run (run: Field required)"),
    ],
)
def test_a_damaged_entry_is_named_and_ignored(
    build: Build,
    kept: bytes,
    capsys: pytest.CaptureFixture[str],
    damaged: str,
    damage: Callable[[Path], None],
    told: str,
) -> None:
    damage(build.archive / f"small/seed_0.{damaged}")
    trained, provenance = build.train(build.study(), "again")
    assert taken_from(provenance) == [1]
    assert trained == kept
    assert told in capsys.readouterr().out


def test_what_was_taken_can_be_kept_again(build: Build, kept: bytes) -> None:
    study = build.study()
    build.train(study, "again")
    before = {path: path.read_bytes() for path in build.archive.rglob("*") if path.is_file()}
    archive.keep(study, build.folder / "again", build.archive)
    assert {path: path.read_bytes() for path in build.archive.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", ["results", "results/runs", "archive"])
def test_runs_of_another_machine_are_adopted(build: Build, kept: bytes, place: str, no_training: None) -> None:
    adopted = build.folder / "adopted"
    archive.keep(build.study(), build.folder / place, adopted)
    assert sorted(path.name for path in (adopted / "small").iterdir()) == [
        *("seed_0.csv", "seed_0.json", "seed_1.csv", "seed_1.json")
    ]
    shutil.rmtree(build.archive)
    adopted.rename(build.archive)
    assert build.train(build.study(), "again")[0] == kept


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda csv, record: csv.write_text(csv.read_text().replace("0.", "1.", 1)), "its SHA-256 is not the one in"),
        (lambda csv, record: _drop_an_epoch(csv, record), "not whole: line 5: seed 0, epoch 2, train loss is missing"),
        (lambda csv, record: _claim_epochs(record, 10**12), "epoch 4, train loss is missing"),  # in no memory at all
        (lambda csv, record: record.write_text("{}"), "not the provenance of a run"),
        (lambda csv, record: record.write_text('{"seeds": 3}'), "not the provenance of a run"),
    ],
)
def test_what_is_damaged_is_not_adopted(build: Build, damage: Any, told: str) -> None:
    build.train(build.study())
    (csv,) = (build.folder / "results/runs").rglob("*.csv")
    damage(csv, csv.with_suffix(".json"))
    with pytest.raises(UserError, match=f"(?s){re.escape(told)}.*nothing was archived"):
        archive.keep(build.study(), build.folder / "results", build.archive)
    assert not build.archive.exists()


def _claim_epochs(record: Path, epochs: int) -> None:
    told = json.loads(record.read_text())
    told["spec"]["epochs"] = epochs
    record.write_text(json.dumps(told))


def _drop_an_epoch(csv: Path, record: Path) -> None:
    """Take an epoch away and sign what is left again."""
    csv.write_text("".join(line for line in csv.read_text().splitlines(True) if not line.startswith("0,2,train")))
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {"sha256": files.sha256(csv)}))


def test_a_longer_run_takes_the_place_of_no_other(build: Build, kept: bytes) -> None:
    other = build.study(epochs=2)
    shutil.rmtree(build.archive / "small")
    build.train(other, "other")
    archive.keep(other, build.folder / "other", build.archive)
    before = {path: path.read_bytes() for path in build.archive.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"seed_0.csv: a run with other settings is kept there; remove it"):
        archive.keep(build.study(), build.folder / "results", build.archive)
    assert {path: path.read_bytes() for path in build.archive.rglob("*") if path.is_file()} == before


def test_the_same_code_cannot_have_made_two_numbers(build: Build, kept: bytes) -> None:
    build.train(build.study(), "again")
    (csv,) = (build.folder / "again/runs").rglob("*.csv")
    csv.write_text(csv.read_text().replace("train,loss,2.", "train,loss,3.", 1))
    record = csv.with_suffix(".json")
    facts = json.loads(record.read_text())
    for made in facts["seeds"].values():
        del made["taken_from"]
    record.write_text(json.dumps(facts | {"sha256": files.sha256(csv)}))
    with pytest.raises(UserError, match="the same code on the same kind of processor gave other numbers"):
        archive.keep(build.study(), build.folder / "again", build.archive)


def test_a_run_that_the_study_does_not_have_is_not_kept(build: Build, kept: bytes) -> None:
    with pytest.raises(UserError, match=r"small: no run of the study has its settings"):
        archive.keep(build.study(learning_rate=0.5), build.folder / "results", build.folder / "new")


def test_the_machine_is_not_named(build: Build, kept: bytes) -> None:
    records = [json.loads(record.read_text()) for record in build.archive.rglob("*.json")]
    assert len(records) == 2
    assert not any("host" in made for record in records for made in record["seeds"].values())


def test_a_folder_that_is_not_there_and_a_build_without_runs_are_errors(build: Build, kept: bytes) -> None:
    study = build.study()
    with pytest.raises(UserError, match="found no finished run"):
        archive.keep(study, build.folder / "nothing", build.folder / "new")
    assert not (build.folder / "new").exists()
    shutil.rmtree(build.archive)
    with pytest.raises(UserError, match="training.archive: .*archive is no folder"):
        build.train(study, "again")


@pytest.mark.parametrize("record", KEPT, ids=lambda path: f"{path.parent.name}, {path.stem}")
def test_what_the_project_keeps_is_whole_and_real(record: Any) -> None:
    kept = archive.read(record)
    assert kept.provenance.data_source == "official"
    assert kept.path == archive.path_of(record.parents[1], kept.provenance.run, kept.seed)
    dataset = kept.provenance.run.partition(".")[0]
    split, images = {"mnist": ("validation", 5000), "cifar10": ("test", 10000)}[dataset]
    assert {row[2:-1] for row in kept.rows} == {("train", "loss"), (split, "accuracy"), (split, "loss")}
    if kept.made.predictions:
        assert len(kept.made.predictions) == images
        assert len(kept.made.opening) == 100
