"""A sample of the matrix of faults; all of it: `python -m tests.faults`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.__main__ import NOTHING, cells
from tests.faults.faults import FAULTS, Fault
from tests.faults.stages import STAGES, contents, study

PAIRS = [(stage, fault) for stage in STAGES for fault in [*FAULTS, NOTHING]]
SAMPLE = PAIRS[::11]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study(tmp_path_factory.mktemp("faults") / "study")


@pytest.mark.parametrize(("stage", "fault"), SAMPLE, ids=[f"{stage}: {f.kind}, {f.moment}" for stage, f in SAMPLE])
def test_a_build_goes_on_after_a_fault(undisturbed: Path, tmp_path: Path, stage: str, fault: Fault) -> None:
    (cell,) = cells(undisturbed, tmp_path, [stage], [fault])
    assert not cell.wrong, cell


def test_the_sample_is_of_all_kinds_and_stages() -> None:
    assert {stage for stage, _ in SAMPLE} == STAGES.keys()
    assert {fault.kind for _, fault in SAMPLE} == {fault.kind for fault in [*FAULTS, NOTHING]}


def test_a_difference_would_be_seen(undisturbed: Path) -> None:
    """The build has what a cell compares: files of every stage."""
    found = contents(undisturbed)
    for name in ("resources/raw/images", "results/data/mnist/train_images.npy", "results/derivations/division.json"):
        assert name in found
    for name in ("runs/mnist.relu/seeds_0-1.csv", "runs.csv", "figures/index.json", "report/report.html", "pack.zip"):
        assert f"results/{name}" in found


def test_the_undisturbed_build_is_audited_and_trained_again(undisturbed: Path, tmp_path: Path) -> None:
    arguments = [
        "--trust-code",
        "--trust-proofs",
        "--replay",
        "1",
        "--retrain",
        "mnist.relu",
        "--json",
        str(tmp_path / "a"),
    ]
    command = [sys.executable, "-m", "rederive", "audit", str(undisturbed / "results/pack.zip"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = json.loads((tmp_path / "a").read_text())["checks"]
    assert checks["trainings trained again as a whole"] == "2: 2 bit for bit"
