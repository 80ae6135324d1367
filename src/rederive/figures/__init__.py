"""The figures: vector files, each with the numbers it shows beside it.

    names(study) -> list[str]
    plot(study_path, runs_csv, runs_index, published_yaml, published_curves_csv, output_dir, only=None)

`plot` draws all figures in one process (importing matplotlib costs more than a figure) and writes, for each name,
`<output_dir>/<name>.svg`, `.pdf` and `.csv`, and `<output_dir>/index.json`: title, alternative text, and for the
HTML page where the curves of each panel lie. Equal inputs give equal bytes. `names` imports no drawing library.
"""

from collections.abc import Sequence
from pathlib import Path

from rederive.config import Study
from rederive.errors import UserError

# Figures of curves, with the experiment without which there is nothing to draw.
CURVES = {
    "mnist_activations": "mnist.relu",
    "mnist_configurations": "mnist.benchmark",
    "mnist_initialization": "mnist.zeros",
    "mnist_extensions": "mnist.skip_connections",
    "cifar10_parameters": "cifar10.benchmark",
    "cifar10_variations": "cifar10.baseline",
    "cifar10_extensions": "cifar10.residual",
}


# Traced graphs: small computations as the engine sees them.
GRAPHS = {"graph_add": "add", "graph_mlp": "mlp"}


def names(study: Study) -> list[str]:
    """Return the figures that a study has, sorted."""
    curves = [name for name, needed in CURVES.items() if needed in study.experiments]
    tables = [f"table_{table.name}" for table in study.tables]
    cost = ["cifar10_cost"] if any(e.dataset == "cifar10" for e in study.experiments.values()) else []
    return sorted([*curves, *tables, *cost, *GRAPHS])


def plot(
    study_path: Path,
    runs_csv: Path,
    runs_index: Path,
    published_yaml: Path,
    published_curves_csv: Path,
    output_dir: Path,
    only: Sequence[str] | None = None,
) -> None:
    """Draw figures: all, or those named in `only`. Raises UserError for a name that there is not."""
    from rederive.figures import cost, curves, dots, graphs
    from rederive.figures.page import Source
    from rederive.files import write_json

    source = Source.load(study_path, runs_csv, runs_index, published_yaml, published_curves_csv)
    known = names(source.study)
    if unknown := sorted(set(only or []) - set(known)):
        raise UserError(f"found no figure {', '.join(unknown)}; known: {', '.join(known)}")
    index = {}
    for name in known if only is None else only:
        if name in GRAPHS:
            index[name] = graphs.draw(GRAPHS[name], Path(output_dir), name)
            continue
        if name in CURVES:
            page = curves.draw(name, source)
        elif name == "cifar10_cost":
            page = cost.draw(source)
        else:
            page = dots.draw(name.removeprefix("table_"), source)
        index[name] = page.save(Path(output_dir), name, source.notice)
    if only is None:
        write_json(Path(output_dir) / "index.json", index)
