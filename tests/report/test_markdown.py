import json
import subprocess
from typing import Any

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rederive.report.formats import READER
from rederive.report.markdown import PAGE, code, display, escape, slug, table


def plain(markdown: str) -> str:
    """What pandoc, told nothing but our dialect, reads from Markdown."""
    arguments = [pypandoc.get_pandoc_path(), f"--from={READER}", "--to=json"]
    document = json.loads(subprocess.run(arguments, input=markdown, capture_output=True, text=True, check=True).stdout)

    def text(inlines: Any) -> str:
        words = {"Space": " ", "SoftBreak": " "}
        return "".join(
            words.get(inline["t"]) or (inline["c"] if inline["t"] == "Str" else inline["c"][1]) for inline in inlines
        )

    assert [block["t"] for block in document["blocks"]] in (["Para"], [])
    return text(document["blocks"][0]["c"]) if document["blocks"] else ""


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30))
def test_escaped_text_is_read_as_it_was_written(text: str) -> None:
    assert plain(escape(text)) == " ".join(text.split())


@pytest.mark.parametrize(
    "text", ["a_b & <script>", "$x^2$", r"\frac{1}", "**bold** `code`", "[a](b)", "| cell |", "1. x"]
)
def test_text_that_looks_like_markdown_or_latex(text: str) -> None:
    assert plain(escape(text)) == text


@pytest.mark.parametrize("text", ["mnist.relu.accuracy@10", "a`b", "``", "a_b"])
def test_code_keeps_its_text(text: str) -> None:
    assert plain(f"x {code(text)}") == f"x {text}"


def test_identifiers_are_fit_for_all_formats() -> None:
    assert slug("mnist.momentum_0.9.accuracy@10") == "mnist-momentum-0-9-accuracy-10"


def test_a_table_that_fits_has_the_widths_of_its_cells() -> None:
    rule = table(["Key", "Value"], [["a", "[0.972](#n-a)"]], "lr").splitlines()[1]
    assert [len(part) for part in rule.strip("| ").split(" | ")] == [4, 6]


def test_a_formula_is_as_wide_as_what_is_seen_of_it() -> None:
    assert table(["Key"], [[r"$\chi^2/n$"]]).splitlines()[1] == table(["Key"], [["x2/n"]]).splitlines()[1]


def test_a_wide_table_gives_long_columns_what_short_ones_leave() -> None:
    rows = [["word " * 40, "0.972", "word " * 20]]
    rule = table(["What", "Value", "Why"], rows, "lrl").splitlines()[1]
    first, second, third = (len(part) for part in rule.strip("| ").split(" | "))
    assert second == 6
    assert first > third > second
    assert first + second + third <= PAGE + 2


def test_what_must_stay_on_one_line_has_room() -> None:
    interval = "0.965\u00a0(0.962\u00a0to\u00a0\u20090.968)"
    rule = table(["A", "B"], [["word " * 60, interval]], "ll").splitlines()[1]
    assert len(rule.strip("| ").split(" | ")[1]) > len(interval)


def test_a_table_that_is_too_wide_parts_intervals_so_that_no_column_runs_into_the_next() -> None:
    interval = "0.965\u00a0(0.962\u00a0to\u00a00.968)"
    kept = table(["A", "B"], [["one", interval]]).splitlines()[2]
    assert interval in kept
    wide = table(list("ABCDEFGH"), [[interval] * 8])
    widths = [len(part) for part in wide.splitlines()[1].strip("| ").split(" | ")]
    assert sum(widths) <= PAGE
    cells = wide.splitlines()[2].strip("| ").split(" | ")
    assert all(len(word) < width for cell, width in zip(cells, widths, strict=True) for word in cell.split(" "))
    # No more than it must: what does not have to be parted stays together.
    assert any("(0.962\u00a0to\u00a00.968)" in cell for cell in cells)


def test_a_long_statement_goes_on_several_lines() -> None:
    assert display("a = b") == "$$a = b$$"
    assert display(r"a = b, \quad c = d") == r"$$a = b, \quad c = d$$"
    long = r"\sum_{i, j} X_{ij} Y_{jk} Z_{kl} + \frac{A_{ij}}{B_{ij}} + C_{ij} + D_{ij} + E_{ij}"
    assert display(rf"{long}, \quad {long}").count(r"\\") == 1
