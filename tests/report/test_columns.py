"""A table with named columns, as the report prints it."""

from collections.abc import Mapping

from tests import synthetic

from rederive.config import Study
from rederive.records import Number
from rederive.report.document import Document
from rederive.report.tables import Tables
from rederive.results.number_format import number


def document(study: Study, numbers: Mapping[str, Number]) -> Document:
    return Document(study, numbers, {}, {}, {}, {}, "../figures", [], synthetic.TEMPLATES / "references.bib")


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
    made = document(study, numbers)
    text = Tables(made).results("named", "A caption")
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
    assert made.used_numbers.uses["mnist.relu.accuracy"] == ["table named"]
