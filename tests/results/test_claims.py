import ast
import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.claim_file import load_claims, load_margins, tests_digest
from rederive.results.claims import differing, test_claims
from rederive.results.quantities import comparisons, evaluate, linear, parse_quantity, parts
from rederive.yaml_files import read_yaml

HOLDS, FAILS, UNDECIDED, UNTESTABLE = "holds", "does not hold", "undecided", "not testable with these runs"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a.x} - {b.x}", 3.0),
        ("-{a.x} * 2 + 1", -9.0),
        ("min({a.x}, {b.x}) / max({a.x}, {b.x})", 0.4),
        ("span({a.x}, {b.x}, 10)", 8.0),
        ("{a.x} - {a.x}", 0.0),
    ],
)
def test_the_language_of_quantities(text: str, value: float) -> None:
    keys, expression = parse_quantity(text)
    assert evaluate(expression, [{"a.x": 5.0, "b.x": 2.0}[key] for key in keys]) == value


@pytest.mark.parametrize(
    ("text", "lowest", "expected"),
    [
        ("{a.x} - {b.x}", True, ["k0 - k1"]),
        ("min({a.x}, {b.x}) - {c.x}", True, ["k0 - k2", "k1 - k2"]),
        ("{c.x} - max({a.x}, {b.x})", True, ["k0 - k1", "k0 - k2"]),
        ("{c.x} - span({a.x}, {b.x})", True, ["k0 - (k1 - k2)", "k0 - (k2 - k1)"]),
        ("max({a.x}, {b.x}) - min({a.x}, 1)", False, ["k0 - k0", "k0 - 1", "k1 - k0", "k1 - 1"]),
        ("-min({a.x}, {b.x})", False, ["-k0", "-k1"]),
        ("2 * {a.x} / {b.x}", False, ["2 * k0 / k1"]),
    ],
)
def test_the_parts_of_an_extreme(text: str, lowest: bool, expected: list[Any]) -> None:
    _, expression = parse_quantity(text)
    assert [ast.unparse(part) for part in parts(expression, lowest)] == expected


@pytest.mark.parametrize(
    ("text", "lowest"),
    [
        ("max({a.x}, {b.x})", True),
        ("span({a.x}, {b.x})", True),
        ("1 - max({a.x}, 2)", False),
        ("2 * min({a.x}, 1)", True),
    ],
)
def test_what_is_no_extreme_in_the_direction_of_the_bound_is_refused(text: str, lowest: bool) -> None:
    _, expression = parse_quantity(text)
    with pytest.raises(UserError, match=r"(lowest|highest) of several is wanted"):
        parts(expression, lowest)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "{a.x}.real",
        "{a.x} ** 2",
        "open({a.x})",
        "{a.x} if 1 else 2",
        "{a.x} * 1if 1else 2",
        "{a.x} -",
        "'a'",
        "min()",
        "[1]",
    ],
)
def test_nothing_else_is_evaluated(text: str, recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(UserError, match="expected keys in braces"):
        parse_quantity(text)
    assert not recwarn.list  # Python's own would name a file `<unknown>`


def test_every_conclusion_of_the_write_up_is_there_once() -> None:
    claims = load_claims(synthetic.CLAIMS)
    assert sorted(claim.number for claim in claims.values()) == list(range(1, 18))


def test_every_claim_can_be_tested_on_the_whole_grid(concluded: Path) -> None:
    """A key misspelt in claims.yaml would look like a run that is missing."""
    claims = json.loads((concluded / "claims.json").read_text())
    assert [name for name, claim in claims.items() if claim["verdict"] == UNTESTABLE] == []


@pytest.fixture(scope="module")
def concluded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of config.yaml with three seeds of invented runs, up to the claims."""
    folder = tmp_path_factory.mktemp("concluded")
    synthetic.summarise_build(folder, synthetic.write_build(folder, synthetic.study(seeds=[0, 1, 2])))
    return folder


@pytest.fixture
def build(concluded: Path, tmp_path: Path) -> Any:
    """A copy of the build that a test may change; the baseline of Table 4 is its run cifar10.batch_16."""
    return shutil.copytree(concluded, tmp_path / "build")


def retest(folder: Path, claims: Any = synthetic.CLAIMS) -> Any:
    test_claims(Layout(folder), synthetic.proofs(folder), claims, synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)
    return json.loads((folder / "claims.json").read_text())


def set_accuracy(folder: Path, experiment: str, value: Any) -> None:
    """Edit the run table: an experiment's last accuracy, a little different for each seed."""
    lines = (folder / "runs.csv").read_text().splitlines()
    changed = []
    for line in lines:
        name, seed, epoch, _, metric, _ = fields = line.split(",")
        if (name, epoch, metric) == (experiment, "20", "accuracy"):
            fields[-1] = repr(value + 1e-4 * int(seed))
        changed.append(",".join(fields))
    (folder / "runs.csv").write_text("\n".join(changed) + "\n")


def test_another_run_table_gives_another_verdict(build: Any) -> None:
    set_accuracy(build, "cifar10.batch_1", 0.40)
    assert retest(build)["single_samples_cost"]["verdict"] == HOLDS
    set_accuracy(build, "cifar10.batch_1", 0.90)
    assert retest(build)["single_samples_cost"]["verdict"] == FAILS


def test_a_claim_is_tested_by_the_differences_seed_by_seed(build: Any) -> None:
    """The two differ by 0.002 with each seed, while the seeds differ by ten times as much."""
    for name, shift in (("mnist.relu", 0.002), ("mnist.benchmark", 0.0)):
        lines = []
        for line in (build / "runs.csv").read_text().splitlines():
            fields = line.split(",")
            if (fields[0], fields[2], fields[4]) == (name, "20", "accuracy"):
                fields[-1] = repr(0.9 + 0.02 * int(fields[1]) + shift)
            lines.append(",".join(fields))
        (build / "runs.csv").write_text("\n".join(lines) + "\n")
    test = retest(build)["activations_level_late"]["tests"][0]
    assert (test["value"], test["low"], test["high"]) == pytest.approx((0.002, 0.002, 0.002))
    assert test["verdict"] == HOLDS


def test_one_seed_tests_nothing_but_what_has_no_chance_in_it(tmp_path: Path) -> None:
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, synthetic.study(seeds=[0])))
    claims = json.loads((tmp_path / "claims.json").read_text())
    assert claims["filters_help"]["verdict"] == UNTESTABLE
    assert claims["filters_help"]["tests"][0]["reason"] == "one seed: no interval"
    assert claims["filters_help"]["tests"][0]["value"] is not None
    assert claims["single_samples_cost"]["tests"][0]["points"] is True  # the invented runs are near .614 and .424
    assert claims["normal_starts_high"]["tests"][0]["points"] is True
    assert claims["both_cost"]["verdict"] == HOLDS


def test_a_claim_on_runs_that_are_not_there_says_which(tmp_path: Path) -> None:
    csvs = synthetic.write_build(tmp_path, synthetic.study(seeds=[0, 1]), without=("cifar10.double_filters",))
    synthetic.summarise_build(tmp_path, csvs)
    claim = json.loads((tmp_path / "claims.json").read_text())["filters_help"]
    assert claim["verdict"] == UNTESTABLE
    assert claim["tests"][0]["reason"] == "cifar10.double_filters was not run"


def test_a_failed_proof_fails_its_claim(build: Any) -> None:
    path = build / "derivations" / "kl_divergence.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"passed": False}))
    assert retest(build)["kl_same_as_cross_entropy"]["verdict"] == FAILS


def test_the_published_values_are_put_to_the_same_test(build: Any) -> None:
    tests = retest(build)["rate_and_epochs_matter_most"]["tests"]
    # By Table 3 the largest rate costs 0.614 - 0.101, accuracies spread over 0.652 - 0.424 with batch size,
    # and over 0.6197 - 0.586 with momentum.
    assert [test["published"] for test in tests[1:3]] == pytest.approx([0.513 - 0.228, 0.513 - 0.0337])
    assert [test["published_points"] for test in tests[1:3]] == [True, True]
    # No accuracy after one epoch is published.
    assert [test["published"] for test in tests[3:]] == [None, None]
    assert retest(build)["epochs_help_less_and_less"]["tests"][0]["published"] is None


def test_the_published_curves_count_where_they_are_whole(build: Any) -> None:
    tests = retest(build)["normal_starts_high"]["tests"]
    assert tests[0]["published"] == pytest.approx(17.973 / 1.989)
    assert tests[1]["published"] < 0


def write_claims(folder: Path, **changes: Any) -> Path:
    claims = read_yaml(synthetic.CLAIMS)
    path = folder / "claims.yaml"
    path.write_text(json.dumps({"margins": claims["margins"], "filters_help": claims["filters_help"] | changes}))
    return path


def test_a_pinned_verdict_is_held_against_the_one_that_came_out(build: Any) -> None:
    set_accuracy(build, "cifar10.double_filters", 0.9)
    retest(build, write_claims(build, expected={"official": HOLDS}))
    assert differing(build / "claims.json") == []
    set_accuracy(build, "cifar10.double_filters", 0.1)
    retest(build, build / "claims.yaml")
    assert differing(build / "claims.json") == ["claim 14 (filters_help): does not hold; pinned: holds"]


def test_a_pin_for_stand_in_data_says_nothing_about_official_data(build: Any) -> None:
    retest(build, write_claims(build, expected={"standin": FAILS}))
    assert differing(build / "claims.json") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tests": [{"measures": "x", "quantity": "{cifar10.adam.accuracy}"}]}, "give a quantity with one of above"),
        ({"tests": []}, "filters_help.tests"),
        ({"sentences": {"holds": "yes"}}, "filters_help: no sentence for: does not hold, undecided"),
        ({"expected": {"official": "maybe"}}, "filters_help.expected.official"),
        ({"colour": "red"}, "filters_help.colour: unknown key"),
        (
            {"sentences": {"holds": "yes", "does not hold": "no", "undecide": "?"}},
            "filters_help.sentences.undecide: found 'undecide'; it should be 'holds', 'does not hold'",
        ),
        (
            {
                "tests": [
                    {
                        "measures": "x",
                        "quantity": "max({cifar10.adam.accuracy}, {cifar10.benchmark.accuracy})",
                        "above": 0,
                    }
                ]
            },
            r"found 'max\(\{cifar10.adam.accuracy\}, \{cifar10.benchmark.accuracy\}\)' where the lowest of several",
        ),
        (
            {"tests": [{"measures": "x", "quantity": "{cifar10.adam.accuracy@latest}", "above": 0}]},
            "found @latest; expected an epoch or one of best, .*largest_rise",
        ),
        ({"tests": [{"measures": "x", "proved": "normalise"}]}, "nearest: normalize"),
        (
            {"tests": [{"measures": "x", "quantity": "{cifar10.adam.acuracy}", "above": 0}]},
            "adam: found the metric or setting 'acuracy', which does not exist; nearest: accuracy",
        ),
        (
            {"tests": [{"measures": "x", "quantity": "{cifar10.adma.accuracy}", "above": 0}]},
            "filters_help: quantity .*: cifar10.adma is no experiment of this configuration; nearest: cifar10.adam",
        ),
        (
            {
                "tests": [
                    {"measures": "x", "quantity": "{cifar10.adam.accuracy}", "above": 0, "margin": "cifar accuracy"}
                ]
            },
            "margin: found the margin 'cifar accuracy', which does not exist; nearest: cifar10 accuracy",
        ),
        (
            {"tests": [{"measures": "x", "proved": "normalize", "margin": "cifar10 accuracy"}]},
            "a margin belongs to above or below",
        ),
    ],
)
def test_a_mistake_in_the_claims_is_named(build: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        retest(build, write_claims(build, **changes))


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("2 * ({a.x} - {b.x}) / 4 + 1", {"k0": 0.5, "k1": -0.5, "": 1.0}),
        ("-({a.x} + {a.x} * 3)", {"k0": -4.0}),
        ("{a.x} / {b.x}", None),
        ("{a.x} * {b.x}", None),
        ("1 / {a.x}", None),
        ("{a.x} / 0", None),
        ("{a.x} * (1 - 1)", {"k0": 0.0}),
    ],
)
def test_what_is_a_weighted_sum_of_its_keys(text: str, weights: dict[str, Any] | None) -> None:
    assert linear(parse_quantity(text)[1]) == weights


@pytest.mark.parametrize(
    ("text", "lowest", "count"),
    [
        ("{a.x} - {b.x}", True, 1),
        ("span({a.x}, {b.x}, {c.x}, {d.x})", False, 6),  # pairs: a - b has the interval of b - a
        ("{a.x} - {b.x} - span({a.x}, {c.x})", True, 2),  # c - b, and 2 a - b - c
        ("{a.x} - min({a.x}, {b.x})", False, 1),  # a - a compares nothing
        ("{a.x} / {b.x}", True, 1),
    ],
)
def test_a_comparison_counts_once_from_whichever_side(text: str, lowest: bool, count: int) -> None:
    keys, expression = parse_quantity(text)
    assert len(comparisons(parts(expression, lowest), keys)) == count


# What became of the seeds, in the claims


def edit_runs(folder: Path, experiment: str, change: Any) -> None:
    """Put change(seed, epoch, split, metric, value) in the place of an experiment's values; None drops one."""
    header, *lines = (folder / "runs.csv").read_text().splitlines()
    kept = [header]
    for line in lines:
        name, seed, epoch, split, metric, value = line.split(",")
        if name == experiment:
            value = change(int(seed), int(epoch), split, metric, float(value))
        if value is not None:
            kept.append(",".join((name, seed, epoch, split, metric, str(value))))
    (folder / "runs.csv").write_text("\n".join(kept) + "\n")


def first_seed(folder: Path, experiment: str) -> Any:
    """Return the values of an experiment's seed 0, by epoch, split and metric."""
    found = {}
    edit_runs(folder, experiment, lambda s, e, split, m, v: (found.update({(e, split, m): v}) if s == 0 else None) or v)
    return found


def test_copies_of_one_seed_are_not_several(build: Any) -> None:
    """Five copies used to give an interval of no width, and with it a verdict on everything."""
    for run in ("cifar10.batch_16", "cifar10.double_filters"):
        first = first_seed(build, run)
        edit_runs(build, run, lambda s, e, split, m, v, first=first: first[e, split, m] if s < 2 else v)
    test = retest(build)["filters_help"]["tests"][0]
    assert test["n"] == 2
    assert test["left_out"]["cifar10.batch_16"] == {"1": "has the numbers of seed 0"}


def test_a_run_with_nothing_random_in_it_has_no_interval_of_its_own(build: Any) -> None:
    first = first_seed(build, "mnist.zeros")
    edit_runs(build, "mnist.zeros", lambda s, e, split, m, v: first[e, split, m] * (1 + 1e-9 * s))  # another processor
    claims = retest(build)
    (test,) = claims["zeros_no_learning"]["tests"]
    assert (test["n"], test["seeds"], test["reason"]) == (0, [], "nothing random")
    assert test["value"] == test["low"] == test["high"]
    assert test["deterministic"] == ["mnist.zeros"]
    assert claims["zeros_no_learning"]["p"] is None  # no error to share out
    # Beside a run with draws of its own it is a constant, and the other's seeds count.
    assert claims["normal_starts_high"]["tests"][0]["n"] == 3


def test_zeros_are_judged_in_their_best_epoch_not_in_the_last(build: Any) -> None:
    edit_runs(build, "mnist.zeros", lambda s, e, split, m, v: 0.12 + 0.2 * (e == 15) if m == "accuracy" else v)
    claim = retest(build)["zeros_no_learning"]
    assert claim["verdict"] == FAILS
    assert claim["tests"][0]["value"] == pytest.approx(0.32)


def test_a_seed_that_diverged_is_a_result_and_makes_nothing_untestable(build: Any) -> None:
    def diverge(seed: int, epoch: int, split: Any, metric: str, value: Any) -> Any:
        return "nan" if seed == 1 and epoch > 3 and metric == "loss" else value

    edit_runs(build, "mnist.momentum_0.9", diverge)
    claim = retest(build)["momentum_slowest"]
    test = claim["tests"][0]
    assert claim["verdict"] == UNDECIDED
    assert test["diverged"] == {"mnist.momentum_0.9": {"1": 4}}
    assert (test["n"], test["low"], test["high"]) == (3, None, None)
    edit_runs(build, "mnist.momentum_0.9", lambda s, e, split, m, v: "nan" if m == "loss" and e > 3 + s else v)
    claim = retest(build)["momentum_slowest"]
    assert claim["tests"][0]["verdict"] == HOLDS  # with every seed its loss is above all bounds


def test_a_seed_that_collapsed_counts_and_is_shown(build: Any) -> None:
    def collapse(seed: int, epoch: int, split: Any, metric: str, value: Any) -> Any:
        return value if seed != 2 or epoch < 11 else 0.101 if metric == "accuracy" else 2.308

    edit_runs(build, "cifar10.learning_rate_0.01", collapse)
    test = retest(build)["rate_and_epochs_matter_most"]["tests"][0]
    assert test["collapsed"]["cifar10.learning_rate_0.01"]["2"] == 11
    assert test["n"] == 3


def test_a_seed_that_is_missing_is_named_with_the_reason(build: Any) -> None:
    edit_runs(build, "cifar10.batch_16", lambda s, e, split, m, v: None if s == 2 and e > 7 else v)
    edit_runs(build, "cifar10.double_filters", lambda s, e, split, m, v: None if s == 1 else v)
    test = retest(build)["filters_help"]["tests"][0]
    assert test["reason"] == "one seed: no interval"
    assert test["left_out"] == {
        "cifar10.batch_16": {"2": "ended at epoch 7 of 20"},
        "cifar10.double_filters": {"1": "was not trained"},
    }


def test_runs_with_draws_of_their_own_are_said_to_be_no_pairs(build: Any) -> None:
    claims = retest(build)
    assert claims["kl_same_as_cross_entropy"]["tests"][1]["paired"] is False
    assert claims["filters_help"]["tests"][0]["paired"] is True


def test_a_claim_that_rests_on_several_tests_pays_for_all_of_them(build: Any) -> None:
    """With one test the interval of not holding has 95 %; the five tests of this claim share that error."""
    set_accuracy(build, "cifar10.learning_rate_0.01", 0.9)
    set_accuracy(build, "cifar10.batch_1", 0.1)
    claim = retest(build)["rate_and_epochs_matter_most"]
    assert claim["verdict"] == FAILS
    assert {test["level"] > 0.99 for test in claim["tests"] if test["verdict"] == FAILS} == {True}
    assert retest(build)["single_samples_cost"]["tests"][0]["level"] == 0.95


# Images


def write_predictions(folder: Path, answers: Any) -> None:
    """Write predictions of ten images: answers[run] is a text, the same for each seed."""
    found = {run: {str(seed): digits for seed in range(3)} for run, digits in answers.items()}
    (folder / "predictions.json").write_text(json.dumps(found))


def test_the_error_over_images_is_added_where_predictions_are_known(build: Any) -> None:
    set_accuracy(build, "cifar10.double_filters", 0.72)
    set_accuracy(build, "cifar10.batch_16", 0.70)
    alone = retest(build)["filters_help"]["tests"][0]
    assert (alone["verdict"], alone["images"]) == (HOLDS, None)
    # Of a hundred images one is answered differently, of a hundred a half.
    write_predictions(build, {"cifar10.double_filters": "1" * 100, "cifar10.batch_16": "1" * 99 + "2"})
    alike = retest(build)["filters_help"]["tests"][0]["images"]
    write_predictions(build, {"cifar10.double_filters": "1" * 100, "cifar10.batch_16": "1" * 50 + "2" * 50})
    different = retest(build)["filters_help"]["tests"][0]
    assert alone["low"] - alike["low"] == pytest.approx(1.96 * (0.01 - 0.02**2) ** 0.5 / 10, abs=1e-3)
    assert different["images"]["verdict"] == UNDECIDED
    assert different["verdict"] == HOLDS  # on these images


def test_an_experiment_read_before_the_end_of_its_run_has_no_predictions(build: Any) -> None:
    write_predictions(build, dict.fromkeys(("cifar10.benchmark",), "1" * 100))
    assert retest(build)["epochs_help_less_and_less"]["tests"][0]["images"] is None


# The file of claims


def test_one_metric_has_one_margin(tmp_path: Path) -> None:
    claims = load_claims(synthetic.CLAIMS)
    used: dict[tuple[str, ...], set[float]] = {}
    for claim in claims.values():
        for test in claim.tests:
            if test.quantity and (margin := test.margin or test.within):
                datasets = {key.split(".")[0] for key in parse_quantity(test.quantity)[0]}
                used.setdefault((*datasets, test.unit), set()).add(margin.value)
    assert {len(values) for values in used.values()} == {1}
    assert set(used) == {("mnist", ""), ("cifar10", ""), ("mnist", "loss")}
    assert all(len(margin.reason) > 40 for margin in load_margins(synthetic.CLAIMS).values())


def test_the_digest_is_of_what_decides_not_of_the_sentences(tmp_path: Path) -> None:
    before = tests_digest(write_claims(tmp_path))
    assert tests_digest(write_claims(tmp_path, says="Filters matter.", expected={"official": HOLDS})) == before
    harder = [read_yaml(synthetic.CLAIMS)["filters_help"]["tests"][0] | {"above": 0.1}]
    assert tests_digest(write_claims(tmp_path, tests=harder)) != before


def test_how_many_runs_are_younger_than_the_tests(build: Any) -> None:
    index = json.loads((build / "runs.json").read_text())
    index["cifar10.batch_16"]["tests_digest"] = {"0": tests_digest(synthetic.CLAIMS), "1": "ab" * 32, "2": None}
    (build / "runs.json").write_text(json.dumps(index))
    assert retest(build)["filters_help"]["fixed_before"] == {"before": 1, "changed": 1, "unknown": 4}


def test_a_claim_takes_the_published_value_of_any_metric(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = "{experiment: cifar10.adam, row: end, training_loss: 0.75}"
    published = tmp_path / "published.yaml"
    published.write_text(f"{synthetic.PUBLISHED.read_text()}\nfigure:\n  place: Figure 9\n  rows: [{row}]\n")
    monkeypatch.setattr(synthetic, "PUBLISHED", published)
    quantity = "{cifar10.adam.training_loss} - {cifar10.adam.published_training_loss}"
    tests = [{"measures": "x", "quantity": quantity, "above": 0}]
    found = retest(build, write_claims(build, tests=tests))["filters_help"]["tests"][0]
    with (build / "runs.csv").open() as stream:
        losses = [
            float(row["value"])
            for row in csv.DictReader(stream)
            if (row["experiment"], row["epoch"], row["metric"]) == ("cifar10.adam", "20", "loss")
            and row["split"] == "train"
        ]
    assert found["value"] == pytest.approx(sum(losses) / len(losses) - 0.75)
    tests[0]["quantity"] = "{cifar10.adam_l2.published_training_loss}"
    with pytest.raises(UserError, match="no training_loss of it is published"):
        retest(build, write_claims(build, tests=tests))


def test_what_a_published_row_gives_must_be_a_metric(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published.yaml"
    published.write_text(synthetic.PUBLISHED.read_text().replace("accuracy: 0.961}", "accuracy: 0.961, acuracy: 1}"))
    monkeypatch.setattr(synthetic, "PUBLISHED", published)
    with pytest.raises(UserError, match=r"table activations: found acuracy, which is no metric.*of accuracy"):
        retest(build)


@pytest.mark.parametrize("kind", ["published", "published_curves"])
def test_a_misspelt_experiment_among_the_published_values_is_an_error(build: Any, tmp_path: Path, kind: str) -> None:
    found = {"published": synthetic.PUBLISHED, "published_curves": synthetic.PUBLISHED_CURVES}
    text = found[kind].read_text()
    found[kind] = tmp_path / found[kind].name
    found[kind].write_text(text.replace("sigmoid_10", "sigmoid_l0").replace("cifar10.adam,", "cifar10.adma,"))
    with pytest.raises(
        UserError, match=r"is no experiment of this configuration; nearest: (mnist.sigmoid_10|cifar10.adam)"
    ):
        test_claims(
            Layout(build), synthetic.proofs(build), synthetic.CLAIMS, found["published"], found["published_curves"]
        )
