import ast
import json
import shutil
from typing import ClassVar

import numpy as np
import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.layout import Layout
from rederive.results.claims import Test, combine, decide, differing, judge, load_claims, test_claims
from rederive.results.quantities import evaluate, parse_quantity, parts
from rederive.results.statistics import Estimate
from rederive.yaml_files import read_yaml

HOLDS, FAILS, UNDECIDED, UNTESTABLE = "holds", "does not hold", "undecided", "not testable with these runs"


def judged(low, high, **bound):
    estimate = Estimate((low + high) / 2, low, high, 5)
    return judge(Test(measures="d", quantity="{mnist.relu.accuracy}", **bound), estimate, estimate)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.010, HOLDS),
        (-0.010, -0.001, FAILS),
        (-0.001, 0.010, UNDECIDED),
        (-0.001, 0.004, FAILS),  # a difference that matters is ruled out
        (0.001, 0.004, HOLDS),  # smaller than matters, but there
        (-0.010, 0.005, UNDECIDED),  # up to the margin is not below it
        (0.0, 0.010, UNDECIDED),  # the bound itself is not above it
    ],
)
def test_a_difference_is_judged_by_its_interval(low, high, verdict):
    assert judged(low, high, above=0, margin=0.005) == verdict
    assert judged(-high, -low, below=0, margin=0.005) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.0, 0.0, FAILS), (0.1, 0.1, HOLDS)],
)
def test_an_interval_without_width_decides(low, high, verdict):
    assert judged(low, high, above=0) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.004, 0.004, HOLDS),
        (0.001, 0.004, HOLDS),  # different and practically equal
        (-0.004, 0.006, UNDECIDED),
        (0.006, 0.010, FAILS),
        (-0.010, -0.006, FAILS),
    ],
)
def test_equality_is_judged_by_the_margin(low, high, verdict):
    assert judged(low, high, within=0.005) == verdict


def test_equality_holds_by_the_90_percent_interval_and_fails_by_the_95_percent_one():
    test = Test(measures="d", quantity="{a.b}", within=0.005)
    wide, narrow = Estimate(0.002, -0.002, 0.006, 5), Estimate(0.002, -0.001, 0.0049, 5)
    assert judge(test, wide, narrow) == HOLDS


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, UNDECIDED], UNDECIDED),
        ([HOLDS, UNTESTABLE], UNTESTABLE),
        ([UNTESTABLE, FAILS, UNDECIDED], FAILS),
    ],
)
def test_a_claim_is_as_strong_as_its_weakest_test(verdicts, verdict):
    assert combine(verdicts) == verdict


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
def test_the_language_of_quantities(text, value):
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
def test_the_parts_of_an_extreme(text, lowest, expected):
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
def test_what_is_no_extreme_in_the_direction_of_the_bound_is_refused(text, lowest):
    _, expression = parse_quantity(text)
    with pytest.raises(UserError, match=r"(lowest|highest) of several is wanted"):
        parts(expression, lowest)


class Drawn:
    """Evidence made of normal numbers: the means of experiments, one number for each seed."""

    derivations: ClassVar[dict[str, bool]] = {}

    def __init__(self, means, generator):
        self.values = {key: generator.normal(mean, 0.001, 5) for key, mean in means.items()}

    def run(self, key):
        return None

    def per_seed(self, keys, expression):
        return {seed: evaluate(expression, [self.values[key][seed] for key in keys]) for seed in range(5)}


def test_the_best_of_several_is_not_compared_with_the_average_of_their_best():
    """Two are better than four others by as much as the seeds spread: the extremes of single runs say otherwise."""
    best = {"a.x": 0.980, "b.x": 0.980}
    others = {f"{name}.x": 0.979 for name in "cdef"}
    test = Test(
        measures="d",
        quantity=f"min({', '.join(map('{{{}}}'.format, best))}) - max({', '.join(map('{{{}}}'.format, others))})",
        above=0,
        margin=0.0,
    )
    generator = np.random.default_rng(0)
    verdicts = [decide(test, Drawn(best | others, generator)).verdict for _ in range(200)]
    assert verdicts.count(FAILS) <= 0.05 * 200
    far = best | dict.fromkeys(others, 0.970)
    assert decide(test, Drawn(far, generator)).verdict == HOLDS
    outcome = decide(test, Drawn(far | {"d.x": 0.99}, generator))
    assert outcome.verdict == FAILS
    assert outcome.estimate.value == pytest.approx(-0.01, abs=0.002)  # against the one that is ahead


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "{a.x}.real",
        "{a.x} ** 2",
        "open({a.x})",
        "{a.x} if 1 else 2",
        "{a.x} -",
        "'a'",
        "min()",
        "[1]",
    ],
)
def test_nothing_else_is_evaluated(text):
    with pytest.raises(UserError, match="expected keys in braces"):
        parse_quantity(text)


def test_every_conclusion_of_the_write_up_is_there_once():
    claims = load_claims(synthetic.CLAIMS)
    assert sorted(claim.number for claim in claims.values()) == list(range(1, 18))


def test_every_claim_can_be_tested_on_the_whole_grid(built):
    """A key misspelt in claims.yaml would look like a run that is missing."""
    claims = json.loads((built / "claims.json").read_text())
    assert [name for name, claim in claims.items() if claim["verdict"] == UNTESTABLE] == []


@pytest.fixture
def build(built, tmp_path):
    """A copy of the build that a test may change."""
    shutil.copytree(built, tmp_path / "build", ignore=shutil.ignore_patterns("figures", "report"))
    return tmp_path / "build"


def retest(folder, claims=synthetic.CLAIMS):
    test_claims(Layout(folder), synthetic.proofs(folder), claims, synthetic.PUBLISHED, synthetic.PUBLISHED_CURVES)
    return json.loads((folder / "claims.json").read_text())


def set_accuracy(folder, experiment, value):
    """Edit the run table: an experiment's last accuracy, a little different for each seed."""
    lines = (folder / "runs.csv").read_text().splitlines()
    changed = []
    for line in lines:
        name, seed, epoch, _, metric, _ = fields = line.split(",")
        if (name, epoch, metric) == (experiment, "20", "accuracy"):
            fields[-1] = repr(value + 1e-4 * int(seed))
        changed.append(",".join(fields))
    (folder / "runs.csv").write_text("\n".join(changed) + "\n")


def test_another_run_table_gives_another_verdict(build):
    set_accuracy(build, "cifar10.batch_1", 0.40)
    assert retest(build)["single_samples_cost"]["verdict"] == HOLDS
    set_accuracy(build, "cifar10.batch_1", 0.90)
    assert retest(build)["single_samples_cost"]["verdict"] == FAILS


def test_a_claim_is_tested_by_the_differences_seed_by_seed(build):
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


def test_one_seed_tests_nothing_but_what_has_no_chance_in_it(tmp_path):
    synthetic.summarise_build(tmp_path, synthetic.write_build(tmp_path, synthetic.study(seeds=[0])))
    claims = json.loads((tmp_path / "claims.json").read_text())
    assert claims["filters_help"]["verdict"] == UNTESTABLE
    assert claims["filters_help"]["tests"][0]["reason"] == "one seed: no interval"
    assert claims["filters_help"]["tests"][0]["value"] is not None
    assert claims["both_cost"]["verdict"] == HOLDS


def test_a_claim_on_runs_that_are_not_there_says_which(tmp_path):
    csvs = synthetic.write_build(tmp_path, synthetic.study(seeds=[0, 1]), without=("cifar10.double_filters",))
    synthetic.summarise_build(tmp_path, csvs)
    claim = json.loads((tmp_path / "claims.json").read_text())["filters_help"]
    assert claim["verdict"] == UNTESTABLE
    assert claim["tests"][0]["reason"] == "cifar10.double_filters was not run"


def test_a_failed_proof_fails_its_claim(build):
    path = build / "derivations" / "kl_divergence.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"passed": False}))
    assert retest(build)["kl_same_as_cross_entropy"]["verdict"] == FAILS


def test_the_published_values_are_put_to_the_same_test(build):
    tests = retest(build)["rate_and_epochs_matter_most"]["tests"]
    # By Table 3: the largest rate costs 0.614 - 0.101, the epochs gain 0.614 - 0.485, batch sizes spread over
    # 0.652 - 0.424, momenta over 0.6197 - 0.586.
    expected = [0.513 - 0.228, 0.513 - 0.0337, 0.129 - 0.228, 0.129 - 0.0337]
    assert [test["published"] for test in tests[1:]] == pytest.approx(expected)
    # No accuracy after one epoch is published.
    assert retest(build)["epochs_help_less_and_less"]["tests"][0]["published"] is None


def test_the_published_curves_count_where_they_are_whole(build):
    tests = retest(build)["normal_starts_high"]["tests"]
    assert tests[0]["published"] == pytest.approx(17.973 / 1.989)
    assert tests[1]["published"] < 0


def write_claims(folder, **changes):
    entry = read_yaml(synthetic.CLAIMS)["filters_help"] | changes
    path = folder / "claims.yaml"
    path.write_text(json.dumps({"filters_help": entry}))
    return path


def test_a_pinned_verdict_is_held_against_the_one_that_came_out(build):
    set_accuracy(build, "cifar10.double_filters", 0.9)
    retest(build, write_claims(build, expected={"official": HOLDS}))
    assert differing(build / "claims.json") == []
    set_accuracy(build, "cifar10.double_filters", 0.1)
    retest(build, build / "claims.yaml")
    assert differing(build / "claims.json") == ["claim 14 (filters_help): does not hold; pinned: holds"]


def test_a_pin_for_stand_in_data_says_nothing_about_official_data(build):
    retest(build, write_claims(build, expected={"standin": FAILS}))
    assert differing(build / "claims.json") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tests": [{"measures": "x", "quantity": "{cifar10.adam.accuracy}"}]}, "give a quantity with one of above"),
        ({"tests": []}, "filters_help.tests"),
        ({"sentences": {"holds": "yes"}}, "no sentence for: does not hold, undecided"),
        ({"expected": {"official": "maybe"}}, "filters_help.expected.official"),
        ({"colour": "red"}, "filters_help.colour"),
        (
            {"tests": [{"measures": "x", "quantity": "{cifar10.adam.accuracy@latest}", "above": 0}]},
            "found @latest; expected an epoch or one of mean, largest_rise",
        ),
        ({"tests": [{"measures": "x", "proved": "normalise"}]}, "nearest: normalize"),
        (
            {"tests": [{"measures": "x", "quantity": "{cifar10.adam.acuracy}", "above": 0}]},
            "adam: found the number 'acuracy', which does not exist; nearest: accuracy",
        ),
    ],
)
def test_a_mistake_in_the_claims_is_named(build, changes, message):
    with pytest.raises(UserError, match=message):
        retest(build, write_claims(build, **changes))
