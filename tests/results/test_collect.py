import json

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.results.collect import collect
from rederive.results.runs import RunTable

RUN = "seed,epoch,split,metric,value\n0,1,train,loss,0.5\n0,1,validation,accuracy,0.9\n"


@pytest.fixture
def study_json(tmp_path):
    synthetic.study(seeds=[0]).save(tmp_path / "study.json")
    return tmp_path / "study.json"


def write_run(folder, text=RUN, run="mnist/relu", seeds="0-0"):
    path = folder / "runs" / run / f"seeds_{seeds}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def collected(study_json, *paths):
    folder = study_json.parent
    collect(study_json, paths, folder / "runs.csv", folder / "runs.json", folder / "predictions.json")
    return (folder / "runs.csv").read_text(), json.loads((folder / "runs.json").read_text())


def test_the_table_names_each_value_and_keeps_its_digits(study_json):
    text = "seed,epoch,split,metric,value\n0,1,train,loss,0.30000000000000004\n"
    table, _ = collected(study_json, write_run(study_json.parent, text))
    assert table.splitlines() == [
        "dataset,experiment,seed,epoch,split,metric,value",
        "mnist,relu,0,1,train,loss,0.30000000000000004",
    ]


def test_rows_are_sorted_by_number_and_not_by_digit(study_json):
    rows = [f"{seed},{epoch},train,loss,0.5" for seed in (10, 2) for epoch in (10, 9)]
    table, _ = collected(study_json, write_run(study_json.parent, "seed,epoch,split,metric,value\n" + "\n".join(rows)))
    found = [line.split(",")[2:4] for line in table.splitlines()[1:]]
    assert found == [["2", "9"], ["2", "10"], ["10", "9"], ["10", "10"]]


def test_jobs_of_one_run_are_joined(study_json):
    first = write_run(study_json.parent)
    second = write_run(study_json.parent, RUN.replace("\n0,", "\n1,"), seeds="1-1")
    table, index = collected(study_json, first, second)
    assert len(table.splitlines()) == 5
    assert index["mnist.relu"]["seeds"] == [0, 1]
    assert sorted(index["mnist.relu"]["files"]) == ["runs/mnist/relu/seeds_0-0.csv", "runs/mnist/relu/seeds_1-1.csv"]


def test_the_index_has_what_made_a_run_but_neither_host_nor_time(study_json):
    path = write_run(study_json.parent)
    experiment = synthetic.study().experiments["mnist.relu"]
    path.with_suffix(".json").write_text(json.dumps(synthetic.provenance(experiment, [0])))
    _, index = collected(study_json, path)
    assert index["mnist.relu"]["fingerprint"] == ["cd" * 32]
    assert index["mnist.relu"]["data_checksum"] == ["ab" * 32]
    assert "should-not-appear" not in json.dumps(index)
    assert "1999" not in json.dumps(index)


def test_a_value_given_twice_is_refused(study_json):
    paths = write_run(study_json.parent), write_run(study_json.parent, seeds="0-4")
    with pytest.raises(UserError, match=r"runs/mnist/relu: two files hold seed 0, epoch 1"):
        collected(study_json, *paths)


def test_a_run_with_other_settings_is_refused(study_json):
    """Two builds in one folder: the other one's shorter run lies where this one's belongs."""
    path = write_run(study_json.parent)
    experiment = synthetic.study().experiments["mnist.relu"]
    facts = synthetic.provenance(experiment, [0]) | {"spec": experiment.spec.model_dump(mode="json") | {"epochs": 3}}
    path.with_suffix(".json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=r"seeds_0-0.csv: trained with other settings .*\(epochs 3, here 20\)"):
        collected(study_json, path)


def test_a_run_that_the_study_does_not_have_is_refused(study_json):
    with pytest.raises(UserError, match=r"mnist\.unheard_of is no run"):
        collected(study_json, write_run(study_json.parent, run="mnist/unheard_of"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed,epoch,value\n0,1,0.5\n", "found the columns seed, epoch, value; expected seed, epoch, split"),
        ("seed,epoch,split,metric,value\n0,1,train,loss\n", "line 2: found another number of fields"),
        ("seed,epoch,split,metric,value\n0,1,train,loss,fast\n", "line 2: could not convert"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(study_json, text, message):
    with pytest.raises(UserError, match=message):
        collected(study_json, write_run(study_json.parent, text))


def test_a_diverged_run_is_a_result(study_json):
    text = "seed,epoch,split,metric,value\n0,1,train,loss,nan\n0,1,validation,accuracy,0.1\n"
    collected(study_json, write_run(study_json.parent, text))
    loss = RunTable.load(study_json.parent / "runs.csv").at("mnist.relu", "training_loss", 1)
    assert str(loss) == "{0: nan}"
