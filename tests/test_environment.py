"""The files that say what is installed agree with each other."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-cluster.lock"]


def pins(text: str) -> dict[str, set[str]]:
    """Return the locked versions of each package: more than one where they differ by platform."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^\W*([A-Za-z0-9_.-]+)==([^\s;\"]+)", text, flags=re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_conda_users_get_the_locked_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pins("\n".join(pip)) == pins((ROOT / "requirements.lock").read_text())
    (python,) = [entry for entry in environment["dependencies"] if str(entry).startswith("python ")]
    assert python.removeprefix("python =") >= "3.11"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 50
    assert [entry for entry in requirements if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_the_locks_agree(lock: str) -> None:
    core, more = pins((ROOT / "requirements.lock").read_text()), pins((ROOT / lock).read_text())
    assert {name: more[name] for name in core.keys() & more.keys()} == {n: core[n] for n in core.keys() & more.keys()}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = pins((ROOT / "requirements.lock").read_text())
    names = {re.match(r"[A-Za-z0-9_.-]+", line).group() for line in project["dependencies"]}
    assert names <= locked.keys()


def test_no_committed_file_names_the_host_of_a_registry() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org"]
    found = subprocess.run(
        ["git", "grep", "-lE", "|".join(map(re.escape, hosts))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""


def test_an_environment_that_is_active_elsewhere_is_left_alone() -> None:
    """uv installs into $VIRTUAL_ENV where it is set."""
    shown = subprocess.run(
        ["make", "-f", "Makefile", "-f", "-", "--silent", "shown"],
        cwd=ROOT,
        env=os.environ | {"VIRTUAL_ENV": "/elsewhere"},
        input="shown:\n\t@echo $$VIRTUAL_ENV\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str(ROOT / ".venv")
