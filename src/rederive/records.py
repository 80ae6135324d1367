"""What the steps of a build tell each other in JSON files: one typed record for each thing.

Writers make these records, readers take them, and so do the tests' invented builds: a form that drifts is an error.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rederive.errors import UserError, of_system
from rederive.files import read_text, write_json
from rederive.results.statistics import LEVEL


class Record(BaseModel):
    """A record; keys that it does not know are an error, those that have no value can be left out."""

    model_config = ConfigDict(extra="forbid")


class RunFacts(Record):
    """What the report may know of a run's provenance; times and hosts stay out: equal runs give equal reports."""

    files: dict[str, str] = {}
    """The run's files in the results folder, with their SHA-256."""
    seeds: list[int] = []
    epochs: int = 0
    diverged: dict[int, int] = {}
    """The first epoch whose training loss is not finite, of the seeds that have one."""
    collapsed: dict[int, int] = {}
    """From which epoch on, of the seeds that answer by chance to the end."""
    left_out: dict[int, str] = {}
    """Why a planned seed gives no observation."""
    deterministic: bool = False
    """Whether it came out the same with every seed."""
    tests_digest: dict[int, str | None] = {}
    """Of the claims' tests as they stood when a seed was trained, where that was kept."""
    replays: dict[str, dict[str, Any]] = {}
    """By which replays it was taken from an archive, by the fingerprints of both codes."""
    fingerprint: list[str] = []
    device: list[str] = []
    versions: list[str] = []
    taken_from: list[str] = []
    trainer_kind: list[str] = []
    seconds: dict[int, float] = {}
    """What training each seed took, where a table of the study shows it: equal runs then take another time."""
    imported: dict[str, str] = {}
    """The files that it was read from, with their SHA-256, where nothing was trained."""
    data_checksum: list[str] = []
    parameters: list[int] = []
    flops_per_image: list[int] = []


class Number(Record):
    """A number that the text can print, and where it comes from."""

    value: int | float | str | None
    """None where these runs do not give it."""
    unit: str
    """A metric's unit, difference, multiple, count, setting, error or text."""
    text: str
    """How it is printed."""
    how: str
    """A sentence: how it was computed."""
    brief: str | None = None
    """The same in a few words."""
    missing: str | None = None
    """Why there is no value."""
    formula: str | None = None
    digits: int = 3
    """Decimals in print, where it is measured."""
    low: float | None = None
    high: float | None = None
    """Its interval, where it is a mean over `n` seeds."""
    level: float = LEVEL
    n: int | None = None
    of: int | None = None
    """Of how many, where it is a count of some of them."""
    seeds: list[int] = []
    runs: list[str] = []
    files: dict[str, str] = {}
    """The files of the runs that it was read from, with their SHA-256."""


class Series(Record):
    """One experiment's curve in a panel: values by epoch, for the page that shows them."""

    experiment: str
    label: str
    colour: str
    dash: list[float] = []
    """Strokes and gaps of its line in units of its width; none where it is solid."""
    values: dict[int, float]
    seeds: dict[int, dict[int, float]] = {}
    """The same for each seed, where there are several."""
    published: dict[int, float]


class PanelEntry(Record):
    """One set of axes: where it lies in the SVG (points from its upper left corner), and its limits in epochs."""

    box: tuple[float, float, float, float]
    x: tuple[float, float]
    title: str = ""
    log: bool = False
    series: list[Series]


class FigureEntry(Record):
    """A figure of the report."""

    title: str
    alt: str
    panels: list[PanelEntry] = []
    recolour: bool
    """Whether the page may give it the colours of its dark mode."""
    drawn_by: str
    """The import path of the function that drew it."""


Some = TypeVar("Some", bound=Record)


def write_records(path: str | Path, records: Mapping[str, Record]) -> None:
    """Write records by name; what was not set is left out."""
    told = {name: record.model_dump(mode="json", exclude_unset=True) for name, record in records.items()}
    write_json(path, told)


def read_json(path: str | Path, form: Any = Any) -> Any:
    """Read a JSON file of the build. Raises UserError where it is missing, damaged, or not of the form (`forms`)."""
    try:
        content = json.loads(read_text(path))
        TypeAdapter(form).validate_python(content)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the build writes it") from None
    except OSError as error:
        raise of_system(error) from None
    except ValidationError as error:
        raise _of_another_form(path, error) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error}); remove it and build again") from None
    return content


def _of_another_form(path: str | Path, error: ValidationError) -> UserError:
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"]))
    found = "" if problem["type"] == "missing" else f", found {str(problem['input'])[:50]!r}"
    message = problem["msg"].replace("a valid dictionary", "a mapping")
    return UserError(f"{path}: {where + ': ' if where else ''}{message}{found}; remove it and build again")


def read_records(path: str | Path, kind: type[Some]) -> dict[str, Some]:
    """Read a file that holds records by name. Raises UserError as `read_json` does."""
    content = read_json(path)
    try:
        return TypeAdapter(dict[str, kind]).validate_python(content)  # type: ignore[valid-type]
    except ValidationError as error:
        raise _of_another_form(path, error) from None
