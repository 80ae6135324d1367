"""Configuration files: reading YAML, laying one file over another, and which file a mistake stands in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rederive.errors import UserError


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above` laid over it, mapping by mapping, as Snakemake merges config files."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def in_order_of(order: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with the keys that `order` has before the others, as they stand there, at every depth."""
    first = [key for key in order if key in config]
    return {
        key: in_order_of(order.get(key, {}), config[key])
        if isinstance(config[key], Mapping) and isinstance(order.get(key, {}), Mapping)
        else config[key]
        for key in [*first, *(key for key in config if key not in order)]
    }


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping. Raises UserError where it is missing, is no YAML, or gives one key twice."""
    try:
        with open(path, encoding="utf-8") as stream:
            content = yaml.load(stream, Loader=_UniqueKeys)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Run from the project's folder, or name another file.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: found {type(content).__name__}, expected a mapping of keys to values")
    return content


class _UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML's own rule, which PyYAML does not keep: a mapping has each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for (key, _), value in zip(node.value, keys, strict=True):
            if keys.count(value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {value!r} is given twice; each may stand once", key.start_mark
                )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def holder(problem: str, files: Sequence[Path]) -> str:
    """Return `file: ` for the strongest file that holds the key a problem starts with, or nothing."""
    key = problem.split(":", 1)[0]
    for file in reversed(files):
        content: Any = read_yaml(file)
        rest = key
        while isinstance(content, Mapping) and rest:
            # Names of experiments may hold dots: take the longest key that fits.
            fitting = [k for k in map(str, content) if rest == k or rest.startswith(k + ".")]
            if not fitting:
                break
            longest = max(fitting, key=len)
            content, rest = content[longest], rest[len(longest) + 1 :]
        if not rest or not isinstance(content, Mapping):
            return f"{file}: "
    return f"{files[0]}: " if files else ""
