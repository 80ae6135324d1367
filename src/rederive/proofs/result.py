"""What was found of a derivation, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Failure:
    """Something that does not hold: where, and both sides with their difference, or a message."""

    where: str
    left: str = ""
    right: str = ""
    difference: str = ""
    message: str = ""


@dataclass
class Result:
    """The outcome for one derivation.

    Attributes:
        name: The derivation.
        facts: What the result file holds (see docs/derivations.md); the same in every run.
        failures: What does not hold, in the order in which it was found.
        seconds: How long it took; not in the file.
    """

    name: str
    facts: dict[str, Any]
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Return the content of the result file."""
        return {"name": self.name, "passed": self.passed, **self.facts}


def print_table(results: Sequence[Result], console: Console | None = None) -> None:
    """Print a line for each derivation, and the first failure of each one that fails."""
    console = console or Console()
    table = Table(box=None, pad_edge=False, collapse_padding=True, padding=(0, 2))
    for heading, side in [
        ("derivation", "left"), ("steps", "right"), ("code", "left"), ("routes", "right"), ("oracles", "right"),
        ("error", "right"), ("mutants", "right"), ("s", "right"), ("", "left"),
    ]:  # fmt: skip
        # The verdict is read whole, whatever a narrow terminal cuts off.
        table.add_column(heading, justify=side, no_wrap=True, min_width=None if heading else 5)  # type: ignore[arg-type]
    for result in results:
        table.add_row(*_row(result))
    console.print(table)
    for result in results:
        if result.failures:
            console.print(_explained(result))
    console.print(_summary(results))


def _summary(results: Sequence[Result]) -> str:
    counts = [count for result in results for count in result.facts["mutants"].values()]
    agreeing, mutants = (sum(count[key] for count in counts) for key in ("agreeing", "total"))
    lines = [
        f"{sum(result.passed for result in results)} of {len(results)} derivations hold, "
        f"in {sum(result.seconds for result in results):.1f} s. "
        f"The prover and exact numbers agree on {agreeing} of {mutants} mutants.",
    ]
    absent = {
        (name, answer)
        for result in results
        for name, answer in result.facts["oracles"].items()
        if isinstance(answer, str)
    }
    for kind, remark in {"missing": "Not installed (the extra `oracles`)", "skipped": "Not asked"}.items():
        names = sorted(name for name, answer in absent if answer == kind)
        if names:
            lines.append(f"{remark}: {', '.join(names)}.")
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    facts = result.facts
    steps = [step["proved"] for step in facts["steps"]]
    asked = [isinstance(answer, dict) for answer in facts["oracles"].values()]
    rejected = sum(count["rejected"] for count in facts["mutants"].values())
    total = sum(count["total"] for count in facts["mutants"].values())
    code = facts["code"]["proved"]
    return [
        result.name,
        f"{sum(steps)}/{len(steps)}",
        "-" if code is None else "proved" if code else "NOT PROVED",
        f"{sum(facts['routes'].values())}/{len(facts['routes'])}",
        f"{sum(asked)}/{len(asked)}",
        f"{facts['numeric']['max_relative_error']:.0e}",
        f"{rejected}/{total}" if total else "-",
        f"{result.seconds:.1f}",
        "holds" if result.passed else "FAILS",
    ]


def _explained(result: Result) -> Panel:
    first = result.failures[0]
    lines = [Text(first.message)] if first.message else []
    pairs = [("left", first.left), ("right", first.right), ("left - right", first.difference)]
    lines += [Text(f"{label:>12}: {formula}") for label, formula in pairs if formula]
    if len(result.failures) > 1:
        lines.append(Text(f"and {len(result.failures) - 1} more: " + "; ".join(f.where for f in result.failures[1:])))
    return Panel(Group(*lines), title=Text(f"{result.name}: {first.where}"), title_align="left")
