"""Certificates: a program that shares no code with the prover checks true steps and refuses false ones."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sympy import S, exp, log
from tests.proofs.catalogue import PACKAGE, load, verify

from rederive.proofs import export_certificates
from rederive.proofs.checks import certificates, export, smt
from rederive.proofs.checks.exact import Number, entries, same
from rederive.proofs.checks.mutants import formula_mutants
from rederive.proofs.prover.indices import array, indices, sizes, sum_over

pytest.importorskip("z3")

n, m = sizes("n m")
p, i = indices("p i", n)
u = array("u")


def verdict(left: Any, right: Any, at: dict[str, int]) -> str:
    return certificates.check(smt.certify(left, right, at, {}).text("a step"), seconds=5)


def test_the_checker_shares_no_code_with_the_prover() -> None:
    tree = ast.parse(Path(certificates.__file__).read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named == {"json", "sys", "collections.abc", "pathlib", "z3"}


def test_every_step_is_checked_or_listed_with_the_reason(tmp_path: Path) -> None:
    names = ["normalize", "softmax", "momentum", "relu"]
    assert export_certificates(tmp_path, names, PACKAGE) == []
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["checker"] == f"z3 {certificates.version()}"
    assert {found["verdict"] for found in index["certificates"].values()} == {certificates.CHECKED}
    listed = [*index["certificates"].values(), *index["without"]]
    wanted = {
        (name, chain, line, size)
        for name in names
        for chain, one in enumerate(load(name).chains, start=1)
        for line in range(1, len(one.lines) + 1)
        for size in export.SIZES
    }
    assert {(one["derivation"], *one["step"], one["size"]) for one in listed} == wanted
    assert {one["why"] for one in index["without"]} == {export.BY_DEFINITION}
    assert {rule for found in index["certificates"].values() for rule in found["rules"]} <= index["rules"].keys()


def test_a_reader_needs_the_folder_and_z3_alone(tmp_path: Path) -> None:
    export_certificates(tmp_path, ["division"], PACKAGE)
    command = [sys.executable, "-I", str(tmp_path / "check.py"), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert {line.split()[0] for line in said.splitlines()} == {"checked"}
    file = next(tmp_path.glob("division-1-*.smt2"))
    alone = subprocess.run([Path(sys.executable).with_name("z3"), file], capture_output=True, text=True, check=True)
    assert alone.stdout == "unsat\n"
    # One side of the statement is doubled: it is refused.
    text = file.read_text()
    false = text.replace("(= G_0_0 G_0_0)", "(= G_0_0 (* 2 G_0_0))", 1)
    assert false != text
    file.write_text(false)
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert again.returncode == 1
    assert f"refused {file.name}" in again.stdout


def test_what_came_of_certificates_is_told_while_it_is_of_the_same_code(tmp_path: Path) -> None:
    export_certificates(tmp_path, ["division"], PACKAGE)
    told = verify("division", oracles=False, kept=tmp_path).facts["certificates"]
    assert told["checker"].startswith("z3 ")
    assert told["checked"] == told["total"] > 0
    kept = json.loads((tmp_path / "certificates.json").read_text())
    kept["division"]["fingerprint"] = "of other code"
    (tmp_path / "certificates.json").write_text(json.dumps(kept))
    assert verify("division", oracles=False, kept=tmp_path).facts["certificates"] is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (exp(u[p] + u[0]), exp(u[p]) * exp(u[0])),
        (log(sum_over(exp(u[i] - u[p]), i)) + u[p], log(sum_over(exp(u[i]), i))),
        (sum_over(u[i], i) ** 2 / sum_over(u[i], i), sum_over(u[i], i)),
    ],
)
def test_laws_of_functions_are_known(left: Any, right: Any) -> None:
    assert verdict(left, right, {"n": 2}) == certificates.CHECKED


def test_a_hundred_false_certificates_are_refused() -> None:
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
