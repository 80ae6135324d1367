"""What a user sees."""

import io

import pytest
from rich.console import Console

from rederive import derivations
from rederive.autograd import ops
from rederive.derivations.result import print_table
from rederive.derivations.symbolic.code import replaced_backward
from rederive.derivations.verification import load, verify_derivation


def shown(results):
    stream = io.StringIO()
    print_table(results, Console(file=stream, width=160))
    return stream.getvalue()


@pytest.fixture(scope="module")
def good():
    return derivations.verify("normalize", oracles=False)


def test_a_line_for_a_derivation(good):
    text = shown([good])
    (line,) = [line for line in text.splitlines() if "normalize" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")][:5] == [
        "normalize",
        "6/6",
        "proved",
        "4/4",
        "1 asked, 2 skipped",
    ]
    assert "holds" in line
    assert "1 of 1 derivations hold" in text
    assert "agree on 83 of 83 mutants" in text


def test_a_failure_shows_both_sides_and_their_difference(good):
    def wrong(context, G):
        y, total = context.saved
        return (G + context.xp.sum(G * y, axis=1, keepdims=True)) / total

    with replaced_backward(ops.Normalize, wrong):
        bad = verify_derivation("normalize", load("normalize"), {"torch": "missing"})
    text = shown([good, bad])
    assert "1 of 2 derivations hold" in text
    assert "NOT PROVED" in text
    assert "Normalize.backward: the gradient of X0" in text
    assert "left: G[p, q]/sum_j(X0[p, j]) - sum_j(G[p, j]*X0[p, j])/sum_j(X0[p, j])**2" in text
    assert "left - right: -2*sum_j(G[p, j]*X0[p, j])/sum_j(X0[p, j])**2" in text
    assert "Not installed, so not asked: torch" in text
