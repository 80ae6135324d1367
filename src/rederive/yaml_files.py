"""Configuration files: reading YAML, laying one file over another, and which file a mistake stands in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rederive.errors import UserError, of_system
from rederive.files import read_text


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
    """Read a YAML mapping; all keys are text, at every depth.

    Raises UserError where it is missing, is no YAML, gives one key twice, has a key that is no text, or holds itself.
    """
    try:
        text = read_text(path)
        _refuse_depth(text, path)
        content = yaml.load(text, Loader=_UniqueKeys)
        _refuse_endless(content, path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Run from the project's folder, or name another file.") from None
    except OSError as error:
        raise of_system(error) from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise UserError(f"{path}: found {found}, expected a mapping of keys to values")
    return content


DEEPEST = 100  # far more than a person nests; from some thousands on, libyaml's own stack is not enough


def _refuse_depth(text: str, path: str | Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_UniqueKeys):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise UserError(f"{path}, line {line}: not valid YAML: nested more than {DEEPEST} deep")


LARGEST = 1_000_000  # values in a file, each alias counted as what it stands for


def _refuse_endless(content: Any, path: str | Path) -> None:
    """Raise UserError for what an alias can do: a value that holds itself, or is enormous; and for odd keys."""
    sizes: dict[int, int] = {}
    under_way: set[int] = set()

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        if id(value) in sizes:
            return sizes[id(value)]
        if id(value) in under_way:
            raise UserError(f"{path}: an anchor (&) stands for a value that holds itself; write the value out")
        under_way.add(id(value))
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise UserError(
                        f"{path}: found the key {key!r}, a {type(key).__name__}; keys are text: put it into quotes"
                    )
        sizes[id(value)] = 1 + sum(map(size, value.values() if isinstance(value, dict) else value))
        if sizes[id(value)] > LARGEST:
            raise UserError(f"{path}: its aliases (*) stand for more than {LARGEST:,} values; write out what is meant")
        return sizes[id(value)]

    size(content)


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
