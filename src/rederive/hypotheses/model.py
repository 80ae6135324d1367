"""What `hypotheses` of the configuration says: for a row that disagrees, the settings that it may come from."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
AS_WRITTEN = "as_written"  # the candidate that each row has by itself: the settings that the study gives it


class Model(BaseModel):
    """A model that refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Candidate(Model):
    """Settings that a published row may come from: those of its experiment, or of another, with some changed."""

    label: str = Field(description="what it supposes, for the report")
    like: str | None = Field(None, description="the experiment whose settings it starts from; the row's own without it")
    changes: dict[str, Any] = Field({}, description="settings that differ, as in an experiment")
    pixels: Literal["unit", "standardised"] | None = Field(
        None, description="CIFAR-10: scaled to 0..1, or to mean 0 and deviation 1 of each channel, in place of -1..1"
    )
    test_batch: Count | None = Field(
        None,
        description="CIFAR-10: accuracy without eval(), batch norm by the statistics of test batches of so many images",
    )
    read_at: Count | None = Field(None, description="the epoch after which the accuracy was read, if not the row's")
    copied_from: str | None = Field(None, description="the published row whose accuracy stands here by mistake")
    epochs: Count | None = Field(None, description="train so many, however the first ones come out")

    @property
    def trains(self) -> bool:
        """Whether it may be trained at all: a copied value and another reading say nothing of the training."""
        return self.copied_from is None and self.read_at is None


class Question(Model):
    """The candidates for one row."""

    candidates: dict[str, Candidate] = Field(min_length=1)


class Hypotheses(Model):
    """`hypotheses` of the configuration."""

    kept: str = Field("archive/hypotheses.json", description="what `rederive infer` has trained")
    rungs: list[Count] = Field(
        [1, 2], min_length=1, description="epochs after which the worse half of a row's candidates is dropped"
    )
    known: list[str] = Field([], description="rows whose settings the write-up states: the method is checked on them")
    rows: dict[str, Question] = Field({}, description="by experiment")

    def candidates(self, row: str) -> dict[str, Candidate]:
        """Return the candidates for a row, the settings of the study first."""
        return {AS_WRITTEN: Candidate(label="as the study has it"), **self.rows[row].candidates}


def candidate_spec(row: str, candidate: Candidate, experiments: Mapping[str, Any]) -> Any:
    """Return the spec that a candidate is trained with. Raises ValueError with the key that is wrong.

    `experiments` are the study's, by name.
    """
    for key, name in (("row", row), ("like", candidate.like or row), ("copied_from", candidate.copied_from or row)):
        if name not in experiments:
            raise ValueError(f"{key}: found {name!r}, which is no experiment")
    base = experiments[candidate.like or row].spec
    if unknown := [key for key in candidate.changes if key not in type(base).model_fields]:
        raise ValueError(f"changes: unknown {', '.join(unknown)}; allowed: {', '.join(type(base).model_fields)}")
    spec = type(base).model_validate(base.model_dump() | candidate.changes)
    if candidate.test_batch and not getattr(spec, "batch_norm", False):
        raise ValueError("test_batch: its network has no batch norm, and computes the same with eval() and without")
    if candidate.pixels and not hasattr(spec, "conv_channels"):
        raise ValueError("pixels: only the convolutional networks of CIFAR-10 take other inputs")
    return spec
