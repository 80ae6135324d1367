"""The training of candidates by successive halving.

Of the candidates for a row that no run of the study answers, all are trained one epoch; those that the bound excludes
are dropped, and of the rest the less likely half (Jamieson and Talwalkar 2016); the others go on to the next rung.
A training that serves several rows is done once. What is done is kept after each training, and goes on from there.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rederive import progress
from rederive.config import Cifar10Spec, MnistSpec, Spec, Study
from rederive.data import Dataset, load
from rederive.errors import UserError
from rederive.fingerprint import fingerprint
from rederive.hypotheses.model import Candidate, candidate_spec
from rederive.hypotheses.ranking import needs_training
from rederive.hypotheses.trained import Trained, key_of
from rederive.results.agreement import Comparison
from rederive.training.history import Row
from rederive.training.job import device_name, versions
from rederive.training.keeper import Keeper, StopRequest
from rederive.training.loop import Learner, Watcher, fit


def infer(comparison: Comparison, data_of: Callable[[str], Path], checkpoints: Path) -> Trained:
    """Train the candidates of the study's hypotheses, as far as they are not kept; return all that is.

    `data_of` gives the folder of a data set's arrays. Candidates are trained on the processor, with the study's first
    seed. Raises UserError where there is nothing to compare.
    """
    study = comparison.study
    if study.data.source != "official":
        raise UserError("infer: published values are compared with runs on the official data; data.source is standin")
    kept = Path(study.hypotheses.kept)
    trained = Trained.load(kept)
    loaded: dict[str, Dataset] = {}
    with StopRequest().listening() as stop, progress.shares() as show:

        def reach(row: str, candidate: Candidate, epochs: int) -> None:
            dataset = study.experiments[row].dataset
            spec = candidate_spec(row, candidate, study.experiments)
            batches = test_batches(study, dataset, spec, candidate.pixels)
            record = trained.find(dataset, spec, candidate.pixels)
            if record and record.has(epochs, batches):
                return
            if dataset not in loaded:
                loaded[dataset] = load(data_of(dataset))
            key = key_of(dataset, spec, candidate.pixels)
            made = {"fingerprint": fingerprint("rederive.hypotheses.search:train"), "threads": study.training.threads}
            about = {**made, "spec": spec.identity(), "pixels": candidate.pixels, "test_batches": sorted(batches)}
            label = f"{row}: {candidate.label}"
            seed, minutes = study.seeds[0], study.training.checkpoint_minutes
            about["data_checksum"] = loaded[dataset].manifest["checksum"]
            keeper = Keeper(label, checkpoints / key, about, [seed], minutes, stop, show)
            began = datetime.now(UTC).isoformat(timespec="seconds")
            rows = train(spec, loaded[dataset], seed, candidate.pixels, sorted(batches), epochs, keeper)
            trained.records[key] = (
                _record(dataset, spec, candidate.pixels, seed, rows)
                | made
                | {"data_checksum": about["data_checksum"], "seconds_per_epoch": keeper.seconds}
                | {"device": device_name("cpu"), "versions": versions(), "started": began}
                | {"ended": datetime.now(UTC).isoformat(timespec="seconds")}
            )
            trained.save(kept)

        alive = {row: _to_train(study, row) for row in study.hypotheses.rows}
        for rung in study.hypotheses.rungs:
            for row, candidates in alive.items():
                for candidate in candidates.values():
                    reach(row, candidate, rung)
                alive[row] = better_half(comparison, trained, row, candidates, rung)
        for row in study.hypotheses.rows:
            for candidate in _to_train(study, row).values():
                if candidate.epochs:
                    reach(row, candidate, candidate.epochs)
    return trained


def _to_train(study: Study, row: str) -> dict[str, Candidate]:
    return {
        name: candidate
        for name, candidate in study.hypotheses.candidates(row).items()
        if needs_training(study, row, candidate)
    }


def better_half(
    comparison: Comparison, trained: Trained, row: str, candidates: dict[str, Candidate], rung: int
) -> dict[str, Candidate]:
    """Return those that go on after a rung: not excluded, and of these the likelier half, rounded up.

    Where the published curve has no point so early, nothing can be said, and all go on.
    """
    distances = {}
    for name, candidate in candidates.items():
        record = trained.find(
            comparison.study.experiments[row].dataset,
            candidate_spec(row, candidate, comparison.study.experiments),
            candidate.pixels,
        )
        distances[name] = comparison.loss(row, record.losses, rung) if record else None
    known = {name: found for name, found in distances.items() if found is not None}
    if not known:
        return candidates
    left = sorted((name for name in known if known[name].agrees), key=lambda name: -known[name].log_likelihood)
    return {name: candidates[name] for name in left[: (len(candidates) + 1) // 2]}


def test_batches(study: Study, dataset: str, spec: Spec, pixels: str | None) -> set[int]:
    """Return the sizes of test batches in which some candidate with these settings is judged in training mode."""
    wanted = key_of(dataset, spec, pixels)
    return {
        candidate.test_batch
        for row in study.hypotheses.rows
        for candidate in study.hypotheses.candidates(row).values()
        if candidate.test_batch
        and study.experiments[row].dataset == dataset
        and key_of(dataset, candidate_spec(row, candidate, study.experiments), candidate.pixels) == wanted
    }


test_batches.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is no test case


def train(
    spec: Spec, data: Dataset, seed: int, pixels: str | None, test_batches: list[int], epochs: int, watcher: Watcher
) -> list[Row]:
    """Train one network on the processor; return its numbers, epoch by epoch."""
    learner: Learner
    if isinstance(spec, MnistSpec):
        from rederive.training.mnist import MnistLearner

        learner = MnistLearner(spec, data, seed)
    else:
        import torch

        from rederive.training.variants import VariedLearner

        assert isinstance(spec, Cifar10Spec)
        torch.set_num_threads(1)
        learner = VariedLearner(spec, data, seed, pixels, test_batches)
    return fit(learner, epochs, watcher).rows


def _record(dataset: str, spec: Spec, pixels: str | None, seed: int, rows: list[Row]) -> dict[str, Any]:
    numbers: dict[tuple[str, str], list[float | str]] = {}
    for row in sorted(rows, key=lambda row: row.epoch):
        value = row.value if math.isfinite(row.value) else str(row.value)  # JSON has no form for nan and inf
        numbers.setdefault((row.split, row.metric), []).append(value)
    held_out = "validation" if ("validation", "accuracy") in numbers else "test"
    return {
        "dataset": dataset,
        "spec": spec.model_dump(mode="json", exclude={"epochs"}) | {"epochs": len(numbers["train", "loss"])},
        "pixels": pixels,
        "seed": seed,
        "losses": numbers["train", "loss"],
        "accuracies": numbers[held_out, "accuracy"],
        "accuracies_in_training_mode": {
            metric.rpartition(" ")[2]: values for (_, metric), values in numbers.items() if "training mode" in metric
        },
    }
