"""What differs between two builds.

    diff(results_a, results_b) -> list[str]

compares numbers (and says whether their intervals overlap), verdicts, derivations, figures and text; an empty list
means that two readers would read the same.
"""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rederive import forms
from rederive.files import read_text
from rederive.records import Number, read_json, read_records


def diff(results_a: Path, results_b: Path) -> list[str]:
    """Return the differences, one a line. Raises UserError where a folder holds no build."""
    a, b = Path(results_a), Path(results_b)
    return [
        *_numbers(read_records(a / "numbers.json", Number), read_records(b / "numbers.json", Number)),
        *_verdicts(read_json(a / "claims.json", forms.Verdicts), read_json(b / "claims.json", forms.Verdicts)),
        *_derivations(a / "derivations", b / "derivations"),
        *_figures(a / "figures", b / "figures"),
        *_text(a / "report" / "report.md", b / "report" / "report.md"),
    ]


def _numbers(a: Mapping[str, Number], b: Mapping[str, Number]) -> Iterator[str]:
    for key in sorted(a.keys() | b.keys()):
        if key not in a or key not in b:
            yield f"number      {key}: only in the {'second' if key not in a else 'first'}"
        elif a[key].value != b[key].value:
            yield f"number      {key}: {a[key].text} -> {b[key].text}{_overlap(a[key], b[key])}"
        elif (a[key].low, a[key].high) != (b[key].low, b[key].high):
            yield f"number      {key}: {a[key].text}, another interval"


def _overlap(a: Number, b: Number) -> str:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return ""
    apart = a.high < b.low or b.high < a.low
    return " (intervals apart)" if apart else " (intervals overlap)"


def _verdicts(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(a.keys() | b.keys()):
        first, second = (verdicts.get(name, {}).get("verdict", "no such claim") for verdicts in (a, b))
        if first != second:
            yield f"claim       {name}: {first} -> {second}"


def _derivations(a: Path, b: Path) -> Iterator[str]:
    for name in _names(a, b, "*.json"):
        first, second = (read_json(folder / name) if (folder / name).exists() else None for folder in (a, b))
        if first is None or second is None:
            yield f"derivation  {Path(name).stem}: only in the {'second' if first is None else 'first'}"
        elif first != second:
            changed = sorted(field for field in first.keys() | second.keys() if first.get(field) != second.get(field))
            yield f"derivation  {Path(name).stem}: {', '.join(changed)}"


def _figures(a: Path, b: Path) -> Iterator[str]:
    for name in _names(a, b, "*.svg"):
        first, second = ((folder / name).read_bytes() if (folder / name).exists() else None for folder in (a, b))
        if first != second:
            only = "second" if first is None else "first" if second is None else ""
            yield f"figure      {Path(name).stem}: {f'only in the {only}' if only else 'drawn differently'}"


def _text(a: Path, b: Path) -> Iterator[str]:
    first, second = (read_text(path).splitlines() if path.exists() else [] for path in (a, b))
    for line in difflib.unified_diff(first, second, lineterm="", n=0):
        if line[0] in "+-" and not line.startswith(("+++", "---")):
            yield f"text        {line}"


def _names(a: Path, b: Path, pattern: str) -> list[str]:
    return sorted({path.name for folder in (a, b) for path in folder.glob(pattern)})
