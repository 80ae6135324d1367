"""`rederive why`: what has changed since a step ran, on a copy of the sources and a small build."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.specs import MLP
from tests.studies import small

from rederive.config import Study
from rederive.errors import UserError
from rederive.why import record, why

SOURCES = Path(__file__).parents[1] / "src"

MANIFEST = {
    "dataset": "mnist",
    "source": "standin",
    "checksum": "0",
    "sizes": {"train": 1},
    "files": {"train_images.npy": "ab" * 32},
}


def study(title: str = "One", **changes: object) -> Study:
    tables = [{"name": "one", "title": title, "rows": ["mnist.small"]}]
    runs = {"mnist.small": {"trainer": "mlp", **MLP, **changes}}
    return small(runs, tables=tables, data={"source": "standin"}, derivations="writeup.derivations")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder in which everything has run."""
    folder = tmp_path / "results"
    (folder / "data/mnist").mkdir(parents=True)
    (folder / "data/mnist/manifest.json").write_text(json.dumps(MANIFEST))
    (folder / "runs.csv").write_text("seed\n0\n")
    study().save(folder / "study.json")
    for step in ("mnist.small", "standin.mnist", "summarise", "verify.softmax"):
        record(folder, step)
    return folder


@pytest.mark.parametrize("step", ["mnist.small", "standin.mnist", "summarise", "verify.softmax"])
def test_nothing_has_changed(results: Path, step: str) -> None:
    assert why(results, step, study()) == [f"{step}: nothing changed since it ran"]


def test_a_setting_is_named_with_its_old_and_its_new_value(results: Path) -> None:
    assert why(results, "mnist.small", study(learning_rate=0.25)) == [
        f"setting: learning_rate: {MLP['learning_rate']} -> 0.25"
    ]
    assert f"setting: experiments.mnist.small.spec.learning_rate: {MLP['learning_rate']} -> 0.25" in why(
        results, "summarise", study(learning_rate=0.25)
    )


def test_a_setting_within_a_list_is_named(results: Path) -> None:
    assert why(results, "summarise", study(title="Two")) == ['setting: tables.0.title: "One" -> "Two"']


def test_a_setting_that_is_given_anew_is_named(results: Path) -> None:
    assert why(results, "mnist.small", study(weight_decay=0.5)) == ["setting: weight_decay: not given -> 0.5"]


def test_a_file_is_named(results: Path) -> None:
    (results / "runs.csv").write_text("seed\n1\n")
    manifest = MANIFEST | {"files": {"train_images.npy": "cd" * 32, "more.npy": "ef" * 32}}
    (results / "data/mnist/manifest.json").write_text(json.dumps(manifest))
    assert why(results, "summarise", study()) == [
        f"file: {results.as_posix()}/data/mnist/manifest.json changed",
        f"file: {results.as_posix()}/runs.csv changed",
    ]
    assert why(results, "mnist.small", study()) == [
        f"file: {results.as_posix()}/data/mnist/more.npy is new",
        f"file: {results.as_posix()}/data/mnist/train_images.npy changed",
    ]


def test_what_never_ran_is_told_and_no_step_is_refused(results: Path) -> None:
    assert why(results, "collect", study())[0].startswith("collect: there is no record that it has run here")
    for name in ("mnist.smal", "train_mnist", "verify.softmaxx", "resolve"):
        with pytest.raises(UserError, match=f"why: found '{name}'"):
            why(results, name, study())


@pytest.mark.parametrize(
    ("step", "edits", "told"),
    [
        (
            "mnist.small",
            {"rederive/autograd/optimizers.py": ("velocity += gradient", "velocity -= gradient")},
            ["code: rederive.autograd.optimizers:SGD changed", "-                velocity += gradient"],
        ),
        (
            "mnist.small",
            {"writeup/standin.py": ("GLYPH_SIZE = 64", "GLYPH_SIZE = 65")},
            ["code: writeup.standin:GLYPH_SIZE changed", "    -GLYPH_SIZE = 64", "    +GLYPH_SIZE = 65"],
        ),
        (
            "summarise",
            {"rederive/results/number_format.py": ("{value:,.{digits}f}", "{value:,.{digits + 1}f}")},
            ["code: rederive.results.number_format:format_value changed", '+    text = f"{value:,.{digits + 1}f}"'],
        ),
        (
            "mnist.small",
            {"rederive/training/loop.py": ("# A checkpoint may", "# It may")},
            ["nothing changed since it ran"],
        ),
    ],
)
def test_a_definition_is_named_and_the_changed_line_is_shown(
    results: Path, tmp_path: Path, step: str, edits: dict[str, tuple[str, str]], told: list[str]
) -> None:
    copy = tmp_path / "src"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (old, new) in edits.items():
        path = copy / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from rederive.cli import main; main()",
            "why",
            step,
            "--study",
            str(results / "study.json"),
        ],
        cwd=tmp_path,  # the code of a study lies in the src/ of its folder
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line in told:
        assert line in done.stdout
    assert done.stdout.count("code: ") == sum("code: " in line for line in told)
