"""One style for all figures.

Colours have the hues of Okabe and Ito, each another lightness, and all dark enough for text on white: in greyscale and
to the colour-blind lines still differ. Each colour has a dash of its own, and each experiment one colour and one marker
in every figure. Ours are thick, the published ones thin and dotted. Text is set in the serifs of the page.
"""

from dataclasses import dataclass
from typing import Any

from rederive.config import Study

INK = "#222222"
GRID = "#dddddd"
ALARM = "#b00020"
COLOURS = ("#006aa5", "#7b3300", "#00694c", "#5a2441", "#665000", "#6e6e6e", "#512f76")
# In units of the line's width, by colour; the first of a trainer is black and solid.
DASHES: dict[str, tuple[float, ...]] = {
    INK: (),
    **dict(
        zip(
            COLOURS,
            [(6, 1.2), (3, 1.2), (6, 1.2, 1.2, 1.2), (1.6, 1), (6, 1.2, 1.2, 1.2, 1.2, 1.2), (10, 1.5), (3, 1, 1, 1)],
            strict=True,
        )
    ),
}
DOTTED = (0, (1, 1.8))  # what is published
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

WIDTH = 6.3  # inches: the width of the text on A4

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "figure.dpi": 72,  # one unit of the SVG is one point
    "font.family": ["STIXGeneral", "DejaVu Sans"],  # the second for what the first does not have
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 3.5,
    "path.simplify": False,
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "rederive",
    "text.color": INK,
    "text.parse_math": False,  # labels come from the config: a $ is a $
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
    "ytick.major.width": 0.6,
    "ytick.minor.width": 0.4,
}


@dataclass(frozen=True)
class Look:
    """How an experiment is drawn."""

    colour: str
    marker: str

    @property
    def dash(self) -> tuple[float, ...]:
        """The lengths of strokes and gaps of its lines, in units of their width; none for a solid one."""
        return DASHES[self.colour]


def looks(study: Study) -> dict[str, Look]:
    """Return each experiment's look: the first of each trainer is black, and in no panel do two have one colour.

    Experiments that read one run share its look. No two runs of a trainer have both colour and marker in common.
    """
    found: dict[str, Look] = {}
    for trainer in study.trainers:
        mine = [run for run, experiment in study.runs().items() if experiment.trainer == trainer]
        for i, run in enumerate(mine):
            beside = {found[other].colour for other in _beside(run, study) if other in found}
            if i == 0 and INK not in beside:
                found[run] = Look(INK, "o")
                continue
            used = {found[other] for other in mine[:i]}
            # Each run begins its search one further, so that all colours are used.
            turned = [*COLOURS[i % len(COLOURS) :], *COLOURS[: i % len(COLOURS)]]
            colour = next((colour for colour in turned if colour not in beside), turned[0])
            free = [Look(colour, marker) for marker in MARKERS if Look(colour, marker) not in used]
            found[run] = free[i % len(free)] if free else Look(colour, MARKERS[0])
    return {name: found[experiment.run] for name, experiment in study.experiments.items()}


def _beside(run: str, study: Study) -> set[str]:
    """Return the runs that share a panel with this one."""
    panels = [
        {study.experiments[name].run for name in panel.experiments}
        for figure in study.figures.values()
        for panel in figure.panels
    ]
    return set().union(*(panel for panel in panels if run in panel))
