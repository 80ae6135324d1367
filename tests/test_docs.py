"""The documentation as a site: built without a warning, whole, and complete in itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("mkdocs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site. A dead link, a page that nothing names or a docstring that cannot be read is a warning, and fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_document_is_a_page_that_the_navigation_names(site: Path) -> None:
    home = (site / "index.html").read_text()
    for document in (ROOT / "docs").rglob("*.md"):
        page = document.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / page).exists()
        assert f'href="{page}"' in home or page == "index.html"


def test_nothing_is_fetched_when_it_is_read(site: Path) -> None:
    loaded = {
        address
        for page in site.rglob("*.html")
        for address in re.findall(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="([^"]*)"', page.read_text())
    }
    assert loaded
    assert [address for address in loaded if "//" in address] == []


def test_links_to_sources_lead_to_the_reference_and_commands_document_themselves(site: Path) -> None:
    assert "reference/results.html#rederive.results.agreement" in (site / "agreement.html").read_text()
    commands = (site / "reference" / "commands.html").read_text()
    assert "rederive infer" in commands
    assert "--study" in commands
