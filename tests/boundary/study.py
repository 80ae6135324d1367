"""The finished study that cases harm: two small perceptrons on stand-in digits, trained with two seeds."""

import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from tests import synthetic
from tests.boundary.case import call
from tests.workflow.project import CONFIG as WORKFLOW_CONFIG

from rederive.files import write_json
from rederive.proofs import derivation_names
from rederive.training import checkpoint

ROOT = Path(__file__).parents[2]
RUNS = ("mnist.benchmark", "mnist.relu")
STEPS = (
    *(("train", run, "--seeds", "0-1") for run in RUNS),
    ("archive",),
    ("collect",),
    ("test-claims",),
    ("summarise",),
    ("plot",),
    ("render",),
    ("convert", "html"),
    ("convert", "tex"),
    ("convert", "typ"),
    ("tex-source",),
)
MADE = ("results/runs.csv", "results/runs.json", "results/numbers.json", "results/claims.json")


def config() -> dict[str, Any]:
    """Return the configuration: that of the workflow's tests without what needs PyTorch."""
    found: dict[str, Any] = yaml.safe_load(WORKFLOW_CONFIG)
    del found["data"]["sets"]["cifar10"], found["trainers"]["cnn"], found["experiments"]["cifar10.benchmark"]
    del found["figures"]["cifar10_cost"]
    found["tables"].pop()
    found["data"]["sets"]["mnist"]["files"] = "writeup.mnist:FILES"
    for metric in found["metrics"].values():
        if isinstance(metric["reads"], dict):
            del metric["reads"]["cnn"]
    found["metrics"]["accuracy"]["limits"] = [0, 1]
    for loss in ("training_loss", "held_out_loss"):
        found["metrics"][loss]["limits"] = [0, None]
    return found | {"seeds": [0, 1]}


def write_config(folder: Path, content: Any) -> None:
    """Write a configuration in the order of its keys."""
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def new_study(folder: Path) -> Path:
    """Write the study's sources, its stand-in data and what was proved; nothing is trained yet."""
    folder.mkdir(parents=True)
    write_config(folder, config())
    shutil.copytree(ROOT / "tests/workflow/report", folder / "report")
    for name in ("report/references.bib", "CITATION.cff"):
        shutil.copy(ROOT / name, folder / name)
    for order, name in enumerate(derivation_names("writeup.derivations")):
        write_json(folder / f"results/derivations/{name}.json", synthetic.derivation(name, order))
    run(folder, ("resolve", "config.yaml", "--output", "results/study.json"), ("standin", "mnist"))
    return folder


def finished(folder: Path) -> Path:
    """Make the study, and build all of it; keep for each job the checkpoint after its first epoch, in `saved/`."""
    new_study(folder)
    write = checkpoint.write

    def keep_first(path: Path, *arguments: Any) -> None:
        write(path, *arguments)
        copy = folder / "saved" / path.parent.name / path.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / path, copy)

    with patch.object(checkpoint, "write", keep_first):
        run(folder, *STEPS)
    return folder


def run(folder: Path, *commands: tuple[str, ...]) -> None:
    """Call steps in a study; each must succeed."""
    with chdir(folder):
        for command in commands:
            code, output = call(command)
            assert code == 0, f"{' '.join(command)}: {output}"
