"""A study's own code: found beside its configuration, and named where it is not there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rederive import imports
from rederive.errors import UserError
from rederive.proofs import derivation_names


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a package of its own; Python forgets it after the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    package = tmp_path / "src" / "a_paper_of_its_own"
    (package / "proofs").mkdir(parents=True)
    for name in ("__init__", "train", "proofs/__init__", "proofs/softplus", "proofs/_shared"):
        (package / f"{name}.py").write_text("rate = 0.5\n")
    (package / "broken.py").write_text("import a_library_that_nobody_has\n")
    imports.add_code_of(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("a_paper_of_its_own")]:
        del sys.modules[name]


def test_code_beside_the_configuration_is_found(study: Path) -> None:
    assert imports.load("a_paper_of_its_own.train:rate") == 0.5


def test_it_comes_before_installed_code_and_once(study: Path) -> None:
    imports.add_code_of(study)
    assert sys.path[0] == str(study / "src")
    assert sys.path.count(str(study / "src")) == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a_paper_of_its_own.trian:rate", "there is no module a_paper_of_its_own.trian; it is looked for in src/"),
        ("nobodys_package:rate", "there is no module nobodys_package"),
        ("a_paper_of_its_own.train:speed", r"train\.py defines no speed"),
    ],
)
def test_what_is_not_there_is_named(study: Path, path: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        imports.load(path)


def test_what_the_code_itself_lacks_is_told_as_it_is(study: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="a_library_that_nobody_has"):
        imports.load("a_paper_of_its_own.broken:rate")


def test_the_derivations_of_a_package_are_its_modules(study: Path) -> None:
    assert derivation_names("a_paper_of_its_own.proofs") == ["softplus"]
    with pytest.raises(UserError, match=r"found 'a_paper_of_its_own.train', which is no package"):
        derivation_names("a_paper_of_its_own.train")
    with pytest.raises(UserError, match="found 'nobodys.proofs', which is no package"):
        derivation_names("nobodys.proofs")
