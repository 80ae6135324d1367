"""Templates, claims, published values, quantities; and labels that look like code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from tests.boundary.case import Case
from tests.boundary.study import config, write_config

AREA = "templates, claims, published, quantities"
TEXT, CLAIMS = "report/report.md.j2", "report/claims.yaml"
VALUES, CURVES = "report/published.yaml", "report/published_curves.csv"
TEST, RENDER, SUMMARISE = (("test-claims",),), (("render",),), (("summarise",),)


def _append(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text((folder / name).read_text() + text)


def _written(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


def _gone(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


def _as_folder(name: str) -> Callable[[Path], Any]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def _claim(**changes: Any) -> Callable[[Path], Any]:
    def harm(folder: Path) -> None:
        claims = yaml.safe_load((folder / CLAIMS).read_text())
        claims["relu_ahead"] = {k: v for k, v in (claims["relu_ahead"] | changes).items() if v is not None}
        (folder / CLAIMS).write_text(yaml.safe_dump(claims, sort_keys=False))

    return harm


def _test(**changes: Any) -> Callable[[Path], Any]:
    test = {"measures": "a", "quantity": "{mnist.relu.accuracy}", "above": 0} | changes
    return _claim(tests=[{key: value for key, value in test.items() if value is not None}])


def _quantity(text: str) -> Callable[[Path], Any]:
    return _test(quantity=text)


def _published(content: Any) -> Callable[[Path], Any]:
    return lambda folder: (folder / VALUES).write_text(yaml.safe_dump(content))


def _row(**changes: Any) -> Callable[[Path], Any]:
    row = {"experiment": "mnist.relu", "row": "ReLU", "accuracy": 0.9} | changes
    return _published({"one": {"place": "Table 1", "rows": [{k: v for k, v in row.items() if v is not None}]}})


def _curves(text: str) -> Callable[[Path], Any]:
    return _written(CURVES, text.encode())


HEAD = "experiment,epoch,training_loss,reading_error\n"
KEY = "{mnist.relu.accuracy}"

TEMPLATES: list[tuple[str, Callable[[Path], Any], tuple[str, ...]]] = [
    ("an open bracket", _append(TEXT, "{{ num("), ("report.md.j2", "line")),
    ("brackets that do not fit", _append(TEXT, "{{ (1} }}"), ("report.md.j2", "line")),
    ("an open block", _append(TEXT, "{% if title %}"), ("report.md.j2", "line")),
    ("an unknown tag", _append(TEXT, "{% frob %}"), ("report.md.j2", "line", "frob")),
    ("an unknown name", _append(TEXT, "{{ nobody }}"), ("report.md.j2", "line", "nobody")),
    ("an unknown number", _append(TEXT, '{{ num("mnist.relu.acuracy") }}'), ("report.md.j2", "mnist.relu.accuracy")),
    ("an unknown claim", _append(TEXT, '{{ claim("relu") }}'), ("report.md.j2", "relu_ahead")),
    ("an unknown figure", _append(TEXT, '{{ figure("a", "b") }}'), ("report.md.j2", "figure", "'a'")),
    ("an unknown table", _append(TEXT, '{{ table("activation", "b") }}'), ("report.md.j2", "activations")),
    ("an unknown filter", _append(TEXT, "{{ title | frob }}"), ("report.md.j2", "line", "frob")),
    ("an unknown label", _append(TEXT, '{{ label("relu") }}'), ("report.md.j2", "relu")),
    ("an unknown citation", _append(TEXT, '{{ cite("nobody") }}'), ("report.md.j2", "nobody")),
    ("an unknown listing", _append(TEXT, '{{ listing("rederive.a", "b") }}'), ("report.md.j2", "rederive")),
    ("an include of nothing", _append(TEXT, '{% include "a.j2" %}'), ("report.md.j2", "a.j2")),
    ("an include out of the folder", _append(TEXT, '{% include "../../etc/passwd" %}'), ("report.md.j2", "passwd")),
    ("a division by zero", _append(TEXT, "{{ title | length // (1 - 1) }}"), ("report.md.j2", "line", "zero")),
    ("a sum of a text", _append(TEXT, "{{ title + 1 }}"), ("report.md.j2", "line")),
    ("a call of a text", _append(TEXT, "{{ title() }}"), ("report.md.j2", "line")),
    ("an argument too many", _append(TEXT, '{{ num("a", "b", "c", "d", "e", "f") }}'), ("report.md.j2", "line")),
    ("a number for a key", _append(TEXT, "{{ num(none) }}"), ("report.md.j2", "line")),
    ("an index out of range", _append(TEXT, "{{ [][1] }}"), ("report.md.j2", "line")),
    ("a test of a claim that is not there", _claim(says="{{ result(1) }}"), ("claims.yaml", "relu_ahead", "result")),
    (
        "a loop without end",
        _append(TEXT, "{% for i in range(10 ** 9) %}x{% endfor %}"),
        ("report.md.j2", "line", "range"),
    ),
    ("a template that holds itself", _append(TEXT, '{% include "report.md.j2" %}'), ("report.md.j2", "twice")),
    ("a typed number", _append(TEXT, "It is 0.97."), ("report.md.j2", "line", "0.97")),
    ("latin-1", _written(TEXT, "Größe".encode("latin-1")), ("report.md.j2", "UTF-8")),
    ("missing", _gone(TEXT), ("report.md.j2",)),
    ("a folder", _as_folder(TEXT), ("report.md.j2",)),
    ("empty", _written(TEXT, b""), ()),
    ("lines of Windows", lambda f: _written(TEXT, (f / TEXT).read_bytes().replace(b"\n", b"\r\n"))(f), ()),
    ("code by way of a class", _append(TEXT, "{{ ''.__class__.__mro__ }}"), ("report.md.j2", "line", "unsafe")),
    (
        "code by way of cycler",
        _append(TEXT, "{{ cycler.__init__.__globals__.os.popen('id').read() }}"),
        ("report.md.j2", "line", "unsafe"),
    ),
    ("code by way of the study", _append(TEXT, "{{ study.load.__globals__ }}"), ("report.md.j2", "line", "unsafe")),
    ("writing by way of the study", _append(TEXT, "{{ study.save('out') }}"), ("report.md.j2", "line")),
    ("code in a claim", _claim(says="{{ ''.__class__ }}"), ("claims.yaml", "relu_ahead", "unsafe")),
    ("references that are none", _written("report/references.bib", b"@article{a, "), ("references.bib",)),
    ("no references", _gone("report/references.bib"), ("references.bib",)),
    ("a CITATION.cff that is no YAML", _written("CITATION.cff", b"authors: ["), ("CITATION.cff", "not valid YAML")),
    ("a CITATION.cff of another form", _written("CITATION.cff", b"authors: [1]"), ("CITATION.cff", "authors")),
]

CLAIM: list[tuple[str, Callable[[Path], Any], tuple[str, ...]]] = [
    ("claims: missing", _gone(CLAIMS), ("claims.yaml", "not found")),
    ("claims: empty", _written(CLAIMS, b""), ("claims.yaml", "mapping")),
    ("claims: a list", _written(CLAIMS, b"- a"), ("claims.yaml", "mapping")),
    ("claims: latin-1", _append(CLAIMS, ""), ()),
    ("claims: a claim that is a text", _written(CLAIMS, b"a: b"), ("claims.yaml", "a")),
    ("claims: a claim that is null", _written(CLAIMS, b"a:"), ("claims.yaml", "a")),
    ("claims: tests that are a text", _claim(tests="all"), ("claims.yaml", "relu_ahead.tests")),
    ("claims: a test that is a text", _claim(tests=["all"]), ("claims.yaml", "relu_ahead.tests.0")),
    ("claims: no tests", _claim(tests=[]), ("claims.yaml", "relu_ahead.tests")),
    ("claims: no number", _claim(number=None), ("claims.yaml", "relu_ahead.number")),
    ("claims: a number in words", _claim(number="one"), ("claims.yaml", "relu_ahead.number")),
    ("claims: an unknown key", _claim(numbr=1), ("claims.yaml", "relu_ahead.numbr")),
    ("claims: no sentence", _claim(sentences={"holds": "a"}), ("claims.yaml", "no sentence", "does not hold")),
    ("claims: an unknown verdict", _claim(sentences={"maybe": "a"}), ("claims.yaml", "relu_ahead", "maybe")),
    ("claims: an unknown pinned verdict", _claim(expected={"official": "yes"}), ("claims.yaml", "relu_ahead.expected")),
    ("claims: margins that are a list", _append(CLAIMS, "margins: [1]\n"), ("claims.yaml", "margins")),
    ("claims: a margin without a value", _append(CLAIMS, "margins: {a: {reason: b}}\n"), ("claims.yaml", "margins.a")),
    (
        "claims: a margin below zero",
        _append(CLAIMS, "margins: {a: {value: -1, reason: b}}\n"),
        ("claims.yaml", "margins.a"),
    ),
    (
        "claims: a margin of nan",
        _append(CLAIMS, "margins: {a: {value: .nan, reason: b}}\n"),
        ("claims.yaml", "margins.a"),
    ),
    ("claims: an unknown margin", _test(margin="small"), ("claims.yaml", "relu_ahead", "small")),
    ("claims: a margin that is a list", _test(margin=["small"]), ("claims.yaml", "relu_ahead", "small")),
    ("claims: above and below", _test(below=1), ("claims.yaml", "relu_ahead.tests.0", "one of above, below")),
    ("claims: no bound", _test(above=None), ("claims.yaml", "relu_ahead.tests.0")),
    ("claims: a bound in words", _test(above="much"), ("claims.yaml", "relu_ahead.tests.0.above")),
    ("claims: a bound of nan", _test(above=float("nan")), ("claims.yaml", "relu_ahead.tests.0.above")),
    ("claims: a unit of their own", _test(unit="percent"), ()),
    ("claims: an unknown proof", _test(quantity=None, above=None, proved="relus"), ("claims.yaml", "relu")),
    ("claims: a misspelt experiment", _quantity("{mnist.rleu.accuracy}"), ("claims.yaml", "mnist.rleu", "mnist.relu")),
    ("claims: a misspelt metric", _quantity("{mnist.relu.acuracy}"), ("claims.yaml", "acuracy", "accuracy")),
    ("claims: an epoch in words", _quantity("{mnist.relu.accuracy@end}"), ("claims.yaml", "mnist.relu", "@end")),
    ("claims: an epoch of zero", _quantity("{mnist.relu.accuracy@0}"), ("claims.yaml", "@0")),
    ("quantity: empty", _quantity(""), ("claims.yaml", "quantity")),
    ("quantity: no keys", _quantity("1"), ("claims.yaml", "quantity")),
    ("quantity: empty braces", _quantity("{}"), ("claims.yaml", "quantity")),
    ("quantity: an open brace", _quantity("{mnist.relu.accuracy"), ("claims.yaml", "quantity")),
    ("quantity: a digit behind a key", _quantity(f"{KEY}1 - {KEY}"), ("claims.yaml", "quantity")),
    ("quantity: k0", _quantity(f"{KEY} - k0"), ("claims.yaml", "quantity", "k0")),
    ("quantity: k5", _quantity(f"{KEY} - k5"), ("claims.yaml", "quantity", "k5")),
    ("quantity: another function", _quantity(f"exp({KEY})"), ("claims.yaml", "quantity", "min, max")),
    ("quantity: a power", _quantity(f"{KEY} ** 2"), ("claims.yaml", "quantity")),
    ("quantity: code", _quantity(f"__import__('os').system('id') + {KEY}"), ("claims.yaml", "quantity")),
    ("quantity: nested too deeply", _quantity("(" * 500 + KEY + ")" * 500), ("claims.yaml", "quantity")),
    ("quantity: 2000 minus signs", _quantity("-" * 2000 + KEY), ("claims.yaml", "quantity")),
    ("quantity: a number too large", _quantity(f"{KEY} * 1{'0' * 400}"), ("claims.yaml", "quantity")),
    ("quantity: a truth value", _quantity(f"{KEY} - True"), ("claims.yaml", "quantity", "True")),
    ("quantity: a null byte", _quantity(f"{KEY}\0"), ("claims.yaml", "quantity")),
    ("quantity: a division by zero", _quantity(f"{KEY} / ({KEY} - {KEY})"), ()),
    ("quantity: a division by the number zero", _quantity(f"{KEY} / 0"), ()),
    ("quantity: max above a bound", _quantity(f"max({KEY}, {KEY})"), ("claims.yaml", "min")),
]

PUBLISHED: list[tuple[str, Callable[[Path], Any], tuple[str, ...]]] = [
    ("published: missing", _gone(VALUES), ()),
    ("published: a list", _written(VALUES, b"- a"), ("published.yaml", "mapping")),
    ("published: a table that is a text", _published({"one": "two"}), ("published.yaml", "one", "rows")),
    ("published: no rows", _published({"one": {"place": "a"}}), ("published.yaml", "one", "rows")),
    ("published: rows that are a text", _published({"one": {"place": "a", "rows": "b"}}), ("published.yaml", "one")),
    ("published: a table that is null", _published({"one": None}), ("published.yaml", "one", "rows")),
    ("published: a value too large", _row(accuracy=10**400), ("published.yaml", "one", "expected a number")),
    ("published: no experiment", _row(experiment=None), ("published.yaml", "one", "experiment")),
    ("published: an experiment that is a list", _row(experiment=["a"]), ("published.yaml", "one", "experiment")),
    ("published: a misspelt experiment", _row(experiment="mnist.rleu"), ("published.yaml", "mnist.rleu", "mnist.relu")),
    ("published: no value", _row(accuracy=None), ("published.yaml", "one", "accuracy")),
    ("published: a value in words", _row(accuracy="high"), ("published.yaml", "one", "high")),
    ("published: a value of nan", _row(accuracy=float("nan")), ("published.yaml", "one", "nan")),
    ("published: a value that is true", _row(accuracy=True), ("published.yaml", "one", "True")),
    ("curves: missing", _gone(CURVES), ()),
    ("curves: a folder", _as_folder(CURVES), ("published_curves.csv", "folder")),
    ("curves: empty", _curves(""), ("published_curves.csv", "column")),
    ("curves: no metric", _curves("experiment,epoch,lss\nmnist.relu,1,0.3\n"), ("published_curves.csv", "metric")),
    ("curves: no epoch", _curves("experiment,training_loss\nmnist.relu,0.3\n"), ("published_curves.csv", "epoch")),
    (
        "curves: an epoch in words",
        _curves(HEAD + "mnist.relu,one,0.3,0.1\n"),
        ("published_curves.csv", "line 2", "one"),
    ),
    ("curves: an epoch of zero", _curves(HEAD + "mnist.relu,0,0.3,0.1\n"), ("published_curves.csv", "line 2", "0")),
    ("curves: a value in words", _curves(HEAD + "mnist.relu,1,low,0.1\n"), ("published_curves.csv", "line 2", "low")),
    ("curves: a value of nan", _curves(HEAD + "mnist.relu,1,nan,0.1\n"), ("published_curves.csv", "line 2", "nan")),
    ("curves: no reading error", _curves(HEAD + "mnist.relu,1,0.3,0\n"), ("published_curves.csv", "line 2")),
    ("curves: a column too few", _curves(HEAD + "mnist.relu,1,0.3\n"), ("published_curves.csv", "line 2")),
    ("curves: a column too many", _curves(HEAD + "mnist.relu,1,0.3,0.1,9\n"), ("published_curves.csv", "line 2")),
    ("curves: a point twice", _curves(HEAD + "mnist.relu,1,0.3,0.1\n" * 2), ("published_curves.csv", "line 3")),
    ("curves: a misspelt experiment", _curves(HEAD + "mnist.rleu,1,0.3,0.1\n"), ("published_curves.csv", "mnist.rleu")),
    (
        "curves: latin-1",
        _written(CURVES, HEAD.encode() + b"gr\xf6\xdfe,1,0.3,0.1\n"),
        ("published_curves.csv", "UTF-8"),
    ),
]

LABELS = {
    "a template": "{{ 7 * 191 }}{% raw %}",
    "HTML": "<script>alert('1337')</script>",
    "Markdown": "**a** [b](http://c) `d` $e$ | f",
    "TeX": r"\input{/etc/passwd} $x$ % 100",
}


def _labelled(label: str) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        changed = config()
        changed["experiments"]["mnist.relu"]["label"] = label
        write_config(folder, changed)

    return harm


BUILD = (
    ("resolve", "config.yaml", "--output", "results/study.json"),
    *(("test-claims",), ("summarise",), ("plot",), ("render",), ("convert", "html"), ("convert", "tex")),
)

CASES = [
    *(Case(AREA, f"template: {name}", RENDER, expected, harm) for name, harm, expected in TEMPLATES),
    *(Case(AREA, name, TEST if "says" not in name else RENDER, expected, harm) for name, harm, expected in CLAIM),
    *(Case(AREA, name, SUMMARISE, expected, harm) for name, harm, expected in PUBLISHED),
    *(Case("labels injected", name, BUILD, (), _labelled(label)) for name, label in LABELS.items()),
]
