"""How likely it is that replayed trainings catch forged ones."""

from collections.abc import Sequence
from math import comb

from rederive.report.markdown import table


def caught(trainings: int, forged: int, replayed: int) -> float:
    """Return the probability that at least one of `forged` trainings is among `replayed` that are drawn without return.

    1 - C(trainings - forged, replayed) / C(trainings, replayed), of the hypergeometric distribution. Raises ValueError
    for more forged or replayed trainings than there are.
    """
    if not (0 <= forged <= trainings and 0 <= replayed <= trainings):
        raise ValueError(f"found {forged} forged and {replayed} replayed of {trainings} trainings")
    return 1 - comb(trainings - forged, replayed) / comb(trainings, replayed)


def chances(trainings: int, forged: Sequence[int], replayed: Sequence[int]) -> str:
    """Return the probabilities as a Markdown table: a row for each number of forged ones, a column for the replayed."""
    rows = [[str(k), *(f"{100 * caught(trainings, k, n):.1f} %" for n in replayed)] for k in forged]
    return table(["forged", *(f"{n} replayed" for n in replayed)], rows, "r" * (len(replayed) + 1))
