"""From official files to arrays and back, and what is refused on the way."""

import json
from pathlib import Path

import numpy as np
import pytest

from rederive.data import Split, arrays, load
from rederive.data.prepare import prepare
from rederive.errors import UserError
from writeup import cifar10, mnist


def _splits(images: np.ndarray) -> dict[str, Split]:
    labels = np.arange(len(images), dtype=np.uint8) % 10
    return {"train": Split(images, labels), "test": Split(images[:2], labels[:2])}


def test_nothing_is_parsed_before_its_checksum_matched(tmp_path: Path) -> None:
    for file, path in cifar10.FILES.paths(tmp_path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * file.size)
    with pytest.raises(UserError, match="data_batch_1 has SHA-256"):
        prepare(
            "cifar10",
            cifar10.FILES,
            lambda root: pytest.fail("unpickled an unchecked file"),
            tmp_path,
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte: no such file.*rederive fetch mnist"):
        prepare("mnist", mnist.FILES, mnist.read, tmp_path, tmp_path / "out")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 32, 32), dtype=np.uint8)
    arrays.save(tmp_path, "cifar10", "standin", _splits(images))
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.train.images, images)
    assert dataset.validation is None
    assert dataset.manifest["sizes"] == {"train": 7, "test": 2}
    assert dataset.manifest["source"] == "standin"


def test_the_checksum_tells_data_sets_apart(tmp_path: Path) -> None:
    images = np.zeros((4, 28, 28), dtype=np.uint8)
    first = arrays.save(tmp_path / "a", "mnist", "standin", _splits(images))["checksum"]
    assert arrays.save(tmp_path / "b", "mnist", "standin", _splits(images))["checksum"] == first
    images[3, 27, 27] = 1
    assert arrays.save(tmp_path / "c", "mnist", "standin", _splits(images))["checksum"] != first


@pytest.mark.parametrize("damage", ["no manifest", "no array", "too few labels", "truncated"])
def test_an_incomplete_folder_is_refused(tmp_path: Path, damage: str) -> None:
    arrays.save(tmp_path, "mnist", "standin", _splits(np.zeros((4, 28, 28), dtype=np.uint8)))
    if damage == "no manifest":
        (tmp_path / "manifest.json").unlink()
    elif damage == "no array":
        (tmp_path / "train_labels.npy").unlink()
    elif damage == "too few labels":
        np.save(tmp_path / "train_labels.npy", np.zeros(3, dtype=np.uint8))
    else:
        path = tmp_path / "train_images.npy"
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="no prepared data set"):
        load(tmp_path)


@pytest.mark.mirror
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_the_official_data_are_those_that_were_trained_on(official: dict[str, Path], dataset: str) -> None:
    """The sums of the runs that are kept: whatever reads the files, the arrays are the same."""
    archive = Path(__file__).parents[2] / "archive"
    known = {json.loads(path.read_text())["data_checksum"] for path in archive.glob(f"{dataset}.*/seed_*.json")}
    opened = load(official[dataset])
    assert known == {opened.manifest["checksum"]}
    expected = {
        "mnist": {"train": 55_000, "validation": 5_000, "test": 10_000},
        "cifar10": {"train": 50_000, "test": 10_000},
    }[dataset]
    assert opened.manifest["sizes"] == expected


def test_opened_arrays_are_maps_that_nobody_can_write(shapes: arrays.Dataset) -> None:
    for split in (shapes.train, shapes.test):
        assert isinstance(split.images, np.memmap)
        assert not split.images.flags.writeable
