"""Tiny real builds."""

from pathlib import Path

import pytest
from tests.shared import made_once
from tests.workflow.project import Project, new_project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose report has been built; tests copy it before they edit it."""
    folder = made_once(tmp_path_factory, "workflow", lambda folder: new_project(folder / "built").snakemake())
    return Project(folder / "built")


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    return built.copy(tmp_path / "project")
