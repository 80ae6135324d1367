"""Training candidates: only what is asked, in rungs, kept, and taken up again. Small networks on generated images."""

from pathlib import Path
from typing import Any

import pytest
from tests import studies
from tests.specs import CNN

from rederive.config import Study
from rederive.data import load
from rederive.data.prepare import generate
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.agreement import Comparison
from rederive.results.hypotheses.ranking import ranking
from rederive.results.hypotheses.trained import Trained
from rederive.results.published import PublishedValue
from rederive.results.runs import Curve, RunTable
from rederive.training import infer
from rederive.training.loop import Unwatched
from writeup.cnn import CNNLearner, train
from writeup.settings import CNNSettings, VariantSettings
from writeup.standin import shapes
from writeup.variants import VariantLearner

ROW, LOSS = "row", "training_loss"
RATES = {"same": 0.01, "near": 0.011, "half": 0.005, "far": 1e-6}
SPEC = CNN | {"batch_norm": True, "epochs": 4, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    generate("cifar10", shapes, {"train": 100, "test": 60}, 0, root / "data" / "cifar10")
    return root


def study(kept: Path, rungs: tuple[int, ...] = (1, 2), source: str = "official", **candidates: Any) -> Study:
    """One row of learning rate 0.02, and candidates with others."""
    made = {name: {"label": name, "changes": {"learning_rate": rate}} for name, rate in RATES.items()} | candidates
    made["same"] = {"label": "same", "like": "other", "changes": {"learning_rate": 0.01}}
    experiment = SPEC | {"trainer": "cnn"}
    return studies.small(
        {ROW: experiment, "other": experiment | {"learning_rate": 0.04}},
        # Its checksum is no official one: anything counts that was trained on the data at hand.
        data={"source": source, "sets": {"cifar10": {"files": None}}},
        hypotheses={"kept": str(kept), "rungs": list(rungs), "rows": {ROW: {"candidates": made}}},
    )


def comparison(made: Study, published: Curve, spread: float = 0.02) -> Comparison:
    """A curve published as given, and a run with two seeds from which the spread is measured."""
    seeds = {seed: dict.fromkeys(range(1, 5), 1 + seed * spread) for seed in (0, 1)}
    runs = RunTable({("other", LOSS): seeds, ("other", "accuracy"): seeds}, made.metrics)
    error = dict.fromkeys(published, 0.005)
    return Comparison(made, runs, {ROW: PublishedValue(0.5, "Table 1")}, {(ROW, LOSS): published}, {(ROW, LOSS): error})


@pytest.fixture(scope="module")
def truth(data: Path) -> Curve:
    """What the candidate `same` gives, with the seed that candidates are trained with."""
    spec = CNNSettings.model_validate(SPEC | {"learning_rate": 0.01})
    (trained,) = train(spec, load(data / "data" / "cifar10"), [0], "cpu", lambda seeds: Unwatched())
    return {row.epoch: row.value for row in trained.rows if (row.split, row.metric) == ("train", "loss")}


def inferred(made: Study, published: Curve, data: Path, folder: Path) -> tuple[Comparison, Trained]:
    layout = Layout(folder)
    if not (folder / "data").exists():
        (folder / "data").symlink_to(data / "data")
    found = comparison(made, published)
    return found, infer.infer(found, layout)


def epochs(trained: Trained) -> dict[float, int]:
    """How long each learning rate was trained."""
    specs = [kept.provenance.spec for kept in trained.kept]
    return {spec["learning_rate"]: spec["epochs"] for spec in specs}


def test_the_right_learning_rate_survives_and_the_others_are_dropped(tmp_path: Path, data: Path, truth: Curve) -> None:
    found, trained = inferred(study(tmp_path / "kept"), truth, data, tmp_path)
    assert epochs(trained)[0.01] == 2
    assert epochs(trained)[1e-6] == 1
    assert sum(count == 2 for count in epochs(trained).values()) == 2  # of four, half go on
    first = next(finding for finding in ranking(found, trained, ROW) if finding.verdict == "so_far")
    assert first.name == "same"
    assert first.curve is not None
    assert first.curve.rms == 0  # the same settings and seed are the same numbers


def test_what_is_kept_is_not_trained_again(
    tmp_path: Path, data: Path, truth: Curve, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = inferred(study(tmp_path / "kept"), truth, data, tmp_path)
    monkeypatch.setattr(infer, "train_seeds", lambda *arguments: pytest.fail("trained again"))
    _, second = inferred(study(tmp_path / "kept"), truth, data, tmp_path)
    assert second.kept == first.kept


def test_more_epochs_go_on_from_where_it_stood(tmp_path: Path, data: Path, truth: Curve) -> None:
    _, short = inferred(study(tmp_path / "kept", (1,)), truth, data, tmp_path)
    assert set(epochs(short).values()) == {1}
    _, long = inferred(study(tmp_path / "kept", (1, 3)), truth, data, tmp_path)
    (kept,) = (kept for kept in long.kept if kept.provenance.spec["learning_rate"] == 0.01)
    losses = [row.value for row in kept.rows if (row.split, row.metric) == ("train", "loss")]
    assert losses == [truth[epoch] for epoch in (1, 2, 3)]
    assert (kept.made.restored_from_epoch, len(kept.made.seconds_per_epoch)) == (1, 3)


def test_where_the_curve_begins_later_all_go_on(tmp_path: Path, data: Path, truth: Curve) -> None:
    _, trained = inferred(study(tmp_path / "kept"), {2: truth[2]}, data, tmp_path)
    assert set(epochs(trained).values()) == {2}


def test_one_candidate_may_be_trained_to_its_end(tmp_path: Path, data: Path, truth: Curve) -> None:
    far = {"label": "far", "changes": {"learning_rate": 1e-6}, "epochs": 4}
    found, trained = inferred(study(tmp_path / "kept", (1,), far=far), truth, data, tmp_path)
    (finding,) = (finding for finding in ranking(found, trained, ROW) if finding.name == "far")
    assert (finding.epochs, finding.settled) == (4, True)


def test_published_values_are_not_held_against_generated_images(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UserError, match=r"infer: published values .*source is standin"):
        inferred(study(tmp_path / "kept", source="standin"), {1: 2.3}, data, tmp_path)


def test_a_row_without_candidates_is_named(tmp_path: Path) -> None:
    found = comparison(study(tmp_path / "kept"), {1: 2.3})
    with pytest.raises(UserError, match=r"no candidates for rwo; the rows of hypotheses: row"):
        infer.infer(found, Layout(tmp_path), ["rwo"])


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ({"changes": {"batchsize": 4}}, "batchsize: Extra inputs are not permitted"),
        ({"changes": {"batch_size": 0}}, "batch_size: Input should be greater than or equal to 1"),
        ({"like": "nothing"}, "found 'nothing', which is no experiment"),
        ({"copied_from": "nothing"}, "found 'nothing', which is no experiment"),
        ({"trainer": "cnm"}, "found 'cnm', which is no trainer; known: cnn, cnn_variant"),
        ({"trainer": "cnn_variant", "changes": {"batch_norm": False, "test_batch": 4}}, "only batch norm"),
    ],
)
def test_what_is_wrong_with_a_candidate_is_said_with_its_key(
    tmp_path: Path, candidate: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=rf"hypotheses\.rows\.{ROW}\.candidates\.wrong(.|\n)*{message}"):
        study(tmp_path / "kept", wrong={"label": "wrong", **candidate})


def variant(data: Path, **changes: Any) -> VariantLearner:
    return VariantLearner(VariantSettings.model_validate(SPEC | changes), load(data / "data" / "cifar10"), 0)


def test_a_variant_that_varies_nothing_is_the_network_of_the_study(data: Path) -> None:
    plain = CNNLearner(CNNSettings.model_validate(SPEC), load(data / "data" / "cifar10"), [0])
    same, unit, he = variant(data), variant(data, pixels="unit"), variant(data, initialization="he_normal")
    for learner in (plain, same, unit, he):
        learner.advance(1, 0, learner.batches)
    rows = [learner.finish_epoch(1) for learner in (plain, same, unit, he)]
    assert rows[0] == rows[1]
    assert rows[0][0].value not in (rows[2][0].value, rows[3][0].value)


def test_without_eval_batch_norm_takes_the_batch_s_own_statistics(data: Path) -> None:
    """By hand: the logits of a batch by PyTorch in training mode; the running statistics stay as they were."""
    learner = variant(data, test_batch=4)
    before = {name: tensor.clone() for name, tensor in learner.step.buffers.items()}
    _, predicted = learner.evaluate(learner.test)
    network = learner.step.template
    network.load_state_dict({**learner.step.parameters, **before}, strict=False)
    network.train()
    images = learner._scaled(load_images(learner, 4))
    assert predicted[0, :4].tolist() == network(images).argmax(1).tolist()
    assert all((tensor == before[name]).all() for name, tensor in learner.step.buffers.items())
    _, usual = variant(data).evaluate(learner.test)
    assert usual.shape == predicted.shape


def load_images(learner: VariantLearner, count: int) -> Any:
    import numpy as np
    import torch

    return torch.tensor(np.asarray(learner.test.images[:count]))
