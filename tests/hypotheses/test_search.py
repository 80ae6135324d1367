"""Training candidates: only what is asked, in rungs, kept, and taken up again. Small networks on generated images."""

import json

import numpy as np
import pytest
from tests.training.examples import CNN, MLP

from rederive.config import resolve
from rederive.data.standin import generate
from rederive.errors import UserError
from rederive.hypotheses import search
from rederive.hypotheses.model import candidate_spec
from rederive.hypotheses.ranking import ranking
from rederive.results.agreement import Comparison
from rederive.results.published import PublishedValue
from rederive.results.runs import RunTable

ROW = "cifar10.row"
RATES = {"same": 0.01, "near": 0.011, "half": 0.005, "far": 1e-6}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    generate("mnist", root / "mnist", 0, {"train": 300, "validation": 60, "test": 20})
    generate("cifar10", root / "cifar10", 0, {"train": 100, "test": 60})
    return root


def study(kept, source="official", rungs=(1, 2), **candidates):
    """One row of learning rate 0.02, and candidates with others."""
    cnn = CNN | {"batch_norm": True, "epochs": 4, "learning_rate": 0.02}
    made = {name: {"label": name, "changes": {"learning_rate": rate}} for name, rate in RATES.items()} | candidates
    made["same"] = {"label": "same", "like": "cifar10.other", "changes": {"learning_rate": 0.01}}
    return resolve(
        {
            "seeds": [0],
            "data": {"source": source},
            "experiments": {
                "mnist": {"row": MLP},
                "cifar10": {"row": cnn, "other": cnn | {"learning_rate": 0.04}},
            },
            "hypotheses": {"kept": str(kept), "rungs": list(rungs), "rows": {ROW: {"candidates": made}}},
        }
    )


def comparison(made, published, spread=0.02):
    """A curve published as given, and runs of two other networks from which the spread over seeds is measured."""
    curves = {
        (f"cifar10.spread{i}", quantity): {seed: dict.fromkeys(range(1, 5), 1 + seed * spread) for seed in (0, 1)}
        for i in range(2)
        for quantity in ("training_loss", "accuracy")
    }
    error = dict.fromkeys(published, 0.005)
    return Comparison(made, RunTable(curves), {ROW: PublishedValue(0.5, "Table 1")}, {ROW: published}, {ROW: error})


def spec_of(made):
    return candidate_spec(ROW, made.hypotheses.rows[ROW].candidates["same"], made.experiments)


def curve_of(made, data, epochs=4):
    """What the candidate `same` gives, with the seed that candidates are trained with."""
    from rederive.data import load
    from rederive.training.loop import Unwatched

    rows = search.train(spec_of(made), load(data / "cifar10"), 0, None, [], epochs, Unwatched())
    return {row.epoch: row.value for row in rows if (row.split, row.metric) == ("train", "loss")}


def infer(made, published, data, folder):
    found = comparison(made, published)
    return found, search.infer(found, lambda name: data / name, folder / "checkpoints")


def test_the_right_learning_rate_survives_and_the_others_are_dropped(tmp_path, data):
    made = study(tmp_path / "kept.json")
    found, trained = infer(made, curve_of(made, data), data, tmp_path)
    epochs = {record["spec"]["learning_rate"]: len(record["losses"]) for record in trained.records.values()}
    assert epochs[0.01] == 2
    assert epochs[1e-6] == 1
    assert sum(count == 2 for count in epochs.values()) == 2  # of four, half go on
    first = next(finding for finding in ranking(found, trained, ROW) if finding.verdict == "so_far")
    assert first.loss.rms == 0  # the same settings and seed are the same numbers
    assert first.name == "same"


def test_what_is_kept_is_not_trained_again(tmp_path, data, monkeypatch):
    made = study(tmp_path / "kept.json")
    published = curve_of(made, data)
    _, first = infer(made, published, data, tmp_path)
    monkeypatch.setattr(search, "train", lambda *arguments: pytest.fail("trained again"))
    _, second = infer(made, published, data, tmp_path)
    assert second.records == first.records == json.loads((tmp_path / "kept.json").read_text())


def test_more_epochs_go_on_from_where_it_stood(tmp_path, data):
    published = curve_of(study(tmp_path / "kept.json"), data)
    _, short = infer(study(tmp_path / "kept.json", rungs=[1]), published, data, tmp_path)
    assert {len(record["losses"]) for record in short.records.values()} == {1}
    _, long = infer(study(tmp_path / "kept.json", rungs=[1, 3]), published, data, tmp_path)
    record = next(record for record in long.records.values() if record["spec"]["learning_rate"] == 0.01)
    assert record["losses"] == [published[epoch] for epoch in (1, 2, 3)]
    assert len(record["seconds_per_epoch"]) == 3  # the first was not trained twice


def test_a_record_says_what_made_it(tmp_path, data):
    _, trained = infer(study(tmp_path / "kept.json", rungs=[1]), {1: 2.3}, data, tmp_path)
    for record in trained.records.values():
        assert record.keys() >= {"fingerprint", "data_checksum", "device", "versions", "started", "ended", "threads"}
        assert record["spec"]["epochs"] == 1


def test_where_the_curve_begins_later_all_go_on(tmp_path, data):
    made = study(tmp_path / "kept.json")
    published = {2: curve_of(made, data)[2]}
    _, trained = infer(made, published, data, tmp_path)
    assert {len(record["losses"]) for record in trained.records.values()} == {2}


def test_accuracies_without_eval_are_measured_where_a_candidate_asks(tmp_path, data):
    candidates = {
        f"no_eval_{size}": {"label": f"no eval {size}", "changes": {"learning_rate": 0.01}, "test_batch": size}
        for size in (4, 8)
    }
    made = study(tmp_path / "kept.json", rungs=[1], **candidates)
    _, trained = infer(made, curve_of(made, data), data, tmp_path)
    record = trained.find("cifar10", spec_of(made), None)
    assert set(record.facts["accuracies_in_training_mode"]) == {"4", "8"}
    assert record.accuracies(4) != record.accuracies(8) or record.accuracies(4) != record.accuracies()
    others = [record for record in trained.records.values() if record["spec"]["learning_rate"] != 0.01]
    assert all(record["accuracies_in_training_mode"] == {} for record in others)


def test_one_candidate_may_be_trained_to_its_end(tmp_path, data):
    made = study(
        tmp_path / "kept.json", rungs=[1], far={"label": "far", "changes": {"learning_rate": 1e-6}, "epochs": 4}
    )
    found, trained = infer(made, curve_of(made, data), data, tmp_path)
    (far,) = (finding for finding in ranking(found, trained, ROW) if finding.name == "far")
    assert (far.epochs, far.settled) == (4, True)
    assert np.isfinite(far.loss.mean_square)


def test_published_values_are_not_held_against_generated_images(tmp_path, data):
    made = study(tmp_path / "kept.json", source="standin")
    with pytest.raises(UserError, match=r"infer: published values .*source is standin"):
        infer(made, {1: 2.3}, data, tmp_path)


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ({"changes": {"batchsize": 4}}, r"changes: unknown batchsize; allowed: learning_rate"),
        ({"changes": {"batch_size": 0}}, r"greater than or equal to 1"),
        ({"like": "cifar10.nothing"}, r"like: found 'cifar10\.nothing', which is no experiment"),
        ({"copied_from": "cifar10.nothing"}, r"copied_from: found 'cifar10\.nothing'"),
        ({"changes": {"batch_norm": False}, "test_batch": 4}, r"test_batch: its network has no batch norm"),
        ({"like": "mnist.row", "pixels": "unit"}, r"pixels: only the convolutional networks"),
    ],
)
def test_what_is_wrong_with_a_candidate_is_said_with_its_key(tmp_path, candidate, message):
    with pytest.raises(UserError, match=rf"hypotheses\.rows\.{ROW}\.candidates\.wrong: (.|\n)*{message}"):
        study(tmp_path / "kept.json", wrong={"label": "wrong", **candidate})
