"""Candidates against what is published, on an invented build whose runs lie near the published curves."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.config.hypotheses import Candidate
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.agreement import Comparison
from rederive.results.hypotheses.calibration import published_trials, seed_trials
from rederive.results.hypotheses.ranking import Finding, find, needs_training, outcome, ranking
from rederive.results.hypotheses.trained import Trained
from rederive.training.archive import Kept, official_checksum
from rederive.training.history import Row
from rederive.training.provenance import Provenance

MOMENTUM, RATE = "mnist.momentum_0.9", "cifar10.learning_rate_0.0001"
LOSS = "training_loss"


def build(folder: Path, **moved: float) -> Comparison:
    """An invented build up to its numbers; `moved` shifts the accuracies of runs, by name."""
    made = synthetic.study(seeds=[0, 1, 2, 3], hypotheses={"kept": str(folder / "kept")})
    csvs = synthetic.write_build(folder, made)
    for name, shift in moved.items():

        def move(line: str, shift: float = shift) -> str:
            *place, metric, value = line.split(",")
            return ",".join([*place, metric, str(float(value) + shift)]) if metric == "accuracy" else line

        synthetic.edit_run(next(path for path in csvs if path.parent.name == name), move)
    synthetic.summarise_build(folder, csvs)
    return Comparison.load(Layout(folder), synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def miscopied(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Our run of momentum 0.9 has the published loss, and an accuracy far below the published one."""
    return build(tmp_path_factory.mktemp("miscopied"), **{MOMENTUM: -0.03})


def verdicts(found: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in found}


def kept(comparison: Comparison, row: str, name: str, losses: list[float], accuracies: list[float]) -> Kept:
    """A candidate's training as `rederive infer` keeps it."""
    experiment = comparison.study.candidate(row, name)
    numbers = zip(range(1, len(losses) + 1), losses, accuracies, strict=True)
    rows = [Row(0, n, *row) for n, a, b in numbers for row in (("train", "loss", a), ("test", "accuracy", b))]
    path = synthetic.write_run(Path(str(comparison.study.hypotheses.kept)) / name / "seed_0.csv", experiment, [], [0])
    provenance = Provenance.read(path.with_suffix(".json"))
    spec = experiment.spec.model_dump(mode="json") | {"epochs": len(losses)}
    checksum = official_checksum(comparison.study, experiment)
    return Kept(path, rows, provenance.model_copy(update={"spec": spec, "data_checksum": checksum}))


def with_candidate(comparison: Comparison, row: str, name: str, **candidate: Any) -> Comparison:
    """The same comparison with one more candidate for a row."""
    study = comparison.study
    question = study.hypotheses.rows[row]
    more = question.model_copy(update={"candidates": question.candidates | {name: Candidate(label=name, **candidate)}})
    rows = study.hypotheses.rows | {row: more}
    changed = study.model_copy(update={"hypotheses": study.hypotheses.model_copy(update={"rows": rows})})
    return Comparison(changed, comparison.runs, comparison.values, comparison.curves, comparison.errors)


def test_the_settings_of_the_run_come_first_and_others_are_excluded(comparison: Comparison) -> None:
    found = ranking(comparison, Trained([]), RATE)
    assert found[0].name == "as_written"
    assert (verdicts(found)["as_written"], verdicts(found)["batch_8"]) == ("fits", "unknown")
    # The invented runs of batch 4 follow another curve.
    assert verdicts(found)["batch_4"] in ("value", "excluded")
    assert outcome(found) == "one fits"


def test_a_value_copied_from_the_next_row_is_found(miscopied: Comparison) -> None:
    found = ranking(miscopied, Trained([]), MOMENTUM)
    assert (found[0].name, outcome(found)) == ("copied", "one fits")
    assert verdicts(found)["as_written"] == "curve"
    # The other run has such an accuracy too, but not the curve.
    assert verdicts(found)["momentum_0.8"] == "value"


def test_where_the_run_itself_fits_a_copy_cannot_be_told_apart(comparison: Comparison) -> None:
    found = ranking(comparison, Trained([]), MOMENTUM)
    assert outcome(found) == "cannot be told apart"
    assert {"as_written", "copied"} <= {finding.name for finding in found if finding.verdict == "fits"}


def test_a_copy_has_the_same_digits(comparison: Comparison) -> None:
    other = with_candidate(comparison, MOMENTUM, "wrong", copied_from="mnist.width_8")  # 0.974, not 0.979
    found = find(other, Trained([]), MOMENTUM, "wrong")
    assert (found.value, found.verdict) == (0.974, "curve")


def test_an_accuracy_read_earlier_is_that_of_the_earlier_epoch(comparison: Comparison) -> None:
    found = find(comparison, Trained([]), "cifar10.epochs_5", "epoch_2")
    values = comparison.runs.at("cifar10.benchmark", "accuracy", 2).values()
    assert found.value == pytest.approx(sum(values) / len(values))
    assert found.curve is None  # its curve is another row's


def test_none_fits_where_nothing_does(tmp_path: Path) -> None:
    found = ranking(build(tmp_path, **{"cifar10.no_momentum": -0.2}), Trained([]), "cifar10.no_momentum")
    assert outcome(found) == "none fits so far"
    assert outcome(finding for finding in found if finding.run) == "none fits"


def test_a_short_training_fits_so_far_or_is_excluded(comparison: Comparison) -> None:
    published = comparison.curves[RATE, LOSS]
    near = kept(comparison, RATE, "batch_8", [published[1], published[2]], [0.2, 0.3])
    far = kept(comparison, RATE, "batch_16", [published[1] - 0.5], [0.3])
    found = {finding.name: finding for finding in ranking(comparison, Trained([near, far]), RATE)}
    assert (found["batch_8"].verdict, found["batch_8"].epochs, found["batch_8"].run) == ("so_far", 2, None)
    far_curve = found["batch_16"].curve
    assert found["batch_16"].verdict == "excluded"
    assert far_curve is not None
    assert len(far_curve.epochs) == 1
    assert outcome(found.values()) == "cannot be told apart"


def test_a_training_on_other_data_is_none(comparison: Comparison) -> None:
    near = kept(comparison, RATE, "batch_8", [2.3], [0.2])
    other = near.provenance.model_copy(update={"data_checksum": "cd" * 32})
    trained = Trained([near._replace(provenance=other)])
    assert find(comparison, trained, RATE, "batch_8").verdict == "unknown"


def test_accuracy_without_eval_is_that_of_the_training_and_the_curve_that_of_the_run(comparison: Comparison) -> None:
    row = "cifar10.batch_norm_adam_double_filters"
    assert find(comparison, Trained([]), row, "no_eval_4").verdict == "so_far"  # nobody measured it
    trained = Trained([kept(comparison, row, "no_eval_4", [1.0] * 20, [0.5] * 19 + [0.647])])
    found = find(comparison, trained, row, "no_eval_4")
    assert (found.value, found.verdict) == (0.647, "fits")
    assert found.curve == find(comparison, trained, row, "as_written").curve


def test_what_no_run_can_say_needs_training(comparison: Comparison) -> None:
    study = comparison.study
    needed = {name for name in study.hypotheses.candidates(RATE) if needs_training(study, RATE, name)}
    assert needed == {"batch_8", "batch_16", "learning_rate_0.001"}
    # The settings of a run under another name are that run.
    same = with_candidate(comparison, RATE, "same", changes={"batch_size": 4})
    assert find(same, Trained([]), RATE, "same").run == "cifar10.learning_rate_0.0001_batch_4"


def test_settings_that_are_known_come_first_for_invented_curves_around_them(comparison: Comparison) -> None:
    trials = published_trials(comparison)
    assert [trial.name for trial in trials] == list(comparison.study.hypotheses.known)
    assert all(trial.hit and trial.agrees for trial in trials)
    # Runs without a published curve are invented alike; those with one can be told apart.
    shown = {name for name, _ in comparison.curves}
    own = [trial for trial in seed_trials(comparison) if trial.truth in shown]
    assert len(own) == 4 * len({trial.truth for trial in own}) > 60
    assert sum(trial.hit for trial in own) >= 0.95 * len(own)


def test_wrong_settings_do_not_come_first(comparison: Comparison) -> None:
    """Were the trials to name the first run whatever the curve, this would not notice it."""
    one, other = ("mnist.benchmark", LOSS), (MOMENTUM, LOSS)
    swapped = dict(comparison.curves) | {one: comparison.curves[other], other: comparison.curves[one]}
    errors = comparison.errors
    trials = published_trials(Comparison(comparison.study, comparison.runs, comparison.values, swapped, errors))
    missed = {trial.name: trial.first for trial in trials if not trial.hit}
    assert missed == {"mnist.benchmark": MOMENTUM, MOMENTUM: "mnist.benchmark"}


def test_the_likelihood_prefers_the_nearer_of_two_that_agree(comparison: Comparison) -> None:
    found = find(comparison, Trained([]), RATE, "as_written")
    assert found.curve is not None
    nearer = replace(found, curve=replace(found.curve, log_likelihood=found.curve.log_likelihood + 1))
    assert nearer.log_likelihood == pytest.approx(found.log_likelihood + 1)


def test_the_numbers_and_the_table_say_the_same(tmp_path: Path) -> None:
    build(tmp_path, **{MOMENTUM: -0.03})
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers[f"hypotheses.{MOMENTUM}"]["value"] == "one fits"
    assert numbers[f"hypotheses.{MOMENTUM}.copied"]["value"] == "fits"
    assert numbers["hypotheses.trained"]["value"] == 0
    with (tmp_path / "tables" / "hypotheses.csv").open() as stream:
        lines = [line for line in csv.DictReader(stream) if line["experiment"] == MOMENTUM]
    assert (lines[0]["candidate"], lines[0]["verdict"], lines[0]["value"]) == ("copied", "fits", "0.979")
    for line in lines:
        assert numbers[f"hypotheses.{MOMENTUM}.{line['candidate']}"]["value"] == line["verdict"]


def test_damaged_trainings_are_named(tmp_path: Path) -> None:
    (tmp_path / "row").mkdir()
    (tmp_path / "row" / "seed_0.json").write_text("{}")
    with pytest.raises(UserError, match=r"seed_0\.json: not the provenance of a run"):
        Trained.load(tmp_path)
    assert Trained.load(tmp_path / "none").kept == []


def test_every_kept_training_is_whole_and_one_of_the_study_s_candidates() -> None:
    study = synthetic.study()
    trained = Trained.load(synthetic.REPOSITORY / study.hypotheses.kept)
    found = {
        kept.path
        for row in study.hypotheses.rows
        for name in study.hypotheses.candidates(row)
        for kept in trained.find(study, study.candidate(row, name))
    }
    assert found == {kept.path for kept in trained.kept}
