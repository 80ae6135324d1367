"""The wheel, in an environment of its own, makes a study and builds it; what comes is small, and has no PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.study import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.index]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if isinstance(command[0], Path):
        environment["PATH"] = f"{command[0].parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_study_is_made_and_built_from_the_wheel(tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    run(uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "env"))
    programs = tmp_path / "env" / "bin"
    try:
        run(uv, "pip", "install", "--quiet", "--python", str(programs / "python"), str(wheel))
    except AssertionError as error:
        if "dns error" in str(error) or "Connect" in str(error):
            pytest.skip(f"no package index is reachable: {error}")
        raise
    installed = sum(path.stat().st_size for path in (tmp_path / "env").rglob("*") if path.is_file())
    assert installed < 600e6
    assert "torch" not in {path.name for path in (tmp_path / "env").glob("lib/python*/site-packages/*")}
    run(programs / "rederive", "new", "study", cwd=tmp_path)
    run(programs / "snakemake", "--cores", "2", cwd=tmp_path / "study")
    assert (tmp_path / "study/results/report/report.pdf").read_bytes().startswith(b"%PDF-")
    assert "hidden, " in run(programs / "rederive", "trace", "hidden.accuracy", cwd=tmp_path / "study")
