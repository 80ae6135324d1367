"""Files that were damaged or tampered with: checkpoints, kept runs, results, a full disk."""

import errno
import hashlib
import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tests.boundary.case import Case
from tests.boundary.study import config, write_config

from rederive.files import sha256
from rederive.training.checkpoint import VERSION

Harm = Callable[[Path], Any]
RUN = "mnist.relu"
ROWS = f"results/runs/{RUN}/seeds_0-1.csv"
RECORD = f"results/runs/{RUN}/seeds_0-1.json"
KEPT = f"archive/{RUN}/seed_0.csv"
STATE = f"results/checkpoints/{RUN}/seeds_0.checkpoint"
TRAIN = (("train", RUN, "--seeds", "0-1"),)


def _all(*harms: Harm) -> Harm:
    def harm(folder: Path) -> None:
        for one in harms:
            one(folder)

    return harm


def _edit(name: str, edit: Callable[[str], str]) -> Harm:
    return lambda folder: (folder / name).write_text(edit((folder / name).read_text()))


def _bytes(name: str, edit: Callable[[bytes], bytes]) -> Harm:
    return lambda folder: (folder / name).write_bytes(edit((folder / name).read_bytes()))


def _json(name: str, edit: Callable[[Any], Any]) -> Harm:
    def harm(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        changed = edit(content)
        (folder / name).write_text(json.dumps(content if changed is None else changed))

    return harm


def _gone(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def _as_folder(name: str) -> Harm:
    return _all(_gone(name), lambda folder: (folder / name).mkdir())


def _signed(rows: str) -> Harm:
    """Write the SHA-256 of rows into their record, as a forger would."""
    record = rows.replace(".csv", ".json")
    return lambda folder: _json(record, lambda facts: facts.update(sha256=sha256(folder / rows)))(folder)


def _lines(edit: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "".join(f"{line}\n" for line in edit(text.splitlines()))


# --- checkpoints ----------------------------------------------------------------------------------------------


def _unfinished(folder: Path) -> None:
    """Put the study where it was after the first epoch of each seed."""
    (folder / ROWS).unlink()
    (folder / RECORD).unlink()
    shutil.copytree(folder / "saved" / RUN, (folder / STATE).parent, dirs_exist_ok=True)


def _about(edit: Callable[[dict[str, Any]], Any]) -> Harm:
    """Change what a checkpoint says of itself, and sign it."""

    def change(arrays: dict[str, np.ndarray]) -> None:
        about = json.loads(arrays["about"].tobytes())
        changed = edit(about)
        told = json.dumps(about if changed is None else changed).encode()
        arrays["about"] = np.frombuffer(told, dtype=np.uint8)

    return _arrays(change)


def _arrays(edit: Callable[[dict[str, np.ndarray]], Any]) -> Harm:
    """Change the arrays of a checkpoint, and sign it."""

    def harm(folder: Path) -> None:
        body = (folder / STATE).read_bytes().partition(b"\n")[2]
        with np.load(io.BytesIO(body)) as archive:
            arrays = dict(archive)
        edit(arrays)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        body = buffer.getvalue()
        (folder / STATE).write_bytes(b"%s %s\n%s" % (VERSION, hashlib.sha256(body).hexdigest().encode(), body))

    return harm


def _progress(**changes: Any) -> Harm:
    return _about(lambda about: about["progress"].update(changes))


NOT_USED = (STATE, "is not used")
CHECKPOINTS: list[tuple[str, Harm, tuple[str, ...]]] = [
    ("whole", lambda folder: None, ("going on from epoch 2",)),
    ("cut short", _bytes(STATE, lambda content: content[:-100]), (*NOT_USED, "damaged")),
    ("one bit changed", _bytes(STATE, lambda content: content[:-50] + b"?" + content[-49:]), (*NOT_USED, "damaged")),
    ("empty", _bytes(STATE, lambda content: b""), (*NOT_USED, "no checkpoint")),
    ("of another version", _bytes(STATE, lambda content: content.replace(b"1 ", b"2 ", 1)), (*NOT_USED, "version")),
    ("a pickle", _bytes(STATE, lambda content: pickle.dumps(len)), (*NOT_USED, "no checkpoint")),
    ("a folder", _as_folder(STATE), NOT_USED),
    ("of another run", _about(lambda about: about["key"].update(spec="{}")), (*NOT_USED, "differs in spec")),
    ("of other data", _about(lambda about: about["key"].update(data_checksum="0")), (*NOT_USED, "data_checksum")),
    ("an epoch of 9999", _progress(epoch=9999), (*NOT_USED, "9999")),
    ("an epoch of zero", _progress(epoch=0), (*NOT_USED, "epoch")),
    ("an epoch in words", _progress(epoch="two"), (*NOT_USED, "epoch")),
    ("a batch of 9999", _progress(batch=9999), (*NOT_USED, "batches")),
    ("a batch below zero", _progress(batch=-1), (*NOT_USED, "batch")),
    ("no rows", _progress(rows=[]), (*NOT_USED, "epoch 2")),
    ("rows of four columns", _progress(rows=[[0, 1, "train", "loss"]]), (*NOT_USED, "rows")),
    ("rows of another seed", _progress(rows=[[7, 1, "train", "loss", 0.5]]), (*NOT_USED, "seeds")),
    ("no progress", _about(lambda about: about.pop("progress") and None), (*NOT_USED, "how far that had come")),
    ("no key", _about(lambda about: about.pop("key") and None), (*NOT_USED, "of what run it is")),
    ("what it says is a list", _about(lambda about: []), NOT_USED),
    ("nothing said", _arrays(lambda arrays: arrays.pop("about")), (*NOT_USED, "about")),
    ("an array missing", _arrays(lambda arrays: arrays.pop("total")), (*NOT_USED, "total")),
    ("an array too long", _arrays(lambda arrays: arrays.update(total=np.zeros(9))), (*NOT_USED, "total")),
    ("an array of whole numbers", _arrays(lambda arrays: arrays.update(total=np.array(0))), (*NOT_USED, "int64")),
]

# --- kept runs ------------------------------------------------------------------------------------------------


def _with_archive(folder: Path) -> None:
    write_config(folder, config() | {"training": {"device": "cpu", "archive": "archive"}})
    (folder / ROWS).unlink()
    (folder / RECORD).unlink()


KEPT_RECORD = KEPT.replace(".csv", ".json")
ARCHIVE: list[tuple[str, Harm, tuple[str, ...]]] = [
    ("whole", lambda folder: None, (f"taken from the archive: {KEPT}",)),
    ("a digit changed", _edit(KEPT, lambda text: text.replace("1", "2", 1)), (KEPT, "SHA-256")),
    ("re-signed with no rows", _all(_edit(KEPT, _lines(lambda lines: lines[:1])), _signed(KEPT)), (KEPT, "not whole")),
    ("re-signed, a row less", _all(_edit(KEPT, _lines(lambda lines: lines[:-1])), _signed(KEPT)), (KEPT, "not whole")),
    ("re-signed, a row twice", _all(_edit(KEPT, _lines(lambda x: [*x, x[-1]])), _signed(KEPT)), (KEPT, "not whole")),
    (
        "re-signed, other columns",
        _all(_edit(KEPT, lambda text: text.replace("seed,", "sead,")), _signed(KEPT)),
        (KEPT, "line 1", "sead"),
    ),
    (
        "re-signed, a value in words",
        _all(_edit(KEPT, _lines(lambda x: [*x[:-1], x[-1].rsplit(",", 1)[0] + ",high"])), _signed(KEPT)),
        (KEPT, "line", "high"),
    ),
    ("re-signed, latin-1", _all(_bytes(KEPT, lambda c: c + b"\xe9"), _signed(KEPT)), (KEPT,)),
    ("no rows file", _gone(KEPT), (KEPT,)),
    ("the record empty", _edit(KEPT_RECORD, lambda text: ""), (KEPT_RECORD, "provenance")),
    ("the record a list", _edit(KEPT_RECORD, lambda text: "[]"), (KEPT_RECORD, "provenance")),
    ("the record without seeds", _json(KEPT_RECORD, lambda facts: facts.pop("seeds") and None), (KEPT_RECORD, "seeds")),
    ("a record with more", _json(KEPT_RECORD, lambda facts: facts.update(more=1)), (KEPT_RECORD, "more")),
    (
        "epochs in words",
        _json(KEPT_RECORD, lambda facts: facts["spec"].update(epochs="two")),
        (KEPT_RECORD.split("/")[1],),
    ),
    ("no spec", _json(KEPT_RECORD, lambda facts: facts.update(spec={})), ("mnist.relu",)),
    ("other data", _json(KEPT_RECORD, lambda facts: facts.update(data_checksum="0")), (KEPT_RECORD, "data_checksum")),
    (
        "other code",
        _json(KEPT_RECORD, lambda facts: facts["seeds"]["0"].update(fingerprint="0")),
        (KEPT_RECORD, "fingerprint", "replay"),
    ),
]

# --- results --------------------------------------------------------------------------------------------------

LAST = (("collect",), ("test-claims",), ("summarise",), ("plot",), ("render",), ("convert", "html"))
VALUE = _lines(lambda lines: [lines[0], lines[1].rsplit(",", 1)[0] + ",0.99", *lines[2:]])


def _accuracy(text: str) -> Callable[[str], str]:
    """Put a value in place of every accuracy."""
    return _lines(lambda lines: [f"{x.rsplit(',', 1)[0]},{text}" if ",accuracy," in x else x for x in lines])


def _loss(text: str) -> Callable[[str], str]:
    """Put a value in place of every training loss."""
    return _lines(lambda lines: [f"{x.rsplit(',', 1)[0]},{text}" if ",train,loss," in x else x for x in lines])


def _value(text: str) -> Callable[[str], str]:
    """Put a value into the last row, which is a validation loss or accuracy."""
    return _lines(lambda lines: [*lines[:-1], lines[-1].rsplit(",", 1)[0] + f",{text}"])


RESULTS: list[tuple[str, Harm, tuple[str, ...]]] = [
    ("untouched", lambda folder: None, ()),
    ("an accuracy of 0.99", _edit(ROWS, VALUE), (ROWS, "SHA-256")),
    ("an accuracy of 42", _edit(ROWS, _value("42")), (ROWS, "SHA-256")),
    ("an epoch deleted", _edit(ROWS, _lines(lambda x: [y for y in x if ",2," not in y])), (ROWS, "SHA-256")),
    ("a seed renamed", _edit(ROWS, lambda text: text.replace("\n1,", "\n7,")), (ROWS, "SHA-256")),
    ("a blank line", _edit(ROWS, lambda text: text + "\n"), (ROWS, "line 14", "not the file")),
    ("empty", _edit(ROWS, lambda text: ""), (ROWS, "line 1", "not the file")),
    ("missing", _gone(ROWS), (ROWS,)),
    ("a folder", _as_folder(ROWS), (ROWS,)),
    ("no record", _gone(RECORD), (RECORD,)),
    ("an empty record", _edit(RECORD, lambda text: ""), (RECORD, "provenance")),
    ("a record of {}", _edit(RECORD, lambda text: "{}"), (RECORD, "provenance")),
    ("a record that is a list", _edit(RECORD, lambda text: "[]"), (RECORD, "provenance")),
    ("a record of other settings", _json(RECORD, lambda f: f["spec"].update(momentum=0.5)), (ROWS, "momentum")),
    ("a forged checksum", _json(RECORD, lambda facts: facts.update(sha256="0" * 64)), (ROWS, "SHA-256")),
    ("signed: 42", _all(_edit(ROWS, _accuracy("42")), _signed(ROWS)), (ROWS, "line", "42", "at most 1")),
    ("signed: -1", _all(_edit(ROWS, _value("-1")), _signed(ROWS)), (ROWS, "-1")),
    ("signed: an epoch less", _all(_edit(ROWS, _lines(lambda x: x[:-3])), _signed(ROWS)), (ROWS, "not whole")),
    ("signed: a seed renamed", _all(_edit(ROWS, lambda t: t.replace("\n1,", "\n7,")), _signed(ROWS)), (ROWS, "whole")),
    (
        "signed: a row twice",
        _all(_edit(ROWS, _lines(lambda lines: [*lines, lines[-1]])), _signed(ROWS)),
        (ROWS, "not whole"),
    ),
    ("signed: a value in words", _all(_edit(ROWS, _value("high")), _signed(ROWS)), (ROWS, "line", "high")),
    ("signed: nan, not declared", _all(_edit(ROWS, _loss("nan")), _signed(ROWS)), (ROWS, "diverged")),
    (
        "a run that the study does not have",
        lambda folder: shutil.copytree(folder / f"results/runs/{RUN}", folder / "results/runs/other"),
        (),
    ),
]

REMEMBERED = "results/made/written"


def _as_foreign(harm: Harm) -> Harm:
    """Forget what the steps wrote, so that what is harmed is read."""
    return _all(lambda folder: shutil.rmtree(folder / REMEMBERED), harm)


READERS: list[tuple[str, tuple[str, ...], str]] = [
    ("the run table", ("summarise",), "results/runs.csv"),
    ("the run index", ("summarise",), "results/runs.json"),
    ("the numbers", ("render",), "results/numbers.json"),
    ("the verdicts", ("render",), "results/claims.json"),
    ("the predictions", ("test-claims",), "results/predictions.json"),
    ("a derivation", ("summarise",), "results/derivations/division.json"),
    ("the figures' index", ("render",), "results/figures/index.json"),
    ("the manifest", ("summarise",), "results/data/mnist/manifest.json"),
    ("the origins", ("convert", "html"), "results/report/trace.json"),
    ("the study", ("summarise",), "results/study.json"),
]
DAMAGES: list[tuple[str, Callable[[str], str]]] = [
    ("missing", lambda text: text),
    ("empty", lambda text: ""),
    ("cut", lambda text: text[: len(text) // 2]),
    ("a list", lambda text: "[1]"),
    ("of other things", lambda text: '{"one": 1}'),
]


def _reader(label: str, command: tuple[str, ...], name: str, damage: str, edit: Callable[[str], str]) -> Case:
    harm = _gone(name) if damage == "missing" else _edit(name, edit)
    return Case("results tampered", f"{label} {damage}", (command,), (Path(name).name,), _as_foreign(harm))


# What a step wrote, a value of it, and another one of the same form.
EDITS: list[tuple[str, tuple[str, ...], str, Callable[[str], str]]] = [
    ("an accuracy of the run table", ("summarise",), "results/runs.csv", VALUE),
    ("a seed of the run index", ("test-claims",), "results/runs.json", lambda text: text.replace("1", "2", 1)),
    ("a number", ("render",), "results/numbers.json", lambda text: text.replace("0.", "1.", 1)),
    ("a verdict", ("render",), "results/claims.json", lambda text: text.replace('"verdict": "', '"verdict": "not ', 1)),
    ("a prediction", ("test-claims",), "results/predictions.json", lambda text: text.replace("1", "2", 1)),
    ("a stand-in", ("summarise",), "results/data/mnist/manifest.json", lambda text: text.replace("stand", "off", 1)),
    ("a point of a figure", ("render",), "results/figures/index.json", lambda text: text.replace("0.", "1.", 1)),
    ("a drawing", ("convert", "html"), "results/figures/mnist_activations.svg", lambda text: text.replace("1", "2", 1)),
    ("a word of the text", ("convert", "html"), "results/report/report.md", lambda text: text.replace("a", "o", 1)),
    ("an origin", ("convert", "html"), "results/report/trace.json", lambda text: text.replace("0.", "1.", 1)),
    ("a word of the LaTeX", ("tex-source",), "results/report/report.tex", lambda text: text.replace("a", "o", 1)),
    ("a printed number", ("tex-source",), "results/report/numbers.csv", lambda text: text.replace("1", "2", 1)),
]


def _edited(label: str, command: tuple[str, ...], name: str, edit: Callable[[str], str]) -> Case:
    expected = (f"{name}: is not the file that", "SHA-256", "remove", "build again")
    return Case("results tampered", f"{label} edited by hand", (command,), expected, _edit(name, edit))


# --- a full disk ----------------------------------------------------------------------------------------------


class _Full:
    """Make the disk full: what is to be put below some folders is refused as the kernel does, until it is undone."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __call__(self, folder: Path) -> None:
        fsync, real = os.fsync, os.readlink

        def full(descriptor: int) -> None:
            name = real(f"/proc/self/fd/{descriptor}")
            if str(folder.resolve()) in name and any(part in name for part in self.parts):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
            fsync(descriptor)

        os.fsync = full  # type: ignore[assignment]


CASES = [
    *(
        Case("checkpoints damaged", name, TRAIN, expected, _all(_unfinished, harm), True, (), ())
        for name, harm, expected in CHECKPOINTS
    ),
    *(
        Case(
            "archive tampered",
            name,
            (("resolve", "config.yaml", "--output", "results/study.json"), *TRAIN),
            expected,
            _all(_with_archive, harm),
            True,
        )
        for name, harm, expected in ARCHIVE
    ),
    *(
        Case("results tampered", name, LAST if not expected else LAST[:1], expected, harm)
        for name, harm, expected in RESULTS
    ),
    *(_reader(label, command, name, damage, edit) for label, command, name in READERS for damage, edit in DAMAGES),
    *(_edited(*edit) for edit in EDITS),
    Case(
        "archive tampered",
        "replays that are none",
        (("resolve", "config.yaml", "--output", "results/study.json"), *TRAIN),
        (f"archive/{RUN}/replays.json", "list of replays", "remove it"),
        _all(_with_archive, lambda folder: (folder / f"archive/{RUN}/replays.json").write_text("[{}]")),
    ),
    Case(
        "full disk",
        "nothing can be written",
        TRAIN,
        (ROWS, "make room", "could not be written, either (mnist.relu, seed 0"),
        _all(_unfinished, _Full("/results/")),
    ),
    Case(
        "full disk",
        "checkpoints can be written, results cannot",
        TRAIN,
        (ROWS, "make room", "its checkpoint is kept in results/checkpoints/mnist.relu"),
        _all(_unfinished, _Full("/runs/")),
    ),
    Case(
        "full disk",
        "results can be written, checkpoints cannot",
        TRAIN,
        ("no checkpoint could be written", "training goes on"),
        _all(_unfinished, _Full("/checkpoints/")),
        goes_on=True,
    ),
    *(
        Case("full disk", " ".join(command), (command,), (name, "disk is full", "make room"), _Full(name))
        for command, name in [
            (("collect",), "runs.csv"),
            (("summarise",), "numbers.json"),
            (("test-claims",), "claims.json"),
            (("render",), "report.md"),
            (("convert", "tex"), "report.tex"),
            (("tex-source",), "report-source.tar.gz"),
            (("archive", "kept"), "seed_0.csv"),
            (("standin", "mnist"), "train_images.npy"),
        ]
    ),
]
