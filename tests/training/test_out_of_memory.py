"""What memory lacks is told as that, wherever it lacked."""

import errno
import mmap
import os
from pathlib import Path
from typing import Any

import pytest
from tests.boundary.case import call
from tests.boundary.study import new_study


def test_data_that_memory_cannot_map_are_not_called_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_study(tmp_path / "study")

    def refuse(*arguments: Any, **more: Any) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.chdir(folder)
    monkeypatch.setattr(mmap, "mmap", refuse)
    code, output = call(("train", "mnist.relu", "--seeds", "0"))
    assert code == 1
    assert "there was not enough memory; free some" in output
    assert "no prepared data set" not in output
