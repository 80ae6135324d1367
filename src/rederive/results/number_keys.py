"""The names of numbers: `relu.accuracy@10` is the metric `accuracy` of the experiment `relu` after epoch 10.

Without an epoch a curve's number is read where its experiment ends. A key that does not exist is answered with its
nearest neighbours.
"""

import difflib
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from rederive.errors import UserError

# What is counted of a network, once for a run: its trained parameters, and its operations for one image in training.
COUNTED = ("parameters", "flops_per_image")

# What an experiment has beside a published value: `relu.published` is of the headline, `relu.published_f1` of `f1`.
PUBLISHED, DIFFERENCE, ONE_MORE_RUN = BESIDE = ("published", "difference", "one_more_run")

_CURVE_KEY = re.compile(r"(?P<experiment>.+)\.(?P<metric>\w+)(?:@(?P<epoch>\w+(?:\([^()]*\))?))?")


@dataclass(frozen=True)
class CurveKey:
    """A place on a curve: an experiment, a metric, and an epoch (a number as text, a summary's name, or None)."""

    experiment: str
    metric: str
    epoch: str | None

    @classmethod
    def parse(cls, key: str, metrics: Container[str]) -> "CurveKey | None":
        """Return the parts of a key, or None where it names none of the metrics."""
        match = _CURVE_KEY.fullmatch(key)
        if match is None or match["metric"] not in metrics:
            return None
        return cls(match["experiment"], match["metric"], match["epoch"])


def of_metric(kind: str, metric: str, headline: str | None) -> str:
    """Return the field of a key that has what a metric is beside a published value."""
    return kind if metric == headline else f"{kind}_{metric}"


def metric_of(field: str, kind: str, metrics: Iterable[str], headline: str | None) -> str | None:
    """Return the metric that a field of a kind is of; None for another field."""
    return next((metric for metric in metrics if field == of_metric(kind, metric, headline)), None)


def experiment_of(key: str) -> str:
    """Return the experiment that a key names."""
    return key.partition("@")[0].rpartition(".")[0]


def unknown(key: str, known: Iterable[str], where: str, what: str = "number") -> UserError:
    """Return the error for a key that is not known, with the known ones most like it. `what` is what it would name."""
    names = list(known)
    near = difflib.get_close_matches(key, names, n=4, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else "`rederive trace` without a key lists all"
    if what != "number" and not near:
        hint = f"known: {', '.join(sorted(names)) or 'none'}"
    return UserError(f"{where}: found the {what} {key!r}, which does not exist; {hint}")


def unknown_experiment(name: str, known: Iterable[str], where: str) -> UserError:
    """Return the error for an experiment that the configuration does not have, with those most like it."""
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0.5)
    return UserError(
        f"{where}: {name} is no experiment of this configuration; nearest: {', '.join(near) or 'none'}. Correct the "
        "name, add the experiment, or take out what is said of it"
    )
