"""Candidates against what is published, on an invented build whose runs lie near the published curves."""

import csv
import json

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.hypotheses.model import Candidate
from rederive.hypotheses.ranking import find, needs_training, outcome, published_trials, ranking, seed_trials
from rederive.hypotheses.trained import Trained, key_of
from rederive.results.agreement import Comparison

MOMENTUM, RATE = "mnist.momentum_0.9", "cifar10.learning_rate_0.0001"


def build(folder, **moved):
    """An invented build up to its numbers; `moved` shifts the accuracies of runs, by name."""
    made = synthetic.study(seeds=[0, 1, 2, 3], hypotheses={"kept": str(folder / "kept.json")})
    csvs = synthetic.write_build(folder, made)
    for name, shift in moved.items():
        path = next(path for path in csvs if f"{path.parent.parent.name}.{path.parent.name}" == name)
        head, *lines = path.read_text().splitlines()
        fields = [line.split(",") for line in lines]
        lines = [",".join([*f[:4], str(float(f[4]) + shift * (f[3] == "accuracy"))]) for f in fields]
        path.write_text("\n".join([head, *lines]))
    synthetic.summarise_build(folder, csvs)
    return comparison_of(folder)


def comparison_of(folder):
    return Comparison.load(folder / "study.json", folder / "runs.csv", synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def miscopied(tmp_path_factory):
    """Our run of momentum 0.9 has the published loss, and an accuracy far below the published one."""
    return build(tmp_path_factory.mktemp("miscopied"), **{MOMENTUM: -0.03})


def verdicts(found):
    return {finding.name: finding.verdict for finding in found}


def record(comparison, row, candidate_changes, losses, accuracies, **more):
    """Trained candidates as `rederive infer` keeps them."""
    experiment = comparison.study.experiments[row]
    spec = type(experiment.spec).model_validate(experiment.spec.model_dump() | candidate_changes)
    facts = {"dataset": experiment.dataset, "spec": spec.model_dump(mode="json"), "pixels": None, "seed": 0}
    facts |= {"losses": losses, "accuracies": accuracies, "accuracies_in_training_mode": {}, **more}
    return {key_of(experiment.dataset, spec, facts["pixels"]): facts}


def test_the_settings_of_the_run_come_first_and_others_are_excluded(comparison):
    found = ranking(comparison, Trained({}), RATE)
    assert found[0].name == "as_written"
    assert verdicts(found) | {"as_written": "fits", "batch_8": "unknown"} == verdicts(found)
    # The invented runs of batch 4 follow another curve.
    assert verdicts(found)["batch_4"] in ("value", "excluded")
    assert outcome(found) == "one fits"


def test_a_value_copied_from_the_next_row_is_found(miscopied):
    found = ranking(miscopied, Trained({}), MOMENTUM)
    assert (found[0].name, outcome(found)) == ("copied", "one fits")
    assert verdicts(found)["as_written"] == "curve"
    # The other runs have such an accuracy too, but not the curve.
    assert verdicts(found)["momentum_0.8"] == "value"


def test_where_the_run_itself_fits_a_copy_cannot_be_told_apart(comparison):
    found = ranking(comparison, Trained({}), MOMENTUM)
    assert outcome(found) == "cannot be told apart"
    assert {"as_written", "copied"} <= {finding.name for finding in found if finding.verdict == "fits"}


def test_a_copy_has_the_same_digits(comparison):
    copied = Candidate(label="copied", copied_from="mnist.width_8")  # 0.974, not 0.979
    found = find(comparison, Trained({}), MOMENTUM, "copied", copied)
    assert (found.value, found.verdict) == (0.974, "curve")


def test_an_accuracy_read_earlier_is_that_of_the_earlier_epoch(comparison):
    row = "cifar10.epochs_5"
    found = find(comparison, Trained({}), row, "early", Candidate(label="early", read_at=2))
    values = comparison.runs.at("cifar10.benchmark", "accuracy", 2).values()
    assert found.value == pytest.approx(sum(values) / len(values))
    assert found.loss is None  # its curve is another row's


def test_none_fits_where_nothing_does(tmp_path):
    comparison = build(tmp_path, **{"cifar10.no_momentum": -0.2})
    found = [finding for finding in ranking(comparison, Trained({}), "cifar10.no_momentum") if finding.source]
    assert outcome(found) == "none fits"


def test_a_short_training_fits_so_far_or_is_excluded(comparison):
    published = comparison.curves[RATE]
    near = record(comparison, RATE, {"batch_size": 8}, [published[1], published[2]], [0.2, 0.3])
    far = record(comparison, RATE, {"batch_size": 16}, [published[1] - 0.5], [0.3])
    found = {finding.name: finding for finding in ranking(comparison, Trained(near | far), RATE)}
    assert (found["batch_8"].verdict, found["batch_8"].epochs, found["batch_8"].source) == ("so_far", 2, None)
    assert (found["batch_16"].verdict, len(found["batch_16"].loss.epochs)) == ("excluded", 1)
    assert outcome(found.values()) == "cannot be told apart"


def test_accuracy_without_eval_is_that_of_the_training_and_the_curve_that_of_the_run(comparison):
    row = "cifar10.batch_norm_adam_double_filters"
    trained = record(
        comparison, row, {}, [1.0] * 20, [0.9] * 20, accuracies_in_training_mode={"4": [0.5] * 19 + [0.647]}
    )
    found = {finding.name: finding for finding in ranking(comparison, Trained(trained), row)}
    assert (found["no_eval_4"].value, found["no_eval_4"].verdict) == (0.647, "fits")
    assert found["no_eval_16"].verdict == "so_far"  # nobody measured it


def test_what_no_run_can_say_needs_training(comparison):
    study = comparison.study
    candidates = study.hypotheses.candidates(RATE)
    needed = {name for name, candidate in candidates.items() if needs_training(study, RATE, candidate)}
    assert needed == {"batch_8", "batch_16", "learning_rate_0.001"}
    # The settings of a run under another name are that run.
    same = Candidate(label="same", changes={"batch_size": 4})
    assert find(comparison, Trained({}), RATE, "same", same).source == "cifar10.learning_rate_0.0001_batch_4"


def test_settings_that_are_known_come_first_for_invented_curves_around_them(comparison):
    trials = published_trials(comparison, None)
    assert [trial.name for trial in trials] == list(comparison.study.hypotheses.known)
    assert all(trial.hit and trial.agrees for trial in trials)
    # Runs without a published curve are invented alike; those with one can be told apart.
    own = [trial for trial in seed_trials(comparison, None) if trial.truth in comparison.curves]
    assert len(own) == 4 * len({trial.truth for trial in own}) > 60
    assert sum(trial.hit for trial in own) >= 0.95 * len(own)
    assert all(trial.hit for trial in own if trial.truth == RATE)


def test_wrong_settings_do_not_come_first(comparison):
    """Were the trials to name the first run whatever the curve, this would not notice it."""
    swapped = dict(comparison.curves)
    swapped["mnist.benchmark"], swapped["mnist.momentum_0.9"] = (
        swapped["mnist.momentum_0.9"],
        swapped["mnist.benchmark"],
    )
    errors = comparison.errors
    trials = published_trials(Comparison(comparison.study, comparison.runs, comparison.values, swapped, errors), None)
    missed = {trial.name: trial.first for trial in trials if not trial.hit}
    assert missed == {"mnist.benchmark": "mnist.momentum_0.9", "mnist.momentum_0.9": "mnist.benchmark"}


def test_the_numbers_and_the_table_say_the_same(tmp_path):
    build(tmp_path, **{MOMENTUM: -0.03})
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers[f"hypotheses.{MOMENTUM}"]["value"] == "one fits"
    assert numbers[f"hypotheses.{MOMENTUM}.copied"]["value"] == "fits"
    assert numbers["hypotheses.trained"]["value"] == 0
    with (tmp_path / "tables" / "hypotheses.csv").open() as stream:
        lines = [line for line in csv.DictReader(stream) if line["experiment"] == MOMENTUM]
    assert (lines[0]["candidate"], lines[0]["verdict"], lines[0]["accuracy"]) == ("copied", "fits", "0.979")
    for line in lines:
        assert numbers[f"hypotheses.{MOMENTUM}.{line['candidate']}"]["value"] == line["verdict"]


def test_a_damaged_file_of_trained_candidates_is_named(tmp_path):
    (tmp_path / "kept.json").write_text('{"a": {"dataset": "mnist"}}')
    with pytest.raises(UserError, match=r"kept\.json: not what `rederive infer` writes"):
        Trained.load(tmp_path / "kept.json")
    assert Trained.load(tmp_path / "none.json").records == {}
