"""Mistakes in config.yaml, and what looks like one and is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from tests.boundary.case import Case
from tests.boundary.study import config, write_config

AREA = "config"
RESOLVE = (("resolve", "config.yaml"),)
GONE = object()
RELU = {"base": "mnist.benchmark", "activation": "relu"}


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    merged = {key: _laid_over(below.get(key), value) for key, value in above.items()}
    return {key: value for key, value in {**below, **merged}.items() if value is not GONE}


def _changed(changes: Any) -> Callable[[Path], None]:
    return lambda folder: write_config(folder, _laid_over(config(), changes))


def _raw(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.yaml").write_bytes(content)


def _text(edit: Callable[[str], str], encoding: str = "utf-8") -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        (folder / "config.yaml").write_bytes(edit((folder / "config.yaml").read_text("utf-8")).encode(encoding))

    return harm


def _folder(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    (folder / "config.yaml").mkdir()


def _experiment(**settings: Any) -> dict[str, Any]:
    return {"experiments": {"mnist.relu": settings}}


def _set(**changes: Any) -> dict[str, Any]:
    return {"data": {"sets": {"mnist": changes}}}


def _trainer(**changes: Any) -> dict[str, Any]:
    return {"trainers": {"mlp": changes}}


def _metric(**changes: Any) -> dict[str, Any]:
    return {"metrics": {"accuracy": changes}}


def _panel(**changes: Any) -> dict[str, Any]:
    panel = {"title": "Loss", "metric": "training_loss", "experiments": ["mnist.relu"]}
    return {"figures": {"one": {"panels": [panel | changes]}}}


def _table(**changes: Any) -> dict[str, Any]:
    return {"tables": [_laid_over({"name": "one", "title": "One", "rows": ["mnist.relu"]}, changes)]}


# What is laid over the configuration, and what the message has to say; nothing where it is right.
LAID: list[tuple[str, Any, tuple[str, ...]]] = [
    ("no seeds", {"seeds": []}, ("seeds", "at least 1")),
    ("seeds are not given", {"seeds": GONE}, ("seeds", "not given")),
    ("seeds are null", {"seeds": None}, ("seeds", "list")),
    ("seeds are a number", {"seeds": 3}, ("seeds", "3", "list")),
    ("seeds are a text", {"seeds": "0-1"}, ("seeds", "0-1", "list")),
    ("a seed below zero", {"seeds": [-1]}, ("seeds.0", "-1")),
    ("a seed of 2^64", {"seeds": [2**64]}, ("seeds.0", "4294967296")),
    ("a seed of 2^32", {"seeds": [2**32]}, ("seeds.0", "4294967296")),
    ("the largest seed", {"seeds": [2**32 - 1]}, ()),
    ("a seed of 1.5", {"seeds": [1.5]}, ("seeds.0", "1.5", "integer")),
    ("a seed that is true", {"seeds": [True]}, ("seeds.0", "true", "number")),
    ("a seed in words", {"seeds": ["one"]}, ("seeds.0", "one", "integer")),
    ("a seed twice", {"seeds": [1, 1]}, ("seeds", "1", "twice")),
    ("200 seeds in one job", {"seeds": list(range(200))}, ("training.seeds_per_job", "200")),
    ("200 seeds in 20 jobs", {"seeds": list(range(200)), "training": {"seeds_per_job": 10}}, ()),
    ("an unknown key", {"seed": 3}, ("seed", "unknown key", "seeds")),
    ("an unknown key of data", {"data": {"sorce": "standin"}}, ("data.sorce", "source")),
    ("an unknown key of training", {"training": {"devise": "cpu"}}, ("training.devise", "device")),
    ("an unknown device", {"training": {"device": "gpu"}}, ("training.device", "gpu", "cuda")),
    ("no threads", {"training": {"threads": 0}}, ("training.threads", "0")),
    ("threads in words", {"training": {"threads": "two"}}, ("training.threads", "two")),
    ("threads are true", {"training": {"threads": True}}, ("training.threads", "true", "number")),
    ("no seeds in a job", {"training": {"seeds_per_job": 0}}, ("training.seeds_per_job", "0")),
    ("some seeds in a job", {"training": {"seeds_per_job": "some"}}, ("training.seeds_per_job", "some", "all")),
    ("checkpoints never", {"training": {"checkpoint_minutes": 0}}, ("training.checkpoint_minutes", "0")),
    ("checkpoints after nan", {"training": {"checkpoint_minutes": float("nan")}}, ("training.checkpoint_minutes",)),
    ("checkpoints after inf", {"training": {"checkpoint_minutes": float("inf")}}, ("training.checkpoint_minutes",)),
    ("a negative sample of replays", {"training": {"replay": -1}}, ("training.replay", "-1")),
    ("versions are something else", {"training": {"versions": "ignore"}}, ("training.versions", "ignore", "require")),
    ("tf32 is a text", {"training": {"tf32": "perhaps"}}, ("training.tf32", "perhaps")),
    ("the archive is a list", {"training": {"archive": ["a"]}}, ("training.archive", "string")),
    ("training is a list", {"training": []}, ("training", "[]")),
    ("training is null", {"training": None}, ("training",)),
    ("an unknown source", {"data": {"source": "real"}}, ("data.source", "real", "official")),
    ("a mirror that is no list", {"data": {"mirrors": "http://a"}}, ("data.mirrors", "http://a", "list")),
    ("a mirror that is a number", {"data": {"mirrors": [1]}}, ("data.mirrors.0", "1", "string")),
    ("the seed of stand-ins below zero", {"data": {"seed": -1}}, ("data.seed", "-1")),
    ("the seed of stand-ins is true", {"data": {"seed": True}}, ("data.seed", "true")),
    ("a data set without a reader", _set(read=GONE), ("data.sets.mnist.read", "not given")),
    ("a reader that is no path", _set(read="read"), ("data.sets.mnist.read", "read", "pattern")),
    ("a reader with two colons", _set(read="a:b:c"), ("data.sets.mnist.read", "a:b:c")),
    ("a reader of a relative module", _set(read="..a:b"), ("data.sets.mnist.read", "..a:b")),
    ("a size of zero", _set(sizes={"train": 0}), ("data.sets.mnist.sizes.train", "0")),
    ("a size below zero", _set(sizes={"train": -4}), ("data.sets.mnist.sizes.train", "-4")),
    ("a size that is true", _set(sizes={"train": True}), ("data.sets.mnist.sizes.train", "true")),
    ("a size in words", _set(sizes={"train": "many"}), ("data.sets.mnist.sizes.train", "many")),
    ("a data set in capitals", {"data": {"sets": {"MNIST": {"title": "M", "read": "a:b"}}}}, ("data.sets", "MNIST")),
    ("no title", _set(title=GONE), ("data.sets.mnist.title", "not given")),
    ("data is a number", {"data": 3}, ("data", "3")),
    ("a trainer of no data set", _trainer(data="cifar100"), ("trainers.mlp.data", "cifar100", "mnist")),
    ("a trainer without code", _trainer(python=GONE), ("trainers.mlp", "python, command, import")),
    ("settings that are not there", _trainer(settings="nowhere:S"), ("trainers.mlp.settings", "nowhere", "src")),
    ("settings of no such name", _trainer(settings="writeup.settings:None_"), ("trainers.mlp.settings", "None_")),
    ("settings that are no model", _trainer(settings="json:dumps"), ("trainers.mlp.settings", "Settings")),
    ("settings in a built-in module", _trainer(settings="sys:nothing"), ("trainers.mlp.settings", "sys", "nothing")),
    ("a trainer is a text", {"trainers": {"mlp": "writeup"}}, ("trainers.mlp", "writeup")),
    ("no trainers", {"trainers": GONE}, ("trainer",)),
    ("a metric without rows", _metric(reads=GONE), ("metrics.accuracy.reads", "not given")),
    ("a metric of one word", _metric(reads="accuracy"), ("metrics.accuracy.reads", "accuracy")),
    ("a metric of no trainer", _metric(reads={"rnn": "a b"}), ("metrics.accuracy.reads", "rnn", "mlp")),
    ("two metrics of one row", _metric(reads="train loss"), ("metrics", "train loss", "twice")),
    ("negative digits", _metric(digits=-1), ("metrics.accuracy.digits", "-1")),
    ("400 digits", _metric(digits=400), ("metrics.accuracy.digits", "400")),
    ("true digits", _metric(digits=True), ("metrics.accuracy.digits", "true")),
    ("better is more", _metric(better="more"), ("metrics.accuracy.better", "more", "higher")),
    ("when is before", _metric(when="before"), ("metrics.accuracy.when", "before", "after")),
    ("a unit of two words", _metric(unit="per cent"), ("metrics.accuracy.unit", "per cent")),
    ("limits of one number", _metric(limits=[0]), ("metrics.accuracy.limits",)),
    ("limits in the wrong order", _metric(limits=[1, 0]), ("metrics.accuracy", "limits", "1", "0")),
    ("no metrics, and a table", {"metrics": GONE}, ("metric",)),
    ("derivations in no package", {"derivations": "a-b"}, ("derivations", "a-b")),
    ("no experiments", {"experiments": GONE}, ("experiments", "not given")),
    ("experiments are a list", {"experiments": ["a"]}, ("experiments", "mapping")),
    ("an experiment is null", {"experiments": {"mnist.relu": None}}, ("experiments.mnist.relu",)),
    ("an experiment is a text", {"experiments": {"mnist.relu": "relu"}}, ("experiments.mnist.relu", "relu")),
    ("an experiment with a space", {"experiments": {"a b": RELU}}, ("experiments", "a b")),
    ("an experiment with a slash", {"experiments": {"../a": RELU}}, ("experiments", "../a")),
    ("an experiment with an umlaut", {"experiments": {"größe": RELU}}, ("experiments", "größe")),
    ("an experiment of 300 characters", {"experiments": {"a" * 300: RELU}}, ("experiments", "100")),
    ("an experiment called by nothing", {"experiments": {"": RELU}}, ("experiments",)),
    ("an unknown base", _experiment(base="nobody"), ("experiments.mnist.relu.base", "nobody", "mnist.benchmark")),
    ("its own base", _experiment(base="mnist.relu"), ("experiments.mnist.relu.base", "itself")),
    ("a base that is a list", _experiment(base=["a"]), ("experiments.mnist.relu.base",)),
    ("a base that is a number", _experiment(base=7), ("experiments.mnist.relu.base", "7")),
    ("an unknown trainer", _experiment(trainer="rnn"), ("experiments.mnist.relu.trainer", "rnn", "mlp")),
    ("a trainer that is a list", _experiment(trainer=["mlp"]), ("experiments.mnist.relu.trainer",)),
    ("no trainer at all", {"experiments": {"a": {"epochs": 1}}}, ("experiments.a.trainer", "not given")),
    ("an unknown setting", _experiment(activatoin="relu"), ("experiments.mnist.relu.activatoin", "activation")),
    ("an unknown activation", _experiment(activation="gelu"), ("experiments.mnist.relu.activation", "gelu", "relu")),
    ("no epochs", _experiment(epochs=0), ("experiments.mnist.relu.epochs", "0")),
    ("epochs are true", _experiment(epochs=True), ("experiments.mnist.relu.epochs", "true", "number")),
    ("half an epoch", _experiment(epochs=0.5), ("experiments.mnist.relu.epochs", "0.5")),
    ("epochs in words", _experiment(epochs="ten"), ("experiments.mnist.relu.epochs", "ten")),
    ("epochs are a list", _experiment(epochs=[1]), ("experiments.mnist.relu.epochs", "[1]")),
    ("no layers", _experiment(hidden_sizes=[]), ("experiments.mnist.relu.hidden_sizes", "at least 1")),
    ("a layer of nothing", _experiment(hidden_sizes=[0]), ("experiments.mnist.relu.hidden_sizes.0", "0")),
    ("a layer that is true", _experiment(hidden_sizes=[True]), ("experiments.mnist.relu.hidden_sizes.0", "true")),
    ("layers are a number", _experiment(hidden_sizes=16), ("experiments.mnist.relu.hidden_sizes", "16", "list")),
    ("a learning rate of zero", _experiment(learning_rate=0), ("experiments.mnist.relu.learning_rate", "0")),
    ("a learning rate of nan", _experiment(learning_rate=float("nan")), ("experiments.mnist.relu.learning_rate",)),
    ("a learning rate of inf", _experiment(learning_rate=float("inf")), ("experiments.mnist.relu.learning_rate",)),
    ("a learning rate that is true", _experiment(learning_rate=True), ("mnist.relu.learning_rate", "true")),
    ("a momentum of one", _experiment(momentum=1), ("experiments.mnist.relu.momentum", "1")),
    ("a momentum below zero", _experiment(momentum=-0.1), ("experiments.mnist.relu.momentum", "-0.1")),
    ("a batch of nothing", _experiment(batch_size=0), ("experiments.mnist.relu.batch_size", "0")),
    ("skipping where nothing fits", _experiment(skip_connections=True), ("mnist.relu", "skip_connections")),
    ("an origin that is neither", _experiment(origin="mine"), ("experiments.mnist.relu.origin", "mine", "ours")),
    ("a label that is a list", _experiment(label=["a"]), ("experiments.mnist.relu.label",)),
    ("a table of no rows", _table(rows=[]), ("tables.0.rows", "at least 1")),
    ("a table of an unknown row", _table(rows=["relu"]), ("tables", "relu", "mnist.relu")),
    ("a table of an unknown metric", _table(metric="loss"), ("tables", "loss", "training_loss")),
    ("a table without a name", _table(name=GONE), ("tables.0.name", "not given")),
    ("a table called like a path", _table(name="../one"), ("tables.0.name", "../one")),
    ("tables are a mapping", {"tables": {"one": {}}}, ("tables", "list")),
    ("two tables of one name", {"tables": _table()["tables"] * 2}, ("tables", "one", "twice")),
    ("a figure of nothing", {"figures": {"one": {}}}, ("figures.one", "panels", "graph, python")),
    ("a figure of two kinds", {"figures": {"one": {"graph": "add", "python": "a:b"}}}, ("figures.one", "one of")),
    ("an unknown graph", {"figures": {"one": {"graph": "sub"}}}, ("figures.one.graph", "sub", "mlp")),
    ("a figure in capitals", {"figures": {"One": {"graph": "add"}}}, ("figures", "One")),
    ("a panel of an unknown experiment", _panel(experiments=["relu"]), ("figures.one", "relu", "mnist.relu")),
    ("a panel of an unknown metric", _panel(metric="loss"), ("figures.one", "loss", "training_loss")),
    ("a panel of no experiment", _panel(experiments=[]), ("figures.one.panels.0.experiments", "at least 1")),
    ("authors are a text", {"report": {"authors": "me"}}, ("report.authors", "me", "list")),
    ("a title that is a number", {"report": {"title": 3}}, ("report.title", "3", "string")),
    ("digits that are no expression", {"report": {"digits": {"(": "why"}}}, ("report.digits", "(", "expression")),
    ("an unknown PDF engine", {"report": {"pdf_engine": "word"}}, ("report.pdf_engine", "word", "typst")),
    ("runs that are some", {"report": {"runs": "some"}}, ("report.runs", "some", "finished")),
    ("an unknown path variable", {"pathvars": {"reslts": "a"}}, ("pathvars", "reslts", "results")),
    ("a path that is a number", {"pathvars": {"results": 3}}, ("pathvars.results", "3", "string")),
    ("a path that is empty", {"pathvars": {"results": ""}}, ("pathvars.results", "''")),
    # Nothing is wrong with these.
    ("a label in Greek", _experiment(label="ρελυ"), ()),
    ("a label that looks like code", _experiment(label="{{ 1 }} <b>"), ()),
    ("a momentum that is a text", _experiment(momentum="0.5"), ()),
    ("no tables", {"tables": []}, ()),
    ("no figures", {"figures": {}}, ()),
    ("a short experiment of a long one", _experiment(epochs=1), ()),
    ("one seed", {"seeds": [7]}, ()),
    ("seeds in any order", {"seeds": [3, 1, 2]}, ()),
    ("results elsewhere", {"pathvars": {"results": "some where/else"}}, ()),
    ("a mirror with a space", {"data": {"mirrors": ["/some where"]}}, ()),
]

LAST = "\n  - {name: late, title: Late, rows: [mnist.relu]}\n"

# What is written in place of the file, or done to its text.
WRITTEN: list[tuple[str, Callable[[Path], object], tuple[str, ...]]] = [
    ("empty", _raw(b""), ("config.yaml", "mapping")),
    ("a list", _raw(b"- 1\n"), ("config.yaml", "list", "mapping")),
    ("a word", _raw(b"seeds"), ("config.yaml", "str", "mapping")),
    ("not YAML", _raw(b"seeds: [0\n"), ("config.yaml", "not valid YAML", "line")),
    ("a tab", _raw(b"seeds:\n\t- 0\n"), ("config.yaml", "not valid YAML", "line")),
    ("a null byte", _raw(b"seeds: [0]\n\0"), ("config.yaml", "not valid YAML")),
    ("latin-1", _text(lambda text: text.replace("Sigmoid", "Größe"), "latin-1"), ("config.yaml", "UTF-8", "line")),
    ("UTF-16", _text(str, "utf-16"), ("config.yaml", "UTF-8")),
    ("UTF-8 with a mark", _text(str, "utf-8-sig"), ()),
    ("lines of Windows", _text(lambda text: text.replace("\n", "\r\n")), ()),
    ("comments", _text(lambda text: f"# über\n{text}\n# end\n"), ()),
    ("a folder", _folder, ("config.yaml", "folder")),
    ("missing", lambda folder: (folder / "config.yaml").unlink(), ("config.yaml", "not found")),
    ("a key twice", _text(lambda text: f"{text}\nseeds: [1]\n"), ("config.yaml", "seeds", "twice")),
    ("a key that is a number", _text(lambda text: f"{text}\n7: 1\n"), ("config.yaml", "7", "quotes")),
    ("a key that YAML takes for yes", _text(lambda text: f"{text}\non: 1\n"), ("config.yaml", "True", "quotes")),
    (
        "an experiment that is a number",
        _text(lambda text: text.replace("  mnist.relu:", "  3:", 1)),
        ("config.yaml", "3", "quotes"),
    ),
    ("a key that is a list", _text(lambda text: f"{text}\n? [a]\n: 1\n"), ("config.yaml", "not valid YAML", "line")),
    ("an anchor that holds itself", _text(lambda text: f"{text}\nx: &a [*a]\n"), ("config.yaml", "holds itself")),
    ("a mapping that holds itself", _text(lambda text: f"{text}\nx: &a {{y: *a}}\n"), ("config.yaml", "holds itself")),
    (
        "aliases of aliases",
        _text(
            lambda text: (
                text
                + "\nx0: &a0 [0,0,0,0,0,0,0,0,0,0]\n"
                + "".join(f"x{i + 1}: &a{i + 1} [{','.join([f'*a{i}'] * 10)}]\n" for i in range(9))
            )
        ),
        ("config.yaml", "aliases"),
    ),
    ("nested too deeply", _raw(b"x: " + b"[" * 3000 + b"]" * 3000), ("config.yaml", "not valid YAML")),
    ("a number of 5000 digits", _raw(b"seeds: [" + b"1" * 5000 + b"]"), ("config.yaml", "not valid YAML")),
    ("a date that is none", _raw(b"seeds: 2020-13-45\n"), ("config.yaml", "not valid YAML")),
    ("a tag that runs code", _raw(b"seeds: !!python/object/apply:os.system [ls]\n"), ("config.yaml", "tag")),
    ("an unknown alias", _raw(b"seeds: *nobody\n"), ("config.yaml", "undefined alias", "line 1")),
    ("two documents", _raw(b"seeds: [0]\n---\nseeds: [1]\n"), ("config.yaml", "document")),
    ("an alias that is right", _text(lambda text: text.replace("seeds:\n- 0\n- 1", "seeds: &s\n- 0\n- 1")), ()),
    ("a merge key", _text(lambda text: text + "x-base: &b {a: 1}\n"), ("x-base", "unknown key")),
    ("a link that leads to itself", lambda folder: _loop(folder / "config.yaml"), ("config.yaml", "link")),
]


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


CASES = [
    *(
        Case(AREA, name, RESOLVE, ("config.yaml", *expected) if expected else (), _changed(changes))
        for name, changes, expected in LAID
    ),
    *(Case(AREA, name, RESOLVE, expected, harm) for name, harm, expected in WRITTEN),
    Case(
        AREA, "a file laid over it that is not there", (("resolve", "config.yaml", "b.yaml"),), ("b.yaml", "not found")
    ),
    Case(
        AREA,
        "a file laid over it that is wrong",
        (("resolve", "config.yaml", "b.yaml"),),
        ("b.yaml", "training.device", "gpu"),
        lambda folder: (folder / "b.yaml").write_text(yaml.safe_dump({"training": {"device": "gpu"}})),
    ),
]
