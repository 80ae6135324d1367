"""docs/derivations.md, followed to the letter."""

import re
from pathlib import Path

import pytest

from rederive import proofs

PAGE = Path(__file__).parents[2] / "docs" / "derivations.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def swish(tmp_path: Path) -> Path:
    path = tmp_path / "swish.py"
    path.write_text(BLOCKS[0])
    return path


def test_the_example_holds(swish: Path, tmp_path: Path) -> None:
    result = proofs.verify(str(swish), tmp_path / "swish.json", oracles=False)
    assert result.failures == []
    assert result.name == "swish"
    assert result.facts["steps"][-1]["index_latex"] == r"= G_{pq} \left(Y_{pq} \left(1 - S_{pq}\right) + S_{pq}\right)"
    assert result.facts["mutants"]["formula"]["total"] > 20


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("(S[i, j] + X[i, j] * S[i, j] * (1 - S[i, j]))", "(S[i, j] + S[i, j] * (1 - S[i, j]))", "the product rule"),
        ("X / (1 + xp.exp(-X))", "X / (1 + xp.exp(X))", "the value that the program computes"),
        ("X * Sigmoid.apply(X)", "Sigmoid.apply(X)", "the value that the code computes"),
    ],
)
def test_a_mistake_in_the_example_is_named(swish: Path, right: str, wrong: str, named: str) -> None:
    assert BLOCKS[0].count(right) == 1
    swish.write_text(BLOCKS[0].replace(right, wrong))
    result = proofs.verify(str(swish), oracles=False)
    assert not result.passed
    assert named in result.failures[0].where
    assert result.failures[0].difference


def test_the_example_is_as_short_as_it_says() -> None:
    statements = BLOCKS[0].split("DERIVATION = ")[1]
    assert len(statements.splitlines()) <= 20


def test_the_other_example_runs() -> None:
    exec(BLOCKS[1], {})


def test_every_check_of_the_result_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for route in ("Kronecker", "adjoint", "matrix", "exact"):
        assert f"{route} route" in page


ATTACKS = Path(__file__).with_name("test_attacks.py").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \|.*\| `(test_\w+)`(?: \[(.+?)\])? \|$", (PAGE.parent / "attacks.md").read_text(), re.M)


def test_every_attack_is_a_test_and_every_test_is_in_the_table() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, len(ROWS) + 1))
    assert {name for _, name, _ in ROWS} == set(re.findall(r"^ *def (test_\w+)\(", ATTACKS, re.M))
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize("case", sorted({case for _, _, case in ROWS if case}))
def test_a_case_in_the_table_of_attacks_is_one_of_its_test(case: str) -> None:
    assert re.search(rf"[\[(\" ,]{re.escape(case)}[\])\",:]", ATTACKS)
