import re
from pathlib import Path

import jinja2
import pytest
from tests import synthetic

from rederive.errors import UserError
from rederive.records import Number
from rederive.report.citations import References
from rederive.report.document import Document
from rederive.report.listings import listing
from rederive.report.numbers import Numbers, bounds, sign


def test_a_listing_is_the_source_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shown").mkdir()
    source = "import os\n\n\n@decorated\nclass A:\n    x = 1\n\n    def f(self):\n        return 2\n\n\nclass B: ...\n"
    (tmp_path / "shown" / "module.py").write_text(source)
    expected = "```python\n@decorated\nclass A:\n    x = 1\n\n    def f(self):\n        return 2\n```"
    assert listing("shown.module", "A") == expected
    assert listing("shown.module", "A.f") == "```python\ndef f(self):\n    return 2\n```"


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        ("rederive.autograd.ops", "Rectify", "defines no Rectify"),
        ("rederive.nowhere", "A", "no module"),
    ],
)
def test_a_listing_of_nothing_is_an_error(module: str, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        listing(module, name)


def test_every_shipped_reference_is_readable() -> None:
    references = References(synthetic.TEMPLATES / "references.bib")
    assert references.cite("loshchilov2019") == "[Loshchilov and Hutter (2019)](#ref-loshchilov2019)"
    assert references.cite("he2015") == "[He et al. (2015)](#ref-he2015)"
    assert references.citep("loshchilov2019", "he2015") == (
        "([Loshchilov and Hutter, 2019](#ref-loshchilov2019); [He et al., 2015](#ref-he2015))"
    )
    line = references.bibliography().splitlines()[1]
    assert line.startswith('- <span id="ref-loshchilov2019">Loshchilov, Ilya; Hutter, Frank (2019).')


def test_and_others_is_no_author(tmp_path: Path) -> None:
    (tmp_path / "a.bib").write_text("@misc{gao2024, author = {Gao, Leo and others}, title = {Harness}, year = {2024}}")
    references = References(tmp_path / "a.bib")
    assert references.cite("gao2024") == "[Gao et al. (2024)](#ref-gao2024)"
    assert "Gao, Leo; et al. (2024). Harness." in references.bibliography()


def test_a_reference_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UserError, match="no entry 'nobody1900'"):
        References(synthetic.TEMPLATES / "references.bib").cite("nobody1900")


NUMBER = Number(value=-0.0123, text="-0.012", unit="difference", low=-0.02, high=0.004, how="counted")


def test_a_number_is_a_link_to_where_it_comes_from() -> None:
    numbers = Numbers({"a.b_0.9.accuracy": NUMBER}, synthetic.study())
    numbers.place = "section"
    assert numbers.num("a.b_0.9.accuracy") == "[−0.012](#n-a-b-0-9-accuracy)"
    assert numbers.interval("a.b_0.9.accuracy").startswith("[−0.012 (−0.020 to 0.004)]")
    assert dict(numbers.uses) == {"a.b_0.9.accuracy": ["section"]}


def test_signs_and_bounds() -> None:
    assert sign(NUMBER) == "−0.012"
    assert sign(NUMBER.model_copy(update={"value": 0.0123, "text": "0.012"})) == "+0.012"
    assert sign(NUMBER.model_copy(update={"value": 0.0001, "text": "0.000"})) == "0.000"
    assert bounds(NUMBER, signed=True) == "(−0.020 to +0.004)"
    assert bounds(Number(value=1, text="1", unit="count", how="counted")) == ""


def test_an_unknown_key_is_answered_with_its_neighbours() -> None:
    numbers = Numbers({"mnist.relu.accuracy@10": NUMBER, "mnist.relu.training_loss": NUMBER}, synthetic.study())
    with pytest.raises(
        UserError, match=r"'mnist\.relu\.acuracy@10', which does not exist; nearest: mnist\.relu\.accuracy@10"
    ):
        numbers.num("mnist.relu.acuracy@10")


def test_a_curve_that_a_shorter_configuration_lacks_is_no_error() -> None:
    numbers = Numbers({"mnist.relu.accuracy@3": NUMBER}, synthetic.study())
    assert numbers.num("mnist.relu.accuracy@10") == "[–](#n-mnist-relu-accuracy-10)"
    assert "does not train it so far" in (numbers.get("mnist.relu.accuracy@10").missing or "")


def test_two_keys_with_one_anchor_are_refused() -> None:
    numbers = Numbers({"a.b": NUMBER, "a-b": NUMBER}, synthetic.study())
    numbers.num("a.b")
    numbers.num("a-b")
    with pytest.raises(UserError, match="cannot be told apart"):
        numbers.check_identifiers()


def test_the_manual_names_only_functions_that_templates_have() -> None:
    document = Document(
        study=synthetic.study(),
        numbers={},
        claims={},
        verdicts={},
        runs={},
        figures={},
        figures_link="../figures",
        derivations=[],
        references_bib=synthetic.TEMPLATES / "references.bib",
    )
    manual = (synthetic.REPOSITORY / "docs" / "report.md").read_text()
    rows = manual[manual.index("| Call | Prints |") :].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)\(", rows)) | set(re.findall(r", `?(\w+)\(", rows))
    assert len(named) > 12
    assert named <= set(document.functions(jinja2.Environment(autoescape=False)))
