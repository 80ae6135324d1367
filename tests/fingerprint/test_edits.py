"""Edits of the project's own sources, and which rules' fingerprints each must change: a build runs those again.

Every edit is made on a copy. One whose text is no longer in the sources fails: write it anew for what stands there now.
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rederive.config import resolve
from rederive.fingerprint import ROOTS, derivation, fingerprint, generating, plotting, preparing, reach, training
from rederive.fingerprint.modules import project
from rederive.yaml_files import read_yaml

SOURCES = Path(__file__).parents[2] / "src"
DERIVATIONS = ("division", "normalize", "mlp")
STUDY = resolve(read_yaml(SOURCES.parent / "config.yaml"))
RULES: dict[str, list[Any]] = {rule: [rule] for rule in ROOTS} | {
    **{f"train {name}": [training(trainer)] for name, trainer in STUDY.trainers.items()},
    "plot": [plotting(STUDY.figures.values())],
    "prepare": [preparing(data_set) for data_set in STUDY.data.sets.values()],
    "standin": [generating(data_set) for data_set in STUDY.data.sets.values()],
    "ask_oracles": ["ask_oracles", *(derivation(name, STUDY.derivations) for name in DERIVATIONS)],
    **{name: [derivation(name, STUDY.derivations)] for name in DERIVATIONS},
}

CONVOLUTIONAL = {"train cnn", "train cnn_variant"}
TRAINED = {"train mlp", *CONVOLUTIONAL}
# Candidate settings are trained by the same job.
TRAINING = {*TRAINED, "infer"}
CATALOGUE = set(DERIVATIONS)
DATA = {"prepare", "standin"}
PROOFS = {"ask_oracles", "verify"}
# Their code reads settings by names made at run time: all members of all classes in reach count.
READS_ALL = {"collect", "test_claims", "render"}
REPORT = {"collect", "summarise", "test_claims", "plot", "render"}
NONE: set[str] = set()


class Edit(NamedTuple):
    """Which rules it changes; and files, each with a text and what takes its place. A new file has no first text."""

    changes: set[str]
    parts: list[tuple[str, str, str]]


def edit(changes: set[str], *part: str) -> Edit:
    """Return an edit of one or more parts: file, old text, new text, file, old text, ..."""
    return Edit(changes, [part[i : i + 3] for i in range(0, len(part), 3)])  # type: ignore[misc]


EDITS = {
    # Those of the review: results change, and no fingerprint did.
    "train and test change places": edit(
        TRAINING,
        "rederive/data/arrays.py",
        'Dataset(splits["train"], splits.get("validation"), splits["test"], manifest)',
        'Dataset(splits["test"], splits.get("validation"), splits["train"], manifest)',
    ),
    "images are loaded upside down": edit(
        TRAINING,
        "rederive/data/arrays.py",
        'np.load(folder / f"{name}_images.npy", mmap_mode="r", allow_pickle=False),',
        'np.load(folder / f"{name}_images.npy", mmap_mode="r", allow_pickle=False)[..., ::-1],',
    ),
    "PyTorch's default type": edit(
        TRAINING,
        "rederive/training/job.py",
        "torch.set_num_threads(threads)",
        "torch.set_num_threads(threads); torch.set_default_dtype(torch.float64)",
    ),
    "the number of threads": edit(
        TRAINING, "rederive/training/job.py", "torch.set_num_threads(threads)", "torch.set_num_threads(1)"
    ),
    "a checkpoint without its arrays": edit(
        TRAINING,
        "rederive/training/checkpoint.py",
        "return Progress.model_validate(progress), arrays",
        "return Progress.model_validate(progress), {}",
    ),
    "a checkpoint of another run is taken": edit(
        TRAINING, "rederive/training/checkpoint.py", "if found.get(name) != key[name]]", "if False]"
    ),
    "a batch is skipped when a run goes on": edit(
        TRAINING,
        "rederive/training/keeper.py",
        "rows, epoch, batch = progress.rows, progress.epoch, progress.batch",
        "rows, epoch, batch = progress.rows, progress.epoch, progress.batch + 1",
    ),
    "a state is saved under the next epoch": edit(
        TRAINING,
        "rederive/training/keeper.py",
        "self._save(learner, rows, epoch + 1, 0)\n        self._tell",
        "self._save(learner, rows, epoch + 2, 0)\n        self._tell",
    ),
    "rows with one decimal": edit(
        TRAINING, "rederive/training/history.py", "repr(float(row.value))", 'f"{row.value:.1f}"'
    ),
    "operations are counted threefold": edit(
        TRAINED, "writeup/cost.py", "sum(2 * layer.products", "sum(3 * layer.products"
    ),
    "operations of a multilayer perceptron": edit(
        {"train mlp"},
        "writeup/cost.py",
        "Layer(outputs * (inputs + 1), outputs * inputs, on_image=i == 0) for",
        "Layer(outputs * (inputs + 1), outputs * inputs + 1, on_image=i == 0) for",
    ),
    "YAML is read another way": edit(
        {"summarise", "test_claims", "plot", "render"},
        "rederive/yaml_files.py",
        "Loader=_UniqueKeys",
        "Loader=yaml.SafeLoader",
    ),
    # Training writes it, too: the record beside the rows, which is read the same.
    "JSON is written another way": edit(
        DATA | PROOFS | REPORT | {"infer"}, "rederive/files.py", "sort_keys=True", "sort_keys=False"
    ),
    # Those of the review: nothing changes, and MNIST was trained again.
    "an example for the tests of Sum": edit(
        PROOFS | CATALOGUE | {"plot"},
        "rederive/autograd/ops.py",
        '        Example("n m", axis=-1),\n',
        '        Example("n m", axis=-2),\n',
    ),
    "the words of an operation's error": edit(
        NONE,
        "rederive/autograd/ops.py",
        'f"labels of shape {format_shape(columns.shape)},',
        'f"found {columns.shape} labels,',
    ),
    "the words of an optimiser's error": edit(
        NONE, "rederive/autograd/optimizers.py", "which a graph still needs: run", "needed by a graph: run"
    ),
    "Div, which no network uses": edit(
        PROOFS | {"plot"} | CATALOGUE,
        "rederive/autograd/ops.py",
        "return x / z\n",
        "return x * (1 / z)\n",
    ),
    "functions with other names": edit(
        NONE,
        *("rederive/autograd/ops.py", "log_softmax(", "log_of_softmax("),
        *("rederive/data/arrays.py", "_load_split(", "_open("),
    ),
    "a class with another name": edit(
        NONE,
        *("writeup/mlp.py", "MLPLearner", "Perceptron"),
    ),
    "a definition that moves to a module of its own": edit(
        NONE,
        *(
            "rederive/autograd/initializers.py",
            "import numpy as np\n",
            "import numpy as np\nfrom .moved import nought\n",
        ),
        *(
            "rederive/autograd/initializers.py",
            "def zeros(generator: np.random.Generator, shape: tuple[int, int])",
            "def old()",
        ),
        *("rederive/autograd/initializers.py", "return np.zeros(shape)", "return None"),
        *("rederive/autograd/initializers.py", '"zeros": zeros,', '"zeros": nought,'),
        *(
            "rederive/autograd/moved.py",
            "",
            "import numpy\n\ndef nought(generator, shape):\n    return numpy.zeros(shape)\n",
        ),
    ),
    # What trains.
    "the learning rate's sign": edit(
        {"train mlp"}, "rederive/autograd/optimizers.py", "parameter.value -= self", "parameter.value += self"
    ),
    "the momentum": edit(
        {"train mlp"}, "rederive/autograd/optimizers.py", "velocity += gradient", "velocity -= gradient"
    ),
    "an initial distribution": edit(
        {"train mlp", "plot", "mlp", "ask_oracles"},
        "rederive/autograd/initializers.py",
        "np.sqrt(2 / sum(shape))",
        "np.sqrt(1 / sum(shape))",
    ),
    "the seed of the first weights": edit(
        {"train mlp"}, "writeup/mlp.py", "default_rng(seed + spec", "default_rng(seed + 1 + spec"
    ),
    "what dropout scales by": edit(
        {"train mlp", "plot", "mlp", "ask_oracles"},
        "rederive/autograd/modules.py",
        "mask / (1 - self.probability)",
        "mask / self.probability",
    ),
    "the sum over a broadcast axis": edit(
        {"train mlp", "plot"} | CATALOGUE | PROOFS,
        "rederive/autograd/graph.py",
        "axis=tuple(range(added))",
        "axis=tuple(range(added - 1))",
    ),
    "a default of an argument": edit(
        {"train mlp", "plot", "mlp", "ask_oracles"},
        "rederive/autograd/modules.py",
        "        dropout: float = 0.0,\n",
        "        dropout: float = 0.1,\n",
    ),
    "a default of the specs": edit(
        TRAINED,
        "writeup/settings.py",
        'weight_decay: NonNegative = Field(0.0, description="L2',
        'weight_decay: NonNegative = Field(0.1, description="L2',
    ),
    "the scale of CIFAR-10's images": edit(CONVOLUTIONAL, "writeup/cnn.py", ".sub_(0.5)", ".sub_(0.25)"),
    "the memory layout": edit(CONVOLUTIONAL, "writeup/cnn.py", "SMALL_BATCH = 4", "SMALL_BATCH = 8"),
    "a constant of Adam": edit(CONVOLUTIONAL, "writeup/torch_step.py", "beta2=0.999", "beta2=0.99"),
    "where the maximum is taken": edit(
        CONVOLUTIONAL,
        "writeup/cnn_networks.py",
        "functional.relu(functional.max_pool2d(y, 2))",
        "functional.max_pool2d(functional.relu(y), 2)",
    ),
    "how a step is recorded": edit(
        CONVOLUTIONAL,
        "rederive/training/torch_operations.py",
        "if operation in IDENTITIES",
        "if operation not in IDENTITIES",
    ),
    "how a step is replayed on a GPU": edit(TRAINED, "rederive/training/cuda_graph.py", "range(3)", "range(4)"),
    "rows after the last epoch": edit(
        TRAINED, "rederive/training/loop.py", "row.epoch <= epochs", "row.epoch < epochs"
    ),
    "how long the opening is": edit(
        TRAINING | {"collect", "summarise"}, "rederive/training/history.py", "OPENING_STEPS = 100", "OPENING_STEPS = 99"
    ),
    "which device is chosen": edit(TRAINED, "rederive/training/job.py", "if torch.cuda.is_available()", "if False"),
    # What shows how it goes.
    "a line of the log": edit(
        NONE,
        "rederive/training/keeper.py",
        'self._say(f"going on from epoch {epoch}, batch {batch}")',
        'self._say("again")',
    ),
    "the line of an epoch": edit(NONE, "rederive/training/keeper.py", "{value:.4f}", "{value:.6f}"),
    "what is printed at the beginning": edit(
        NONE, "rederive/training/job.py", 'print(f"{run}: {_place_and_attempt(place)}", flush=True)', "print(run)"
    ),
    "what the progress bar says": edit(
        NONE, "rederive/training/keeper.py", 'f"epoch {epoch}/{self.epochs}")', 'f"{epoch} of {self.epochs}")'
    ),
    "the progress bar": edit(NONE, "rederive/progress.py", "BarColumn(),\n        TextColumn", "TextColumn"),
    "what the status holds": edit(NONE, "rederive/training/keeper.py", '"latest": latest(rows),\n', '"latest": {},\n'),
    "how the status is shown": edit(
        NONE, "rederive/training/status.py", "SILENT_SECONDS = 120.0", "SILENT_SECONDS = 60.0"
    ),
    "the exit code of a stopped job": edit(
        NONE, "rederive/training/keeper.py", "RETRY_EXIT_CODE = 75", "RETRY_EXIT_CODE = 76"
    ),
    "the versions that are recorded": edit({"render"}, "rederive/environment.py", '"torch")', '"torch", "scipy")'),
    "how bytes reach the disk": edit(
        DATA | PROOFS | REPORT | {"convert", "tex_source"}, "rederive/files.py", "os.fsync(stream.fileno())", "pass"
    ),
    "which kept runs are found": edit(
        NONE, "rederive/training/archive.py", "break  # all seeds", "continue  # all seeds"
    ),
    "how a record's number is read": edit(
        {"collect", "summarise"}, "rederive/training/provenance.py", "return float(value)", "return float(str(value))"
    ),
    # How it is written.
    "a comment": edit(NONE, "rederive/training/loop.py", "# A checkpoint may", "# Be careful: a checkpoint may"),
    "a docstring": edit(NONE, "rederive/autograd/graph.py", '"""A value in the graph.', '"""A value.'),
    "an annotation": edit(NONE, "rederive/training/loop.py", "-> Trained:", '-> "Trained":'),
    "a line break": edit(NONE, "writeup/mlp.py", "_rows(data.train)\n", "_rows(\n            data.train\n        )\n"),
    "a local": edit(NONE, "rederive/data/arrays.py", "splits", "parts_of_it"),
    # Where a call somewhere in reach passes an argument of that name by keyword, the name counts.
    "an argument": edit({"plot"}, "rederive/autograd/guard.py", "values", "arrays_to_guard"),
    "the order of two definitions": edit(
        NONE,
        *("rederive/autograd/graph.py", "_namespaces: dict[type, Any] = {}\n", ""),
        *("rederive/autograd/graph.py", "def format_shape(", "_namespaces: dict[type, Any] = {}\n\ndef format_shape("),
    ),
    "a library's other name": edit(NONE, "rederive/autograd/initializers.py", "np", "numpy_"),
    "the description of a setting": edit(
        NONE, "writeup/settings.py", 'description="step size of the optimiser"', 'description="step size"'
    ),
    "the help of a command": edit(NONE, "rederive/cli/training.py", "Train one run, from", "Train a run, from"),
    # The configuration.
    "a key with a default that a spec gains": edit(
        NONE,
        "writeup/settings.py",
        "    skip_connections: bool = Field(",
        '    gradient_bound: bool = Field(False, description="new")\n    skip_connections: bool = Field(',
    ),
    "a method of the study": edit(
        READS_ALL | {"summarise", "plot"},
        "rederive/config/study.py",
        "layout.run(key, seeds) for",
        "layout.run(key, seeds[:1]) for",
    ),
    "a default of training": edit(
        READS_ALL | {"summarise", "plot"},
        "rederive/config/schema.py",
        "checkpoint_minutes: Positive = Field(10.0",
        "checkpoint_minutes: Positive = Field(5.0",
    ),
    # Data.
    "the split of MNIST": edit({"prepare"}, "writeup/mnist.py", "TRAIN_SIZE = 55_000", "TRAIN_SIZE = 50_000"),
    "a checksum of the official files": edit({"prepare"}, "writeup/mnist.py", '"ba891046', '"ba891047'),
    "the noise of stand-in data": edit({"standin"}, "writeup/standin.py", "0.08, picture.shape", "0.09, picture.shape"),
    "how arrays are saved": edit(
        DATA, "rederive/data/arrays.py", "np.save(stream, array,", "np.save(stream, array[::-1],"
    ),
    "where files are fetched": edit(NONE, "rederive/data/download.py", "timeout=limits", "timeout=None"),
    # Proofs.
    "a derivation": edit(
        {"division", "ask_oracles"},
        "writeup/derivations/division.py",
        "G[p, q] / Z[p, q],",
        "2 * G[p, q] / Z[p, q],",
    ),
    "a tolerance": edit({"verify"}, "rederive/proofs/checks/numeric.py", '"float32": 2e-5', '"float32": 2e-4'),
    "what a mutant is": edit(
        {"verify"}, "rederive/proofs/checks/mutants.py", "if mutant != claim", "if mutant == claim"
    ),
    "an oracle": edit(PROOFS, "rederive/proofs/checks/oracles.py", "output_gradients=tf.constant(cotangent)", ""),
    # The report.
    "what is collected": edit(
        {"collect"}, "rederive/results/collect.py", '"parameters", "flops_per_image")', '"parameters")'
    ),
    "the level of an interval": edit(
        {"summarise", "test_claims", "plot", "render"}, "rederive/results/statistics.py", "LEVEL = 0.95", "LEVEL = 0.9"
    ),
    "how a number is printed": edit(
        {"summarise", "render"}, "rederive/results/number_format.py", "{value:,.{digits}f}", "{value:,.{digits + 1}f}"
    ),
    "a colour, which the page shares": edit(
        {"plot", "convert"}, "rederive/figures/style.py", 'INK = "#222222"', 'INK = "#222223"'
    ),
    "how text is escaped": edit(
        {"render"}, "rederive/report/markdown.py", r'_SPECIAL.sub(r"\\\g', r'_SPECIAL.sub(r"\g'
    ),
    "pandoc's reader": edit({"convert"}, "rederive/report/formats.py", "+native_spans", "-native_spans"),
    "a file of the packed source": edit(
        {"tex_source"}, "rederive/report/tex_source.py", "$pdf_mode = 1", "$pdf_mode = 2"
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "src"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, tuple[str, set[str]]]:
    """The fingerprint of each rule, and the modules that it imports."""
    project.cache_clear()
    found = {rule: reach(*roots, sources=copy) for rule, roots in RULES.items()}
    return {rule: (reached.digest()[:16], reached.modules) for rule, reached in found.items()}


@pytest.mark.parametrize("made", EDITS.values(), ids=EDITS)
def test_an_edit_changes_the_fingerprints_that_it_must_and_no_other(
    copy: Path, before: dict[str, tuple[str, set[str]]], made: Edit
) -> None:
    originals: dict[Path, str | None] = {}
    try:
        for name, old, new in made.parts:
            path = copy / name
            text = path.read_text() if path.exists() else ""
            originals.setdefault(path, text if path.exists() else None)
            assert old in text, f"{name} does not hold {old!r}"
            path.write_text(text.replace(old, new) if old else new)
        for path in originals:
            compile(path.read_text(), path, "exec")
        edited = {name.removesuffix(".py").replace("/", ".") for name, _, _ in made.parts}
        project.cache_clear()
        changed = {
            rule
            for rule, roots in RULES.items()
            # Where none of the modules is imported, nothing can have changed, and the test would only take longer.
            if before[rule][1] & edited and fingerprint(*roots, sources=copy) != before[rule][0]
        }
    finally:
        for path, text in originals.items():
            path.unlink() if text is None else path.write_text(text)
    assert changed == made.changes


def test_the_copy_has_the_fingerprints_of_the_project(before: dict[str, tuple[str, set[str]]]) -> None:
    assert len(EDITS) >= 60
    for rule, roots in RULES.items():
        assert fingerprint(*roots) == before[rule][0]
