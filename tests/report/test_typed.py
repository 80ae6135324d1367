from typing import Any

import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.report.typed import refuse_typed_numbers, typed_numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The accuracy is 0.972.", [(1, "0.972")]),
        ("A gain of 3 % over\nthe 20 epochs", [(1, "3 %"), (2, "20")]),
        ("minus -1.5e3", [(1, "-1.5")]),
        ("{{ 0.972 }}", [(1, "0.972")]),
        ("{% set best = '97.2 %' %}", [(1, "'97.2 %'")]),
        ("{% if x %}12{% endif %}", [(1, "12")]),
        ("a\n\n{{ num('k') }} of\n17", [(4, "17")]),
        ("~~4~~, **5**, (6)", [(1, "4"), (1, "5"), (1, "6")]),
        ("an accuracy of $0.957$", [(1, "0.957")]),
        ("$a_{0.5} = 97\\%$ of $x^{1000}$", [(1, "0.5"), (1, "1000"), (1, "97 %")]),
        ("$$\nx = 3.5\n$$", [(2, "3.5")]),
    ],
)
def test_a_number_in_the_text_is_found_with_its_line(text: str, found: list[Any]) -> None:
    assert typed_numbers(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "{{ num('mnist.relu.accuracy@10') }} and {{ num('mnist.momentum_0.9.accuracy') }}",
        "On CIFAR-10, a vector repeated over 16 columns, an L2 penalty, a 95 % interval, Table 3 of the write-up.",
        "`x[0]`, $\\frac{1}{2}$, $10^{-4}$, $x_1, x_2$, $W_{12}$, $\\{0, 1\\}$, [a link](https://example.org/2015/3)",
        "```python\nx = 0.5\n```",
        "$$\n\\sqrt{2}\n$$",
        "{# a remark about 0.972 #}",
        "conv2d, sha256 and SHA-256",
    ],
)
def test_names_code_formulas_and_addresses_may_hold_digits(text: str) -> None:
    assert typed_numbers(text, synthetic.study().report.digits) == []


def test_a_name_or_a_year_can_be_allowed() -> None:
    text = "In 2019, ResNet-50 had 3 variants."
    assert len(typed_numbers(text)) == 3
    assert typed_numbers(text, {r"\bIn 2019\b": "a year", r"ResNet-\d+ had 3 variants": "theirs"}) == []


def test_the_error_names_the_file_and_what_to_do() -> None:
    with pytest.raises(UserError, match=r"instead[^$]*sections/a\.md\.j2, line 2: 0\.5"):
        refuse_typed_numbers({"sections/a.md.j2": "fine\n0.5", "b": "fine"})


def test_the_shipped_templates_hold_none() -> None:
    paths = sorted(synthetic.TEMPLATES.rglob("*.j2"))
    assert len(paths) > 10
    refuse_typed_numbers({str(path): path.read_text() for path in paths}, synthetic.study().report.digits)
