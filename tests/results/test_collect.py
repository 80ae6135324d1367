import json
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.collect import collect
from rederive.results.runs import RunTable

ROWS = ["0,1,train,loss,0.5", "0,1,validation,accuracy,0.9"]


class Build:
    """A study whose run mnist.he has so many epochs, and its results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, rows: list[str], name: str = "seeds_0", run: str = "mnist.he", **changes: Any) -> Path:
        seeds = sorted({int(row.split(",")[0]) for row in rows})
        self.epochs = max(int(row.split(",")[1]) for row in rows)
        self.kinds = {tuple(row.split(",")[2:4]) for row in rows}
        experiment = synthetic.study(experiments={"mnist.he": {"epochs": self.epochs}}).experiments["mnist.he"]
        return synthetic.write_run(self.folder / f"runs/{run}/{name}.csv", experiment, rows, seeds, **changes)

    def collected(self, *paths: Path) -> tuple[str, dict[str, Any]]:
        study = synthetic.study(seeds=[0], experiments={"mnist.he": {"epochs": self.epochs}})
        # Of the metrics those that the rows have, so that a test need not write all.
        metrics = {name: metric for name, metric in study.metrics.items() if metric.row("mlp") in self.kinds}
        study.model_copy(update={"metrics": metrics}).save(self.folder / "study.json")
        collect(Layout(self.folder), paths)
        return (self.folder / "runs.csv").read_text(), json.loads((self.folder / "runs.json").read_text())


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_the_table_names_each_value_and_keeps_its_digits(build: Build) -> None:
    table, _ = build.collected(build.write(["0,1,train,loss,0.30000000000000004"]))
    assert table.splitlines() == [
        "experiment,seed,epoch,split,metric,value",
        "mnist.he,0,1,train,loss,0.30000000000000004",
    ]


def test_rows_are_sorted_by_number_and_not_by_digit(build: Build) -> None:
    rows = [f"{seed},{epoch},train,loss,0.5" for seed in (10, 2) for epoch in range(1, 11)]
    table, _ = build.collected(build.write(rows, "seeds_2-10"))
    found = [tuple(map(int, line.split(",")[1:3])) for line in table.splitlines()[1:]]
    assert found == [(seed, epoch) for seed in (2, 10) for epoch in range(1, 11)]


def test_jobs_of_one_run_are_joined(build: Build) -> None:
    first = build.write(ROWS)
    second = build.write([row.replace("0,", "1,", 1) for row in ROWS], "seeds_1")
    table, index = build.collected(first, second)
    assert len(table.splitlines()) == 5
    assert index["mnist.he"]["seeds"] == [0, 1]
    assert sorted(index["mnist.he"]["files"]) == ["runs/mnist.he/seeds_0.csv", "runs/mnist.he/seeds_1.csv"]


def test_the_index_has_what_made_a_run_but_neither_host_nor_time(build: Build) -> None:
    _, index = build.collected(build.write(ROWS))
    assert index["mnist.he"]["fingerprint"] == ["cd" * 32]
    assert index["mnist.he"]["data_checksum"] == ["ab" * 32]
    assert "should-not-appear" not in json.dumps(index)
    assert "1999" not in json.dumps(index)


def test_a_value_given_twice_is_refused(build: Build) -> None:
    rows = ROWS + [row.replace("0,", "4,", 1) for row in ROWS]
    with pytest.raises(UserError, match=r"runs/mnist.he: two files hold seed 0, epoch 1"):
        build.collected(build.write(ROWS), build.write(rows, "seeds_0-4"))


def test_a_run_with_other_settings_is_refused(build: Build) -> None:
    """Two builds in one folder: the other one's run lies where this one's belongs."""
    spec = synthetic.study().experiments["mnist.he"].spec.model_dump(mode="json")
    path = build.write(ROWS, spec=spec | {"epochs": 1, "momentum": 0.5})
    with pytest.raises(UserError, match=r"seeds_0.csv: trained with other settings .*\(momentum 0.5, here 0.0\)"):
        build.collected(path)


def test_a_run_that_the_study_does_not_have_is_refused(build: Build) -> None:
    with pytest.raises(UserError, match=r"mnist\.unheard_of is no run"):
        build.collected(build.write(ROWS, run="mnist.unheard_of"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("0.9", "0.99"), "seeds_0.csv: is not the file that was written: its SHA-256"),
        (lambda text: "", "seeds_0.csv: .*line 1: found ''.* and is not the file that was written"),
    ],
)
def test_numbers_that_were_edited_are_refused(build: Build, edit: Any, message: str) -> None:
    path = build.write(ROWS)
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError, match=message):
        build.collected(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0,1,train,loss"], "line 2: not enough values"),
        (["0,1,train,loss,fast"], "line 2: could not convert"),
        (["0,1,train,loss,0.5", "0,1,train,loss,0.5"], "line 3: seed 0, epoch 1, train loss stands in line 2 already"),
        (["0,1,train,loss,0.5", "0,3,train,loss,0.5"], "line 3: seed 0, epoch 2, train loss is missing"),
        (
            ["0,1,train,loss,0.5", "1,2,train,loss,0.5", "1,1,train,loss,0.5"],
            "line 3: seed 0, epoch 2, train loss is missing",
        ),
    ],
)
def test_a_run_that_is_damaged_or_not_whole_is_named(build: Build, rows: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build.collected(build.write(rows))


def test_numbers_without_their_record_are_refused(build: Build) -> None:
    path = build.write(ROWS)
    path.with_suffix(".json").unlink()
    with pytest.raises(UserError, match=r"seeds_0.json: not the provenance of a run \(No such file"):
        build.collected(path)


EVERY = ["0,1,train,loss,0.5", "0,1,validation,accuracy,0.9", "0,1,validation,loss,0.6"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*EVERY[:1], "0,1,validation,accuracy,42.0", EVERY[2]], r"line 3: found accuracy 42.0, expected at least 0"),
        ([*EVERY[:1], "0,1,validation,accuracy,-0.1", EVERY[2]], r"line 3: found accuracy -0.1, expected at least 0"),
        ([*EVERY[:1], "0,1,validation,accuracy,nan", EVERY[2]], r"line 3: found accuracy nan, expected at least 0"),
        (["0,1,train,loss,nan", *EVERY[1:]], r"line 2: seed 0 diverged in epoch 1; its record says that it did not"),
        (["0,1,train,loss,inf", *EVERY[1:]], r"line 2: seed 0 diverged in epoch 1; its record says that it did not"),
        (EVERY + [row.replace("0,1", "0,2") for row in EVERY[:2]], r"line 7: seed 0, epoch 2, validation loss is miss"),
    ],
)
def test_what_no_training_leaves_is_named_with_its_line(build: Build, rows: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build.collected(build.write(rows))


def test_a_metric_that_a_whole_run_lacks_is_named(build: Build) -> None:
    path = build.write(EVERY[:2])
    build.kinds = {("train", "loss"), ("validation", "accuracy"), ("validation", "loss")}
    with pytest.raises(UserError, match="seeds_0.csv: .*no line has validation loss, a metric of the study"):
        build.collected(path)


def test_a_file_named_for_another_seed_is_refused(build: Build) -> None:
    with pytest.raises(UserError, match="the file is named for seed 3, its record has 0"):
        build.collected(build.write(ROWS, "seeds_3"))


def test_a_run_that_lies_in_the_folder_of_another_is_refused(build: Build) -> None:
    with pytest.raises(UserError, match=r"its record is that of mnist.benchmark"):
        path = build.write(ROWS)
        record = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(record | {"run": "mnist.benchmark"}))
        build.collected(path)


def test_a_diverged_run_is_a_result(build: Build) -> None:
    build.collected(build.write(["0,1,train,loss,nan", "0,1,validation,accuracy,0.1"], diverged=1))
    study = Study.load(build.folder / "study.json")
    loss = RunTable.load(build.folder / "runs.csv", study).at("mnist.he", "training_loss", 1)
    assert str(loss) == "{0: nan}"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("experiment,seed", "run,seed"), "found the columns run, seed.*expected experiment"),
        (lambda text: text.replace("train,loss,0.5", "train,loss"), "line 2: found value '', expected a number"),
        (lambda text: text.replace("train,loss,0.5", "train,loss,fast"), "line 2: found value 'fast'"),
        (lambda text: text.replace("he,0,1,train", "he,0.5,1,train"), "line 2: found seed '0.5'"),
        (lambda text: text.replace("train,loss,0.5", "train,loss,1,2"), "runs.csv: .*expected the columns"),
        (lambda text: text.replace("mnist.he", "mnist.she"), "found 'mnist.she', which is no experiment"),
    ],
)
def test_a_damaged_run_table_is_named_with_its_line(build: Build, edit: Any, message: str) -> None:
    build.collected(build.write(ROWS))
    table = build.folder / "runs.csv"
    table.write_text(edit(table.read_text()))
    with pytest.raises(UserError, match=message):
        RunTable.load(table, Study.load(build.folder / "study.json"))


def test_a_metric_that_no_run_has_is_refused_with_what_they_have(build: Build) -> None:
    file = build.write(ROWS)
    build.collected(file)
    study = Study.load(build.folder / "study.json")
    wrong = study.metrics["accuracy"].model_copy(update={"reads": "validation acuracy"})
    function = study.trainers["mlp"].model_copy(update={"watched": False})  # of it a record says less
    changed = {
        "metrics": study.metrics | {"accuracy": wrong},
        "trainers": study.trainers | {"mlp": function},
        "experiments": {"mnist.he": study.experiments["mnist.he"]},  # so that all runs are there
    }
    study.model_copy(update=changed).save(build.folder / "study.json")
    told = (
        r"metrics.accuracy.reads: no run has `validation acuracy`; expected one of `train loss`, `validation accuracy`"
    )
    with pytest.raises(UserError, match=told):
        collect(Layout(build.folder), [file])


def test_an_undeclared_metric_is_named_and_left_out_or_refused_where_the_study_is_strict(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    build.collected(build.write(ROWS))
    table = build.folder / "runs.csv"
    table.write_text(table.read_text().replace("train,loss", "train,f1"))
    study = Study.load(build.folder / "study.json")
    assert RunTable.load(table, study).metrics_of("mnist.he") == ["accuracy"]
    assert "`train f1` is no metric of the configuration; declared: accuracy, training_loss" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"line 2: mnist.he: `train f1` is no metric"):
        RunTable.load(table, study.model_copy(update={"strict": True}))
