"""The JSON file of results that EleutherAI's lm-evaluation-harness writes."""

import json
from pathlib import Path

from rederive.errors import UserError
from rederive.training.foreign_rows import read_text
from rederive.training.history import Row


def read(path: Path, seed: int, epoch: int) -> list[Row]:
    """Return the results: the task is the split, `acc,none` the metric acc, `exact_match,strict` stays as it is.

    A standard error that was not computed ("N/A") is left out. Raises UserError for a file of another form.
    """
    try:
        results = json.loads(read_text(path))["results"]
        tasks = [(task, key, value) for task, of_task in results.items() for key, value in of_task.items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{path}: not results of lm-evaluation-harness; expected JSON with `results: TASK: METRIC`"
        ) from None
    rows = [
        Row(seed, epoch, "_".join(task.split()), key.removesuffix(",none"), float(value))
        for task, key, value in tasks
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if not rows:
        raise UserError(f"{path}: found no number under `results`; expected `TASK: {{'acc,none': 0.5}}`")
    return rows
