"""Results that exist: read and not trained, and the record says which files they came from."""

import hashlib
import json
import statistics

import pytest
from tests.examples.study import Study, built

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return built(tmp_path_factory.mktemp("imported"), "imported")


def test_numbers_are_those_of_the_files(study: Study) -> None:
    told = [
        json.loads((study.folder / f"runs/large/results_{seed}.json").read_text())["results"]["arc_easy"]["acc,none"]
        for seed in range(4)
    ]
    number = study.json("numbers.json")["large.accuracy"]
    assert number["value"] == pytest.approx(statistics.fmean(told))
    # Student's t for four seeds: 3.182 standard errors.
    half = 3.1824463 * statistics.stdev(told) / 2
    assert number["high"] - number["value"] == pytest.approx(half, rel=1e-6)


def test_the_record_names_the_files_and_that_nothing_was_trained(study: Study) -> None:
    (path,) = (study.folder / "results/runs/tuned").glob("*.json")
    seeds = json.loads(path.read_text())["seeds"]
    file = study.folder / "runs" / "tuned.csv"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert [made["imported_files"] for made in seeds.values()] == [{"runs/tuned.csv": digest}] * 4
    assert {made["trainer_kind"] for made in seeds.values()} == {"import"}
    assert digest in study.run("rederive", "trace", "tuned.accuracy")


def test_a_changed_file_is_read_again_and_no_other(study: Study) -> None:
    file = study.folder / "runs" / "tuned.csv"
    file.write_text(file.read_text().replace("0,5,train,loss,", "0,5,train,loss,1"))
    planned = study.run("snakemake", "--cores", "1", "--dry-run")
    assert "Training tuned, seeds 0-1-2-3" in planned
    assert "Training large" not in planned
