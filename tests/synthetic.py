"""A build with invented curves, in the formats of the real one, for tests of everything after training.

The curves are smooth functions of the epoch with a little noise for each seed, near the published values where there
are any, so that figures and tables look as they will; nothing is trained.
"""

import hashlib
import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import studies

from rederive import figures
from rederive.config import Experiment, Study
from rederive.files import sha256, write_json, write_text
from rederive.layout import THEME, Layout
from rederive.report.formats import convert
from rederive.report.render import render
from rederive.results.claims import test_claims
from rederive.results.collect import collect
from rederive.results.published import published_curves, published_values
from rederive.results.summarise import summarise
from rederive.training.history import diverged, from_csv
from rederive.training.provenance import Provenance, Seed

REPOSITORY = Path(__file__).parents[1]
TEMPLATES = REPOSITORY / "report"
CLAIMS = TEMPLATES / "claims.yaml"
PUBLISHED = TEMPLATES / "published.yaml"
PUBLISHED_CURVES = TEMPLATES / "published_curves.csv"


def study(**changes: Any) -> Study:
    """The study of config.yaml, with `changes` laid over it."""
    return studies.configured(**changes)


def write_build(folder: Path, made: Study, without: tuple[str, ...] = ()) -> list[Path]:
    """Write study.json, runs, derivations and manifests below `folder`; return the runs' CSV files."""
    layout = Layout(folder)
    made.save(layout.study)
    values = published_values(PUBLISHED, made.metrics)[str(made.headline)]
    curves = published_curves(PUBLISHED_CURVES, made.metrics)
    paths = []
    for run, experiment in made.runs().items():
        if run in without:
            continue
        accuracy = values[run].value if run in values else 0.7
        losses = curves.get((run, "training_loss"), {})
        rows = [row for seed in made.seeds for row in curve_rows(experiment, seed, accuracy, losses)]
        path = layout.run(run, made.seeds)
        write_run(path, experiment, rows, made.seeds)
        paths.append(path)
    for data_set, sizes in {
        "mnist": {"train": 55000, "validation": 5000, "test": 10000},
        "cifar10": {"train": 50000, "test": 10000},
    }.items():
        manifest = {"dataset": data_set, "source": made.data.source, "checksum": "ab" * 32, "sizes": sizes, "files": {}}
        write_json(layout.manifest(data_set), manifest)
    for order, name in enumerate(("division", "kl_divergence", "normalize")):
        write_json(layout.derivation(name), derivation(name, order))
    return paths


def edit_run(path: Path, edit: Callable[[str], str]) -> None:
    """Change the numbers of a run line by line, and have its record say what they are now."""
    path.write_text("".join(f"{edit(line)}\n" for line in path.read_text().splitlines()))
    record = path.with_suffix(".json")
    known = json.loads(record.read_text())
    lost = diverged(from_csv(path.read_text()))
    for seed, made in known["seeds"].items():
        made["diverged"] = lost.get(int(seed))
    record.write_text(json.dumps(known | {"sha256": sha256(path)}))


def curve_rows(experiment: Experiment, seed: int, accuracy: float, published: dict[int, float]) -> list[str]:
    """Invented rows of one seed."""
    noise = random.Random(f"{experiment.key}.{seed}")
    split = "validation" if experiment.data == "mnist" else "test"
    start, end = (0.4, 0.05) if experiment.data == "mnist" else (2.0, 0.9)
    offset = noise.gauss(0, 0.004)
    rows = []
    for epoch in range(1, experiment.epochs + 1):
        fitted = end + (start - end) * math.exp(-(epoch - 1) / 5)
        loss = published.get(epoch, fitted) * math.exp(noise.gauss(0, 0.02))
        reached = 0.1 + (accuracy - 0.1) * (1 - math.exp(-epoch / 2)) + offset + noise.gauss(0, 0.001)
        rows += [
            f"{seed},{epoch},train,loss,{loss!r}",
            f"{seed},{epoch},{split},loss,{loss * 1.1!r}",
            f"{seed},{epoch},{split},accuracy,{min(reached, 1.0)!r}",
        ]
    return rows


def write_run(
    path: Path, experiment: Experiment, rows: list[str], seeds: list[int], diverged: int | None = None, **changes: Any
) -> Path:
    """Write a run's numbers and the record beside them, as a training job does; times and hosts must go no further."""
    text = "seed,epoch,split,metric,value\n" + "".join(f"{row}\n" for row in sorted(rows))
    sizes = experiment.spec.model_dump().get("hidden_sizes") or experiment.spec.model_dump()["conv_channels"]
    made = Seed(
        fingerprint="cd" * 32,
        device="cpu",
        threads=1,
        versions={"torch": "2.6.0", "numpy": "2.1.0"},
        host="should-not-appear",
        started="1999-01-01T00:00:00",
        ended="1999-01-01T01:00:00",
        seconds_per_epoch=[1.0],
        diverged=diverged,
    )
    facts = {
        "run": experiment.key,
        "spec": experiment.spec.model_dump(mode="json"),
        "data_checksum": "ab" * 32,
        "data_source": "official",
        "origin": experiment.origin,
        "parameters": 1000 * sum(sizes),
        "flops_per_image": 2000 * sum(sizes),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "seeds": dict.fromkeys(seeds, made),
    }
    write_text(path, text)
    Provenance(**facts | changes).write(Layout.provenance(path))
    return path


def derivation(name: str, order: int) -> dict[str, Any]:
    """A verified derivation."""
    steps = [
        {
            "chain": 1,
            "index_latex": r"\frac{\partial L}{\partial X_{ij}} = \sum_k G_{kj} \partial Y_{kj} / \partial X_{ij}",
            "matrix_latex": None,
            "reason": "Chain rule.",
            "proved": True,
        },
        {
            "chain": 1,
            "index_latex": r"= \frac{G_{ij}}{Y_{ij}}",
            "matrix_latex": r"G \oslash Y",
            "reason": "Only one term of the sum is left.",
            "proved": True,
        },
    ]
    mutants = {"total": 20, "rejected": 19, "equivalent": 1, "agreeing": 20, "agreement": 1.0}
    return {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "order": order,
        "domain": "All entries of the denominator differ from zero.",
        "statement_latex": r"Z_{ij} = \frac{X_{ij}}{Y_{ij}}",
        "steps": steps,
        "result_latex": r"\frac{\partial L}{\partial X} = G \oslash Y",
        "code": {"op": "Divide", "proved": True, "inputs": {"X": True, "Y": True}},
        "routes": {"kronecker": True, "adjoint": True},
        "numeric": {"complex_step_error": 1.2e-16, "max_relative_error": 3.4e-15},
        "oracles": {"torch": {"version": "2.6.0", "max_relative_error": 1e-16}, "jax": "missing"},
        "mutants": {"formula": mutants, "source": mutants},
        "equivalents": {"Only its shape is asked for.": ["Divide.forward: return «x».shape with 2 * x"]},
        "conventions": [],
        "trusted": ["SymPy's core", "floating point"],
        "passed": True,
    }


def summarise_build(folder: Path, csvs: list[Path]) -> None:
    """Collect, summarise and test the claims of a build that `write_build` wrote."""
    collect(Layout(folder), csvs)
    conclude(folder)


def proofs(folder: Path) -> list[Path]:
    """Return the derivations of a build."""
    return sorted((folder / "derivations").glob("*.json"))


def conclude(folder: Path, claims: Path = CLAIMS) -> None:
    """Summarise and test the claims of a build from its run table."""
    test_claims(Layout(folder), proofs(folder), claims, PUBLISHED, PUBLISHED_CURVES)
    summarise(Layout(folder), proofs(folder), PUBLISHED, PUBLISHED_CURVES)


def plot_build(folder: Path, only: list[str] | None = None) -> None:
    """Draw the figures of a build."""
    figures.plot(Layout(folder), only, PUBLISHED, PUBLISHED_CURVES)


def render_build(folder: Path, templates: Path = TEMPLATES) -> None:
    """Render the report of a build as Markdown."""
    render(Layout(folder), proofs(folder), templates)


def convert_build(folder: Path, suffix: str, engine: str = "auto") -> Path:
    """Set the report of a build in a format, and return the file."""
    layout = Layout(folder)
    output = layout.report(suffix)
    convert(layout.report("md"), output, layout.trace, layout.figures, THEME, engine)
    return output


def whole_build(folder: Path, made: Study, without: tuple[str, ...] = (), drawn: Path | None = None) -> Path:
    """Make a build from invented runs up to the Markdown, and return its folder.

    Drawing takes longest: where a test does not look at figures, `drawn` is a build whose figures do as well.
    """
    summarise_build(folder, write_build(folder, made, without))
    if drawn:
        shutil.copytree(drawn / "figures", folder / "figures")
    else:
        plot_build(folder)
    render_build(folder)
    return folder
