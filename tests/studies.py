"""Small studies of the project's own trainers, for tests."""

from pathlib import Path
from typing import Any

from rederive.config import Study, resolve
from rederive.yaml_files import merge, read_yaml

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config.yaml"

# The code that config.yaml names: data sets, trainers, metrics.
CODE = {key: read_yaml(CONFIG)[key] for key in ("data", "trainers", "metrics")}


def configured(**changes: Any) -> Study:
    """Return the study of config.yaml, with `changes` laid over it."""
    return resolve(merge(read_yaml(CONFIG), changes), [CONFIG])


def small(experiments: dict[str, Any], **changes: Any) -> Study:
    """Return a study of some experiments, with seed 0 and `changes` laid over it."""
    return resolve(merge(CODE, {"seeds": [0], "experiments": experiments} | changes))
