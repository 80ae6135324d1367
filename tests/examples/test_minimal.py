"""What `rederive new` writes builds at once, without PyTorch."""

import shutil
from pathlib import Path

import pytest
from tests.examples.study import Study, built

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return built(tmp_path_factory.mktemp("minimal"), "minimal")


def test_the_report_is_there_in_every_format(study: Study) -> None:
    report = study.folder / "results" / "report"
    for ending, start in {"md": b"---", "html": b"<!DOCTYPE html>", "tex": b"\\documentclass", "pdf": b"%PDF-"}.items():
        assert (report / f"report.{ending}").read_bytes().startswith(start), ending


def test_its_numbers_are_those_of_its_runs(study: Study) -> None:
    numbers = study.json("numbers.json")
    for experiment in ("linear", "hidden"):
        assert numbers[f"{experiment}.accuracy"]["value"] == pytest.approx(study.mean(experiment, "test", "accuracy"))
    # A straight line cannot part two interleaved half-moons; with little noise a curved one can nearly.
    assert study.mean("linear", "test", "accuracy") < 0.91 < study.mean("hidden", "test", "accuracy")
    assert study.json("claims.json")["hidden_layer_helps"]["verdict"] == "holds"


def test_a_metric_of_the_test_split_is_called_so(study: Study) -> None:
    assert "mean over 3 seeds of the test accuracy after epoch 20" in study.run("rederive", "trace", "hidden.accuracy")


def test_nothing_is_left_to_do_and_nothing_lies_elsewhere(study: Study) -> None:
    assert "Nothing to be done" in study.run("snakemake", "--cores", "1")
    there = {path.name for path in study.folder.iterdir()}
    source = {path.name for path in (Path(__file__).parents[2] / "examples" / "minimal").iterdir()}
    assert there == source | {"results", ".snakemake"}


def test_a_second_report_on_kept_runs_collects_nothing_again(study: Study) -> None:
    options = ("--config", "training={archive: archive}", "report={runs: finished}")
    asked = ("snakemake", "--cores", "1", "results/runs.csv", *options)
    study.run("rederive", "archive", "archive")
    shutil.rmtree(study.folder / "results/runs")
    assert "collect" in study.run(*asked)
    assert len(list(study.folder.glob("results/runs/*/*.csv"))) == 6
    assert "Nothing to be done" in study.run(*asked)
    edited = study.folder / "results/runs/linear/seeds_0.json"
    edited.write_text(edited.read_text() + "\n")
    assert "collect" in study.run(*asked, "--dry-run")
