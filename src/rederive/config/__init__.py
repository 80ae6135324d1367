"""What an experiment is: the typed models of `config.yaml`, and the study that they resolve to.

`Config` is the file as a person writes it, each experiment giving only what differs from its base. `Study` is what
follows from it: every experiment complete, with the run it is read from. The rules of the workflow and every step of
the command line work on the study.

What an experiment can set is said by its trainer: a pydantic model of the study's own code, a subclass of `Settings`.
"""

from rederive.config.resolution import resolve
from rederive.config.schema import Bars, Config, DataSet, Figure, Metric, Panel, Scatter, Table, Trainer, headline
from rederive.config.settings import Fraction, NonNegative, Positive, Settings, Size, entry_model
from rederive.config.study import Experiment, Study

__all__ = [
    "Bars",
    "Config",
    "DataSet",
    "Experiment",
    "Figure",
    "Fraction",
    "Metric",
    "NonNegative",
    "Panel",
    "Positive",
    "Scatter",
    "Settings",
    "Size",
    "Study",
    "Table",
    "Trainer",
    "entry_model",
    "headline",
    "resolve",
]
