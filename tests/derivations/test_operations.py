"""Every registered operation is proved, and its mutants are judged alike by the prover and by exact numbers."""

import numpy as np
import pytest

from rederive.autograd import Op, ops
from rederive.autograd.examples import Example
from rederive.derivations.mutants import ExactCase, check_source, source_mutants
from rederive.derivations.symbolic.code import prove_op, replaced_backward

OPERATIONS = [
    value
    for value in vars(ops).values()
    if isinstance(value, type) and issubclass(value, Op) and value.__module__ == ops.__name__
]


@pytest.fixture
def registry(monkeypatch):
    """Operations that a test defines are not seen by other tests."""
    monkeypatch.setattr(Op, "_defined", list(Op._defined))


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.__name__)
def test_an_operation_is_proved_for_all_sizes_or_says_why_not(op):
    proofs = prove_op(op)
    assert proofs
    for proof in proofs:
        if op.unproved:
            assert proof.refused == op.unproved
            assert not proof.proved
        else:
            assert proof.proved, [(found.what, found.rest) for found in proof.comparisons]
            assert proof.comparisons


def test_almost_all_operations_are_proved():
    assert [op.__name__ for op in OPERATIONS if op.unproved] == ["Reshape"]


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.__name__)
def test_exact_numbers_confirm_the_backward(op):
    for number, example in enumerate(op.examples):
        assert ExactCase(op, example, (7, number)).confirms(op.backward)


def test_both_judges_agree_on_every_mutant_of_every_backward():
    counts = [check_source(op) for op in OPERATIONS]
    disagreements = [line for count in counts for line in count.disagreements]
    assert disagreements == []
    assert sum(count.total for count in counts) >= 300
    assert sum(count.rejected for count in counts) >= 280
    # Not all mutants are wrong: "context.needs[0]" for "context.needs[1]" changes nothing where both are needed.
    assert sum(count.equivalent for count in counts) >= 10


def test_mutants_change_signs_factors_axes_and_operands():
    changes = {what for what, _ in source_mutants(ops.Normalize)}
    total = "context.xp.sum(cotangent * y, axis=1, keepdims=True)"
    assert f"cotangent - {total} -> cotangent + {total}" in changes
    assert {"1 -> 0", "True -> False", "y -> total", "context.xp.sum -> context.xp.mean"} <= changes
    assert "cotangent * y -> cotangent / y" in changes


@pytest.mark.usefixtures("registry")
class TestUserOperations:
    @staticmethod
    def cube(factor):
        class Cube(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context, x):
                context.save(x)
                return x * x * x

            @staticmethod
            def backward(context, cotangent):
                (x,) = context.saved
                return factor * cotangent * x * x

        return Cube

    def test_a_right_one_is_proved(self):
        assert [proof.proved for proof in prove_op(self.cube(3))] == [True]

    def test_a_wrong_one_is_not_and_both_sides_are_shown(self):
        (proof,) = prove_op(self.cube(2))
        assert not proof.proved
        (found,) = proof.comparisons
        assert found.what == "the gradient of X0"
        assert str(found.left) == "3*G[p, q]*X0[p, q]**2"
        assert str(found.rest) == "G[p, q]*X0[p, q]**2"

    def test_one_that_depends_on_its_maximum_is_not_proved(self):
        class Shifted(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context, x):
                return x - context.xp.max(x, axis=1, keepdims=True)

            @staticmethod
            def backward(context, cotangent):
                return cotangent

        (proof,) = prove_op(Shifted)
        assert [found.proved for found in proof.comparisons] == [True, False]
        assert "maxima" in proof.comparisons[1].what


def test_a_replaced_backward_is_put_back():
    original = ops.Exp.backward
    with replaced_backward(ops.Exp, lambda context, cotangent: -cotangent):
        assert ops.Exp.backward is not original
        assert not all(proof.proved for proof in prove_op(ops.Exp))
    assert ops.Exp.backward is original


def test_a_gradient_of_another_shape_is_not_confirmed():
    case = ExactCase(ops.Exp, ops.Exp.examples[0], (0,))
    (y,) = case.context.saved
    assert case.confirms(lambda context, cotangent: cotangent * y)
    assert not case.confirms(lambda context, cotangent: np.sum(cotangent * y, axis=0))
    assert not case.confirms(lambda context, cotangent: (cotangent * y, cotangent))
    assert not case.confirms(lambda context, cotangent: None)
