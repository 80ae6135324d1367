"""Checkpoint files: what goes in comes out, and nothing else does."""

import hashlib
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rederive.training import checkpoint
from rederive.training.history import Row

KEY = {"spec": "{}", "seeds": [0, 1]}
ROWS = [Row(0, 1, "train", "loss", float("nan")), Row(0, 2, "train", "loss", 0.5)]
PROGRESS = checkpoint.Progress(epoch=3, batch=17, rows=ROWS, seconds=[1.0, 2.0], this_epoch=0.5)
ARRAYS = {"layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "total": np.array(1.5)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint.write(tmp_path / "a", KEY, PROGRESS, ARRAYS)
    found = checkpoint.read(tmp_path / "a", KEY)
    assert found is not None
    progress, arrays = found
    assert (progress.epoch, progress.batch, progress.seconds) == (3, 17, [1.0, 2.0])
    assert np.isnan(progress.rows[0].value)
    assert progress.rows[1] == ROWS[1]
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    assert checkpoint.read(tmp_path / "none", KEY) is None


def test_every_shortened_file_is_refused() -> None:
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    for length in range(len(content)):
        with pytest.raises(checkpoint.UnusableError):
            checkpoint.decode(content[:length], KEY)


def test_every_flipped_byte_is_refused() -> None:
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    for position in range(0, len(content), 7):
        damaged = content[:position] + bytes([content[position] ^ 0x40]) + content[position + 1 :]
        with pytest.raises(checkpoint.UnusableError):
            checkpoint.decode(damaged, KEY)


def test_another_runs_checkpoint_is_refused_by_what_differs() -> None:
    content = checkpoint.encode(KEY, PROGRESS, ARRAYS)
    with pytest.raises(checkpoint.UnusableError, match="differs in seeds"):
        checkpoint.decode(content, {**KEY, "seeds": [2]})


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        checkpoint.encode(KEY, PROGRESS, {"bomb": np.array([object()])})
    (tmp_path / "pickle").write_bytes(pickle.dumps(ARRAYS))
    with pytest.raises(checkpoint.UnusableError, match="no checkpoint of this version"):
        checkpoint.read(tmp_path / "pickle", KEY)


def signed(about: Any, arrays: dict[str, np.ndarray] = ARRAYS) -> bytes:
    """A file whose checksum is right, whatever stands in it."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {**arrays, "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    np.savez(buffer, **named)
    body = buffer.getvalue()
    return b"%s %s\n%s" % (checkpoint.VERSION, hashlib.sha256(body).hexdigest().encode(), body)


@pytest.mark.parametrize(
    ("progress", "message"),
    [
        ({"epoch": 9999}, "it says epoch 9999, and does not hold each epoch before"),
        # More epochs than a machine can list: refused by their number, before memory is full.
        ({"epoch": 2**64}, f"it says epoch {2**64}, and does not hold each epoch before"),
        ({"epoch": 0}, "epoch: Input should be greater than"),
        ({"epoch": "soon"}, "epoch: Input should be a valid integer"),
        ({"batch": -1}, "batch"),
        ({"rows": [[0, 1, "train"]]}, "rows.0"),
        ({"rows": []}, "does not hold each epoch"),
        ({"seconds": [1.0]}, "does not hold each epoch"),
        ({"more": 1}, "more"),
    ],
)
def test_a_signed_checkpoint_that_is_not_whole_is_refused_by_what_is_wrong(
    progress: dict[str, Any], message: str
) -> None:
    told = PROGRESS.model_dump() | progress
    with pytest.raises(checkpoint.UnusableError, match=message):
        checkpoint.decode(signed({"key": KEY, "progress": told}), KEY)


@pytest.mark.parametrize("about", [{}, [], {"key": 1, "progress": {}}, {"key": KEY, "progress": 3}, "text", None])
def test_a_signed_checkpoint_of_another_form_is_refused(about: Any) -> None:
    with pytest.raises(checkpoint.UnusableError):
        checkpoint.decode(signed(about), KEY)


def test_arrays_of_another_network_are_refused_by_name() -> None:
    with pytest.raises(checkpoint.UnusableError, match="'total' is missing"):
        checkpoint.refuse_other_arrays({}, {"total": ARRAYS["total"]})
    with pytest.raises(checkpoint.UnusableError, match=r"float64 of shape \(2,\), expected float64 of shape \(\)"):
        checkpoint.refuse_other_arrays({"total": np.zeros(2)}, {"total": ARRAYS["total"]})
    checkpoint.refuse_other_arrays(ARRAYS | {"more": np.zeros(1)}, ARRAYS)
