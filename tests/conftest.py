"""Builds that several tests look at, made once."""

from pathlib import Path

import pytest
from tests import synthetic


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of config.yaml with three seeds of invented runs, up to HTML and LaTeX. Tests leave it as it is."""
    folder = synthetic.whole_build(tmp_path_factory.mktemp("built"), synthetic.study(seeds=[0, 1, 2]))
    for suffix in ("html", "tex"):
        synthetic.convert_build(folder, suffix)
    return folder
