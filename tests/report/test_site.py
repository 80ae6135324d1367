"""The Markdown as sites read it: kramdown (Jekyll), goldmark (Hugo) and markdown-it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from rederive.errors import UserError
from rederive.report.formats import split_front_matter
from rederive.report.markdown import escape
from rederive.report.site import site

KRAMDOWN = """
require "kramdown"
require "kramdown-parser-gfm"
options = {input: "GFM", hard_wrap: false, smart_quotes: %w[apos apos quot quot], typographic_symbols: {}}
puts Kramdown::Document.new(STDIN.read, options).to_html
"""


def kramdown(text: str, tmp_path: Path) -> Any:
    ruby = shutil.which("ruby")
    if not ruby or subprocess.run([ruby, "-e", KRAMDOWN], input="", capture_output=True, text=True).returncode:
        pytest.skip("kramdown is not installed (Debian: ruby-kramdown, ruby-kramdown-parser-gfm)")
    return subprocess.run([ruby, "-e", KRAMDOWN], input=text, capture_output=True, text=True, check=True).stdout


def goldmark(text: str, tmp_path: Path) -> str:
    if not shutil.which("hugo"):
        pytest.skip("hugo is not installed")
    (tmp_path / "content").mkdir()
    (tmp_path / "layouts" / "_default").mkdir(parents=True)
    (tmp_path / "layouts" / "_default" / "single.html").write_text("{{ .Content }}")
    (tmp_path / "config.toml").write_text(
        'disableKinds = ["home", "section", "taxonomy", "term", "RSS", "sitemap"]\n'
        "[markup.goldmark.renderer]\nunsafe = true\n[markup.goldmark.extensions]\ntypographer = false\n"
    )
    (tmp_path / "content" / "report.md").write_text(f"---\ntitle: report\n---\n{text}")
    subprocess.run(["hugo", "--quiet", "--source", tmp_path], check=True)
    return (tmp_path / "public" / "report" / "index.html").read_text()


def markdown_it(text: str, tmp_path: Path) -> Any:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)


READERS = {
    "kramdown": (kramdown, "kramdown"),
    "goldmark": (goldmark, "commonmark"),
    "markdown-it": (markdown_it, "commonmark"),
}


class Seen(HTMLParser):
    """The words of a page, with code apart from the rest."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.words, self._code = "", 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._code += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")

    def handle_data(self, data: Any) -> None:
        self.words += " " if self._code else data


FORMULA = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)


def written(folder: Path, dialect: str) -> Any:
    site(folder / "report" / "report.md", folder / "figures", folder / "site" / dialect, dialect)
    return split_front_matter((folder / "site" / dialect / "report.md").read_text())[1]


def formulas_of(text: str) -> list[Any]:
    """The formulas of the report's own Markdown, in order: all dollar signs in it that are not escaped or in code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`|\\\$", "", text, flags=re.DOTALL)
    return [" ".join(match.strip("$").split()) for match in re.findall(r"\$\$.+?\$\$|\$[^$]+\$", prose, re.DOTALL)]


@pytest.fixture(scope="module")
def build(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(built, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("name", READERS)
def test_a_site_shows_every_formula_and_no_stray_backslash(build: Path, tmp_path: Path, name: Any) -> None:
    read, dialect = READERS[name]
    seen = Seen(read(written(build, dialect), tmp_path)).words
    found = [" ".join((a or b).split()) for a, b in FORMULA.findall(seen)]
    expected = formulas_of((build / "report" / "report.md").read_text())
    assert len(expected) > 10
    assert found == expected
    assert [seen[max(0, m.start() - 30) : m.end() + 10] for m in re.finditer(r"\\|\$", FORMULA.sub("", seen))] == []


@pytest.mark.parametrize("name", READERS)
def test_a_site_shows_every_row_of_every_table(build: Path, tmp_path: Path, name: Any) -> None:
    read, dialect = READERS[name]
    page = read(written(build, dialect), tmp_path)
    text = (build / "report" / "report.md").read_text()
    tables = len(re.findall(r"^\|[ :|-]+\|$", text, re.MULTILINE))
    assert tables > 8
    assert page.count("<table") == tables
    assert page.count("<tr") == len(re.findall(r"^\|", text, re.MULTILINE)) - tables  # the rules are no rows


LABEL = r"a_b _c_ & &lt; <script>alert(1)</script> $x^2$ \input{y} #{z} 100% ~~d~~ [e](f) *g* | h"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "text", [LABEL, "- a", "1. b", "# c", "> d", "+ e", ": f", "-- g", "a_b__c", "1,000.5; (x) @y ^z"]
)
def test_a_label_that_looks_like_markdown_is_text_on_a_site(tmp_path: Path, name: Any, text: Any) -> None:
    page = READERS[name][0](f"{escape(text)}\n\n| Head |\n|:---|\n| {escape(text)} |\n", tmp_path)
    assert page.startswith("<p>")
    assert " ".join(Seen(page).words.split()) == f"{text} Head {text}"


def test_an_unknown_dialect_is_named(build: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found the dialect 'textile'; expected one of github, kramdown, commonmark"):
        site(build / "report" / "report.md", build / "figures", tmp_path, "textile")


def test_the_page_has_its_figures_beside_it(build: Path) -> None:
    written(build, "github")
    folder = build / "site" / "github"
    links = re.findall(r"\]\(([^)#]+\.svg)\)", (folder / "report.md").read_text())
    assert len(links) > 10
    assert all((folder / link).is_file() for link in links)
