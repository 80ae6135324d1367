"""What is kept of fingerprints: the same as computed, for these sources and no others."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rederive import fingerprint as fingerprints
from rederive import imports
from rederive.fingerprint import kept, reach
from rederive.fingerprint.modules import project


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A copy of the sources that a test may change, and a cache of its own."""
    copy = tmp_path / "src"
    shutil.copytree(fingerprints.TOOL.parent, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    monkeypatch.setattr(fingerprints, "TOOL", copy / "rederive")
    monkeypatch.setattr(imports, "_added", [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield copy
    forget()


def forget() -> None:
    """As another process would begin."""
    for cached in (kept.state, kept._known, project):
        cached.cache_clear()


def asked() -> Any:
    forget()
    return fingerprints.fingerprint("tex_source")


def edit(sources: Path) -> None:
    path = sources / "rederive" / "report" / "tex_source.py"
    path.write_text(path.read_text().replace("0o644", "0o600"))


def test_nobody_at_home_keeps_nothing(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a user that nobody knows."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert asked() == reach("tex_source", sources=sources).digest()[:16]


def test_a_second_process_gets_what_the_first_computed(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = asked()
    assert first == reach("tex_source", sources=sources).digest()[:16]
    monkeypatch.setattr(fingerprints, "Reach", None)  # to compute it again would fail
    assert asked() == first


def test_another_byte_is_another_fingerprint(sources: Any) -> None:
    first = asked()
    edit(sources)
    assert asked() != first


def test_sources_that_change_while_they_are_read_are_not_kept(sources: Any) -> None:
    forget()
    kept.state((sources / "rederive",))
    edit(sources)  # this process began before the edit, and reads what came of it
    changed = fingerprints.fingerprint("tex_source")
    path = sources / "rederive" / "report" / "tex_source.py"
    path.write_text(path.read_text().replace("0o600", "0o644"))
    assert asked() != changed


def test_without_a_place_to_write_nothing_is_kept_and_nothing_fails(
    sources: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert asked() == reach("tex_source", sources=sources).digest()[:16]


def test_a_damaged_file_is_as_none(sources: Any, tmp_path: Path) -> None:
    first = asked()
    (path,) = (tmp_path / "cache" / "rederive").iterdir()
    path.write_text('{"state": ')
    assert asked() == first
