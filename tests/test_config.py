"""What a configuration means, and what each mistake in one is answered with."""

import difflib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import studies

from rederive.config import Study, resolve
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.yaml_files import merge, read_yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

MLP = {
    "trainer": "mlp",
    "hidden_sizes": [8],
    "activation": "sigmoid",
    "initialization": "glorot_normal",
    "learning_rate": 0.1,
    "momentum": 0.0,
    "batch_size": 4,
    "epochs": 20,
}


def study_of(**experiments: Any) -> Study:
    return studies.small(experiments)


def test_an_experiment_takes_from_its_base_what_it_does_not_give() -> None:
    study = study_of(
        benchmark=MLP,
        relu={"base": "benchmark", "activation": "relu"},
        fast={"base": "relu", "momentum": "0"},
    )
    spec: Any = study.experiments["fast"].spec
    assert (spec.activation, spec.momentum, spec.batch_size) == ("relu", 0.0, 4)
    assert study.experiments["fast"].run == "relu"  # the same spec under another name


def test_experiments_that_differ_in_length_alone_are_one_run_of_the_greatest_length() -> None:
    study = study_of(
        short=MLP | {"epochs": 5}, long={"base": "short", "epochs": 20}, other={"base": "short", "momentum": 0.9}
    )
    assert {name: e.run for name, e in study.experiments.items()} == {
        "short": "long",
        "long": "long",
        "other": "other",
    }
    assert {name: run.epochs for name, run in study.runs().items()} == {"long": 20, "other": 5}
    assert study.experiments["short"].epochs == 5


def test_experiments_keep_the_order_of_the_files(tmp_path: Path) -> None:
    # Snakemake puts the keys of a file given on the command line before those of the workflow's own.
    text = (ROOT / "config.yaml").read_text()
    (tmp_path / "mine.yaml").write_text("experiments: {mnist.he: {epochs: 3}, mnist.added: {base: mnist.he}}\n")
    (tmp_path / "config.yaml").write_text(text)
    files = [tmp_path / "mine.yaml", tmp_path / "config.yaml", tmp_path / "mine.yaml"]
    merged = merge(read_yaml(files[0]), read_yaml(files[1]))
    expected = list(resolve(read_yaml(ROOT / "config.yaml")).experiments)
    expected.append("mnist.added")
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
    study = studies.small({}, seeds=[3, 1, 4, 5], training={"seeds_per_job": per_job})
    assert study.seed_groups() == groups


@pytest.mark.parametrize(("runs", "found"), [("all", ["long", "other"]), ("finished", ["other"])])
def test_a_report_is_about_all_runs_or_those_that_are_there(tmp_path: Path, runs: str, found: list[str]) -> None:
    experiments = {"long": MLP, "short": {"base": "long", "epochs": 5}, "other": {"base": "long", "momentum": 0.9}}
    study = studies.small(experiments, seeds=[0, 1], report={"runs": runs})
    there = tmp_path / "runs/other/seeds_0-1.csv"
    there.parent.mkdir(parents=True)
    there.touch()
    assert study.report_files(Layout(tmp_path)) == [tmp_path / f"runs/{name}/seeds_0-1.csv" for name in found]


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
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": ({"seed": [1]}, ["seed: unknown key", "'seeds'", "experiments"]),
    "unknown key of an experiment": (
        {"experiments": {"mnist.relu": {"batchsize": 1}}},
        ["experiments.mnist.relu.batchsize: unknown key", "'batch_size'"],
    ),
    "no trainer": ({"experiments": {"new": {}}}, ["experiments.new.trainer: not given, neither here nor in a base"]),
    "unknown trainer": (
        {"experiments": {"mnist.relu": {"trainer": "mpl"}}},
        ["experiments.mnist.relu.trainer: found 'mpl'", "known: cnn, cnn_variant, mlp"],
    ),
    "a base of another trainer": (
        {"experiments": {"mnist.relu": {"trainer": "cnn"}}},
        ["experiments.mnist.relu.activation: unknown key", "conv_channels"],
    ),
    "code that is not there": (
        {"trainers": {"mlp": {"settings": "writeup.nowhere:Settings"}}},
        ["writeup.nowhere:Settings: there is no module writeup.nowhere", "src/"],
    ),
    "unknown data set": ({"trainers": {"mlp": {"data": "imagenet"}}}, ["trainers.mlp.data: found 'imagenet'", "mnist"]),
    "a metric of a trainer that is not there": (
        {"metrics": {"accuracy": {"reads": {"mpl": "test accuracy"}}}},
        ["metrics.accuracy.reads: found 'mpl'", "known: cnn, cnn_variant, mlp"],
    ),
    "two metrics that read one row": (
        {"metrics": {"again": {"reads": "train loss", "unit": "loss", "better": "lower"}}},
        ["metrics: rows of mlp: 'train loss' given twice"],
    ),
    "a figure of an unknown metric": (
        {"figures": {"mine": {"panels": [{"title": "A", "metric": "acuracy", "experiments": ["mnist.relu"]}]}}},
        ["figures.mine: A: found 'acuracy'", "accuracy"],
    ),
    "a figure of two kinds": ({"figures": {"graph_add": {"python": "a:b"}}}, ["figures.graph_add: give one of panels"]),
    "batch size 0": (
        {"experiments": {"mnist.relu": {"batch_size": 0}}},
        ["experiments.mnist.relu.batch_size: found 0", "greater than or equal to 1"],
    ),
    "negative learning rate": (
        {"experiments": {"cifar10.momentum_0.8": {"learning_rate": -1}}},
        ["experiments.cifar10.momentum_0.8.learning_rate: found -1", "greater than 0"],
    ),
    "unknown activation": (
        {"experiments": {"mnist.relu": {"activation": "gelu"}}},
        ["experiments.mnist.relu.activation: found 'gelu'", "'sigmoid', 'relu' or 'tanh'"],
    ),
    "base that does not exist": (
        {"experiments": {"mnist.relu": {"base": "mnist.bench"}}},
        ["experiments.mnist.relu.base: found 'mnist.bench'", "mnist.benchmark"],
    ),
    "base that leads back": (
        {"experiments": {"mnist.benchmark": {"base": "mnist.relu"}}},
        ["leads back to itself", "mnist.benchmark -> mnist.relu -> mnist.benchmark"],
    ),
    "key given nowhere": (
        {"experiments": {"mnist.new": {"trainer": "mlp", "epochs": 2}}},
        ["mnist.new: ", "batch_size"],
    ),
    "skip connection over nothing": (
        {"experiments": {"mnist.relu": {"skip_connections": True}}},
        ["experiments.mnist.relu: skip_connections", "[3136]"],
    ),
    "nothing to validate on": (
        {"data": {"sets": {"mnist": {"sizes": {"validation": 0}}}}},
        ["data.sets.mnist.sizes.validation: found 0", "greater than or equal to 1"],
    ),
    "wrong type": ({"seeds": "all"}, ["seeds: found 'all'", "list"]),
    "no seeds": ({"seeds": []}, ["seeds: found []", "at least 1"]),
    "repeated seed": ({"seeds": [1, 2, 1]}, ["seeds: 1 given twice"]),
    "wrong choice or number": (
        {"training": {"seeds_per_job": 0}},
        ["training.seeds_per_job: found 0", "greater than or equal to 1", "'all'"],
    ),
    "two tables with one name": (
        {"tables": 2 * [{"name": "a", "title": "A", "rows": ["mnist.relu"]}]},
        ["tables: 'a' given twice"],
    ),
    "row that is no experiment": (
        {"tables": [{"name": "a", "title": "A", "rows": ["mnist.rleu"]}]},
        ["table 'a' has a row: found 'mnist.rleu'", "mnist.relu"],
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
    overlay.write_text("experiments: {mnist.momentum_0.9: {batch_size: 0}}\n")
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
    published = {row for t in study.tables[:4] for row in t.rows}
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
    assert not (lines := list(difference)), "run `python scripts/schema.py`:\n" + "\n".join(lines)
