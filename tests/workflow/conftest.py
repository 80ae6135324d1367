"""Tiny real builds."""

from pathlib import Path

import pytest
from tests.workflow.project import Project, new_project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose report has been built; tests copy it before they edit it."""
    project = new_project(tmp_path_factory.mktemp("workflow") / "built")
    project.snakemake()
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    return built.copy(tmp_path / "project")
