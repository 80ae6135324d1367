from pathlib import Path

import pytest
from tests.cluster.site import PLUGINS, StubbedSite, copy_project


@pytest.fixture(scope="session", autouse=True)
def _plugins() -> None:
    if not PLUGINS.is_dir():
        pytest.skip("the cluster plugins are not installed: make env-cluster")


@pytest.fixture
def site(tmp_path: Path) -> StubbedSite:
    return StubbedSite(copy_project(tmp_path / "project"))
