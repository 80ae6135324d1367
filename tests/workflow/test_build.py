"""What a build leaves, and what stops one."""

import json
import re
import time

import pandas as pd
import pytest
from conftest import Project

pytestmark = pytest.mark.workflow


def test_the_report_is_there_in_every_format(built: Project) -> None:
    report = built.folder / "results" / "report"
    for ending, start in {"md": b"---", "html": b"<!DOCTYPE html>", "tex": b"%", "pdf": b"%PDF-"}.items():
        assert (report / f"report.{ending}").read_bytes().startswith(start), ending


def test_one_table_holds_every_run(built: Project) -> None:
    runs = pd.read_csv(built.folder / "results" / "runs.csv")
    assert list(runs.columns) == ["dataset", "experiment", "seed", "epoch", "split", "metric", "value"]
    trained = runs.groupby(["dataset", "experiment"])["epoch"].max().to_dict()
    assert trained == {("mnist", "benchmark"): 2, ("mnist", "relu"): 2, ("cifar10", "benchmark"): 2}
    accuracy = runs[runs.metric == "accuracy"]["value"]
    assert accuracy.between(0, 1).all()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("batch_size: 64", "batch_size: 0", ["tiny.yaml", "experiments.mnist.benchmark.batch_size", "found 0"]),
        ("activation: relu", "activation: gelu", ["tiny.yaml", "mnist.relu.activation", "'gelu'", "'tanh'"]),
        ("base: benchmark, activation", "base: bench, activation", ["tiny.yaml", "mnist.relu.base", "'bench'"]),
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
    project.edit("src/rederive/autograd/ops.py", "class Sub(Op):", "class Sub(Op):\n    changed = True\n")
    text = (project.folder / "src/rederive/autograd/ops.py").read_text()
    division = text[text.index("class Div(Op)") :]
    wrong = re.sub(r"\breturn (?=.*cotangent)", "return -", division, count=1)
    assert wrong != division
    (project.folder / "src/rederive/autograd/ops.py").write_text(text.replace(division, wrong))
    for file in (project.folder / "results" / "report").iterdir():
        file.unlink()
    failed = project.snakemake("report", check=False)
    assert failed.returncode == 1
    assert "division" in failed.stdout + failed.stderr
    assert not (project.folder / "results" / "report" / "report.md").exists()


def test_the_workflow_is_read_in_a_second(built: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    (empty / "Snakefile").write_text("rule all:\n    input: []\n")

    def seconds(project: Project, *arguments: str) -> float:
        start = time.perf_counter()
        project.snakemake("--dry-run", "--quiet", *arguments)
        return time.perf_counter() - start

    (empty / "tiny.yaml").write_text("{}")
    # A bound with room for a busy machine: what it forbids is torch, data or a network at parse time.
    assert min(seconds(built) for _ in range(2)) < min(seconds(Project(empty)) for _ in range(2)) + 3


def test_torch_is_not_imported_at_parse_time(built: Project) -> None:
    (built.folder / "imported.py").write_text(
        "import sys, runpy, atexit\n"
        "atexit.register(lambda: print('IMPORTED', sorted({'torch', 'jax', 'sympy', 'matplotlib'} & set(sys.modules))))\n"
        "sys.argv = ['snakemake', '-n', '-q', '--configfile', 'tiny.yaml', '--replace-workflow-config']\n"
        "runpy.run_module('snakemake', run_name='__main__')\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "imported.py"], cwd=built.folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert "IMPORTED []" in done.stdout, done.stdout + done.stderr


def test_provenance_says_what_made_a_run(built: Project) -> None:
    (file,) = built.folder.glob("results/runs/cifar10/benchmark/seeds_0.json")
    provenance = json.loads(file.read_text())
    assert provenance["seeds"] == [0]
    assert provenance["spec"]["conv_channels"] == [2, 3]
