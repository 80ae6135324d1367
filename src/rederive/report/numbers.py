"""The numbers that a text may use, and the record of which it used where."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rederive.config import Study
from rederive.errors import UserError
from rederive.records import Number
from rederive.report.markdown import NO_BREAK, escape, link, slug
from rederive.results.number_format import format_value
from rederive.results.number_keys import CurveKey, unknown
from rederive.results.statistics import LEVEL


class Numbers:
    """All numbers of a build by key; each printed number is a link to its entry in the appendix."""

    def __init__(self, numbers: Mapping[str, Number], study: Study):
        self._numbers = dict(numbers)
        self._study = study
        self.uses: dict[str, list[str]] = defaultdict(list)
        self.place = "the text"  # where in the document the next numbers are used

    def get(self, key: str) -> Number:
        """Return a number. A curve of a known experiment that was not run gives one that says so.

        Raises UserError, with the nearest keys, for one that does not exist.
        """
        if key in self._numbers:
            return self._numbers[key]
        curve = CurveKey.parse(key, self._study.metrics)
        known = {number.rpartition(".")[0] for number in self._numbers if number.endswith(".published")}
        if (
            curve
            and curve.experiment in known.union(self._study.experiments)
            and re.fullmatch(r"\d*", curve.epoch or "")
        ):
            return Number(
                value=None,
                text="–",
                unit=self._study.metrics[curve.metric].unit,
                how=f"{curve.metric.replace('_', ' ')} of {curve.experiment}",
                missing="this configuration does not train it so far",
            )
        raise unknown(key, self._numbers, "the text")

    def use(self, key: str, text: str) -> str:
        """Return `text` as a link to the number's entry, and remember that it is used here."""
        self.get(key)
        if self.place not in self.uses[key]:
            self.uses[key].append(self.place)
        return link(escape(text), identifier(key))

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Within this block numbers are used at another place of the document."""
        before, self.place = self.place, place
        yield
        self.place = before

    def num(self, key: str, signed: bool = False) -> str:
        """Return a number as Markdown."""
        number = self.get(key)
        return self.use(key, sign(number) if signed else plain(number))

    def interval(self, key: str, signed: bool = False, unbroken: bool = False) -> str:
        """Return a number with its 95 % interval as Markdown; alone where there is none. `unbroken` keeps one line."""
        number = self.get(key)
        text = sign(number) if signed else plain(number)
        text = f"{text} {bounds(number, signed)}".strip()
        return self.use(key, text.replace(" ", NO_BREAK) if unbroken else text)

    def check_identifiers(self) -> None:
        """Raise UserError where two used keys would have one anchor."""
        seen: dict[str, str] = {}
        for key in self.uses:
            if (other := seen.setdefault(identifier(key), key)) != key:
                raise UserError(f"the keys {other!r} and {key!r} cannot be told apart in links; rename one")


def identifier(key: str) -> str:
    """Return the anchor of a number's entry in the appendix."""
    return f"n-{slug(key)}"


def plain(number: Number) -> str:
    """Return a number's text, with a real minus."""
    return number.text.replace("-", "−")


def sign(number: Number) -> str:
    """Return a number's text with its sign, plus or minus."""
    positive = isinstance(number.value, int | float) and number.value > 0 and number.text.strip("0.")
    return ("+" if positive else "") + plain(number)


def bounds(number: Number, signed: bool = False) -> str:
    """Return `(low to high)`, with its level where that is not 95 %, or nothing where there is no interval."""
    if number.low is None or number.high is None:
        return ""
    ends = [
        number.model_copy(update={"value": end, "text": format_value(end, number.unit, number.digits)})
        for end in (number.low, number.high)
    ]
    low, high = (sign(end) if signed else plain(end) for end in ends)
    return f"({low} to {high}{'' if number.level == LEVEL else f', {100 * number.level:.3g} %'})"
