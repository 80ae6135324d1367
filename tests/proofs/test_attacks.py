"""The review's attacks on the prover, each as it was tried, and the part that refuses it.

Every one of these was once said to hold, or ended the command with a traceback. Each is asked of the part that ought to
notice it, and not only of the whole: of the whole it would be enough that anything else noticed.
"""

import os
import random
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from sympy import Float, S, Symbol, exp, log
from tests.proofs.catalogue import load, verify

from rederive.autograd import SGD, Op, Tensor, ops
from rederive.autograd.graph import GraphError
from rederive.proofs import verification
from rederive.proofs.checks import numeric, source_mutants
from rederive.proofs.language import latex
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Input,
    Line,
    Named,
    Step,
    array,
    delta,
    gradient_chain,
)
from rederive.proofs.language.notation import G, W, X, i, j, m, n, p, q
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import prove_op, replaced_backward, traces
from rederive.proofs.prover.indices import Index, indices, sum_over
from rederive.proofs.prover.prove import InexactNumberError, equal
from rederive.proofs.prover.purity import impurities
from rederive.proofs.prover.size import NotSymbolicError, exact
from rederive.proofs.routes import ROUTES
from rederive.proofs.verification import Findings, verify_derivation
from writeup.derivations import momentum

u, v = array("u"), array("v")


def failures(name: str, **changes: Any) -> list[Any]:
    """What the whole verification finds of a changed derivation: where, and why."""
    result = verify_derivation(name, replace(load(name), **changes), {})
    assert not result.passed
    return [f"{failure.where}: {failure.message}" for failure in result.failures]


# U1, U2: numbers that are not exact


@pytest.mark.parametrize("constant", [1.00000001, 1 + 1e-10, 0.70710678, 1e-320])
def test_a_constant_in_code_is_what_it_is(constant: Any) -> None:
    assert exact(constant) == sympy.Rational(*constant.as_integer_ratio())
    assert exact(constant) not in (0, 1, sympy.sqrt(2) / 2)
    with replaced_backward(ops.Exp, lambda context, cotangent: constant * cotangent * context.saved[0]):
        assert not all(found.proved for trace in traces(ops.Exp) for found in trace.comparisons())


def test_a_constant_that_is_exact_is_proved() -> None:
    with replaced_backward(ops.Exp, lambda context, cotangent: 0.5 * cotangent * context.saved[0] * 2.0):
        assert all(found.proved for trace in traces(ops.Exp) for found in trace.comparisons())


@pytest.mark.parametrize("constant", [np.inf, np.nan, 1j, "1"])
def test_what_is_no_real_number_is_refused(constant: Any) -> None:
    with pytest.raises(NotSymbolicError):
        exact(constant)


@pytest.mark.parametrize("number", [Float(1e16), Float(0.1), S.ImaginaryUnit, S.Infinity, S.ComplexInfinity, S.NaN])
def test_a_formula_has_exact_real_numbers_only(number: Any) -> None:
    with pytest.raises(InexactNumberError, match="no exact real number"):
        equal(number * u[i] + u[i], number * u[i])


def test_a_derivation_with_a_float_is_refused_and_told_where() -> None:
    Y = Definition("Y", (i, j), Float(1e16) * X[i, j] + X[i, j])
    chain = gradient_chain(X[p, q], Y, Line(Float(1e16) * G[p, q], "1 is nothing beside it"))
    found = failures("exponential", output=Y, chains=(chain,), code=None, matrix=None, ops=(), mutate="nothing")
    assert any("step 1" in where and "no exact real number" in where for where in found)


# U3, U4: indices


@pytest.mark.parametrize("size", [n - 2, -n, n / 2, Symbol("r", real=True), Symbol("k", integer=True), S.Half])
def test_the_size_of_a_range_is_a_number_of_values(size: Any) -> None:
    with pytest.raises(ValueError, match="may be negative"):
        Index("a", size)


def test_a_range_does_not_depend_on_an_index() -> None:
    with pytest.raises(ValueError, match="another one for every index"):
        Index("a", i + 1)


def test_nobody_can_name_a_fresh_index() -> None:
    fresh = i.fresh()
    serial = int(fresh.name.split("~")[1])
    with pytest.raises(ValueError, match="fresh"):
        Index(f"i~{serial + 1}", n)
    with pytest.raises(ValueError, match="fresh"):
        indices(f"i~{serial + 2}", n)
    free = Symbol(f"i~{serial + 3}", integer=True, nonnegative=True)
    assert not equal(sum_over(u[i] * v[free], i), sum_over(u[i] * v[i], i))


# U5: what is not defined, or has no derivative


def undefined(derivation: Any) -> Any:
    with pytest.raises(ArithmeticError) as error:
        verification._defined(derivation)
    return str(error.value)


def stated(meaning: Any, *definitions: Any, domain: Any = "real", claim: Any = S.Zero) -> Any:
    """A derivation that states Y = meaning; whatever it claims, it must be refused for what it states."""
    Y = Definition("Y", (i, j), meaning)
    chain = gradient_chain(X[p, q], Y, Line(claim, "as claimed"))
    return replace(load("exponential"), output=Y, definitions=definitions, chains=(chain,),
                   inputs=(Input("X", (n, m), domain),))  # fmt: skip


def test_a_step_divided_by_itself_is_not_one() -> None:
    T = Definition("T", (i, j), Step(X[i, j]))
    assert "the reciprocal of T[i, j]" in undefined(stated(X[i, j] * T[i, j] / T[i, j] ** 2, T))


def test_a_delta_divided_by_itself_is_not_one() -> None:
    T = Definition("T", (i,), delta(i, 0))
    assert "the reciprocal of T[i]" in undefined(stated(X[i, j] / T[i], T))


def test_what_is_zero_is_not_divided_by() -> None:
    h = Definition("H", (i,), sum_over(X[i, j], j) - sum_over(X[i, q], q))
    assert "the reciprocal of H[i]" in undefined(stated(X[i, j] / h[i], h))


def test_the_logarithm_of_any_real_number_is_refused() -> None:
    T = Definition("T", (i, j), log(X[i, j]))
    assert "the logarithm of X[i, j]" in undefined(stated(exp(2 * T[i, j]), T))
    assert "the logarithm of X[i, j]" in undefined(replace(load("logarithm"), inputs=(Input("X", (n, m)),)))


def test_a_root_of_any_real_number_is_refused() -> None:
    assert "the power 1/2 of X[i, j]" in undefined(stated(sympy.sqrt(X[i, j])))


def test_a_step_has_no_derivative_at_its_place() -> None:
    assert "the derivative of a step of X" in undefined(replace(load("relu"), inputs=(Input("X", (n, m)),)))


def test_the_domain_that_is_printed_is_the_one_that_is_used() -> None:
    facts = {name: latex.domain_text(load(name)) for name in ("logarithm", "relu", "normalize", "division")}
    assert facts == {
        "logarithm": "Every entry of $X$ is positive.",
        "relu": "No entry of $X$ is zero.",
        "normalize": "All real $X$; $s_{i} \\ne 0$.",
        "division": "All real $X$; no entry of $Z$ is zero.",
    }


def test_a_domain_is_needed_where_it_is_used() -> None:
    assert "the reciprocal of s[i]" in undefined(replace(load("normalize"), nonzero=()))
    assert "the reciprocal" in undefined(replace(load("momentum"), nonzero=()))


# U6: names, and induction


def test_a_name_stands_for_what_an_induction_says() -> None:
    z = array("z")
    chain = Chain(Named(z[p + 1], X[p, q]), (Line(X[p, q], "by its name"),))
    with pytest.raises(ValueError, match="no induction says"):
        replace(load("addition"), chains=(*load("addition").chains, chain))


def test_an_induction_without_its_beginning_is_refused() -> None:
    derivation = load("momentum")
    with pytest.raises(ValueError, match="not among the chains"):
        replace(derivation, chains=derivation.chains[1:])


@pytest.mark.parametrize("what", ["at the first step", "a step later"])
def test_an_induction_ends_with_the_closed_form(what: str) -> None:
    mu = momentum.mu
    closed = {"a step later": lambda steps: mu ** (steps - 1), "at the first step": lambda steps: mu**steps}[what]
    wrong = replace(momentum.constant, closed=closed)
    if what == "a step later":
        # True, and not the closed form
        wrong = replace(wrong, continues=lambda hypothesis: (Line(mu * hypothesis + 1, "a step"),))
    derivation = replace(
        load("momentum"),
        inductions=(momentum.velocities, wrong),
        chains=(*momentum.velocities.chains, *wrong.chains, load("momentum").chains[-1]),
    )
    found = [comparison.what for comparison in verification._inductions(derivation) if not comparison.proved]
    assert any(what in one for one in found)


# U7: decisions by sizes

DECISIONS = {
    "== 128": lambda x: x.shape[0] == 128,
    "!= 3": lambda x: x.shape[0] != 3,
    "in a set": lambda x: x.shape in {(128, 300)},
    "in a list": lambda x: x.shape in [(128, 300)],
    "% 128": lambda x: x.shape[0] % 128,
    "// 2": lambda x: x.shape[0] // 2,
    "truth": lambda x: bool(x.shape[0]),
    "order": lambda x: x.shape[0] > 64,
    "as an integer": lambda x: int(x.shape[0]),
    "as an index": lambda x: range(x.shape[0]),
    "of another axis": lambda x: x.shape[0] == x.shape[1],
    "number of entries": lambda x: x.size == 6,
}


@pytest.mark.parametrize("name", DECISIONS)
def test_no_decision_is_made_by_a_size(name: Any) -> None:
    with pytest.raises(TypeError):
        DECISIONS[name](SymbolicArray.named("X", n, m))


def test_sizes_are_computed_with() -> None:
    rows: Any
    columns: Any
    rows, columns = SymbolicArray.named("X", n, m).shape
    assert rows * columns == n * m
    assert (rows + 1) / 2 == (n + 1) / 2
    assert rows == n


# Wrong code that was proved

calls = 0


class TestSource:
    """What reading the source refuses."""

    @staticmethod
    def rows(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y * (2 if y.shape[0] == 128 else 1)

    @staticmethod
    def half(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return 2 * cotangent * y if str(y.dtype) == "float16" else cotangent * y

    @staticmethod
    def torch_only(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return 2 * cotangent * y if isinstance(y, torch.Tensor) else cotangent * y

    @staticmethod
    def symbolic_only(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y if hasattr(y, "entry") else 2 * cotangent * y

    @staticmethod
    def namespace(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y * (2 if context.xp.__name__ == "numpy" else 1)

    @staticmethod
    def counter(context: Any, cotangent: Any) -> Any:
        global calls
        calls += 1
        (y,) = context.saved
        return cotangent * y * (2 if calls > 100 else 1)

    @staticmethod
    def clock(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y + 0 * int(time.time())

    @staticmethod
    def chance(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y * (2 if random.random() < 1e-6 else 1)

    @staticmethod
    def environment(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        return cotangent * y * (2 if os.environ.get("TRAINING") else 1)

    @staticmethod
    def values_in_a_try(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        try:
            return 2 * cotangent * y if (y > 100).any() else cotangent * y
        except Exception:
            return cotangent * y

    @staticmethod
    def in_place(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        cotangent *= y
        return cotangent

    @staticmethod
    def of_a_saved_array(context: Any, cotangent: Any) -> Any:
        (y,) = context.saved
        y *= cotangent
        return y

    @staticmethod
    def memory(context: Any, cotangent: Any, seen: Any = []) -> Any:  # noqa: B006  (that is the attack)
        (y,) = context.saved
        return cotangent * y * (len(seen) + 1)

    @pytest.mark.parametrize(
        ("name", "named"),
        [
            ("rows", "a branch on y.shape[0] == 128"),
            ("half", "a branch on str(y.dtype)"),
            ("torch_only", "a branch on isinstance"),
            ("symbolic_only", "a branch on hasattr"),
            ("namespace", "a branch on context.xp.__name__"),
            ("counter", "global calls"),
            ("clock", "a call of time.time"),
            ("chance", "a branch on random.random()"),
            ("environment", "a branch on os.environ"),
            ("values_in_a_try", "try:"),
            ("in_place", "cotangent is changed in place"),
            ("of_a_saved_array", "y is changed in place"),
            ("memory", "a default value that is no constant"),
        ],
    )
    def test_code_that_may_do_otherwise_is_named(self, name: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
        function = getattr(TestSource, name)
        assert any(named in problem and problem.startswith("line ") for problem in impurities(function))
        monkeypatch.setattr(ops.Exp, "backward", staticmethod(function))
        findings = Findings([])
        verification._code(load("exponential"), findings)
        assert any(failure.where.startswith("Exp") for failure in findings.failures)

    def test_the_operations_of_the_engine_pass(self) -> None:
        for op in (op for op in vars(ops).values() if isinstance(op, type) and issubclass(op, Op) and op is not Op):
            assert impurities(op.forward) == impurities(op.backward) == []

    def test_a_helper_is_read_too(self) -> None:
        assert any(problem.startswith("helper: line") for problem in impurities(calls_helper))


def helper(x: Any) -> Any:
    return x * time.time()


def calls_helper(context: Any, x: Any) -> Any:
    return helper(x)


def test_a_forward_that_is_wrong_at_one_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(context: Any, x: Any) -> Any:
        y = context.xp.exp(x) * (2 if x.shape[0] == 128 else 1)
        context.save(y)
        return y

    monkeypatch.setattr(ops.Exp, "forward", staticmethod(forward))
    with pytest.raises(GraphError, match="a size n is equal to 128 has an answer for some sizes only"):
        prove_op(ops.Exp)


def test_a_change_of_the_cotangent_is_refused_on_every_array() -> None:
    def backward(context: Any, cotangent: Any) -> Any:
        cotangent *= context.saved[0]
        return cotangent

    with replaced_backward(ops.Exp, backward):
        for value in (np.ones((2, 2)), torch.ones(2, 2)):
            x = Tensor(value, requires_grad=True)
            y = ops.Exp.apply(x)
            with pytest.raises((GraphError, ValueError), match="read-only|changed its cotangent in place"):
                (y + x).backward(np.ones((2, 2)))
        with pytest.raises(NotSymbolicError, match="read-only"):
            [list(trace.comparisons()) for trace in traces(ops.Exp)]


def test_a_gradient_that_is_wrong_where_only_some_are_needed_is_refused() -> None:
    def backward(context: Any, cotangent: Any) -> Any:
        x, W = context.saved
        dx = cotangent @ W if context.needs[0] else None
        dW = cotangent.T @ x * (1 if context.needs[0] else 2) if context.needs[1] else None
        return dx, dW, context.xp.sum(cotangent, axis=0)

    with replaced_backward(ops.Linear, backward):
        (proof,) = prove_op(ops.Linear)
    wrong = [found.what for found in proof.comparisons if not found.proved]
    assert "the gradient of X1, where X1, X2 needs one," in wrong
    assert "the gradient of X1" not in wrong


def linear_with_a_hole(context: Any, cotangent: Any) -> Any:
    x, W = context.saved
    dx = cotangent @ W if context.needs[0] else None
    dW = cotangent.T @ (x * x / x) if context.needs[1] else None
    db = context.xp.sum(cotangent, axis=0) if context.needs[2] else None
    return dx, dW, db


def tanh_with_a_hole(context: Any, cotangent: Any) -> Any:
    (y,) = context.saved
    return cotangent * (1 - y * ((y * y - y * y * y * y) / (1 - y * y)) / y)


@pytest.mark.parametrize(("op", "backward", "at"), [
    (ops.Linear, linear_with_a_hole, "the reciprocal of X0"), (ops.Tanh, tanh_with_a_hole, "the reciprocal of tanh"),
])  # fmt: skip
def test_code_that_divides_by_zero_within_its_domain_is_refused(op: Any, backward: Any, at: str) -> None:
    with replaced_backward(op, backward):
        proofs = prove_op(op)
    assert all(found.proved for proof in proofs for found in proof.comparisons)  # as SymPy reduces the fraction
    assert any(at in problem for proof in proofs for problem in proof.problems)


def test_values_at_zero_are_those_that_are_stated() -> None:
    def forward(context: Any, x: Any) -> Any:
        context.save(x >= 0)
        return context.xp.maximum(x, context.xp.zeros_like(x))

    derivation = load("relu")
    assert not [line for line in numeric.failures(derivation, numeric.check(derivation)) if "borders" in line]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops.ReLU, "forward", staticmethod(forward))
        found = numeric.failures(derivation, numeric.check(derivation))
    assert any(line.startswith("borders") for line in found)


class Signs:
    """An optimiser with one sign wrong."""

    @staticmethod
    def with_decay(self: Any) -> None:
        for parameter in self.parameters:
            gradient = parameter.grad
            if self.weight_decay:
                gradient = gradient - self.weight_decay * parameter.value
            parameter.value -= self.learning_rate * gradient
            parameter.grad = None

    @staticmethod
    def without_momentum(self: Any) -> None:
        for place, parameter in enumerate(self.parameters):
            if self.momentum:
                momentum_step(self, place, parameter)
            parameter.value += self.learning_rate * parameter.grad
            parameter.grad = None


def momentum_step(self: Any, place: Any, parameter: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("step", [Signs.with_decay, Signs.without_momentum])
def test_a_wrong_sign_in_the_optimiser_is_refused(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SGD, "step", step)
    findings = Findings([])
    verification._code(load("momentum"), findings)
    assert any("SGD with and without momentum and weight decay" in failure.where for failure in findings.failures)


# The crash


def test_a_backward_that_raises_is_a_finding_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(context: Any, cotangent: Any) -> Any:
        x, z = context.saved
        return z.T @ cotangent, cotangent @ x.T

    monkeypatch.setattr(ops.MatMul, "backward", staticmethod(swapped))
    wrong, right = verify("matmul", oracles=False), verify("exponential", oracles=False)
    assert not wrong.passed
    assert "MatMul.backward" in " ".join(failure.where for failure in wrong.failures)
    assert right.passed


# Every line, in exact numbers


def test_a_line_that_is_wrong_at_one_size_only_is_noticed_by_its_values() -> None:
    derivation = load("repeat")
    wrong = Line(sum_over(G[p, j], j) + (1 - 1 / m) * (1 - 2 / m) * (1 - 3 / m) * W[p, p], "right at three sizes")
    chain = replace(derivation.chains[0], lines=(*derivation.chains[0].lines, wrong))
    with pytest.raises(ArithmeticError, match="line 3 is"):
        ROUTES["lines"](replace(derivation, chains=(chain,), sizes={"n": 2, "m": 5, "d": 3}))
    ROUTES["lines"](derivation)


def test_the_judges_notice_when_the_original_is_not_right() -> None:
    with replaced_backward(ops.Exp, ops.Neg.backward):
        count = source_mutants.check_source(ops.Exp)
    assert any("itself is not judged to be right" in line for line in count.disagreements)
