import hashlib
import html
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pypandoc
import pytest
from tests import synthetic
from tests.shared import first_difference

from rederive.errors import UserError
from rederive.layout import THEME
from rederive.report.formats import choose_engine, convert, split_front_matter
from rederive.report.tex_source import tex_source

WITH_LATEX = [pytest.mark.latex, pytest.mark.skipif(not shutil.which("latexmk"), reason="latexmk is not installed")]
LABEL = r"a_b & <script>alert(1)</script> $x^2$ \input{y} #{z} 100% ~ 学"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build in which everything that a user gives looks like code in some format."""
    changes = {
        "report": {"title": LABEL, "authors": [LABEL]},
        "experiments": {"mnist.relu": {"label": LABEL, "changed": LABEL, "value": LABEL}},
    }
    folder = synthetic.whole_build(tmp_path_factory.mktemp("hostile"), synthetic.study(seeds=[0, 1], **changes))
    for suffix in ("html", "tex", "typ"):
        synthetic.convert_build(folder, suffix)
    return folder


def test_a_label_that_looks_like_code_is_text_in_html(hostile: Path) -> None:
    page = (hostile / "report" / "report.html").read_text()
    assert "<script>alert" not in page
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    # Title, author, and the table's row.
    assert text.count(LABEL) >= 4


def test_a_figure_of_the_page_says_what_draws_it_and_how_it_is_drawn_again(hostile: Path) -> None:
    page = (hostile / "report" / "report.html").read_text()
    assert "Drawn by <code>writeup.figures:cost</code>; again with <code>rederive plot cifar10_cost</code>" in page


def test_a_label_that_looks_like_code_is_text_in_latex(hostile: Path) -> None:
    source = (hostile / "report" / "report.tex").read_text()
    assert r"\input{y}" not in source
    assert r"a\_b \& \textless script\textgreater alert(1)" in source
    assert r"\newunicodechar{学}{\texttt{U+5B66}}" in source


@pytest.mark.latex
@pytest.mark.skipif(not shutil.which("latexmk"), reason="latexmk is not installed")
def test_a_label_that_looks_like_code_is_set_by_latex(hostile: Path) -> None:
    assert synthetic.convert_build(hostile, "pdf", "latexmk").read_bytes().startswith(b"%PDF")


def test_a_label_that_looks_like_code_is_set_by_typst(hostile: Path) -> None:
    pdf = synthetic.convert_build(hostile, "pdf", "typst")
    assert pdf.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-l", "1", pdf, "-"], capture_output=True, text=True, check=True).stdout
        assert r"a_b & <script>alert(1)</script> $x^2$ \input{y} #{z} 100% ~" in " ".join(text.split())


def pack_build(folder: Path, target: Any) -> None:
    report, output = folder / "report", target / "report-source.tar.gz"
    tex_source(report / "report.md", report / "report.tex", report / "numbers.csv", folder / "figures", output)


def digests(folder: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for directory in ("figures", "report", "tables")
        for path in sorted((folder / directory).iterdir())
    }


def test_two_builds_of_equal_runs_are_equal_byte_for_byte(tmp_path: Path) -> None:
    """In folders of other names, with records of another host and another hour of the day."""
    found = []
    for name in ("one", "another"):
        folder = tmp_path / name
        csvs = synthetic.write_build(folder, synthetic.study(seeds=[0, 1]))
        for path in csvs:
            beside = path.with_suffix(".json")
            beside.write_text(beside.read_text().replace("should-not-appear", name).replace("T00:", f"T0{len(name)}:"))
        synthetic.summarise_build(folder, csvs)
        synthetic.plot_build(folder)
        synthetic.render_build(folder)
        for suffix in ("html", "tex", "typ"):
            synthetic.convert_build(folder, suffix)
        synthetic.convert_build(folder, "pdf", "typst")
        pack_build(folder, folder / "report")
        found.append(digests(folder))
    assert len(found[0]) > 50
    assert found[0] == found[1]


def test_html_is_one_file_that_asks_the_network_for_nothing(built: Path) -> None:
    page = (built / "report" / "report.html").read_text()
    assert not re.search(r'<(img|script|link|iframe)[^>]*\b(src|href)="(?!data:)', page)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert not re.search(r"\bfetch\(|XMLHttpRequest", page)
    assert "<math" in page


def test_html_has_unique_identifiers(built: Path) -> None:
    page = (built / "report" / "report.html").read_text()
    found = re.findall(r'\sid="([^"]+)"', page)
    assert len(found) == len(set(found))


def test_data_in_the_page_cannot_end_its_script(hostile: Path) -> None:
    page = (hostile / "report" / "report.html").read_text()
    data = page[page.index('id="report-data">') :]
    assert "<" not in data[len('id="report-data">') : data.index("</script>")]


def test_an_engine_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert choose_engine("auto") == "typst"
    with pytest.raises(UserError, match="tectonic is not installed; install it, or set pdf_engine: typst"):
        choose_engine("tectonic")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert choose_engine("auto") == "latexmk"
    with pytest.raises(UserError, match="found 'word'"):
        choose_engine("word")


def test_an_unknown_format_is_named(built: Path) -> None:
    with pytest.raises(UserError, match=r"found the suffix '\.docx'"):
        synthetic.convert_build(built, "docx")


def test_text_without_front_matter_is_not_a_report() -> None:
    with pytest.raises(UserError, match="no front matter"):
        split_front_matter("# A heading\n")


@pytest.mark.parametrize(
    ("facts", "latex", "typst"),
    [
        ({"date": "2026-01-02"}, r"\date{2026-01-02}", "#align(center)[2026-01-02]"),
        ({"version": "1.0"}, r"\date{Version 1.0}", "#align(center)[version 1.0]"),
        (
            {"version": "1.0", "date": "2026-01-02"},
            r"\date{Version 1.0, 2026-01-02}",
            "#align(center)[version 1.0 · 2026-01-02]",
        ),
        ({"author": ["A"], "date": "2026-01-02"}, r"\date{2026-01-02}", "#align(center)[A · 2026-01-02]"),
    ],
)
def test_a_head_has_nothing_between_what_it_lacks(
    tmp_path: Path, facts: dict[str, Any], latex: str, typst: str
) -> None:
    front = {"title": "T", "author": []} | facts
    text = f"---\n{json.dumps(front)}\n---\nText.\n"
    (tmp_path / "report.md").write_text(text)
    for suffix, line in (("tex", latex), ("typ", typst)):
        output = tmp_path / f"report.{suffix}"
        convert(tmp_path / "report.md", output, tmp_path, tmp_path, THEME)
        assert line in output.read_text().splitlines()


WIDE = "+".join(f"x_{{{i}}}" for i in range(80))  # wider than any page
TWO_COLUMNS = f"<!-- in two columns -->\n\nTo begin with:\n\n$$y = {WIDE}$$\n\n<!-- in two columns, end -->\n\nBelow.\n"


@pytest.fixture
def in_columns(tmp_path: Path) -> Any:
    """A text with a formula that is too wide for the column that it stands in."""
    (tmp_path / "report.md").write_text(f'---\n{{"title": "T", "author": []}}\n---\n{TWO_COLUMNS}')
    (tmp_path / "numbers.csv").write_text("key\n")
    return tmp_path


@pytest.mark.latex
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_a_wide_formula_fits_its_column_in_latex(in_columns: Any) -> None:
    convert(in_columns / "report.md", in_columns / "report.tex", in_columns, in_columns, THEME)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    subprocess.run(command, cwd=in_columns, capture_output=True, check=True)
    assert "Overfull" not in (in_columns / "report.log").read_text(encoding="latin-1")


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
def test_a_wide_formula_fits_its_column_in_typst(in_columns: Any) -> None:
    """Of an A4 page, 595 points wide, the left column ends before the middle."""
    pdf = in_columns / "report.pdf"
    convert(in_columns / "report.md", pdf, in_columns, in_columns, THEME, "typst")
    found = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True, check=True).stdout
    words = [tuple(map(float, edges)) for edges in re.findall(r'xMax="([\d.]+)" yMax="([\d.]+)"', found)]
    ends = [right for right, bottom in words if bottom < 780]  # below is the page's number
    assert len(ends) > 80
    assert 270 < max(ends[1:]) < 298  # the first is the title


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
@pytest.mark.parametrize("engine", [pytest.param("latexmk", marks=WITH_LATEX), "typst"])
def test_a_short_listing_stays_on_one_page(tmp_path: Path, engine: str) -> None:
    """Several of them: wherever a page ends, it would end within one."""
    listing = "```python\n" + "\n".join(f"line_{{0}}_{n} = 0" for n in range(20)) + "\n```\n\nText.\n\n"
    text = "".join(listing.replace("{0}", str(i)) for i in range(12))
    (tmp_path / "report.md").write_text(f'---\n{{"title": "T", "author": []}}\n---\n{text}')
    (tmp_path / "numbers.csv").write_text("key\n")
    convert(tmp_path / "report.md", tmp_path / "report.pdf", tmp_path, tmp_path, THEME, engine)
    command = ["pdftotext", str(tmp_path / "report.pdf"), "-"]
    pages = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")
    found = [set(re.findall(r"line_(\d+)_", page)) for page in pages]
    assert len(set.union(*found)) == 12
    assert sum(map(len, found)) == 12


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
@pytest.mark.parametrize("engine", [pytest.param("latexmk", marks=WITH_LATEX), "typst"])
def test_a_heading_stays_with_the_columns_below_it(tmp_path: Path, engine: str) -> None:
    """Many of them, a little further down each time: some would end a page. None leaves it nearly white."""
    columns = "<!-- in two columns -->\n\nfirst{0}\n\n" + "word " * 200 + "\n\n<!-- in two columns, end -->\n\n"
    text = "".join(
        "before " * (17 * (i % 7) + 1) + f"\n\n# heading{i}x\n\n" + columns.replace("{0}", f"{i}x") for i in range(60)
    )
    (tmp_path / "report.md").write_text(f'---\n{{"title": "T", "author": []}}\n---\n{text}')
    (tmp_path / "numbers.csv").write_text("key\n")
    convert(tmp_path / "report.md", tmp_path / "report.pdf", tmp_path, tmp_path, THEME, engine)
    command = ["pdftotext", str(tmp_path / "report.pdf"), "-"]
    pages = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")[:-1]
    headed = [set(re.findall(r"heading(\d+)x", page)) for page in pages]
    begun = [set(re.findall(r"first(\d+)x", page)) for page in pages]
    assert headed[1:] == begun[1:]  # the first page has the list of contents, with every heading
    assert len(set.union(*begun)) == 60
    assert min(len(page.split()) for page in pages[1:-1]) > 400


@pytest.fixture(scope="module")
def compiled(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked somewhere else and compiled with one latexmk."""
    if not shutil.which("latexmk"):
        pytest.skip("latexmk is not installed")
    folder = tmp_path_factory.mktemp("compiled")
    pack_build(built, folder)
    subprocess.run(["tar", "-xzf", folder / "report-source.tar.gz", "-C", folder], check=True)
    source = folder / "report-source"
    command = ["latexmk", "-interaction=nonstopmode", "-halt-on-error"]
    subprocess.run(command, cwd=source, capture_output=True, check=True)
    return source


@pytest.mark.latex
def test_the_archive_compiles_elsewhere_without_a_warning_that_matters(compiled: Path) -> None:
    log = (compiled / "report.log").read_text(encoding="latin-1")
    overfull = [float(points) for points in re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log)]
    assert [points for points in overfull if points > 5] == []
    assert "undefined" not in log
    assert "multiply defined" not in log


@pytest.mark.latex
@pytest.mark.skipif(not shutil.which("pdffonts"), reason="pdffonts (poppler-utils) is not installed")
def test_all_fonts_are_embedded(compiled: Path) -> None:
    lines = subprocess.run(["pdffonts", "report.pdf"], cwd=compiled, capture_output=True, text=True, check=True).stdout
    fonts = [line.split()[-5] for line in lines.splitlines()[2:]]
    assert len(fonts) > 5
    assert set(fonts) == {"yes"}


@pytest.mark.latex
@pytest.mark.skipif(not shutil.which("latexmk"), reason="latexmk is not installed")
def test_the_pdf_of_one_installation_of_tex_is_the_same_each_time(built: Path, tmp_path: Path) -> None:
    found = []
    for name in ("one", "another"):
        shutil.copytree(built, tmp_path / name)
        found.append(synthetic.convert_build(tmp_path / name, "pdf", "latexmk").read_bytes())
    assert first_difference(*found) == ""


def test_the_archive_holds_text_and_figures_side_by_side(built: Path, tmp_path: Path) -> None:
    pack_build(built, tmp_path)
    with tarfile.open(tmp_path / "report-source.tar.gz") as archive:
        names = archive.getnames()
        text = archive.extractfile("report-source/report.md").read().decode()
    links = re.findall(r"\]\(([^)#]+\.svg)\)", text)
    assert links
    assert all(f"report-source/{link}" in names for link in links)
    assert "report-source/latexmkrc" in names


@pytest.mark.parametrize(("sections", "expected"), [(3, False), (12, True)])
@pytest.mark.parametrize(("suffix", "call"), [("latex", r"\contents"), ("typst", "#contents")])
def test_a_long_text_has_its_contents_before_the_first_numbered_section(
    sections: int, expected: bool, suffix: str, call: str
) -> None:
    headings = ["Abstract", *(f"Part {n}" for n in range(sections)), "References"]
    text = "\n\n".join(f"# {heading}\n\nText." for heading in headings)
    found = pypandoc.convert_text(text, suffix, format="markdown", extra_args=[f"--lua-filter={THEME / 'filter.lua'}"])
    assert (call in found) == expected
    if expected:
        assert found.index("Abstract") < found.index(call) < found.index("Part 0")
