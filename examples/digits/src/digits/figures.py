"""A figure that only this study has."""

from matplotlib.axes import Axes

from rederive.figures.page import Source


def deals(axes: Axes, source: Source) -> None:
    """Draw the accuracy of each model with each seed: a line is one deal of the images."""
    experiments = list(source.study.experiments.values())
    values = [source.runs.at(each.run, "accuracy", each.epochs) for each in experiments]
    for seed in source.study.seeds:
        line = [found.get(seed, float("nan")) for found in values]
        axes.plot(line, "o-", linewidth=0.8, markersize=4, label=f"seed {seed}")
    axes.set_xticks(range(len(experiments)), [each.label for each in experiments])
    axes.set_ylabel("Test accuracy")
    axes.margins(x=0.1)
