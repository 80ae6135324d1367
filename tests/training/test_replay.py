"""Replays: today's code on a kept run. Wrong code must not pass, and another processor's rounding must."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import studies
from tests.specs import CNN, MLP
from typer.testing import CliRunner, Result

from rederive.cli import app
from rederive.config import Experiment, Study
from rederive.data import Dataset, load
from rederive.data.prepare import generate
from rederive.errors import UserError
from rederive.training import archive, train
from rederive.training import replay as module
from rederive.training.archive import Kept
from rederive.training.replay import Beginning, replay, rounding_effects
from writeup.mlp import MLPLearner
from writeup.standin import digits


class Build:
    """A trained study of a perceptron and a convolutional network, and its archive."""

    def __init__(self, folder: Path, data: dict[str, Path]) -> None:
        self.folder = folder
        self.archive = folder / "archive"
        self.study: Study = studies.small(
            {"mnist.small": MLP | {"trainer": "mlp"}, "cifar10.small": CNN | {"trainer": "cnn"}}, seeds=[0, 1, 2]
        )
        self.file = folder / "results/study.json"
        self.study.save(self.file)
        (folder / "results/data").symlink_to(data["mnist"].parent)
        for run in self.study.runs():
            train(self.file, run, [0, 1, 2])
        archive.keep(self.study, folder / "results", self.archive)

    def kept(self, run: str) -> list[Kept]:
        return archive.kept_under(self.archive, run)

    def begun(self, run: str) -> tuple[Experiment, str, Dataset]:
        """The run, its trainer's code and its data."""
        experiment = self.study.experiments[run]
        return (
            experiment,
            self.study.trainers[experiment.trainer].python,
            load(self.folder / "results/data" / experiment.data),
        )


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, standin: dict[str, Path]) -> Build:
    return Build(tmp_path_factory.mktemp("replay"), standin)


def rounded(kept: Kept, by: float) -> Kept:
    """The run as a processor may have made it whose sums are off by so much, relative: more with each step."""
    made = kept.made
    opening = [loss * (1 + by * (step + 1)) for step, loss in enumerate(made.opening)]
    rows = [row._replace(value=row.value * (1 + by)) for row in kept.rows]
    seeds = {kept.seed: made.model_copy(update={"opening": opening, "device": "another"})}
    return Kept(kept.path, rows, kept.provenance.model_copy(update={"seeds": seeds}))


RUNS = ["mnist.small", "cifar10.small"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("epochs", [0, 2])
def test_the_same_code_gives_the_same_bits(build: Build, run: Any, epochs: int) -> None:
    kept = build.kept(run)
    found = replay(*build.begun(run), kept[1], [kept], "today", epochs)
    assert (found.outcome, found.difference, found.seed) == ("bit for bit", 0.0, 1)
    # Three epochs of 10 or 13 batches: the run has no hundred steps.
    whole = {"mnist.small": 30, "cifar10.small": 39}[run]
    assert len(kept[1].made.opening) == whole
    assert found.steps == (whole * 2 // 3 if epochs else whole)


@pytest.mark.parametrize("run", RUNS)
def test_another_processors_rounding_is_told_as_such(build: Build, run: Any) -> None:
    kept = build.kept(run)
    found = replay(*build.begun(run), rounded(kept[0], 1e-8), [kept], "today", 1)
    assert found.outcome == "within rounding"
    assert 0 < found.difference <= found.tolerance


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "fault",
    [{"learning_rate": 1.01}, {"momentum": 0.99}, {"weight_decay": 0.1}, {"seed_offset": 1}, {"batch_size": 16}],
    ids=lambda fault: next(iter(fault)),
)
def test_wrong_code_is_different(build: Build, run: Any, fault: dict[str, Any]) -> None:
    """What a fault in the code would do, done by other settings: steps that are off by a hundredth, another draw."""
    experiment, code, data = build.begun(run)
    old = experiment.spec
    new = {key: getattr(old, key) * by if key in ("learning_rate", "momentum") else by for key, by in fault.items()}
    wrong = experiment.model_copy(update={"spec": old.model_copy(update=new)})
    kept = build.kept(run)
    assert replay(wrong, code, data, kept[0], [kept], "today", 0).outcome == "different"


def test_a_fault_after_the_first_steps_shows_in_the_epochs(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluation, say, of which the losses of the steps know nothing."""
    kept = build.kept("mnist.small")
    evaluate = MLPLearner.evaluate
    monkeypatch.setattr(MLPLearner, "evaluate", lambda self, split: (evaluate(self, split)[0] * 1.0001, self.predicted))
    found = replay(*build.begun("mnist.small"), kept[0], [kept], "today", 1)
    assert found.outcome == "different"


def without_opening(kept: Kept) -> Kept:
    seeds = {kept.seed: kept.made.model_copy(update={"opening": []})}
    return kept._replace(provenance=kept.provenance.model_copy(update={"seeds": seeds}))


def test_without_first_steps_the_spread_over_seeds_is_all_there_is(build: Build) -> None:
    kept = build.kept("mnist.small")
    begun = build.begun("mnist.small")
    old = without_opening(rounded(kept[0], 2e-7))
    found = replay(*begun, old, [kept], "today", 0)
    assert (found.outcome, found.steps, found.epochs) == ("within the spread over seeds", 0, 1)
    far = without_opening(rounded(kept[0], 3.0))
    assert replay(*begun, far, [kept], "today").outcome == "different"
    assert replay(*begun, old, [[old]], "today").outcome == "different"  # one seed has no spread


def test_what_rounding_does_grows_and_is_never_nothing(build: Build) -> None:
    again = Beginning(*build.begun("mnist.small"), 0)
    losses = again.open().openings[0]
    effects = rounding_effects(losses, again)
    assert len(effects) == len(losses)
    assert effects == sorted(effects)
    assert effects[0] >= np.finfo(np.float32).eps
    assert effects[-1] > 2 * effects[0]
    # Already the first step is one of moved parameters: where its gradient is zero, rounding gives it a sign.
    assert {again.open(nudge).openings[0][0] for nudge in range(3)} != {losses[0]}


def test_the_spread_is_that_of_all_runs_of_the_trainer(build: Build) -> None:
    """A run with one seed is held against the others' seeds; the numbers are those of an exact calculation."""
    kept = build.kept("mnist.small")
    old = without_opening(rounded(kept[0], 2e-7))
    with_others = replay(*build.begun("mnist.small"), old, [[old], kept[1:]], "today")
    assert with_others.outcome == "within the spread over seeds"
    # Three seeds: t(.995, 2) = 9.925, for the difference of two numbers that both vary.
    losses = [[row for row in one.rows if row[1:-1] == (1, "train", "loss")] for one in kept]
    values = [row.value for (row,) in losses]
    spread = float(np.std(values, ddof=1) / np.mean(values))
    only_losses = [[one._replace(rows=rows) for one, rows in zip(kept, losses, strict=True)]]
    for share, allowed in ((0.9, True), (1.1, False)):
        away = [losses[0][0]._replace(value=values[0] * (1 - share * 9.925 * 2**0.5 * spread))]
        compared = module._against_spread(losses[0], away, only_losses)
        assert compared.tolerance == pytest.approx(9.925 * 2**0.5 * spread, rel=1e-3)
        assert compared.allowed is allowed


# --- the command ----------------------------------------------------------------------------------------------


def called(build: Build, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments, "--study", str(build.file), "--from", str(build.archive)])


def test_it_says_how_equal_and_writes_it_beside_the_run(build: Build) -> None:
    done = called(build, "mnist.small", "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert "mnist.small, seed 0: the first 10 steps and 1 epoch: bit for bit" in done.output
    (written,) = archive.read_replays(build.archive / "mnist.small")
    assert written.made_by == written.replayed_by == build.kept("mnist.small")[0].made.fingerprint
    assert written.outcome == "bit for bit"


def test_a_sample_is_the_codes_own_draw(build: Build, tmp_path: Path) -> None:
    drawn = set()
    for _ in range(2):
        done = called(build, "--sample", "1", "--epochs", "0", "--output", str(tmp_path / "replays.json"))
        assert done.exit_code == 0, done.output
        (entry,) = json.loads((tmp_path / "replays.json").read_text())
        drawn.add(entry["run"])
    assert len(drawn) == 1


def test_a_difference_is_an_error(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    equal = replay(*build.begun("mnist.small"), *_first(build), "today", 0)
    different = equal.model_copy(update={"outcome": "different", "difference": 0.25, "tolerance": 0.01})
    monkeypatch.setattr(module, "replay", lambda *arguments, **options: different)
    done = called(build, "mnist.small", "--epochs", "0")
    assert done.exit_code == 1
    assert "different (relative difference 2.5e-01, where 1.0e-02 is allowed)" in done.output


def test_less_that_was_compared_later_takes_nothing_back(build: Build, tmp_path: Path) -> None:
    whole = replay(*build.begun("mnist.small"), *_first(build), "today", 1)
    steps = whole.model_copy(update={"epochs": 0})
    again, worse = (
        one.model_copy(update=update) for one, update in ((whole, {"seed": 7}), (steps, {"outcome": "different"}))
    )
    for written, kept in ((steps, steps), (whole, whole), (steps, whole), (again, again), (worse, worse)):
        archive.write_replay(tmp_path, written)
        assert archive.read_replays(tmp_path) == [kept]


def _first(build: Build) -> tuple[Kept, list[list[Kept]]]:
    kept = build.kept("mnist.small")
    return kept[0], [kept]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["mnist.nonsense"],
            "mnist.nonsense is no run of a watched trainer of the study; its runs: mnist.small, cifar10.small",
        ),
        (["mnist.small", "--seeds", "7"], "seed 7 of mnist.small is not there"),
    ],
)
def test_what_is_not_there_is_named(build: Build, arguments: list[Any], told: str) -> None:
    failed = called(build, *arguments)
    assert isinstance(failed.exception, UserError)
    assert told in str(failed.exception)


def test_other_data_are_refused(build: Build, tmp_path: Path) -> None:
    sizes = {"train": 300, "validation": 60, "test": 20}
    generate("mnist", digits, sizes, 5, tmp_path / "data/mnist")
    build.study.save(tmp_path / "study.json")
    failed = CliRunner().invoke(
        app, ["replay", "mnist.small", "--study", str(tmp_path / "study.json"), "--from", str(build.archive)]
    )
    assert "other data than mnist.small was trained on" in str(failed.exception)


def test_runs_that_kept_their_first_steps_are_drawn_before_others(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.copytree(build.archive, tmp_path / "archive"))
    for record in archive.glob("mnist.small/seed_*.json"):
        known = json.loads(record.read_text())
        for made in known["seeds"].values():
            made.pop("opening")
        record.write_text(json.dumps(known))
    for code in "abcdefgh":
        monkeypatch.setattr(module, "fingerprint", lambda entry, code=code: code)
        ((experiment, *_),) = module.to_replay(build.study, archive, [], [], 1)
        assert experiment.key == "cifar10.small"


def test_other_code_draws_another_sample(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = set()
    for code in "abcdefgh":
        monkeypatch.setattr(module, "fingerprint", lambda entry, code=code: code)
        ((experiment, *_),) = module.to_replay(build.study, build.archive, [], [], 1)
        drawn.add(experiment.key)
    assert drawn == set(RUNS)
