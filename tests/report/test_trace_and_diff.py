import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.layout import Layout
from rederive.report.diff import diff
from rederive.report.trace import describe, keys


def test_a_trace_names_all_that_a_number_rests_on(built: Path) -> None:
    text = describe(Layout(built), "mnist.relu_10.accuracy")
    file = built / "runs" / "mnist.relu" / "seeds_0-1-2.csv"
    for part in (
        "mean over 3 seeds of the validation accuracy after epoch 10",
        "seeds        0, 1, 2",
        "mnist.relu, by rule train (rederive train mnist.relu)",
        "runs/mnist.relu/seeds_0-1-2.csv",
        hashlib.sha256(file.read_bytes()).hexdigest(),
        "cd" * 32,
        "ab" * 32,
        "activation relu",
        "used in      table activations",
    ):
        assert part in text, part


def test_what_is_not_known_of_a_run_has_no_line(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "other")
    index = tmp_path / "other" / "runs.json"
    runs = json.loads(index.read_text())
    runs["mnist.relu"]["data_checksum"] = [""]  # of a trainer without a data set
    index.write_text(json.dumps(runs))
    lines = [line.split() for line in describe(Layout(tmp_path / "other"), "mnist.relu.accuracy").splitlines()]
    assert ["data"] not in lines
    assert "code" in [line[0] for line in lines if line]


def test_a_trace_names_the_figures_that_show_the_curve(built: Path) -> None:
    assert "figure       mnist_activations" in describe(Layout(built), "mnist.relu.accuracy@10")


def test_the_estimate_of_a_claim_can_be_traced(built: Path) -> None:
    text = describe(Layout(built), "claims.filters_help.1")
    assert "cifar10.double_filters" in text
    assert "used in      claim 14 (filters_help)" in text


def test_a_trace_says_the_same_of_a_run_without_a_report(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "other")
    (tmp_path / "other" / "report" / "trace.json").unlink()
    with_report, without = (describe(Layout(folder), "mnist.relu.accuracy") for folder in (built, tmp_path / "other"))
    told = [line for line in with_report.splitlines() if not line.startswith("  used in")]
    assert without.splitlines() == [*told, "  used in      nothing in the report prints it"]


def test_an_unknown_key_is_answered_with_its_neighbours(built: Path) -> None:
    with pytest.raises(UserError, match=r"nearest: mnist\.relu\.accuracy@10"):
        describe(Layout(built), "mnist.relu.acuracy@10")


def test_all_keys_are_listed(built: Path) -> None:
    assert "mnist.relu.accuracy@10" in keys(Layout(built))


@pytest.fixture
def other(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "other")
    return tmp_path / "other"


def test_a_build_does_not_differ_from_its_copy(built: Path, other: Path) -> None:
    assert diff(built, other) == []


def test_what_differs_is_told_kind_by_kind(built: Path, other: Path) -> None:
    lines = (other / "runs.csv").read_text().splitlines()
    changed = [re.sub(r"^(cifar10.batch_1,.*,accuracy),.*", r"\1,0.9", line) for line in lines]
    (other / "runs.csv").write_text("\n".join(changed) + "\n")
    proof = other / "derivations" / "normalize.json"
    proof.write_text(json.dumps(json.loads(proof.read_text()) | {"domain": "Elsewhere."}))
    synthetic.conclude(other)
    synthetic.plot_build(other, ["cifar10_parameters"])
    synthetic.render_build(other)
    found = diff(built, other)
    assert "claim       single_samples_cost: holds -> does not hold" in found
    assert "derivation  normalize: domain" in found
    assert "figure      cifar10_parameters: drawn differently" in found
    assert any(
        re.match(r"number      cifar10\.batch_1\.accuracy: 0\.4\d\d -> 0\.900 \(intervals apart\)", x) for x in found
    )
    assert any(line.startswith("text        +") and "Single samples cost no accuracy" in line for line in found)


def test_a_folder_without_a_build_is_named(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="numbers.json: not found"):
        diff(built, tmp_path)
