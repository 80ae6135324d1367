"""What pydantic found wrong, in the words of someone who edits a YAML file."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from rederive.errors import UserError
from rederive.yaml_files import holder

# Parts of a location that are no keys of the file: a mapping's key at fault, an alternative of a union.
_NOT_A_KEY = re.compile(r"\[key\]|constrained-\w+|literal\[.*\]|str|int|float")


def describe(error: ValidationError, model: type[BaseModel], below: str = "") -> list[str]:
    """Return one line a key: `key: found ...; it should ...`, the alternatives of a union joined by "or".

    `below` is the key of the file that the model stands under.
    """
    lines: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if not _NOT_A_KEY.fullmatch(str(part))]
        line = _line(problem, location, model, below)
        key = ".".join(map(str, location)) or line
        lines[key] = f"{lines[key]}, or {line.split('; ', 1)[-1]}" if key in lines else line
    return list(lines.values())


def _line(problem: Any, location: list[Any], model: type[BaseModel], below: str) -> str:
    key = ".".join(map(str, [*([below] if below else []), *location]))
    message = problem["msg"]
    match problem["type"]:
        case "extra_forbidden":
            allowed = _keys_allowed_at(model, location[:-1])
            near = get_close_matches(str(location[-1]), allowed, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            return f"{key}: unknown key; {hint}allowed: {', '.join(sorted(allowed))}"
        case "missing":
            return f"{key}: not given, but needed"
        case "value_error":
            # The checks of a whole configuration write their own key.
            return f"{key}: {problem['ctx']['error']}" if key else str(problem["ctx"]["error"])
        case _:
            allowed_values = (message[0].lower() + message[1:]).replace("a valid dictionary", "a mapping")
            return f"{key}: found {problem['input']!r}; {allowed_values.replace('input should', 'it should')}"


def _keys_allowed_at(model: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the keys that the model nested at `location` knows."""
    if not location:
        return list(model.model_fields)
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = _resolved(node, schema)
        named = node.get("properties", {}).get(part)
        patterned = next(iter(node.get("patternProperties", {}).values()), None)
        node = named or patterned or node.get("items") or {}
    return list(_resolved(node, schema).get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[-1]] if reference else node


def invalid(problems: list[str], files: list[Path]) -> UserError:
    """Return the error that lists all problems, each with the file that holds its key."""
    found = [f"{holder(problem, files)}{problem}" for problem in dict.fromkeys(problems)]
    return UserError("\n".join(["the configuration is not valid", *found]))


def refuse_repeated(where: str, values: list[Any]) -> None:
    """Raise ValueError for values of which one stands twice."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{where}: {', '.join(map(repr, repeated))} given twice; each may stand once")


def refuse_other_than_text(where: str, value: Any) -> None:
    """Raise ValueError for what cannot be a name."""
    if not isinstance(value, str):
        raise ValueError(f"{where}: found {value!r}; it should be a name")


def refuse_unknown(where: str, names: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Raise ValueError for a name that is none of the known ones."""
    for name in names:
        if name not in known:
            raise ValueError(
                f"{where}: found {name!r}, which is no {kind}; known: {', '.join(sorted(known)) or 'none'}"
            )
