from pathlib import Path

import pytest
from tests.cluster.site import PLUGINS, StubbedSite, copy_project

CONFIG = Path(__file__).with_name("config.yaml")


@pytest.fixture(scope="session", autouse=True)
def _plugins() -> None:
    if not PLUGINS.is_dir():
        pytest.skip("the cluster plugins are not installed: make env-cluster")


@pytest.fixture
def site(tmp_path: Path) -> StubbedSite:
    return StubbedSite(copy_project(tmp_path / "project", CONFIG))
