"""The digits: commands and functions that train, a derivation and a figure of the study, claims of several forms."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.examples.study import ROOT, Study, built, pages

from rederive.yaml_files import read_yaml

EXAMPLE = ROOT / "examples" / "digits"


def test_there_are_five_claims_of_four_forms() -> None:
    claims = read_yaml(EXAMPLE / "report" / "claims.yaml")
    del claims["margins"]
    forms = {
        form
        for claim in claims.values()
        for test in claim["tests"]
        for form in test.keys() & {"above", "below", "within", "proved"}
    }
    assert len(claims) == 5
    assert forms == {"above", "below", "within", "proved"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return built(tmp_path_factory.mktemp("digits"), "digits", torch=True)


@pytest.mark.workflow
def test_a_command_s_numbers_are_those_of_scikit_learn(study: Study) -> None:
    datasets, metrics, svm = (pytest.importorskip(f"sklearn.{name}") for name in ("datasets", "metrics", "svm"))
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(labels))
    seen, unseen = order[:898], order[898:]
    predicted = svm.SVC(gamma=0.001).fit(images[seen], labels[seen]).predict(images[unseen])
    expected = {
        "accuracy": metrics.accuracy_score(labels[unseen], predicted),
        "f1": metrics.f1_score(labels[unseen], predicted, average="macro"),
    }
    (path,) = (study.folder / "results/runs/svm").glob("*.csv")
    found = {row["metric"]: float(row["value"]) for row in csv.DictReader(path.open()) if row["seed"] == "1"}
    # Pixels of 0 to 1 in single precision may put an image that lies on a border on the other side of it.
    assert found == pytest.approx(expected, abs=1.5 / 899)


@pytest.mark.workflow
def test_both_networks_learn_and_the_derivation_is_proved(study: Study) -> None:
    for network in ("relu", "softplus"):
        assert study.mean(network, "test", "accuracy") > 0.9  # a nearest class mean reaches 0.90
    verdicts = {name: found["verdict"] for name, found in study.json("claims.json").items()}
    assert verdicts["slope_is_the_sigmoid"] == "holds"
    assert study.json("derivations/softplus.json")["passed"]


@pytest.mark.workflow
def test_the_published_value_stands_beside_ours(study: Study) -> None:
    numbers = study.json("numbers.json")
    assert numbers["svm.published"]["value"] == 0.97
    ours = study.mean("svm", "test", "accuracy")
    assert numbers["svm.difference"]["value"] == pytest.approx(ours - 0.97)


@pytest.mark.workflow
def test_the_figure_of_the_study_shows_every_seed(study: Study) -> None:
    rows = list(csv.DictReader((study.folder / "results/figures/deals.csv").open()))
    assert len(rows) == 4 * 3
    assert "deals" in json.loads((study.folder / "results/figures/index.json").read_text())


@pytest.mark.workflow
@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="pdfinfo counts the pages")
def test_the_report_has_two_pages(study: Study) -> None:
    assert pages(Path(study.folder / "results/report/report.pdf")) == 2
