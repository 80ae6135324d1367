"""Trainers of a study in a folder of its own: functions, commands and files that exist."""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rederive.config import Study, resolve
from rederive.errors import UserError
from rederive.fingerprint import fingerprint, kept, training
from rederive.fingerprint.modules import project
from rederive.layout import Layout
from rederive.records import write_records
from rederive.report.trace import describe
from rederive.results.collect import collect
from rederive.results.number_format import number
from rederive.training import archive, train
from rederive.training.history import Row
from rederive.training.imported.tensorboard import masked_crc
from rederive.training.provenance import Provenance, read_run
from rederive.why import record, why
from rederive.yaml_files import read_yaml

CONFIG = """
seeds: [0, 1]
trainers:
  once: {python: "own_paper.train:once"}
  curve: {python: "own_paper.train:curve", schedule: true}
  plain_curve: {python: "own_paper.train:curve"}
  forest: {command: "PYTHON forest.py --trees {trees} --seed {seed} --out {out}", code: [forest.py], data: [data/*.txt]}
  told: {command: "PYTHON told.py {settings} {out}"}
  files: {import: "found/{experiment}.csv"}
metrics:
  accuracy: {reads: test accuracy, unit: accuracy, better: higher}
experiments:
  once: {trainer: once, depth: 3}
  long: {trainer: curve, rate: 0.5, epochs: 4}
  short: {base: long, epochs: 2}
  plain_long: {trainer: plain_curve, rate: 0.5, epochs: 4}
  plain_short: {base: plain_long, epochs: 2}
  small: {trainer: forest, trees: 2}
  told: {trainer: told, list: [1, 2], word: yes}
  found: {trainer: files, epochs: 2}
  found_too: {trainer: files, epochs: 2}
"""
TRAIN = """
from own_paper.numbers import offset
CALLS = []
def once(settings, data, seed):
    CALLS.append(seed)
    return {"test accuracy": settings.depth / 10 + seed / 100}
def curve(settings, data, seed):
    assert data is None
    for epoch in range(1, settings.epochs + 1):
        yield {"train loss": offset(seed) / epoch, "test accuracy": epoch / settings.epochs}
"""
FOREST = """
import argparse
parser = argparse.ArgumentParser()
for name in ("trees", "seed", "out"):
    parser.add_argument("--" + name)
given = parser.parse_args()
base = float(open("data/base.txt").read())
with open(given.out, "w") as out:
    print("seed,split,metric,value", file=out)
    print(f"{given.seed},test,accuracy,{base + int(given.trees) / 10 + int(given.seed) / 100}", file=out)
"""
TOLD = """
import json, sys
settings = json.load(open(sys.argv[1]))
with open(sys.argv[2], "w") as out:
    print("seed,epoch,split,metric,value", file=out)
    for seed in (0, 1):
        print(f"{seed},1,test,accuracy,{sum(settings['list']) / 10}", file=out)
"""
FOUND = "value,seed,epoch,split,metric\n" + "".join(
    f"0.{seed}{epoch},{seed},{epoch},test,accuracy\n" for seed in (0, 1, 2) for epoch in (1, 2)
)
# By TensorFlow's own protocol buffers and TFRecordWriter: train/loss at steps 100, 200 and 200 again (simple values),
# accuracy and f1 at 100 and 200 (tensors of a float, of a double).
EVENTS = base64.b64decode(
    "GAAAAAAAAACjf0siCQAAAAAAAPg/Gg1icmFpbi5FdmVudDoyKihkbCAAAAAAAAAAKe2pUAkAAAAAAAAAQBBkKhMKEQoKdHJhaW4vbG9zcxUAAA"
    "A/9CX6dyEAAAAAAAAAAXvs9gkAAAAAAAAAQBDIASoTChEKCnRyYWluL2xvc3MVAACAPqDNJpUhAAAAAAAAAAF77PYJAAAAAAAAAEAQyAEqEwoR"
    "Cgp0cmFpbi9sb3NzFQAAAD4nANOpHAAAAAAAAADIwZUdEGQqGAoWCghhY2N1cmFjeUIKCAESACoEAABAP1e4SlMaAAAAAAAAABKb2C0QZCoWCh"
    "QKAmYxQg4IAhIAMggAAAAAAADQP1+smAIdAAAAAAAAAGAv3yMQyAEqGAoWCghhY2N1cmFjeUIKCAESACoEAABgP/mjbTgbAAAAAAAAABoNnhMQ"
    "yAEqFgoUCgJmMUIOCAISADIIq6qqqqqq0j+FhduI"
)


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A study's folder, which is the working folder; Python forgets its code after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in {
        "config.yaml": CONFIG.replace("PYTHON", sys.executable),
        "src/own_paper/train.py": TRAIN,
        "src/own_paper/numbers.py": "def offset(seed):\n    return 1 + seed\n",
        "forest.py": FOREST,
        "told.py": TOLD,
        "data/base.txt": "0.5",
        "found/found.csv": FOUND,
        "found/found_too.csv": FOUND.replace("0.", "0.5"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_paper")]:
        del sys.modules[name]


def read(folder: Path, **changes: Any) -> Study:
    config = read_yaml(folder / "config.yaml")
    for key, value in changes.items():
        config[key] |= value
    study = resolve(config, [folder / "config.yaml"])
    study.save(folder / "results/study.json")
    return Study.load(folder / "results/study.json")


def trained(folder: Path, run: str, seeds: Sequence[int] = (0, 1)) -> list[Row]:
    train(folder / "results/study.json", run, list(seeds))
    rows, _ = read_run(Layout(folder / "results").run(run, seeds).with_suffix(".json"))
    return rows


def test_a_function_that_gives_one_mapping(paper: Path) -> None:
    read(paper)
    assert trained(paper, "once") == [Row(0, 1, "test", "accuracy", 0.3), Row(1, 1, "test", "accuracy", 0.31)]


def test_a_function_that_yields_an_epoch_after_the_other(paper: Path) -> None:
    read(paper)
    rows = trained(paper, "long")
    assert [row.value for row in rows if row.seed == 1 and row.metric == "loss"] == [2.0, 1.0, 2 / 3, 0.5]


def test_length_matters_only_where_a_trainer_says_so(paper: Path) -> None:
    study = read(paper)
    assert {name: study.experiments[name].run for name in ("short", "plain_short")} == {
        "short": "short",
        "plain_short": "plain_long",
    }
    # 2 of 2 epochs is the end of the short schedule, and half of the long one.
    assert [row.value for row in trained(paper, "short") if row.metric == "accuracy"] == [0.5, 1.0] * 2


def test_a_kept_run_of_another_length_does_not_stand_for_a_schedule(paper: Path) -> None:
    for trainer, taken in (("curve", set()), ("plain_curve", {0, 1})):
        study = read(paper, experiments={"only": {"trainer": trainer, "rate": 0.5, "epochs": 4}})
        key = "long" if trainer == "curve" else "plain_long"
        trained(paper, key)
        archive.keep(study, paper / "results/runs" / key, paper / "kept")
        shorter = study.experiments[key].model_copy(
            update={"spec": study.experiments[key].spec.model_copy(update={"epochs": 2})}
        )
        wanted = archive.identity(study, shorter, archive.NO_DATA)
        assert set(archive.find(paper / "kept", shorter, [0, 1], wanted)) == taken


def test_a_finished_seed_is_not_trained_again_after_an_interruption(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(paper)
    from own_paper import train as code

    once = code.once
    monkeypatch.setattr(
        code, "once", lambda settings, data, seed: 1 / seed if seed == 0 else once(settings, data, seed)
    )
    with pytest.raises(ZeroDivisionError):
        trained(paper, "once", (1, 0))
    monkeypatch.setattr(code, "once", once)
    trained(paper, "once", (1, 0))
    assert code.CALLS == [1, 0]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("return 3", "gave 3; expected a mapping"),
        ("return {'accuracy': 1}", "found the name 'accuracy'; expected a split and a metric"),
        ("return {'test accuracy': 'high'}", "test accuracy is 'high'; expected a number"),
        ("return [{'test accuracy': 1}] * 3", "gave more than 1 epoch"),
        ("return []", r"gave 0 epoch\(s\) with seed 0"),
        ("return [{}]", "gave {} for epoch 1"),
    ],
)
def test_a_function_that_gives_something_else_is_told_so(paper: Path, code: str, told: str) -> None:
    (paper / "src/own_paper/train.py").write_text(f"def once(settings, data, seed):\n    {code}\n")
    read(paper)
    with pytest.raises(UserError, match=told):
        trained(paper, "once")


def test_a_command_is_given_settings_and_seed(paper: Path) -> None:
    read(paper)
    assert [row.value for row in trained(paper, "small")] == [0.7, 0.71]
    assert [row.value for row in trained(paper, "told")] == [0.3, 0.3]
    record = Provenance.read(Layout(paper / "results").run("small", [0, 1]).with_suffix(".json"))
    assert {made.trainer_kind for made in record.seeds.values()} == {"command"}
    assert record.spec == {"epochs": 1, "trees": 2}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("seed,split,value\n0,test,1\n", r"line 1: found the columns seed, split, value; expected seed, epoch, split"),
        ("seed,split,metric,value\n0,test,accuracy,high\n", "line 2: found value 'high'; expected a number"),
        ("seed,split,metric,value\n0.5,test,accuracy,1\n", "line 2: found seed '0.5'; expected a whole number"),
        (
            "seed,epoch,split,metric,value\n0,0,test,accuracy,1\n",
            "line 2: found epoch '0'; expected a whole number from 1",
        ),
        ("seed,split,metric,value\n0,test,accuracy,1\n0,test,accuracy,2\n", "line 3: a second value of test accuracy"),
        ("seed,split,metric,value\n0,test,accuracy\n", "line 2: found another number of fields"),
        ("seed,split,metric,value\n7,test,accuracy,1\n", "found no row of seed 0; its seeds: 7"),
        ("seed,epoch,split,metric,value\n0,3,test,accuracy,1\n", "reaches epoch 3, and its experiment has `epochs: 1`"),
    ],
)
def test_a_wrong_file_of_a_command_is_refused_with_its_line(paper: Path, content: str, told: str) -> None:
    (paper / "told.py").write_text(f"import sys\nopen(sys.argv[2], 'w').write({content!r})\n")
    read(paper)
    with pytest.raises(UserError, match=told):
        trained(paper, "told")


def test_a_command_that_fails_or_names_an_unknown_setting(paper: Path) -> None:
    read(paper)
    (paper / "told.py").write_text("raise SystemExit(3)")
    with pytest.raises(UserError, match="ended with 3"):
        trained(paper, "told")
    read(paper, experiments={"small": {"trainer": "forest", "depth": 2}})
    with pytest.raises(
        UserError, match=r"holds \{trees\}, which is no setting; known: seed, out, settings, epochs, depth"
    ):
        trained(paper, "small")


@pytest.mark.parametrize(
    ("run", "file", "content"),
    [
        ("small", "forest.py", FOREST + "# another\n"),
        ("small", "data/base.txt", "0.25"),
        ("long", "src/own_paper/numbers.py", "def offset(seed):\n    return 2 + seed\n"),
    ],
)
def test_what_a_run_depends_on_is_in_its_fingerprint_and_why_names_it(
    paper: Path, run: str, file: str, content: Any
) -> None:
    study = read(paper)
    trainers = {name: study.trainers[study.experiments[name].trainer] for name in ("once", "small", "long")}
    before = {name: fingerprint(training(trainer)) for name, trainer in trainers.items()}
    record(paper / "results", run)
    (paper / file).write_text(content)
    for cached in (kept.state, kept._known, project):  # as another process would begin
        cached.cache_clear()
    changed = {name for name, trainer in trainers.items() if fingerprint(training(trainer)) != before[name]}
    assert changed == {run}
    assert any(Path(file).stem in line for line in why(paper / "results", run, study))


def test_imported_files_are_read_and_named(paper: Path) -> None:
    study = read(paper)
    assert study.experiments["found_too"].run == "found_too"  # no settings tell them apart
    assert [row.value for row in trained(paper, "found")] == [0.01, 0.02, 0.11, 0.12]
    trained(paper, "found_too")
    layout = Layout(paper / "results")
    record = Provenance.read(layout.run("found", [0, 1]).with_suffix(".json"))
    assert list(record.seeds[0].imported_files) == ["found/found.csv"]
    assert record.seeds[0].device == "not known"
    collect(layout, [layout.run("found", [0, 1])])
    index = json.loads(layout.run_index.read_text())
    digest = hashlib.sha256(FOUND.encode()).hexdigest()
    assert index["found"]["imported"] == {"found/found.csv": digest}
    told = number(0.5, "accuracy", "a mean", runs=["found"])
    write_records(layout.numbers, {"found.accuracy": told})
    text = describe(layout, "found.accuracy")
    assert f"found, imported: nothing was trained\n    imported   found/found.csv\n    sha256     {digest}" in text
    assert "rule train" not in text


def test_a_file_without_a_record_is_refused_and_not_traced_as_trained(paper: Path) -> None:
    read(paper)
    path = Layout(paper / "results").run("once", [0, 1])
    path.parent.mkdir(parents=True)
    path.write_text("seed,epoch,split,metric,value\n0,1,test,accuracy,0.9\n")
    with pytest.raises(UserError, match=r"seeds_0-1\.json: not the provenance of a run"):
        collect(Layout(paper / "results"), [path])


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("found/found.csv", FOUND.replace("2,test", "3,test"), r"reaches epoch 3, and its experiment has `epochs: 2`"),
        ("found/found.csv", FOUND.replace("0.01,0,1,test,accuracy\n", ""), "seed 0 has no test accuracy in epoch 1"),
        ("found/found.csv", None, "found no file found/found.csv to import"),
    ],
)
def test_wrong_files_of_an_import_are_refused(paper: Path, file: str, content: Any, told: str) -> None:
    read(paper)
    (paper / file).write_text(content) if content else (paper / file).unlink()
    with pytest.raises(UserError, match=told):
        trained(paper, "found")


def imported(
    folder: Path,
    trainer: dict[str, Any],
    content: dict[str, bytes | str],
    seeds: Sequence[int] = (0, 1),
    **experiment: Any,
) -> list[Row]:
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    read(folder, trainers={"other": trainer}, experiments={"other": {"trainer": "other", **experiment}})
    return trained(folder, "other", seeds)


CHART = """"Step","net-0 - val/acc","net-0 - val/acc__MIN","net-1 - val/acc","net-1 - val/acc__MAX"
"10","0.5","0.5","0.25","0.25"
"20","0.75","0.75","0.625","0.625"
"""


def test_a_chart_of_wandb(paper: Path) -> None:
    rows = imported(
        paper, {"import": "chart.csv", "format": "wandb", "run": "net-{seed}"}, {"chart.csv": CHART}, epochs=2
    )
    assert rows == [
        Row(seed, epoch, "val", "acc", value)
        for seed, epoch, value in ((0, 1, 0.5), (0, 2, 0.75), (1, 1, 0.25), (1, 2, 0.625))
    ]
    with pytest.raises(UserError, match="line 1: found no column of run 'net-2'"):
        imported(paper, {"import": "chart.csv", "format": "wandb", "run": "net-{seed}"}, {}, seeds=(0, 2), epochs=2)


def test_a_history_of_wandb(paper: Path) -> None:
    history = "_step,_runtime,train/loss,val/acc\n0,1.5,2.5,\n1,3,2.25,0.5\n"
    rows = imported(paper, {"import": "run_{seed}.csv", "format": "wandb"}, {"run_0.csv": history}, seeds=[0], epochs=2)
    assert rows == [Row(0, 1, "train", "loss", 2.5), Row(0, 1, "val", "acc", 0.5), Row(0, 2, "train", "loss", 2.25)]
    with pytest.raises(UserError, match=r"run_0.csv, line 3: found 'high' in column 'val/acc'"):
        imported(
            paper,
            {"import": "run_{seed}.csv", "format": "wandb"},
            {"run_0.csv": history.replace("0.5\n", "high\n")},
            seeds=[0],
            epochs=2,
        )


def test_event_files_of_tensorboard(paper: Path) -> None:
    trainer = {"import": "logs/{seed}/events.*", "format": "tensorboard"}
    rows = imported(paper, trainer, {"logs/0/events.out": EVENTS}, seeds=[0], epochs=2)
    assert {(row.epoch, row.split, row.metric): row.value for row in rows} == {
        (1, "train", "loss"): 0.5,
        (2, "train", "loss"): 0.125,
        (1, "run", "accuracy"): 0.75,
        (2, "run", "accuracy"): 0.875,
        (1, "run", "f1"): 0.75 / 3,
        (2, "run", "f1"): 0.875 / 3,
    }
    for damaged in (EVENTS[:60] + b"x" + EVENTS[61:], b"seed,value\n" * 3, b""):
        with pytest.raises(UserError, match="not an event file of TensorBoard, or damaged"):
            imported(paper, trainer, {"logs/0/events.out": damaged}, seeds=[0], epochs=2)
    # The writer was killed within a record: those before it count.
    assert imported(paper, trainer, {"logs/0/events.out": EVENTS[:-20]}, seeds=[0], epochs=2) != rows


def test_the_checksum_is_castagnolis() -> None:
    # The check value of CRC-32C/ISCSI in the catalogue of parametrised CRC algorithms.
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_results_of_lm_evaluation_harness(paper: Path) -> None:
    results = {
        "results": {
            "arc_easy": {"alias": "arc_easy", "acc,none": 0.5, "acc_stderr,none": 0.01, "acc_norm,none": 0.25},
            "gsm8k": {"exact_match,strict-match": 0.125, "exact_match_stderr,strict-match": "N/A"},
        },
        "n-samples": {"arc_easy": {"original": 2376, "effective": 2376}},
    }
    trainer = {"import": "{experiment}_{seed}.json", "format": "lm_eval"}
    rows = imported(paper, trainer, {"other_0.json": json.dumps(results)}, seeds=[0])
    assert rows == [
        Row(0, 1, "arc_easy", "acc", 0.5),
        Row(0, 1, "arc_easy", "acc_norm", 0.25),
        Row(0, 1, "arc_easy", "acc_stderr", 0.01),
        Row(0, 1, "gsm8k", "exact_match,strict-match", 0.125),
    ]
    with pytest.raises(UserError, match="not results of lm-evaluation-harness"):
        imported(paper, trainer, {"other_0.json": '{"result": {}}'}, seeds=[0])


@pytest.mark.parametrize(
    ("trainer", "told"),
    [
        ({}, "give one of python, command, import"),
        ({"python": "a:b", "command": "x {out}"}, "give one of python, command, import"),
        ({"command": "python x.py"}, "the command must hold {out}"),
        ({"python": "a:b", "code": ["x.py"]}, "code is of no use here"),
        ({"python": "a:b", "watched": True}, "a watched function trains on a data set"),
        ({"python": "a:b", "data": ["x.npz"]}, "a list of files belongs to a command"),
        ({"import": "x.csv", "data": "mnist"}, "an import trains on none"),
    ],
)
def test_a_trainer_that_contradicts_itself_is_refused(paper: Path, trainer: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read(paper, trainers={"other": trainer})
