"""The page's text in sections, put together again."""

from lxml.html import fromstring

from rederive.layout import THEME
from rederive.report.formats import html_section
from rederive.report.html_sections import joined, split


def test_sections_begin_at_headings_of_the_first_level() -> None:
    text = "before\n\n# One\n\n## Part\n\n```python\n# a comment\n```\n\n# Two\n"
    assert split(text) == ["before\n\n", "# One\n\n## Part\n\n```python\n# a comment\n```\n\n", "# Two\n"]
    assert "".join(split(text)) == text


def section(level: int, name: str, inside: str = "", classes: str = "") -> str:
    return f'<section id="{name}"><h{level} class="{classes}">{name.upper()}</h{level}>{inside}</section>\n'


def test_headings_are_numbered_and_listed() -> None:
    parts = [
        section(2, "abstract", classes="unnumbered"),
        section(2, "one", section(3, "a") + section(3, "b")),
        section(2, "two", section(3, "c")),
    ]
    body, contents = joined(parts)
    numbers = [span.text for span in fromstring(body).iter("span")]
    assert numbers == ["1", "1.1", "1.2", "2", "2.1"]
    links = [(link.get("href"), link.text_content()) for link in fromstring(contents).iter("a")]
    assert links == [
        *(("#abstract", "ABSTRACT"), ("#one", "1 ONE"), ("#a", "1.1 A"), ("#b", "1.2 B")),
        *(("#two", "2 TWO"), ("#c", "2.1 C")),
    ]
    nested = fromstring(contents).xpath("li/ul/li/a/@href")
    assert nested == ["#a", "#b", "#c"]


def test_two_headings_of_one_text_have_two_identifiers() -> None:
    body, contents = joined([section(2, "same"), section(2, "same")])
    assert [part.get("id") for part in fromstring(f"<div>{body}</div>").iter("section")] == ["same", "same-1"]
    assert 'href="#same-1"' in contents


def test_formulas_and_comments_come_through() -> None:
    formula = '<p><math display="block"><mspace width="1em"></mspace><mi>x</mi></math><!--drawing a--></p>'
    body, _ = joined([section(2, "one", formula)])
    assert formula in body


def test_footnotes_of_two_sections_are_told_apart() -> None:
    text = "# {0}\n\nSaid.[^a] Again.[^b]\n\n[^a]: First of {0}.\n\n[^b]: Second of {0}.\n"
    body, _ = joined(html_section(text.format(name), THEME) for name in ("one", "two"))
    page = fromstring(f"<div>{body}</div>")
    names = page.xpath("//@id")
    assert len(names) == len(set(names))
    notes = page.xpath("//a[@role='doc-noteref']")
    assert len(notes) == 4
    for note, told in zip(notes, ("First of one.", "Second of one.", "First of two.", "Second of two."), strict=True):
        (entry,) = page.xpath(f"//*[@id='{note.get('href')[1:]}']")
        assert entry.text_content().startswith(told)
        assert f"#{note.get('id')}" in entry.xpath(".//a/@href")
