"""The names of numbers: `mnist.relu.accuracy@10` is the accuracy of experiment `mnist.relu` after epoch 10.

Without an epoch a curve's number is read where its experiment ends. A key that does not exist is answered with its
nearest neighbours.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rederive.errors import UserError

CURVES = ("accuracy", "training_loss", "validation_loss", "test_loss", "training_accuracy")

# What is counted of a network, once for a run: its trained parameters, and its operations for one image in training.
COUNTED = ("parameters", "flops_per_image")

_CURVE_KEY = re.compile(rf"(?P<experiment>.+)\.(?P<quantity>{'|'.join(CURVES)})(?:@(?P<epoch>\w+))?")


@dataclass(frozen=True)
class CurveKey:
    """A place on a curve: an experiment, a quantity, and an epoch (a number as text, a summary's name, or None)."""

    experiment: str
    quantity: str
    epoch: str | None

    @classmethod
    def parse(cls, key: str) -> "CurveKey | None":
        """Return the parts of a key, or None where it names no curve."""
        match = _CURVE_KEY.fullmatch(key)
        return cls(match["experiment"], match["quantity"], match["epoch"]) if match else None


def unknown(key: str, known: Iterable[str], where: str) -> UserError:
    """Return the error for a key that is not known, with the known ones most like it."""
    near = difflib.get_close_matches(key, list(known), n=4, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else "`rederive trace` without a key lists all"
    return UserError(f"{where}: found the number {key!r}, which does not exist; {hint}")


def unknown_experiment(name: str, known: Iterable[str], where: str) -> UserError:
    """Return the error for an experiment that the configuration does not have, with those most like it."""
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0.5)
    return UserError(
        f"{where}: {name} is no experiment of this configuration; nearest: {', '.join(near) or 'none'}. Correct the "
        "name, add the experiment, or take out what is said of it"
    )
