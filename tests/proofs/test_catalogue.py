"""Every derivation of the catalogue holds, in every way; and nothing false gets through."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.proofs.catalogue import NAMES, load, verify, verify_all

from rederive.autograd import Op, ops, pooling
from rederive.autograd.examples import Example
from rederive.errors import UserError
from rederive.proofs import verification
from rederive.proofs.checks.source_mutants import source_of
from rederive.proofs.language.derivation import Definition, Input, Line, gradient_chain
from rederive.proofs.language.notation import G, X, i, j, m, n, p, q
from rederive.proofs.prover.code import replaced_backward
from rederive.proofs.result import Result
from rederive.proofs.verification import Findings, verify_derivation

# What the issue asks for, each under its file's name
WANTED = {
    "division", "elementwise", "sigmoid", "tanh", "exponential", "logarithm", "matmul", "linear", "mlp", "repeat",
    "normalize", "relu", "addition", "log_softmax", "softmax", "cross_entropy", "kl_divergence", "momentum",
    "sweep", "convolution", "max_pooling", "batch_norm", "batch_norm_evaluation", "dropout", "residual",
    "negative_log_likelihood", "weight_decay", "rmsprop", "adam",
}  # fmt: skip

# SymPy has no matrix calculus for these: labels, sums of squares of functions, a power of a symbol, more than two axes.
WITHOUT_MATRIX_ROUTE = {
    "cross_entropy",
    "kl_divergence",
    "log_softmax",
    "mlp",
    "momentum",
    "softmax",
    "sweep",
    "convolution",
    "max_pooling",
    "batch_norm",
    "batch_norm_evaluation",
    "dropout",
    "residual",
    "negative_log_likelihood",
    "weight_decay",
    "rmsprop",
    "adam",
}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return dict(zip(NAMES, verify_all(NAMES, oracles=False), strict=True))


def test_the_catalogue_is_complete() -> None:
    assert set(NAMES) == WANTED


@pytest.mark.parametrize("name", NAMES)
def test_a_derivation_holds(results: dict[str, Result], name: Any) -> None:
    result = results[name]
    assert result.failures == []
    assert result.passed
    facts = result.facts
    assert all(step["proved"] for step in facts["steps"])
    routes = {"kronecker", "adjoint", "exact", "lines"} | (set() if name in WITHOUT_MATRIX_ROUTE else {"matrix"})
    assert facts["routes"] == dict.fromkeys(routes, True)
    assert facts["code"]["proved"] is (None if name == "elementwise" else True)
    assert facts["numeric"]["max_relative_error"] <= (1e-7 if name == "relu" else 1e-12)
    assert facts["oracles"] == dict.fromkeys(("torch", "jax", "tensorflow"), "skipped")


def test_both_judges_agree_on_every_mutant(results: dict[str, Result]) -> None:
    counts = {kind: [r.facts["mutants"][kind] for r in results.values()] for kind in ("formula", "source")}
    totals = {kind: sum(count["total"] for count in found) for kind, found in counts.items()}
    assert totals["source"] >= 1000
    assert totals["formula"] + totals["source"] >= 1500
    assert all(count["agreement"] == 1 and not count["disagreements"] for found in counts.values() for count in found)
    right = sum(count["equivalent"] for found in counts.values() for count in found)
    assert right > 0
    assert right == sum(len(mutants) for r in results.values() for mutants in r.facts["equivalents"].values())


def test_the_network_is_proved_for_every_parameter(results: dict[str, Result]) -> None:
    assert results["mlp"].facts["code"]["inputs"] == dict.fromkeys(["X", "W1", "b1", "W2", "b2"], True)


def test_titles_and_places_in_the_report_are_different(results: dict[str, Result]) -> None:
    for key in ("title", "order"):
        assert len({result.facts[key] for result in results.values()}) == len(results)


KEYS = {
    "name", "title", "order", "domain", "statement_latex", "steps", "result_latex", "code", "routes", "numeric",
    "oracles", "mutants", "equivalents", "certificates", "conventions", "trusted", "passed",
}  # fmt: skip


def test_the_result_file_is_the_same_in_every_run(tmp_path: Path) -> None:
    script = "import sys; from tests.proofs.catalogue import verify; from pathlib import Path\n"
    script += "[verify(name, Path(sys.argv[1], name), oracles=False) for name in ('normalize', 'momentum')]"
    for seed in ("1", "2"):  # of Python's hashes, which order its sets
        folder = tmp_path / seed
        folder.mkdir()
        subprocess.run([sys.executable, "-c", script, folder], env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
    for name in ("normalize", "momentum"):
        first, second = ((tmp_path / seed / name).read_bytes() for seed in ("1", "2"))
        assert first == second
        facts = json.loads(first)
        assert facts["passed"] is True
        assert set(facts) == KEYS
        assert {"index_latex", "matrix_latex", "reason", "proved", "chain"} == set(facts["steps"][0])


def test_names_are_listed_without_sympy() -> None:
    code = "import sys; from rederive import proofs; proofs.derivation_names('writeup.derivations')\n"
    code += "print('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", ["nonsense", "nonsense.py", __file__])
def test_what_is_no_derivation_is_a_user_error(name: Any) -> None:
    with pytest.raises(UserError):
        verify(name)


# A wrong sign, anywhere


def negated(op: Any, place: Any) -> Any:
    """The op's backward with the sign of one of its gradients changed, in the source."""
    tree = source_of(op.backward)
    (returned,) = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    values = returned.value.elts if isinstance(returned.value, ast.Tuple) else [returned.value]
    names = {node.targets[0].id: node for node in ast.walk(tree) if isinstance(node, ast.Assign)
             and isinstance(node.targets[0], ast.Name)}  # fmt: skip
    value = values[place]
    if isinstance(value, ast.Name) and value.id in names and isinstance(names[value.id].value, ast.IfExp):
        conditional: Any = names[value.id].value
    elif isinstance(value, ast.IfExp):
        conditional = value
    else:
        conditional = None
    if conditional is not None:
        conditional.body = ast.UnaryOp(ast.USub(), conditional.body)
    else:
        values[place] = ast.UnaryOp(ast.USub(), value)
        returned.value = ast.Tuple(values, ast.Load()) if isinstance(returned.value, ast.Tuple) else values[0]
    scope = dict(op.backward.__globals__)
    exec(compile(ast.unparse(ast.fix_missing_locations(tree)), "<wrong sign>", "exec"), scope)
    return scope[tree.name]


SIGNS = [
    ("division", ops.Div, 0), ("division", ops.Div, 1), ("sigmoid", ops.Sigmoid, 0), ("tanh", ops.Tanh, 0),
    ("exponential", ops.Exp, 0), ("logarithm", ops.Log, 0), ("matmul", ops.MatMul, 0), ("matmul", ops.MatMul, 1),
    ("linear", ops.Linear, 0), ("linear", ops.Linear, 1), ("linear", ops.Linear, 2), ("linear", ops.Transpose, 0),
    ("mlp", ops.Sigmoid, 0), ("mlp", ops.Linear, 1), ("mlp", ops.SoftmaxCrossEntropy, 0),
    ("repeat", ops.RepeatColumns, 0), ("repeat", ops.Expand, 0), ("normalize", ops.Normalize, 0),
    ("relu", ops.ReLU, 0), ("addition", ops.Add, 0), ("addition", ops.Add, 1), ("addition", ops.Sub, 0),
    ("addition", ops.Sub, 1), ("addition", ops.Neg, 0), ("log_softmax", ops.LogSoftmax, 0),
    ("softmax", ops.LogSoftmax, 0), ("softmax", ops.Exp, 0), ("cross_entropy", ops.SoftmaxCrossEntropy, 0),
    ("cross_entropy", ops.Select, 0), ("kl_divergence", ops.LogSoftmax, 0), ("kl_divergence", ops.Sub, 1),
    ("kl_divergence", ops.Mul, 0), ("kl_divergence", ops.Sum, 0), ("exponential", ops.Pow, 0),
    ("exponential", ops.Pow, 1), ("repeat", ops.Mean, 0), ("kl_divergence", ops.Mul, 1),
    ("max_pooling", pooling.Take, 0),
]  # fmt: skip


def test_the_sign_of_every_op_that_a_derivation_names_is_tried() -> None:
    named = {(name, op) for name in NAMES for op in load(name).ops}
    assert named <= {(name, op) for name, op, _ in SIGNS}


@pytest.mark.parametrize(("name", "op", "place"), SIGNS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_wrong_sign_in_a_backward_is_caught_and_named(name: Any, op: Any, place: Any) -> None:
    findings = Findings([])
    with replaced_backward(op, negated(op, place)):
        code = verification._code(load(name), findings)
    assert code["proved"] is False
    where = " ".join(failure.where for failure in findings.failures)
    assert f"{op.__name__}.backward" in where or any(extra in where for extra in code["extra"])
    first = findings.failures[0]
    assert first.left
    assert first.right
    assert first.difference not in ("", "0")


@pytest.fixture
def wrong_op(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An op of a wrong gradient, without examples; other tests do not see it."""
    monkeypatch.setattr(Op, "_defined", list(Op._defined))

    class WithoutExamples(Op):
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            return -cotangent

    return WithoutExamples


def test_an_op_that_cannot_be_proved_does_not_pass_by_being_named(wrong_op: Any) -> None:
    class Refused(wrong_op):  # type: ignore[misc]
        examples = (Example("n m"),)
        unproved = "For a reason."

    for op, message in [(wrong_op, "no examples"), (Refused, "For a reason")]:
        findings = Findings([])
        code = verification._code(replace(load("addition"), ops=(op,)), findings)
        assert code["proved"] is False
        (failure,) = findings.failures
        assert failure.where == f"{op.__name__}.backward"
        assert message in failure.message


def test_an_op_without_examples_that_the_code_reaches_hides_nothing(wrong_op: Any) -> None:
    findings = Findings([])
    verification._code(replace(load("addition"), code=lambda X, Z: wrong_op.apply(X) + Z), findings)
    assert "the gradient of X" in findings.failures[0].where


STEPS = [
    pytest.param(name, chain, line, id=f"{name} {chain + 1}.{line + 1}")
    for name in NAMES
    for chain, found in enumerate(load(name).chains)
    for line in range(len(found.lines))
    if found.result != 0  # the negative of nothing is nothing
]


@pytest.mark.parametrize(("name", "chain", "line"), STEPS)
def test_a_wrong_sign_in_any_step_is_caught(name: Any, chain: Any, line: Any) -> None:
    derivation = load(name)
    found = derivation.chains[chain]
    before = found.lines[line - 1].expression if line else found.start
    wrong = replace(found.lines[line], expression=-found.lines[line].expression, matrix=None)
    (comparison,) = verification._line(derivation, found, before, wrong, "here")
    assert not comparison.proved
    assert comparison.rest != 0


@pytest.mark.parametrize("line", range(4))
def test_a_wrong_step_is_named(line: Any) -> None:
    derivation = load("normalize")
    chain = derivation.chains[0]
    lines = list(chain.lines)
    lines[line] = replace(lines[line], expression=-lines[line].expression)
    broken = replace(
        derivation, chains=(replace(chain, lines=tuple(lines)), *derivation.chains[1:]), ops=(), mutate="nothing"
    )
    result = verify_derivation("normalize", broken, {})
    assert not result.passed
    assert [step["proved"] for step in result.facts["steps"]].index(False) == line
    assert f"step {line + 1} ({lines[line].reason})" in result.failures[0].where
    assert result.failures[0].difference not in ("", "0")


def test_a_wrong_matrix_form_is_caught() -> None:
    derivation = load("matmul")
    chain = derivation.chains[0]
    lines = (*chain.lines[:-1], replace(chain.lines[-1], matrix=2 * chain.lines[-1].matrix))
    broken = replace(derivation, chains=(replace(chain, lines=lines), *derivation.chains[1:]))
    findings = Findings([])
    steps = list(verification._steps(broken, findings))
    assert [step["proved"] for step in steps[:3]] == [True, True, False]
    assert "matrix form" in findings.failures[0].where


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("the value that the program computes", {"program": lambda xp, X: X / xp.sum(X, axis=0, keepdims=True)}),
        ("the value that the code computes", {"code": lambda X: ops.Normalize.apply(X) * 2}),
        ("the matrix form of the result", {"matrix": 2 * load("normalize").matrix}),
        ("the extra", {"extra": {"the extra": lambda: [(G[p, q], X[p, q])]}}),
        ("the numbers", {"code": lambda X: ops.Normalize.apply(X + 1e-7)}),
    ],
)
def test_what_belongs_to_a_derivation_must_agree_with_it(what: str, changed: Any) -> None:
    result = verify_derivation("normalize", replace(load("normalize"), ops=(), mutate="nothing", **changed), {})
    assert not result.passed
    assert any(what in failure.where for failure in result.failures)


@pytest.mark.parametrize("name", ["G", "L", "V", "Y"])
def test_a_name_means_one_thing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} would mean two things"):
        replace(load("addition"), definitions=(Definition(name, (i,), 1),))


def test_a_gradient_that_is_not_derived_is_missed() -> None:
    with pytest.raises(ValueError, match="are needed"):
        replace(load("division"), chains=load("division").chains[:1])


def test_a_definition_with_a_dangling_index_is_refused() -> None:
    with pytest.raises(ValueError, match="not among its indices"):
        Definition("Y", (i,), X[i, j])


def test_a_failed_derivation_is_written_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.Exp, "backward", staticmethod(lambda context, cotangent: -cotangent * context.saved[0]))
    result = verify("exponential", tmp_path / "exponential.json", oracles=False)
    assert not result.passed
    assert json.loads((tmp_path / "exponential.json").read_text())["passed"] is False


def test_a_derivation_may_be_wrong_in_its_conclusion_alone() -> None:
    Y = Definition("Y", (i, j), X[i, j] ** 2)
    derivation = replace(
        load("exponential"),
        output=Y,
        inputs=(Input("X", (n, m)),),
        chains=(gradient_chain(X[p, q], Y, Line(G[p, q] * X[p, q], "forgetting the two")),),
        program=lambda xp, X: X**2,
        code=lambda X: X**2,
        matrix=None,
        ops=(),
    )
    result = verify_derivation("square", derivation, {})
    assert not result.passed
    assert result.facts["routes"] == {"kronecker": False, "adjoint": False, "exact": False, "lines": False}
    assert result.facts["code"]["inputs"] == {"X": False}
    assert any("exact differentiation" in failure.message for failure in result.failures)


def test_a_mutant_that_is_right_needs_a_reason_and_a_reason_such_a_mutant() -> None:
    tanh = load("tanh")
    without = verify_derivation("tanh", replace(tanh, equivalents={}), {})
    assert [(one.where, "no reason" in one.message) for one in without.failures] == [("a mutant that is right", True)]
    assert "Tanh.forward: context.save(«y») with -y" in without.failures[0].message
    idle = verify_derivation("tanh", replace(tanh, equivalents={**tanh.equivalents, "no such text": "Of no use."}), {})
    assert ["no such text" in one.message for one in idle.failures] == [True]
