"""A figure that only this study has."""

from rederive.figures.page import Page, Source, new


def deals(source: Source) -> Page:
    """Draw the accuracy of each model with each seed: a line is one deal of the images."""
    figure, axes = new(2.4, notice=bool(source.notice))
    ax = axes[0, 0]
    experiments = list(source.study.experiments.values())
    values = [source.runs.at(each.run, "accuracy", each.epochs) for each in experiments]
    page = Page(figure, "Accuracy by model and deal", "", ("experiment", "seed", "accuracy"), [])
    for seed in source.study.seeds:
        ax.plot([found.get(seed, float("nan")) for found in values], "o-", linewidth=0.8, markersize=4)
    for each, found in zip(experiments, values, strict=True):
        page.rows += [(each.key, seed, value) for seed, value in sorted(found.items())]
    ax.set_xticks(range(len(experiments)), [each.label for each in experiments])
    ax.set_ylabel("Test accuracy")
    ax.margins(x=0.1)
    page.alt = f"{page.title}: " + "; ".join(
        f"{each.label} {min(found.values()):.3f} to {max(found.values()):.3f}"
        for each, found in zip(experiments, values, strict=True)
        if found
    )
    return page
