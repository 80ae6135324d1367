"""Certificates: a program that shares no code with the prover checks true steps and refuses false ones."""

import ast
from pathlib import Path

import pytest
from sympy import S, exp, log
from tests.derivations.catalogue import load

from rederive.proofs.audit import certificates, smt
from rederive.proofs.audit.mutants import formula_mutants
from rederive.proofs.prover.exact import Number, entries, same
from rederive.proofs.prover.indices import array, indices, sizes, sum_over

pytest.importorskip("z3")

n, m = sizes("n m")
p, i = indices("p i", n)
u = array("u")


def verdict(left, right, at):
    return certificates.check(smt.certify(left, right, at, {}).text("a step"), seconds=5)


def test_the_checker_shares_no_code_with_the_prover():
    tree = ast.parse(Path(certificates.__file__).read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named == {"json", "sys", "collections.abc", "pathlib", "z3"}


@pytest.mark.parametrize("size", [1, 2])
def test_the_steps_of_a_derivation_are_checked(size):
    derivation = load("normalize")
    at = dict.fromkeys(derivation.sizes, size)
    for chain in derivation.chains:
        stated = [derivation.unfold(e) for e in (chain.start, *(line.expression for line in chain.lines))]
        for before, after in zip(
            stated[bool(chain.gradient_of) :], stated[1 + bool(chain.gradient_of) :], strict=False
        ):
            assert verdict(before, after, at) == certificates.CHECKED


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (exp(u[p] + u[0]), exp(u[p]) * exp(u[0])),
        (log(sum_over(exp(u[i] - u[p]), i)) + u[p], log(sum_over(exp(u[i]), i))),
        (sum_over(u[i], i) ** 2 / sum_over(u[i], i), sum_over(u[i], i)),
    ],
)
def test_laws_of_functions_are_known(left, right):
    assert verdict(left, right, {"n": 2}) == certificates.CHECKED


def test_a_hundred_false_certificates_are_refused():
    true = sum_over(u[i] ** 2 * u[p] + 3 * u[i] / (u[p] ** 2 + 1) - exp(u[i]) * u[p], i)
    point = {"u": [Number.of(2), Number.of(-3)], "n": 2}
    own = [x.value for x in entries(true, (p,), point)]
    false = [
        mutant
        for once in [true, true + u[p], true * u[0], true - S.Half, true + u[p] ** 3]
        for mutant in formula_mutants(once, (p,))
        if not all(same(a, x.value) for a, x in zip(own, entries(mutant, (p,), point), strict=True))
    ]
    assert len(false) >= 100
    assert certificates.CHECKED not in {verdict(true, mutant, {"n": 2}) for mutant in false}
