"""Checkpoint files: what goes in comes out, and nothing else does."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from rederive.training import checkpoint

KEY = {"spec": "{}", "seeds": [0, 1]}
PROGRESS = {"epoch": 3, "batch": 17, "rows": [[0, 1, "train", "loss", float("nan")]]}
ARRAYS = {"layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "total": np.array(1.5)}


def test_what_is_written_is_read(tmp_path: Path):
    checkpoint.write(tmp_path / "a", KEY, PROGRESS, ARRAYS)
    found = checkpoint.read(tmp_path / "a", KEY)
    assert found is not None
    progress, arrays = found
    assert progress["epoch"] == 3
    assert np.isnan(progress["rows"][0][-1])
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_no_file_is_no_checkpoint(tmp_path: Path):
    assert checkpoint.read(tmp_path / "none", KEY) is None


def test_every_shortened_file_is_refused():
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    for length in range(len(content)):
        with pytest.raises(checkpoint.UnusableError):
            checkpoint.decode(content[:length], KEY)


def test_every_flipped_byte_is_refused():
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    for position in range(0, len(content), 7):
        damaged = content[:position] + bytes([content[position] ^ 0x40]) + content[position + 1 :]
        with pytest.raises(checkpoint.UnusableError):
            checkpoint.decode(damaged, KEY)


def test_another_runs_checkpoint_is_refused_by_what_differs():
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    with pytest.raises(checkpoint.UnusableError, match="differs in seeds"):
        checkpoint.decode(content, {**KEY, "seeds": [2]})


def test_objects_are_neither_written_nor_read(tmp_path: Path):
    with pytest.raises(ValueError, match="pickle"):
        checkpoint.encode(KEY, PROGRESS, {"bomb": np.array([object()])})
    (tmp_path / "pickle").write_bytes(pickle.dumps(ARRAYS))
    with pytest.raises(checkpoint.UnusableError, match="no checkpoint of this version"):
        checkpoint.read(tmp_path / "pickle", KEY)
