"""What is refused before a minute is trained."""

import shutil
from pathlib import Path

import pytest

from rederive.errors import UserError
from rederive.training import preflight
from rederive.training.cost import Cost

SMALL = Cost(parameters=1000, flops_per_image=2000, seconds=1, memory_mb=1000)


def test_what_can_be_trained_is_let_through_and_leaves_nothing(tmp_path: Path) -> None:
    preflight.refuse_hopeless("a", [tmp_path / "runs/a/seeds_0.csv"], SMALL)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_name_that_no_file_system_takes(tmp_path: Path) -> None:
    longest = tmp_path / ("n" * 240)
    preflight.refuse_hopeless("a", [longest], SMALL)
    (tmp_path / f".{longest.name}.12345678.part"[:255]).touch()  # what is written first has this name
    with pytest.raises(UserError, match=r"256 bytes .* 255 is the most; set training.seeds_per_job"):
        preflight.refuse_hopeless("a", [tmp_path / ("n" * 241)], SMALL)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(UserError, match=r"nothing can be written to .*runs/a .*nothing was trained"):
        preflight.refuse_hopeless("a", [tmp_path / "runs/a/seeds_0.csv"], SMALL)


def test_a_disk_without_room_for_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="has 5 MB left, and the run needs 21 MB"):
        preflight.refuse_hopeless("a", [tmp_path / "a.csv"], Cost(1_000_000, 1, 1, 1))


def test_a_network_larger_than_memory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a: its network has 1,000,000,000,000 parameters.*12,000.0 GB"):
        preflight.refuse_hopeless("a", [tmp_path / "a.csv"], Cost(10**12, 1, 1, 1))
