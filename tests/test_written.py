"""A file that somebody edited after its step wrote it reaches no later step; what is made again does."""

from pathlib import Path

import pytest
from tests.boundary.case import call
from tests.boundary.study import config, write_config

from rederive.errors import UserError
from rederive.layout import Layout
from rederive.written import edited, forget, refuse_edited, remember

VERIFY = ("verify", "--only", "division", "--output", "results/derivations", "--package", "writeup.derivations")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A study that is resolved."""
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, config())
    assert call(("resolve", "config.yaml", "--output", "results/study.json"))[0] == 0
    return Layout(Path("results"))


def test_an_edited_proof_is_not_reported_and_is_proved_again(layout: Layout) -> None:
    assert call(VERIFY)[0] == 0
    path = layout.derivation("division")
    proved = path.read_text()
    assert "1 of 1 derivations are unchanged" in call(VERIFY)[1]
    path.write_text(proved.replace('"passed": true', '"passed": true '))  # says the same, and is not what was written
    for step in ("summarise", "test-claims", "render"):
        code, output = call([step])
        assert code == 1
        assert f"{path}: is not the file that verify.division wrote" in output
        assert f"remove {path} and build again" in output
    assert "0 of 1 derivations are unchanged" in call(VERIFY)[1]
    assert path.read_text() == proved
    assert not list(edited(layout))


def test_what_is_forgotten_or_gone_is_not_refused(layout: Layout) -> None:
    remember(layout, "collect", [layout.study])
    layout.study.write_text("{}")
    with pytest.raises(UserError, match="the file that collect wrote"):
        refuse_edited(layout, [layout.study])
    refuse_edited(layout, [layout.numbers])
    layout.study.unlink()  # its reader tells
    refuse_edited(layout, [layout.study])
    assert [one.path for one in edited(layout)] == [layout.study]
    forget(layout, "collect")
    assert not list(edited(layout))


def test_a_step_that_begins_meanwhile_is_not_waited_for(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps run side by side: a record that was there a moment ago may be gone."""
    remember(layout, "collect", [layout.study])
    remember(layout, "tex_source", [layout.study])
    names = list(Path.glob(layout.folder / "made/written", "*.json"))
    monkeypatch.setattr(Path, "glob", lambda *_: names)
    forget(layout, "tex_source")
    assert not list(edited(layout))


def test_a_damaged_record_is_told(layout: Layout) -> None:
    remember(layout, "collect", [layout.study])
    (layout.folder / "made/written/collect.json").write_text("{")
    with pytest.raises(UserError, match=r"collect\.json: not JSON"):
        refuse_edited(layout, [layout.study])


def test_of_a_figure_all_are_removed_for_they_are_one_output(layout: Layout) -> None:
    drawing = layout.figures / "one.svg"
    drawing.parent.mkdir()
    drawing.write_text("<svg/>")
    remember(layout, "plot", [drawing])
    drawing.write_text("<svg></svg>")
    (found,) = edited(layout)
    assert found.mend(layout) == f"remove {layout.figures} and build again"
