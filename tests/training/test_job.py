"""Training jobs as processes: what they write, and that being killed changes none of it."""

import csv
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests import studies
from tests.specs import CNN, MLP, mlp_spec
from typer.testing import CliRunner, Result

from rederive.cli import app
from rederive.cli.training import listed
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.training import checkpoint, train
from rederive.training.keeper import RETRY_EXIT_CODE, Keeper, StopRequest
from rederive.training.loop import fit
from rederive.training.status import jobs
from writeup.mlp import MLPLearner

START = checkpoint.Progress(rows=[], epoch=1, batch=0, seconds=[], this_epoch=0.0)
PROGRAM = """
import sys
limit = int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from rederive.training import train
study, run = sys.argv[1:3]
train(study, run, [0])
"""


class Process:
    """A training job in a process of its own, whose lines can be waited for."""

    def __init__(self, study: Path, run: str, largest_file: int = 0) -> None:
        arguments = [str(study), run, str(largest_file)]
        self.popen = subprocess.Popen(
            [sys.executable, "-u", "-c", PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, part: str) -> bool:
        """Read lines until one has `part` in it; False when the process ended without."""
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line)
            if part in line:
                return True
        return False

    def finish(self) -> int:
        self.read_until("no line has this in it")
        return self.popen.wait(60)

    def kill(self, number: int) -> int:
        self.popen.send_signal(number)
        return self.finish()

    @property
    def output(self) -> str:
        return "".join(self.lines)


def _placed(study: Path, standin: dict[str, Path], out: Path) -> Path:
    """Return a copy of the study in a results folder that has the data."""
    if not out.joinpath("study.json").exists():
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(study, out / "study.json")
        (out / "data").symlink_to(standin["mnist"].parent)
    return out / "study.json"


def _run(study: Path, run: str, standin: dict[str, Path], out: Path, **options: int) -> Process:
    return Process(_placed(study, standin, out), run, **options)


def _result(out: Path, run: str) -> tuple[str, list[float], str]:
    """Return the run's rows, its opening and its predictions."""
    provenance = json.loads((out / "runs" / run / "seeds_0.json").read_text())
    opening, predictions = (provenance["seeds"]["0"][part] for part in ("opening", "predictions"))
    assert len(opening) == 100
    assert len(predictions) == 60
    return (out / "runs" / run / "seeds_0.csv").read_text(), opening, predictions


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, study: Path, standin: dict[str, Path]) -> Any:
    """What a run comes to when nobody disturbs it."""

    @cache
    def result(run: str) -> tuple[str, list[float], str]:
        out = tmp_path_factory.mktemp("undisturbed")
        process = _run(study, run, standin, out)
        assert process.finish() == 0, process.output
        return _result(out, run)

    return result


@pytest.mark.parametrize("run", ["mnist.long", "cifar10.long"])
def test_killed_at_random_moments_it_ends_bit_for_bit_where_it_would_have(
    tmp_path: Path, study: Path, standin: dict[str, Path], undisturbed: Any, run: str
) -> None:
    chance = random.Random(0)
    out = tmp_path / "killed"
    kills, went_on = 0, False
    process = _run(study, run, standin, out)
    while kills < 4 and process.read_until(": epoch "):
        time.sleep(chance.uniform(0, 0.1))  # an idle machine needs no half second for all that is to come
        if process.kill(signal.SIGKILL) == 0:
            break  # it was done before the signal came
        kills += 1
        # Killed at the very end a job may have written its results; Snakemake removes what a failed job leaves.
        shutil.rmtree(out / "runs", ignore_errors=True)
        process = _run(study, run, standin, out)
    else:
        assert process.finish() == 0, process.output
        went_on = "going on from epoch" in process.output
    assert kills >= 1
    assert went_on or kills < 4
    assert _result(out, run) == undisturbed(run)
    assert not list((out / "checkpoints").rglob("*.checkpoint"))


@pytest.mark.parametrize("run", ["mnist.long", "cifar10.long"])
def test_told_to_stop_it_saves_within_the_epoch_and_asks_for_a_retry(
    tmp_path: Path, study: Path, standin: dict[str, Path], undisturbed: Any, run: str
) -> None:
    out = tmp_path / "stopped"
    process = _run(study, run, standin, out)
    assert process.read_until(": epoch 2/"), process.output
    assert process.kill(signal.SIGTERM) == RETRY_EXIT_CODE, process.output
    assert "a new start goes on from there" in process.output
    again = _run(study, run, standin, out)
    assert again.finish() == 0, again.output
    assert _result(out, run) == undisturbed(run)
    provenance = json.loads((out / "runs" / run / "seeds_0.json").read_text())
    assert provenance["seeds"]["0"]["restored_from_epoch"] >= 2
    assert len(provenance["seeds"]["0"]["seconds_per_epoch"]) == 30


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "another run's"])
def test_a_checkpoint_that_is_no_use_is_named_and_ignored(
    tmp_path: Path, study: Path, standin: dict[str, Path], undisturbed: Any, damage: str
) -> None:
    out = tmp_path / "damaged"
    process = _run(study, "mnist.long", standin, out)
    assert process.read_until(": epoch 3/")
    process.kill(signal.SIGKILL)
    (path,) = (out / "checkpoints").rglob("*.checkpoint")
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "one bit":
        path.write_bytes(content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        checkpoint.write(path, {"spec": "{}"}, START, {})
    again = _run(study, "mnist.long", standin, out)
    assert again.finish() == 0, again.output
    assert f"the checkpoint {path} is not used" in again.output
    assert _result(out, "mnist.long") == undisturbed("mnist.long")


def test_a_full_disk_costs_checkpoints_but_not_the_run(
    tmp_path: Path, study: Path, standin: dict[str, Path], undisturbed: Any
) -> None:
    # 2,000 bytes hold the status but neither a checkpoint nor the results: the job computes all, and cannot keep it.
    process = _run(study, "mnist.long", standin, tmp_path / "full", largest_file=2000)
    assert process.finish() != 0
    assert "no checkpoint could be written" in process.output
    assert "epoch 30/30" in process.output
    assert "make room and run again" in process.output
    assert "is kept in" not in process.output
    assert "the checkpoint of its end could not be written, either" in process.output
    assert not list((tmp_path / "full").rglob("*.part"))
    # With room for checkpoints, and for the first time none for the results, nothing is computed twice.
    out = tmp_path / "nearly full"
    rows = out / "runs/mnist.long/seeds_0.csv"
    rows.mkdir(parents=True)  # nothing can be put in the place of a folder
    process = _run(study, "mnist.long", standin, out)
    assert process.finish() != 0
    assert f"its checkpoint is kept in {out / 'checkpoints/mnist.long'}" in process.output
    rows.rmdir()
    again = _run(study, "mnist.long", standin, out)
    assert again.finish() == 0, again.output
    assert "going on from epoch 31" in again.output
    assert _result(out, "mnist.long") == undisturbed("mnist.long")


def test_the_code_the_data_and_the_spec_are_part_of_a_checkpoints_name(
    tmp_path: Path, study: Path, standin: dict[str, Path]
) -> None:
    process = _run(study, "mnist.long", standin, tmp_path)
    assert process.read_until(": epoch 2/")
    process.kill(signal.SIGKILL)
    (path,) = (tmp_path / "checkpoints").rglob("*.checkpoint")
    with pytest.raises(checkpoint.UnusableError, match="differs in fingerprint, data_checksum, seeds"):
        checkpoint.read(path, {"fingerprint": "other", "data_checksum": "other", "seeds": [1], "threads": 1})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_the_log_stops_nothing(tmp_path: Path, digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper("mnist.small", tmp_path, {}, [0], 10.0, StopRequest())
    with Path("/dev/null").open("w") as silent:
        monkeypatch.setattr(sys, "stdout", open("/dev/full", "w"))  # noqa: SIM115  closing it fails, too
        rows = fit(MLPLearner(mlp_spec(epochs=2), digits, 0), 2, keeper).rows
        os.dup2(silent.fileno(), sys.stdout.fileno())  # what it still holds goes there
    assert {row.epoch for row in rows} == {1, 2}


# --- in this process ------------------------------------------------------------------------------------------


def _rows(out: Path, run: str, seeds: list[int]) -> Path:
    return Layout(out).run(run, seeds)


def _train(study: Path, run: str, standin: dict[str, Path], out: Path, seeds: list[int]) -> list[dict[str, str]]:
    train(_placed(study, standin, out), run, seeds)
    with _rows(out, run, seeds).open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("run", ["mnist.small", "mnist.dropout", "cifar10.small", "cifar10.dropout"])
def test_every_epoch_is_recorded_for_every_seed(
    tmp_path: Path, study: Path, standin: dict[str, Path], run: str
) -> None:
    rows = _train(study, run, standin, tmp_path, [1, 0])
    held_out = "validation" if run.startswith("mnist") else "test"
    expected = [("train", "loss"), (held_out, "accuracy"), (held_out, "loss")]
    found = [(int(row["seed"]), int(row["epoch"]), row["split"], row["metric"]) for row in rows]
    assert found == sorted((seed, epoch, *kind) for seed in (0, 1) for epoch in (1, 2, 3) for kind in expected)
    assert all(math.isfinite(float(row["value"])) for row in rows)
    provenance = json.loads((tmp_path / "runs" / run / "seeds_1-0.json").read_text())
    assert provenance["seeds"].keys() == {"0", "1"}
    assert not any("diverged" in made for made in provenance["seeds"].values())
    assert provenance["data_source"] == "standin"
    assert not [path for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()]


def test_divergence_is_a_result_with_its_epoch(tmp_path: Path, study: Path, standin: dict[str, Path]) -> None:
    rows = _train(study, "mnist.lost", standin, tmp_path, [0])
    losses = [float(row["value"]) for row in rows if (row["split"], row["metric"]) == ("train", "loss")]
    assert len(losses) == 3
    assert not math.isfinite(losses[-1])
    made = json.loads((tmp_path / "runs/mnist.lost/seeds_0.json").read_text())["seeds"]["0"]
    assert made["diverged"] == 1 + [math.isfinite(loss) for loss in losses].index(False)
    assert made["opening"][-1] == "NaN"


def test_equal_runs_write_equal_bytes(tmp_path: Path, study: Path, standin: dict[str, Path]) -> None:
    for name in ("a", "b"):
        _train(study, "cifar10.small", standin, tmp_path / name, [0])
    a, b = (_rows(tmp_path / name, "cifar10.small", [0]).read_bytes() for name in "ab")
    assert a == b


def test_an_error_before_the_first_step_is_told_in_the_status(tmp_path: Path, standin: dict[str, Path]) -> None:
    impossible = studies.small({"deep": CNN | {"trainer": "cnn", "conv_channels": [2] * 6}})
    impossible.save(tmp_path / "impossible.json")
    with pytest.raises(UserError, match="leave nothing of an image"):
        train(_placed(tmp_path / "impossible.json", standin, tmp_path), "deep", [0])
    (job,) = jobs(impossible, Layout(tmp_path))
    assert job.state == "failed"
    assert "leave nothing of an image" in job.error


def test_seeds_by_hand_are_the_jobs_of_the_study(tmp_path: Path, standin: dict[str, Path]) -> None:
    settings = {"seeds": [0, 1, 2], "training": {"seeds_per_job": 2}}
    study = studies.small({"small": MLP | {"trainer": "mlp"}}, **settings)
    study.save(tmp_path / "study.json")
    (tmp_path / "data").symlink_to(standin["mnist"].parent)

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["train", "small", "--study", str(tmp_path / "study.json"), *arguments])

    for wrong in ("0-1-2", "2-0", "0,,1", "a"):
        failed = called("--seeds", wrong)
        assert isinstance(failed.exception, UserError)
        assert f"found {wrong!r}, expected numbers and ranges, as in 0,2 or 0-4" in str(failed.exception)
    assert not (tmp_path / "runs").exists()
    assert called().exit_code == 0
    assert sorted(tmp_path.rglob("*.csv")) == study.run_files(Layout(tmp_path))


@pytest.mark.parametrize(("text", "seeds"), [("0-2", [0, 1, 2]), ("0,2", [0, 2]), ("7", [7]), ("0-1,4", [0, 1, 4])])
def test_a_range_of_seeds_has_all_between_its_ends(text: str, seeds: list[Any]) -> None:
    assert listed(text) == seeds


def test_what_cannot_be_trained_is_refused(tmp_path: Path, study: Path, standin: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"mnist.nonsense is no run of this study; its runs: mnist.small"):
        _train(study, "mnist.nonsense", standin, tmp_path, [0])
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    shutil.copy(study, other / "study.json")
    (other / "data/mnist").symlink_to(standin["cifar10"])
    with pytest.raises(UserError, match="found cifar10 data; mnist.small trains on mnist"):
        train(other / "study.json", "mnist.small", [0])


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error_of_its_own(tmp_path: Path, study: Path, standin: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="device cuda: PyTorch finds no GPU"):
        train(_placed(study, standin, tmp_path), "mnist.small", [0], device="cuda")


def test_mnist_trains_without_pytorch(tmp_path: Path, study: Path, standin: dict[str, Path]) -> None:
    program = PROGRAM + "\nassert not {'torch', 'matplotlib', 'pandas', 'scipy', 'snakemake'} & set(sys.modules)"
    arguments = [str(_placed(study, standin, tmp_path)), "mnist.small", "0"]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, env=os.environ, stdout=subprocess.DEVNULL)
