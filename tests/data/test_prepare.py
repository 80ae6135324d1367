"""From official files to arrays and back, and what is refused on the way."""

import json
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from rederive.data import Split, arrays, cifar10, load, mnist
from rederive.data.fetch import fetch
from rederive.data.official import COLLECTIONS
from rederive.data.prepare import prepare
from rederive.errors import UserError


def _splits(images: np.ndarray) -> dict[str, Split]:
    labels = np.arange(len(images), dtype=np.uint8) % 10
    return {"train": Split(images, labels), "test": Split(images[:2], labels[:2])}


def test_an_idx_file_is_read_in_row_major_order():
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(mnist.parse_idx(content), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08", bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), bytes([0, 0, 13, 1, 0, 0, 0, 0]), b"\x1f\x8b\x08\0"],
)
def test_what_is_no_idx_file_is_refused(content):
    with pytest.raises(ValueError, match="IDX"):
        mnist.parse_idx(content)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        cifar10.parse_batch(pickle.dumps({"data": Bomb()}))
    assert not (tmp_path / "exploded").exists()


def test_nothing_is_parsed_before_its_checksum_matched(tmp_path, monkeypatch):
    collection = COLLECTIONS["cifar10"]
    for file in collection.files:
        path = collection.path(tmp_path, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * file.size)
    monkeypatch.setattr(cifar10, "parse_batch", lambda content: pytest.fail("unpickled an unchecked file"))
    with pytest.raises(UserError, match="data_batch_1 has SHA-256"):
        prepare("cifar10", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte: no such file.*rederive fetch mnist"):
        prepare("mnist", tmp_path, tmp_path / "out")


def test_what_was_saved_is_loaded(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 32, 32), dtype=np.uint8)
    arrays.save(tmp_path, "cifar10", "standin", _splits(images))
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.train.images, images)
    assert dataset.validation is None
    assert dataset.manifest["sizes"] == {"train": 7, "test": 2}
    assert dataset.manifest["source"] == "standin"


def test_the_checksum_tells_data_sets_apart(tmp_path):
    images = np.zeros((4, 28, 28), dtype=np.uint8)
    first = arrays.save(tmp_path / "a", "mnist", "standin", _splits(images))["checksum"]
    assert arrays.save(tmp_path / "b", "mnist", "standin", _splits(images))["checksum"] == first
    images[3, 27, 27] = 1
    assert arrays.save(tmp_path / "c", "mnist", "standin", _splits(images))["checksum"] != first


@pytest.mark.parametrize("damage", ["no manifest", "no array", "too few labels", "truncated"])
def test_an_incomplete_folder_is_refused(tmp_path, damage):
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


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("official")
    for dataset in COLLECTIONS:
        fetch(dataset, folder / "files", [os.environ["REDERIVE_DATA_MIRROR"]])
        prepare(dataset, folder / "files", folder / dataset)
    return folder


@pytest.mark.mirror
@pytest.mark.skipif("REDERIVE_DATA_MIRROR" not in os.environ, reason="no mirror of the official data")
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_the_official_data_equal_torchvisions(prepared, dataset):
    from torchvision import datasets

    opened = load(prepared / dataset)
    cls = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[dataset]
    train, test = (cls(prepared / "files", train=part) for part in (True, False))
    if dataset == "mnist":
        assert opened.validation is not None
        images = np.concatenate([opened.train.images, opened.validation.images])
        labels = np.concatenate([opened.train.labels, opened.validation.labels])
        assert opened.manifest["sizes"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
    else:
        images, labels = opened.train.images.transpose(0, 2, 3, 1), opened.train.labels
        assert opened.manifest["sizes"] == {"train": 50_000, "test": 10_000}
    np.testing.assert_array_equal(images, np.asarray(train.data))
    np.testing.assert_array_equal(labels, np.asarray(train.targets))
    np.testing.assert_array_equal(opened.test.labels, np.asarray(test.targets))


@pytest.mark.mirror
@pytest.mark.skipif("REDERIVE_DATA_MIRROR" not in os.environ, reason="no mirror of the official data")
def test_prepared_data_open_in_well_under_a_second(prepared):
    start = time.perf_counter()
    dataset = load(prepared / "cifar10")
    np.array(dataset.train.images)
    assert time.perf_counter() - start < 1
    assert json.loads((prepared / "cifar10/manifest.json").read_text())["checksum"] == dataset.manifest["checksum"]
