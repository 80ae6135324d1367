"""Builds and data that several tests look at, made once."""

import os
from pathlib import Path

import pytest
from tests import studies, synthetic
from tests.shared import made_once

from rederive.config import Study
from rederive.data import Dataset, load
from rederive.data.fetch import fetch
from rederive.data.prepare import generate, prepare
from writeup import cifar10, mnist
from writeup import standin as made

SIZES = {"mnist": {"train": 300, "validation": 60, "test": 20}, "cifar10": {"train": 100, "test": 60}}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of config.yaml with three seeds of invented runs, up to HTML and LaTeX. Tests leave it as it is."""

    def make(folder: Path) -> None:
        synthetic.whole_build(folder, synthetic.study(seeds=[0, 1, 2]))
        for suffix in ("html", "tex"):
            synthetic.convert_build(folder, suffix)

    return made_once(tmp_path_factory, "built", make)


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of small stand-in data."""
    root = tmp_path_factory.mktemp("standin")
    for dataset, draw in {"mnist": made.digits, "cifar10": made.shapes}.items():
        generate(dataset, draw, SIZES[dataset], 0, root / dataset)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def digits(standin: dict[str, Path]) -> Dataset:
    return load(standin["mnist"])


@pytest.fixture(scope="session")
def shapes(standin: dict[str, Path]) -> Dataset:
    return load(standin["cifar10"])


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the official data, from the mirror that the environment names."""
    if "REDERIVE_DATA_MIRROR" not in os.environ:
        pytest.skip("no mirror of the official data")

    def make(root: Path) -> None:
        for dataset, code in {"mnist": mnist, "cifar10": cifar10}.items():
            fetch(dataset, code.FILES, root / "files", [])
            prepare(dataset, code.FILES, code.read, root / "files", root / dataset)

    root = made_once(tmp_path_factory, "official", make)
    return {dataset: root / dataset for dataset in SIZES}


@pytest.fixture(scope="session")
def configured() -> Study:
    """The study of the project's own config.yaml."""
    return studies.configured()
