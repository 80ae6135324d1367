"""What a build leaves, and what stops one."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow


def test_the_report_is_there_in_every_format(built: Project) -> None:
    report = built.folder / "results" / "report"
    for ending, start in {"md": b"---", "html": b"<!DOCTYPE html>", "tex": b"\\documentclass", "pdf": b"%PDF-"}.items():
        assert (report / f"report.{ending}").read_bytes().startswith(start), ending


def test_one_table_holds_every_run(built: Project) -> None:
    runs = pd.read_csv(built.folder / "results" / "runs.csv")
    assert list(runs.columns) == ["experiment", "seed", "epoch", "split", "metric", "value"]
    trained = runs.groupby("experiment")["epoch"].max().to_dict()
    assert trained == {"mnist.benchmark": 2, "mnist.relu": 2, "cifar10.benchmark": 2}
    accuracy = runs[runs.metric == "accuracy"]["value"]
    assert accuracy.between(0, 1).all()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("batch_size: 64", "batch_size: 0", ["tiny.yaml", "experiments.mnist.benchmark.batch_size", "found 0"]),
        ("activation: relu", "activation: gelu", ["tiny.yaml", "mnist.relu.activation", "'gelu'", "'tanh'"]),
        ("base: mnist.benchmark, activation", "base: bench, activation", ["tiny.yaml", "mnist.relu.base", "'bench'"]),
        ("seeds: [0]", "sedes: [0]", ["tiny.yaml", "sedes: unknown key", "'seeds'"]),
        ("epochs: 1}", "epochs: 1, epochs: 2}", ["tiny.yaml", "'epochs' is given twice"]),
    ],
)
def test_a_mistake_in_the_config_stops_the_build_at_once(
    project: Project, old: str, new: str, named: list[str]
) -> None:
    project.edit("tiny.yaml", old, new)
    failed = project.snakemake("--dry-run", check=False)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr + failed.stdout
    for fragment in named:
        assert fragment in failed.stderr + failed.stdout


def test_a_derivation_that_fails_stops_the_report(project: Project) -> None:
    # The sign of the numerator's gradient.
    project.edit("src/rederive/autograd/ops.py", "return cotangent / z", "return -cotangent / z")
    shutil.rmtree(project.folder / "results" / "report")
    failed = project.snakemake("report", "--keep-going", check=False)
    assert failed.returncode == 1
    log = (project.folder / "results/logs/verify.log").read_text()
    assert "division" in log
    assert "FAILS" in log
    assert not (project.folder / "results" / "report").exists()


def test_a_build_takes_the_runs_of_an_archive_and_is_the_same(project: Project) -> None:
    printed = project.rederive("archive").stdout
    assert "3 seeds kept in archive" in printed
    results = project.folder / "results"
    table, index = (results / "runs.csv").read_bytes(), json.loads((results / "runs.json").read_text())
    shutil.rmtree(results / "runs")
    (results / "runs.csv").unlink()
    asked = ("--config", "training={archive: archive}")
    project.snakemake("results/runs.csv", *asked)
    runs = [json.loads(path.read_text()) for path in results.glob("runs/*/*.json")]
    assert all("taken_from" in made for run in runs for made in run["seeds"].values())
    assert (results / "runs.csv").read_bytes() == table
    again = json.loads((results / "runs.json").read_text())
    assert {file for facts in again.values() for file in facts.pop("taken_from")} == {
        path.relative_to(project.folder).as_posix() for path in project.folder.glob("archive/*/seed_*.csv")
    }
    assert [facts.pop("taken_from") for facts in index.values()] == [[]] * len(index)
    assert again == index
    # What was taken is no less made: it is not trained when it could no longer be taken.
    assert "train" not in project.jobs()


def test_a_report_on_what_is_there_trains_nothing(project: Project) -> None:
    runs = project.folder / "results/runs"
    shutil.rmtree(runs / "mnist.relu")
    project.edit("src/writeup/mlp.py", "PIECE_IMAGES = 2048", "PIECE_IMAGES = 1024")
    assert project.jobs()["train"] == 2
    asked = ("--config", "report={runs: finished}")
    before = {path: path.read_bytes() for path in runs.rglob("seeds_*")}
    project.snakemake(*asked)
    assert {path: path.read_bytes() for path in runs.rglob("seeds_*")} == before
    assert set(pd.read_csv(project.folder / "results/runs.csv")["experiment"]) == {
        "mnist.benchmark",
        "cifar10.benchmark",
    }
    assert project.jobs(*asked) == {}


def test_torch_is_not_imported_at_parse_time(built: Project) -> None:
    (built.folder / "imported.py").write_text(
        "import sys, runpy, atexit\n"
        "slow = {'torch', 'jax', 'sympy', 'matplotlib'}\n"
        "atexit.register(lambda: print('IMPORTED', sorted(slow & set(sys.modules))))\n"
        "sys.argv = ['snakemake', '-n', '-q', '--configfile', 'tiny.yaml', '--replace-workflow-config']\n"
        "runpy.run_module('snakemake', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "imported.py"], cwd=built.folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert "IMPORTED []" in done.stdout, done.stdout + done.stderr


def test_provenance_says_what_made_a_run(built: Project) -> None:
    (file,) = built.folder.glob("results/runs/cifar10.benchmark/seeds_0.json")
    provenance = json.loads(file.read_text())
    assert provenance["seeds"].keys() == {"0"}
    assert provenance["spec"]["conv_channels"] == [2, 3]
