"""What an experiment can set, and the models that the rest of the configuration is made of."""

import json
import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.]*$", max_length=100, description="letters, digits, _ and .")
]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100, description="small letters, digits and _")]
ImportPath = Annotated[str, Field(pattern=r"^\w+(\.\w+)*:\w+$", description="module:name, found in src/ or installed")]
PackagePath = Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", description="found in src/ or installed")]
RowName = Annotated[str, Field(pattern=r"^\S+ \S+$", description="split and metric as the trainer's rows name them")]


def _no_truth_value(value: Any) -> Any:
    """Refuse what Python would take for 1 or 0. YAML reads yes, no, on and off as truth values, too."""
    if isinstance(value, bool):
        raise ValueError(f"found {str(value).lower()}; it should be a number")
    return value


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"found {value!r}, which is no regular expression ({error})") from None
    return value


Expression = Annotated[str, AfterValidator(_compiles)]
Counted = BeforeValidator(_no_truth_value)
Size = Annotated[int, Counted, Field(ge=1)]
Whole = Annotated[int, Counted, Field(ge=0)]
Seed = Annotated[int, Counted, Field(ge=0, lt=2**32, description="what every generator takes")]
Fraction = Annotated[float, Counted, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Counted, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Counted, Field(gt=0, allow_inf_nan=False)]


class Model(BaseModel):
    """A model that refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Model):
    """A part of the configuration; what checks it is built when it is first needed, once for the parts in it."""

    model_config = ConfigDict(defer_build=True)


class Settings(Model):
    """What every experiment sets; a trainer's own model adds its keys. Complete, they are the experiment's *spec*."""

    epochs: Size = Field(description="how long it trains, and where its own numbers are read")

    def identity(self) -> str:
        """Return what the run is, without its length, as JSON with sorted keys.

        Nothing in training depends on the number of epochs to come, so that a shorter experiment is a longer one
        read earlier. A key that has its default is left out: one that a later version adds makes no other run of it.
        """
        return json.dumps(self.model_dump(exclude={"epochs"}, exclude_defaults=True), sort_keys=True)


class FreeSettings(Settings):
    """The settings of a trainer that gives no model of them: any keys, with values of any kind."""

    model_config = ConfigDict(extra="allow", frozen=True)

    epochs: Size = Field(1, description="how long it trains; 1 for what has no epochs")


class About(Model):
    """How an experiment is called in the text, the tables and the figures."""

    label: str | None = Field(None, description="short name for legends; the key where it is left out")
    changed: str = Field("", description="what differs from the base, as the table says it")
    value: str = Field("", description="its value, as the table says it")
    origin: Literal["published", "ours"] = Field("published", description="a row of the original, or ours")


class Entry(About):
    """What every experiment can give; its trainer's settings are the other keys."""

    base: str | None = Field(None, description="the experiment that gives the rest")
    trainer: str | None = Field(None, description="what trains it; without it, the base's")


@cache
def entry_model(settings: type[Settings]) -> type[Entry]:
    """Return the model of an experiment as written: any of the settings, and the base for the rest."""
    fields: dict[str, Any] = {}
    for key, info in settings.model_fields.items():
        constraint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        fields[key] = (constraint, Field(None, description=info.description))
    extra = {"extra": settings.model_config.get("extra", "forbid")}
    return create_model(f"{settings.__name__}Entry", __base__=(Entry,), __cls_kwargs__=extra, **fields)
