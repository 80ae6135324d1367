"""Beginning a study: all of an example or nothing, and never over anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

from rederive.cli import begin
from rederive.errors import UserError
from rederive.new import example_names, new

EXAMPLES = Path(__file__).parents[1] / "examples"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [path.parent.name for path in EXAMPLES.glob("*/Snakefile")])
def test_a_new_study_is_the_example_without_what_was_built(tmp_path: Path, name: str) -> None:
    new(tmp_path / "deep" / "study", name)
    written = contents(tmp_path / "deep" / "study")
    assert {"Snakefile", "config.yaml", "README.md", ".gitignore", "report/report.md.j2"} <= written.keys()
    there = contents(EXAMPLES / name)
    assert written == {path: there[path] for path in written}
    built = ("results/", ".snakemake/", "resources/")
    assert {path for path in there.keys() - written.keys() if "__pycache__" not in path} == {
        path for path in there if path.startswith(built)
    }


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    new(tmp_path / "study")
    assert (tmp_path / "study" / "config.yaml").exists()


def test_the_commands_that_are_told_can_be_typed_as_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin.new(tmp_path / "my papers", "minimal")
    told = capsys.readouterr().out
    change = next(line for line in told.splitlines() if line.strip().startswith("cd "))
    script = f"{change}\npwd"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip() == str(
        tmp_path / "my papers"
    )


def test_what_lies_in_the_way_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "notes").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        new(tmp_path / "study")
    with pytest.raises(UserError, match="not empty"):
        new(tmp_path / "study" / "notes")
    assert contents(tmp_path) == {"study/notes": b"mine"}


def test_an_unknown_example_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"'mininal'; expected one of {', '.join(example_names())}"):
        new(tmp_path / "study", "mininal")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(source: Path, target: Path, **options: object) -> None:
        target.mkdir()
        shutil.copy(source / "config.yaml", target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", half)
    with pytest.raises(UserError, match="No space left"):
        new(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []
