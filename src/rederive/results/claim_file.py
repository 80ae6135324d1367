"""What `claims.yaml` says: the conclusions of the write-up, each with its tests and the sentences for its verdicts.

A claim has one or more tests. A test is a quantity, computed once for each seed that all its experiments share, and
what it is held against; `rederive.results.verdicts` has the rule
that makes verdicts of these.

- `above: b` is claimed of a quantity larger than b by more than the margin that the test names; `below` is its mirror.
- `within: m` is claimed of a quantity that lies in -m..m, where m is a margin: practical equality.
- `proved: name` holds where that derivation passed.

`margins:` names each margin once, with its reason: what is no difference in one test is none in another, so that of
two experiments one is ahead, or they are level, and never both.

A claim holds where all its tests hold, does not hold where one does not, is not testable where the runs it needs are
not there or there is one seed only (no interval), and is undecided otherwise.

Quantities are written with the keys of `rederive.results.number_keys` in braces, `+ - * /`, `min`, `max`, `span`
(largest minus smallest), `mean`, `median`, `abs` and `log`: `{deep.accuracy} - {shallow.accuracy}`. `{deep.published}`
is the original's value. In place of an epoch a curve also has what `rederive.results.curve_summaries` makes of it. One
with `min`, `max`, `span` or `abs` is tested part by part (`rederive.results.quantities.parts`). Where the write-up
gives all values of a quantity it is computed from those, too: a conclusion may not follow from its own numbers.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from rederive.config.errors import describe
from rederive.config.settings import Model
from rederive.errors import UserError
from rederive.results.number_keys import unknown
from rederive.results.verdicts import FAILS, HOLDS, UNDECIDED, Region
from rederive.yaml_files import read_yaml

Verdict = Literal["holds", "does not hold", "undecided", "not testable with these runs"]
MARGINS = "margins"


Valid = TypeVar("Valid", bound=Model)


class Margin(Model):
    """A difference that is practically none, and why."""

    name: str
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    reason: str


class Test(Model):
    """One quantity and what it is held against."""

    __test__ = False  # for pytest: this is no test case

    measures: str = Field(description="what the quantity is, in words, for the scorecard")
    quantity: str | None = Field(None, description="an expression over number keys in braces")
    unit: str = Field("", description="ratio for a quantity that has none; else it is that of its metrics")
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    margin: Margin | None = Field(None, description="a difference up to this is practically none")
    within: Margin | None = Field(None, description="practical equality")
    proved: str | None = Field(None, description="name of a derivation")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        bounds = [name for name in ("above", "below", "within", "proved") if getattr(self, name) is not None]
        if len(bounds) != 1 or (self.quantity is None) != (bounds == ["proved"]):
            raise ValueError("give a quantity with one of above, below, within; or proved alone")
        if self.margin is not None and (self.above is None) == (self.below is None):
            raise ValueError("a margin belongs to above or below")
        return self

    @property
    def region(self) -> Region:
        """Where the test says that its quantity lies."""
        margin = self.margin.value if self.margin else 0.0
        if self.within is not None:
            return Region(-self.within.value, self.within.value)
        if self.below is not None:
            return Region(-math.inf, self.below - margin)
        assert self.above is not None
        return Region(self.above + margin, math.inf)


class Claim(Model):
    """A conclusion of the write-up, in our words, with its tests and what the report says for each verdict."""

    number: int = Field(description="its number in the scorecard")
    place: str = Field("", description="where the original draws it; without it, it is this report's own")
    says: str = Field(description="our sentence for it; a template")
    tests: list[Test] = Field(min_length=1)
    sentences: dict[Verdict, str] = Field(description="what to print for each verdict; templates")
    expected: dict[Literal["official", "standin"], Verdict] = Field({}, description="pinned verdicts, by data source")

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        silent = [verdict for verdict in (HOLDS, FAILS, UNDECIDED) if verdict not in self.sentences]
        if silent:
            raise ValueError(f"no sentence for: {', '.join(silent)}")
        return self


def load_claims(path: str | Path) -> dict[str, Claim]:
    """Read `claims.yaml`. Raises UserError with the claim and key that is wrong."""
    entries = read_yaml(path)
    margins = load_margins(path)
    entries.pop(MARGINS, None)
    claims = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("tests", []), list):
            raise UserError(f"{path}: {name}.tests: found {entry!r:.80}, expected a mapping with a list of tests")
        for test in entry.get("tests", []):
            if not isinstance(test, dict):
                raise UserError(
                    f"{path}: {name}.tests.{entry['tests'].index(test)}: found {test!r}, expected a mapping"
                )
            for key in {"margin", "within"} & test.keys():
                if not isinstance(test[key], str) or test[key] not in margins:
                    raise unknown(str(test[key]), margins, f"{path}: {name}: {key}", "margin")
                test[key] = margins[test[key]]
        claims[name] = _validated(Claim, entry, path, name)
    return claims


def load_margins(path: str | Path) -> dict[str, Margin]:
    """Read the margins of `claims.yaml`, by name. Raises UserError for one that is wrong."""
    written = read_yaml(path).get(MARGINS, {})
    if not isinstance(written, dict) or not all(isinstance(entry, dict) for entry in written.values()):
        raise UserError(f"{path}: {MARGINS}: found {written!r:.80}, expected for each name its value and reason")
    entries = {name: {"name": name, **entry} for name, entry in written.items()}
    return {name: _validated(Margin, entry, path, f"{MARGINS}.{name}") for name, entry in entries.items()}


def _validated(model: type[Valid], entry: Any, path: str | Path, name: str) -> Valid:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        raise UserError("\n".join(f"{path}: {problem}" for problem in describe(error, model, name))) from None


def tests_digest(path: str | Path) -> str:
    """Return the SHA-256 of all that decides: the tests and margins, no words. Raises UserError."""
    claims = {
        name: [
            (test.quantity, test.region.low, test.region.high) if test.quantity else test.proved for test in claim.tests
        ]
        for name, claim in load_claims(path).items()
    }
    return hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()


tests_digest.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is no test case
