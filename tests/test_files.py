"""Writing whole files or none."""

import os
import stat
from pathlib import Path

import pytest

from rederive.files import atomic, contents, sha256, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "numbers.json"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["numbers.json"]


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "µ"})
    write_json(tmp_path / "b.json", {"a": "µ", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "a": "µ",\n  "b": 1\n}\n'.encode()
    assert sha256(tmp_path / "a.json") == sha256(tmp_path / "b.json")


def test_a_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text(tmp_path / "new", "text")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_the_digest_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")  # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_contents_tell_names_and_bytes_and_not_places(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, order in ((here, "ab"), (there, "ba")):
        folder.mkdir()
        for name in order:
            (folder / name).write_text(f"text of {name}")
    same = contents(here.iterdir())
    assert contents(there.iterdir()) == same
    (there / "a").write_text("text of b")
    assert contents(there.iterdir()) != same
    (here / "a").rename(here / "c")
    assert contents(here.iterdir()) != same
