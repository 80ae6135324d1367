"""Trainings of a pack again: the beginning of some that are drawn, or all of one run."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rederive.audit.chance import caught
from rederive.audit.pack import RESULTS
from rederive.config import Study
from rederive.errors import UserError
from rederive.layout import Layout
from rederive.training.archive import kept_under

STUDY = f"{RESULTS}/study.json"


def train_again(
    study: Study, folder: Path, sample: int, retrain: Sequence[str], draw: int
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Train the first epoch of `sample` trainings again, and all of the runs in `retrain`; return checks and problems.

    `folder` holds the unpacked inputs; the data are made or fetched into it. Which trainings are taken is drawn by
    `draw`, a training being one seed of one run, each as likely as any other.
    """
    layout = Layout(folder / RESULTS)
    known = study.runs()
    if unheard := sorted(set(retrain) - known.keys()):
        raise UserError(f"--retrain: {', '.join(unheard)} is no run of the pack; its runs: {', '.join(known)}")
    # Others run their own loop: nothing can be stopped after an epoch, or compared step by step.
    able = [run for run, experiment in known.items() if study.trainers[experiment.trainer].kind == "watched"]
    if unable := sorted(set(retrain) - {*able}) or (["--replay"] if sample and not able else []):
        raise UserError(
            f"{', '.join(unable)}: only runs of watched trainers can be trained again; those of the pack: "
            f"{', '.join(able) or 'none'}"
        )
    trainings = [(run, one.seed) for run in able for one in kept_under(layout.folder, run)]
    drawn = sorted(random.Random(draw).sample(trainings, min(sample, len(trainings))))
    whole = [(run, one.seed) for run in retrain for one in kept_under(layout.folder, run)]
    asked = [(run, seed, 1) for run, seed in drawn] + [(run, seed, known[run].epochs) for run, seed in whole]
    for data_set in sorted(filter(None, {known[run].data for run, *_ in asked})):  # a run may have none
        _prepare(study, folder, data_set)
    outcomes, problems = [], []
    for run, seed, epochs in asked:
        output = folder / "replayed.json"
        output.unlink(missing_ok=True)
        arguments = ["replay", run, "--seeds", str(seed), "--epochs", str(epochs), "--from", RESULTS, "--study", STUDY]
        done = _rederive(folder, *arguments, "--output", str(output))
        if not output.exists():
            raise UserError(f"{run}, seed {seed}: could not be trained again: {done.stderr.strip()[-500:]}")
        (found,) = json.loads(output.read_bytes())
        outcomes.append(found["outcome"])
        if found["outcome"] == "different":
            problems.append((f"{RESULTS}/runs/{run}, seed {seed}", f"trained again it is different ({epochs} epochs)"))
    checks = {}
    if drawn:
        told = ", ".join(f"{run} seed {seed}" for run, seed in drawn)
        checks[f"trainings whose first epoch was trained again, of {len(trainings)}, drawn by {draw}"] = (
            f"{len(drawn)} ({told}): {_counted(outcomes[: len(drawn)])}"
        )
        tenth = max(1, round(len(trainings) / 10))
        checks[f"chance that this finds one of {tenth} forged trainings"] = (
            f"{100 * caught(len(trainings), tenth, len(drawn)):.1f} %"
        )
    if whole:
        checks["trainings trained again as a whole"] = f"{len(whole)}: {_counted(outcomes[len(drawn) :])}"
    return checks, problems


def _prepare(study: Study, folder: Path, data_set: str) -> None:
    manifest = Layout(folder / RESULTS).manifest(data_set)
    manifest.unlink(missing_ok=True)
    steps = [["standin", data_set]] if study.data.source == "standin" else [["fetch", data_set], ["prepare", data_set]]
    for step in steps:
        done = _rederive(folder, *step, "--study", STUDY)
        if done.returncode:
            raise UserError(f"{data_set}: the data could not be had: {done.stderr.strip()[-500:]}")


def _rederive(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from rederive.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _counted(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
