"""A table with named columns, as the report prints it."""

from types import SimpleNamespace
from typing import cast

import pytest
from tests import synthetic

from rederive.report.document import Document
from rederive.report.numbers import Numbers
from rederive.report.tables import Tables
from rederive.results.number_format import number


def test_a_table_with_named_columns_is_headed_and_traced() -> None:
    table = {"name": "named", "title": "Named", "rows": ["mnist.benchmark", "mnist.relu"]}
    study = synthetic.study(
        tables=[table | {"columns": ["label", "accuracy", "training_loss", "difference", "batch_size"]}]
    )
    numbers = {
        "mnist.relu.accuracy": number(0.97, "accuracy", "a mean", low=0.96, high=0.98, n=3),
        "mnist.relu.training_loss": number(0.05, "loss", "a mean"),
        "mnist.relu.difference": number(0.01, "difference", "ours minus published"),
        "mnist.relu.batch_size": number(128, "setting", "config"),
        "mnist.benchmark.accuracy": number(0.92, "accuracy", "of one seed"),
    }
    origin = Numbers(numbers, study)
    document = SimpleNamespace(study=study, numbers=numbers, origin=origin, caption=lambda name, text: text)
    text = Tables(cast(Document, document)).results("named", "A caption")
    assert [part in text for part in (r"Accuracy $\uparrow$", r"Mean training loss $\downarrow$", "Experiment")] == [
        True
    ] * 3
    relu = next(line for line in text.splitlines() if "ReLU" in line)
    assert "0.970" in relu
    assert "0.960" in relu
    assert "+0.010" in relu
    assert "128" in relu
    benchmark = next(line for line in text.splitlines() if "Benchmark" in line)
    assert benchmark.count("–") == 3  # what these runs do not give
    assert origin.uses["mnist.relu.accuracy"] == ["table named"]


@pytest.mark.parametrize(("reproduces", "headed"), [(True, "What the write-up concludes"), (False, "Claim")])
def test_the_scorecard_of_a_study_that_reproduces_nothing_speaks_of_its_own_claims(
    reproduces: bool, headed: str
) -> None:
    study = synthetic.study()
    document = SimpleNamespace(
        study=study, origin=Numbers({}, study), reproduces=reproduces, claims_in_order=list, caption=lambda *_: ""
    )
    header = next(line for line in Tables(cast(Document, document)).scorecard("").splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in header.split("|")][2] == headed
