"""The candidates that `rederive infer` has trained: files in the form of kept runs, found by their settings."""

from collections.abc import Iterable
from pathlib import Path

from rederive.config import Experiment, Study
from rederive.results.runs import Curve
from rederive.training.archive import Kept, official_checksum, read, spec_identity


class Trained:
    """The candidates that were trained, with one seed or more each."""

    def __init__(self, kept: Iterable[Kept]) -> None:
        self.kept = list(kept)

    @classmethod
    def load(cls, folder: str | Path) -> "Trained":
        """Read a folder of kept trainings; without one nothing was trained. Raises UserError for a damaged file."""
        return cls(read(record) for record in sorted(Path(folder).glob("*/seed_*.json")))

    def find(self, study: Study, experiment: Experiment) -> list[Kept]:
        """Return the trainings with the settings of a candidate, on the study's data, the longest last."""
        wanted, checksum = experiment.identity_of(experiment.spec), official_checksum(study, experiment)
        found = [
            kept
            for kept in self.kept
            if spec_identity(experiment, kept.provenance) == wanted
            and checksum in (None, kept.provenance.data_checksum)
        ]
        return sorted(found, key=lambda kept: kept.provenance.spec["epochs"])

    def curves(self, study: Study, experiment: Experiment, metric: str) -> dict[int, Curve]:
        """Return a metric of a candidate: seed -> epoch -> value; empty where it was not trained."""
        row = study.metrics[metric].row(experiment.trainer)
        return {
            kept.seed: {one.epoch: one.value for one in kept.rows if (one.split, one.metric) == row}
            for kept in self.find(study, experiment)
        }
