"""What training the candidates came to: one JSON file, kept with the sources, so that a report needs no training.

A record holds the settings in full, each epoch's numbers, and what made them (code, data, processor, times). It is
found by its settings; another version of the code leaves it standing, and its fingerprint says so.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rederive import files
from rederive.config import SPECS, Spec
from rederive.errors import UserError
from rederive.results.runs import Curve


@dataclass(frozen=True)
class Record:
    """One training of a candidate with one seed; `facts` is what the file says of it."""

    facts: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.facts["losses"])

    @property
    def losses(self) -> dict[int, Curve]:
        """Seed -> epoch -> mean training loss."""
        return {self.facts["seed"]: _curve(self.facts["losses"])}

    def accuracies(self, test_batch: int | None = None) -> dict[int, Curve]:
        """Seed -> epoch -> accuracy; in training mode where a size of test batches is given, empty if not measured."""
        in_training_mode = self.facts["accuracies_in_training_mode"]
        found = in_training_mode.get(str(test_batch)) if test_batch else self.facts["accuracies"]
        return {self.facts["seed"]: _curve(found)} if found else {}

    def has(self, epochs: int, test_batches: set[int]) -> bool:
        """Whether it was trained so long, and measured all that is asked."""
        return self.epochs >= epochs and test_batches <= set(map(int, self.facts["accuracies_in_training_mode"]))


def _curve(values: list[float]) -> Curve:
    return {epoch: float(value) for epoch, value in enumerate(values, 1)}


class Trained:
    """The candidates that were trained, by their settings."""

    def __init__(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        self.records = dict(records)

    @classmethod
    def load(cls, path: str | Path) -> "Trained":
        """Read the file; without one nothing was trained. Raises UserError for anything else than such a file."""
        try:
            records = json.loads(Path(path).read_text(encoding="utf-8"))
            for record in records.values():
                SPECS[record["dataset"]].model_validate(record["spec"])
                if not record.keys() >= {"seed", "losses", "accuracies", "accuracies_in_training_mode"}:
                    raise ValueError("a record without its numbers")
        except FileNotFoundError:
            return cls({})
        except (ValueError, KeyError, AttributeError, ValidationError) as error:
            raise UserError(f"{path}: not what `rederive infer` writes ({error}); remove it, and train again") from None
        return cls(records)

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        files.write_json(path, self.records)

    def find(self, dataset: str, spec: Spec, pixels: str | None) -> Record | None:
        """Return the training with these settings, if there is one."""
        facts = self.records.get(key_of(dataset, spec, pixels))
        return Record(facts) if facts else None


def key_of(dataset: str, spec: Spec, pixels: str | None) -> str:
    """Return the name of a training in the file: 12 digits that stand for its settings."""
    return hashlib.sha256(f"{dataset} {spec.identity()} {pixels}".encode()).hexdigest()[:12]
