"""The head of the page: a release that an archive has named by a DOI is cited by it."""

import json
from pathlib import Path

import pytest

from rederive.errors import UserError
from rederive.report.head import front_matter, page_head

DOI = "10.5281/zenodo.1234567"


def cff(folder: Path, doi: str) -> Path:
    path = folder / "CITATION.cff"
    path.write_text(f"cff-version: 1.2.0\nauthors: [{{name: A}}]\ndoi: {doi}\n")
    return path


def test_a_release_with_a_doi_is_cited_by_it(tmp_path: Path) -> None:
    head = page_head(front_matter("T", [], cff(tmp_path, DOI)))
    assert f'<a href="https://doi.org/{DOI}">' in head["byline"]
    assert f"  doi = {{{DOI}}}," in head["bibtex"].splitlines()
    assert f'<meta name="citation_doi" content="{DOI}">' in head["citation-meta"].splitlines()
    assert json.loads(head["json-ld"])["identifier"] == f"https://doi.org/{DOI}"


def test_without_a_doi_none_is_told() -> None:
    head = page_head(front_matter("T", ["A"], Path("there-is-none.cff")))
    assert not [part for part in head.values() if "doi" in part or "identifier" in part]


@pytest.mark.parametrize("wrong", [f"https://doi.org/{DOI}", "10.5281", "'10.5281/with space'", "[a]"])
def test_what_is_no_doi_is_refused_with_an_example(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(UserError, match=r"CITATION\.cff: doi: found .* expected .*10\.5281/zenodo"):
        front_matter("T", [], cff(tmp_path, wrong))
