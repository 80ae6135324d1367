"""The image that the Dockerfile describes, without a container engine: what it copies, and how the workflow uses it."""

import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch

import pytest
from tests.cluster.site import StubbedSite
from tests.workflow.project import ROOT

pytestmark = pytest.mark.cluster

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, flags=re.MULTILINE) for name in line.split()]
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignore[0] == "*", "only what is named goes into the image"
    assert {"requirements.lock", "src"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists()
        assert any(fnmatch(name, pattern.removeprefix("!")) for pattern in ignore if pattern.startswith("!")), name


def test_its_python_is_one_that_the_package_supports_and_conda_users_have() -> None:
    (version,) = re.findall(r"^FROM python:(\d+\.\d+)-", DOCKERFILE, flags=re.MULTILINE)
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, version.split("."))) >= tuple(map(int, requires.split(".")))
    assert f"- python ={version}" in (ROOT / "environment.yml").read_text()


def test_hadolint_finds_nothing() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_apptainer_sites_run_the_steps_in_the_image(site: StubbedSite) -> None:
    run = "results/runs/mnist.relu/seeds_0-1.csv"
    site.submitted("--sdm", "apptainer", "--apptainer-args=--nv", "--", run, outcomes=["COMPLETED"])
    (call,) = [call for call in site.calls() if call[:2] == ["apptainer", "exec"] and "rederive train" in call[-1]]
    assert call[2:4] == ["--home", str(site.folder)]
    assert "--nv" in call
    assert call[-4] == "rederive.sif"
    assert (site.folder / run).stat().st_size > 0
