"""What made a run: the record that lies beside its numbers, one entry a seed."""

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from rederive import files
from rederive.errors import UserError
from rederive.training.history import Row, from_csv
from rederive.training.wholeness import few, missing_or_odd, refuse_what_is_not_whole

Outcome = Literal["bit for bit", "within rounding", "within the spread over seeds", "different"]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, OverflowError):
        raise ValueError(f"found {value!r:.80}, expected a number") from None


# JSON has no form for numbers that are not finite; as strings they read back.
Loss = Annotated[float, BeforeValidator(_number)]


class Record(BaseModel):
    """A part of a provenance. Unknown keys are refused: a record that is not understood is not passed on."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Replay(Record):
    """A run whose beginning was trained again, and how the numbers compare with those that are kept."""

    made_by: str = Field(description="fingerprint of the code that trained the run")
    replayed_by: str = Field(description="fingerprint of the code that trained its beginning again")
    seed: int
    steps: int = Field(description="how many losses of the first steps were compared; 0 where the run kept none")
    epochs: int = Field(description="how many epochs' numbers were compared; 0 where only the first steps were taken")
    outcome: Outcome
    difference: float = Field(description="largest relative difference of a compared number")
    tolerance: float | None = Field(None, description="the largest relative difference that was allowed there")
    device: str
    versions: dict[str, str]
    when: str

    def certifies(self, fingerprint: str, today: str) -> bool:
        """Return whether runs made by code `fingerprint` may stand for those of `today`."""
        return (self.made_by, self.replayed_by) == (fingerprint, today) and self.outcome != "different"

    def described(self) -> str:
        """Return in words how the numbers compare."""
        steps = [f"the first {self.steps} steps"] * bool(self.steps)
        epochs = [f"{self.epochs} epoch{'s' * (self.epochs > 1)}"] * bool(self.epochs)
        told = f"{' and '.join([*steps, *epochs])}: {self.outcome}"
        if self.outcome == "bit for bit":
            return told
        allowed = "" if self.tolerance is None else f", where {self.tolerance:.1e} is allowed"
        return f"{told} (relative difference {self.difference:.1e}{allowed})"


class Seed(Record):
    """How the numbers of one seed came about."""

    fingerprint: str = Field(description="of the code")
    device: str
    threads: int
    tf32: bool = False
    versions: dict[str, str]
    started: str
    ended: str
    host: str | None = None
    seconds_per_epoch: list[float]
    together: list[int] = Field([], description="the seeds trained side by side with it, and timed with it")
    restored_from_epoch: int | None = None
    diverged: int | None = Field(None, description="the first epoch whose training loss was not finite")
    opening: list[Loss] = Field([], description="losses of the first steps; empty where they were not kept")
    predictions: str = Field("", description="the class of each evaluation image after the last epoch, a digit each")
    tests_digest: str | None = Field(
        None, description="SHA-256 of the claims' tests as they stood when it began; None where it was not kept"
    )
    trainer_kind: Literal["watched", "function", "command", "import"] = "watched"
    imported_files: dict[str, str] = Field(
        {}, description="SHA-256 of the files that it was read from, by path, where nothing was trained"
    )
    taken_from: str | None = Field(None, description="the kept file, where nothing was trained")
    certified_by: Replay | None = Field(
        None, description="the replay by which it was taken, where the code has changed"
    )


class Provenance(Record):
    """What a run is, and how each of its seeds was made. `sha256` is that of the CSV beside it."""

    run: str
    spec: dict[str, Any]
    data_checksum: str
    data_source: Literal["official", "standin"]
    origin: Literal["published", "ours"]
    parameters: int | None = Field(None, description="where the trainer counts them")
    flops_per_image: int | None = None
    sha256: str
    seeds: dict[int, Seed]

    @field_validator("spec")
    @classmethod
    def _has_length(cls, spec: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(spec.get("epochs"), int) or spec["epochs"] < 1:
            raise ValueError(f"epochs: found {spec.get('epochs')!r}, expected a number of them")
        return spec

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the record beside a run's numbers. Raises UserError where it is missing or none."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UserError(f"{path}: not the provenance of a run ({error.strerror})") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise UserError(f"{path}: not the provenance of a run ({where}: {first['msg']})") from None

    def write(self, path: Path) -> None:
        """Write the record; what has its default is left out."""
        files.write_json(path, json.loads(self.model_dump_json(exclude_defaults=True)))


def read_run(record: Path) -> tuple[list[Row], Provenance]:
    """Return the numbers of a run and their record.

    Raises UserError for a file that is missing or malformed, numbers without the SHA-256 of their record, or that are
    not whole (`rederive.training.wholeness`).
    """
    return read_rows(record, Provenance.read(record))


def read_rows(record: Path, provenance: Provenance) -> tuple[list[Row], Provenance]:
    """Do what `read_run` does, for a record that has been read."""
    path = record.with_suffix(".csv")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    written = hashlib.sha256(content).hexdigest() == provenance.sha256
    try:
        rows = from_csv(content.decode())
    except ValueError as error:
        told = "" if written else " and is not the file that was written"
        raise UserError(f"{path}: not the numbers of a run ({error}){told}") from None
    if not written:
        odd = missing_or_odd(path, rows, provenance)
        raise UserError(
            f"{path}: is not the file that was written: its SHA-256 is not the one in {record.name}"
            f"{f' ({few(odd)})' if odd else ''}; train this run again"
        )
    refuse_what_is_not_whole(path, rows, provenance)
    return rows, provenance


def relative_difference(first: float, second: float) -> float:
    """Return |a - b| over the larger of |a| and |b|: 0 for equal numbers or two nan, inf where one is not finite."""
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.inf
    return abs(first - second) / max(abs(first), abs(second))
