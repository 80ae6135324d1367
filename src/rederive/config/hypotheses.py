"""`hypotheses` of the configuration: for a published row that disagrees, the settings that it may come from."""

from typing import Annotated, Any

from pydantic import Field

from rederive.config.settings import Part, Size, Word

AS_WRITTEN = "as_written"  # the candidate that each row has by itself: the settings that the study gives it


class Candidate(Part):
    """Settings that a published row may come from: those of its experiment, or of another, with some changed.

    A value that was copied, or read after another epoch, is a candidate, too: it says nothing of the training.
    """

    label: str = Field(description="what it supposes, for the report")
    like: str | None = Field(None, description="the experiment whose settings it starts from; the row's own without it")
    trainer: str | None = Field(None, description="another trainer, for what that of the experiment cannot be told")
    changes: dict[str, Any] = Field({}, description="settings that differ")
    curve: str | None = Field(
        None, description="the experiment whose curve it has: one trained alike, where this one is judged otherwise"
    )
    read_at: Size | None = Field(None, description="the epoch after which the value was read, if not the row's")
    copied_from: str | None = Field(None, description="the published row whose value stands here by mistake")
    epochs: Size | None = Field(None, description="train so many, however the first ones come out")

    @property
    def trains(self) -> bool:
        """Whether it supposes another training: a copied value and another reading do not."""
        return self.copied_from is None and self.read_at is None


class Question(Part):
    """The candidates for one row."""

    candidates: dict[Annotated[str, Field(pattern=r"^\w[\w.]*$")], Candidate] = Field(min_length=1)


class Hypotheses(Part):
    """Candidates for rows that disagree: trained for few epochs where no run has them, and ranked by likelihood."""

    kept: str = Field("candidates", description="the folder of what `rederive infer` has trained")
    rungs: list[Size] = Field(
        [1, 2], min_length=1, description="epochs after which the worse half of a row's candidates is dropped"
    )
    known: list[str] = Field([], description="rows whose settings the original states: the method is checked on them")
    rows: dict[str, Question] = Field({}, description="by experiment")

    def candidates(self, row: str) -> dict[Word, Candidate]:
        """Return the candidates for a row, the settings of the study first."""
        return {AS_WRITTEN: Candidate(label="as the study has it"), **self.rows[row].candidates}
