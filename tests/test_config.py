"""What a configuration means, and what each mistake in one is answered with."""

import difflib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rederive.config import Study, merge, read_yaml, resolve
from rederive.errors import UserError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

MNIST = {
    "hidden_sizes": [8],
    "activation": "sigmoid",
    "initialization": "glorot_normal",
    "learning_rate": 0.1,
    "momentum": 0.0,
    "batch_size": 4,
    "epochs": 20,
}


def study_of(**experiments: Any) -> Study:
    return resolve({"seeds": [0], "experiments": {"mnist": experiments}})


def test_an_experiment_takes_from_its_base_what_it_does_not_give() -> None:
    study = study_of(
        benchmark=MNIST,
        relu={"base": "benchmark", "activation": "relu"},
        fast={"base": "relu", "momentum": "0"},
    )
    spec = study.experiments["mnist.fast"].spec
    assert (spec.activation, spec.momentum, spec.batch_size) == ("relu", 0.0, 4)
    assert study.experiments["mnist.fast"].run == "mnist.relu"  # the same spec under another name


def test_experiments_that_differ_in_length_alone_are_one_run_of_the_greatest_length() -> None:
    study = study_of(
        short=MNIST | {"epochs": 5}, long={"base": "short", "epochs": 20}, other={"base": "short", "momentum": 0.9}
    )
    assert {name: e.run for name, e in study.experiments.items()} == {
        "mnist.short": "mnist.long",
        "mnist.long": "mnist.long",
        "mnist.other": "mnist.other",
    }
    assert {name: run.epochs for name, run in study.runs().items()} == {"mnist.long": 20, "mnist.other": 5}
    assert study.experiments["mnist.short"].epochs == 5


def test_experiments_keep_the_order_of_the_files(tmp_path: Path) -> None:
    # Snakemake puts the keys of a file given on the command line before those of the workflow's own.
    text = (ROOT / "config.yaml").read_text()
    (tmp_path / "mine.yaml").write_text("experiments: {mnist: {he: {epochs: 3}, added: {base: he}}}\n")
    (tmp_path / "config.yaml").write_text(text)
    files = [tmp_path / "mine.yaml", tmp_path / "config.yaml", tmp_path / "mine.yaml"]
    merged = merge(read_yaml(files[0]), read_yaml(files[1]))
    expected = list(resolve(read_yaml(ROOT / "config.yaml")).experiments)
    expected.insert(expected.index("cifar10.benchmark"), "mnist.added")
    assert list(resolve(merged, files[1:]).experiments) == expected


def test_the_report_does_not_depend_on_how_jobs_run() -> None:
    def meaning(**change: Any) -> str:
        return resolve(merge(read_yaml(ROOT / "config.yaml"), change)).meaning()

    assert meaning(training={"threads": 4, "device": "cpu"}, data={"mirrors": ["/data"]}) == meaning()
    assert meaning(report={"title": "Another"}) != meaning()
    assert meaning(seeds=[0]) != meaning()


@pytest.mark.parametrize(
    ("per_job", "groups"), [("all", [[3, 1, 4, 5]]), (1, [[3], [1], [4], [5]]), (3, [[3, 1, 4], [5]])]
)
def test_seeds_are_split_over_jobs(per_job: int | str, groups: list[list[int]]) -> None:
    config = {"seeds": [3, 1, 4, 5], "training": {"seeds_per_job": per_job}, "experiments": {}}
    assert resolve(config).seed_groups() == groups


@pytest.mark.parametrize(("runs", "found"), [("all", ["long", "other"]), ("finished", ["other"])])
def test_a_report_is_about_all_runs_or_those_that_are_there(tmp_path: Path, runs: str, found: list[str]) -> None:
    experiments = {"long": MNIST, "short": {"base": "long", "epochs": 5}, "other": {"base": "long", "momentum": 0.9}}
    study = resolve({"seeds": [0, 1], "report": {"runs": runs}, "experiments": {"mnist": experiments}})
    there = tmp_path / "runs/mnist/other/seeds_0-1.csv"
    there.parent.mkdir(parents=True)
    there.touch()
    assert study.report_files(tmp_path) == [f"runs/mnist/{name}/seeds_0-1.csv" for name in found]


def test_a_study_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    study = resolve(read_yaml(ROOT / "config.yaml"))
    study.save(tmp_path / "study.json")
    assert Study.load(tmp_path / "study.json") == study


def test_files_are_merged_as_snakemake_merges_them() -> None:
    from snakemake.utils import update_config

    below, above = {"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"c": [3]}, "d": {"e": 2}}
    expected: dict[str, Any] = json.loads(json.dumps(below))
    update_config(expected, above)
    assert merge(below, above) == expected


# Each mistake, and what its message must name: the key, what was found, what is allowed.
MISTAKES = {
    "unknown key": ({"seed": [1]}, ["seed: unknown key", "'seeds'", "experiments"]),
    "unknown key of an experiment": (
        {"experiments": {"mnist": {"relu": {"batchsize": 1}}}},
        ["experiments.mnist.relu.batchsize: unknown key", "'batch_size'"],
    ),
    "unknown dataset": ({"experiments": {"imagenet": {}}}, ["experiments.imagenet: unknown key", "cifar10, mnist"]),
    "batch size 0": (
        {"experiments": {"mnist": {"relu": {"batch_size": 0}}}},
        ["experiments.mnist.relu.batch_size: found 0", "greater than or equal to 1"],
    ),
    "negative learning rate": (
        {"experiments": {"cifar10": {"momentum_0.8": {"learning_rate": -1}}}},
        ["experiments.cifar10.momentum_0.8.learning_rate: found -1", "greater than 0"],
    ),
    "unknown activation": (
        {"experiments": {"mnist": {"relu": {"activation": "gelu"}}}},
        ["experiments.mnist.relu.activation: found 'gelu'", "'sigmoid', 'relu' or 'tanh'"],
    ),
    "base that does not exist": (
        {"experiments": {"mnist": {"relu": {"base": "bench"}}}},
        ["experiments.mnist.relu.base: found 'bench'", "benchmark"],
    ),
    "base that leads back": (
        {"experiments": {"mnist": {"benchmark": {"base": "relu"}}}},
        ["leads back to itself", "benchmark -> relu -> benchmark"],
    ),
    "key given nowhere": (
        {"experiments": {"mnist": {"new": {"epochs": 2}}}},
        ["mnist.new: ", "batch_size"],
    ),
    "skip connection over nothing": (
        {"experiments": {"mnist": {"relu": {"skip_connections": True}}}},
        ["experiments.mnist.relu: skip_connections", "[3136]"],
    ),
    "nothing to validate on": (
        {"data": {"standin": {"mnist": {"train": 100, "validation": 0, "test": 50}}}},
        ["data.standin.mnist.validation: found 0", "at least 1"],
    ),
    "wrong type": ({"seeds": "all"}, ["seeds: found 'all'", "list"]),
    "no seeds": ({"seeds": []}, ["seeds: found []", "at least 1"]),
    "repeated seed": ({"seeds": [1, 2, 1]}, ["seeds: 1 given twice"]),
    "wrong choice or number": (
        {"training": {"seeds_per_job": 0}},
        ["training.seeds_per_job: found 0", "greater than or equal to 1", "'all'"],
    ),
    "two tables with one name": (
        {"tables": 2 * [{"name": "a", "title": "A", "dataset": "mnist", "rows": ["relu"]}]},
        ["tables: 'a' given twice"],
    ),
    "row that is no experiment": (
        {"tables": [{"name": "a", "title": "A", "dataset": "mnist", "rows": ["rleu"]}]},
        ["'a' has a row 'rleu'", "relu"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_file(mistake: str) -> None:
    change, fragments = MISTAKES[mistake]
    config = merge(read_yaml(ROOT / "config.yaml"), change)
    with pytest.raises(UserError) as error:
        resolve(config, [ROOT / "config.yaml"])
    assert "config.yaml: " in str(error.value)
    for fragment in fragments:
        assert fragment in str(error.value)


def test_the_file_that_holds_the_key_is_named(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("experiments: {mnist: {momentum_0.9: {batch_size: 0}}}\n")
    files = [ROOT / "config.yaml", overlay]
    with pytest.raises(UserError, match=r"mine\.yaml: experiments\.mnist\.momentum_0\.9\.batch_size"):
        resolve(merge(read_yaml(files[0]), read_yaml(overlay)), files)


def test_a_key_given_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seeds: [0]\nseeds: [1]\n")
    with pytest.raises(UserError, match=r"config\.yaml.*'seeds' is given twice(.|\n)*line 1"):
        read_yaml(tmp_path / "config.yaml")


@pytest.mark.parametrize(("text", "message"), [("a: [", "not valid YAML"), ("- a\n", "expected a mapping")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_yaml(tmp_path / "config.yaml")


def test_every_row_of_the_published_tables_is_an_experiment() -> None:
    study = resolve(read_yaml(ROOT / "config.yaml"))
    rows = {table.name: len(table.rows) for table in study.tables}
    # Table 1 has two rows of two columns; tables 2, 3 and 4 have 8, 10 and 12 rows.
    assert (rows["activations"], rows["architectures"], rows["cifar10_parameters"], rows["cifar10_variations"]) == (
        4,
        8,
        10,
        12,
    )
    published = {f"{t.dataset}.{row}" for t in study.tables[:4] for row in t.rows}
    assert published == {key for key, e in study.experiments.items() if e.origin == "published"}


def test_the_demo_changes_sizes_and_lengths_only() -> None:
    full = resolve(read_yaml(ROOT / "config.yaml"))
    demo = resolve(merge(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / "config.demo.yaml")))
    assert demo.experiments.keys() == full.experiments.keys()
    assert demo.data.source == "standin"
    assert demo.tables == full.tables


def test_the_schema_is_that_of_the_models() -> None:
    from schema import SCHEMA, schema

    difference = difflib.unified_diff(SCHEMA.read_text().splitlines(), schema().splitlines(), "file", "models", n=1)
    assert not (lines := list(difference)), "run `make schema`:\n" + "\n".join(lines)
