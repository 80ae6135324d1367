"""Every registered operation is proved, and its mutants are judged alike by the prover and by exact numbers."""

import operator
from typing import Any

import numpy as np
import pytest

from rederive.autograd import Op, Tensor, convolution, normalization, ops, pooling
from rederive.autograd.examples import Example
from rederive.proofs.checks.source_mutants import ExactCase, check_source, source_mutants
from rederive.proofs.prover.code import prove_op, replaced_backward, traces
from rederive.proofs.prover.size import NotSymbolicError

OPERATIONS = [
    value
    for module in (ops, convolution, pooling, normalization)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Op) and value.__module__ == module.__name__
]


# What may be equal in more than a few places: there >= and > are two masks.
TIES = {
    "indices": lambda xp, x: (xp.arange(x.shape[0])[:, None], xp.arange(x.shape[1])),
    "row maxima": lambda xp, x: (x, xp.max(x, axis=1, keepdims=True)),
    "what a maximum left": lambda xp, x: (xp.maximum(x, 0), 0),
    "pairs of one array": lambda xp, x: (x, x[:, 0][:, None]),
    "conditions as numbers": lambda xp, x: (xp.astype(x > 1, x.dtype), 1),
}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations that a test defines are not seen by other tests."""
    monkeypatch.setattr(Op, "_defined", list(Op._defined))


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.__name__)
def test_an_operation_is_proved_for_all_sizes_or_says_why_not(op: Any) -> None:
    proofs = prove_op(op)
    assert proofs
    for proof in proofs:
        if op.unproved:
            assert proof.refused == op.unproved
            assert not proof.proved
        else:
            assert proof.proved, [(found.what, found.rest) for found in proof.comparisons]
            assert proof.comparisons


def test_almost_all_operations_are_proved() -> None:
    assert [op.__name__ for op in OPERATIONS if op.unproved] == ["Reshape"]


@pytest.mark.parametrize(
    ("shape", "other"), [((2, 3), (3, 2)), ((2, 3, 1, 2), (2, 6)), ((4,), (2, 1, 2)), ((1, 1), (1,))]
)
def test_reshaping_is_proved_at_stated_sizes(shape: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """It is linear and its backward, too: what they do to the unit vectors is all, and one must be the transpose."""
    units = np.eye(int(np.prod(shape)), dtype=int)
    forward, backward = [], []
    for unit in units:
        x = Tensor(unit.reshape(shape) * 1.0, requires_grad=True)
        y = ops.Reshape.apply(x, shape=other)
        assert y.shape == other
        forward.append(y.value.ravel())
        y.backward(unit.reshape(other) * 1.0)
        backward.append(x.grad.ravel())
    np.testing.assert_array_equal(np.array(forward).T, np.array(backward))


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.__name__)
def test_exact_numbers_confirm_the_backward(op: Any) -> None:
    for number, example in enumerate(op.examples):
        assert ExactCase(op, example, (7, number)).confirms(op.backward)


@pytest.mark.parametrize("op", [op for op in OPERATIONS if not op.unproved], ids=lambda op: op.__name__)
def test_both_judges_agree_on_every_mutant(op: Any) -> None:
    count = check_source(op)
    assert count.disagreements == []
    assert count.rejected >= 0.7 * count.total > 0


def test_batch_normalisation_is_proved_over_all_axes_of_images_too(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Example("n h w c", axes=(0, 1, 2))
    monkeypatch.setattr(normalization.Standardize, "examples", (example,))
    assert [proof.proved for proof in prove_op(normalization.Standardize)] == [True]


def test_mutants_change_signs_factors_axes_and_operands() -> None:
    changes = {what for what, _ in source_mutants(ops.Normalize.backward)}
    total = "context.xp.sum(cotangent * y, axis=1, keepdims=True)"
    assert f"return «cotangent - {total}» / total with cotangent + {total}" in changes
    rest = "return (cotangent - {}) / total with {}"
    assert {
        rest.format("context.xp.sum(cotangent * y, axis=«1», keepdims=True)", "0"),
        rest.format("context.xp.sum(cotangent * y, axis=1, keepdims=«True»)", "False"),
        rest.format("context.xp.sum(cotangent * «y», axis=1, keepdims=True)", "total"),
        rest.format("«context.xp.sum»(cotangent * y, axis=1, keepdims=True)", "context.xp.mean"),
        rest.format("context.xp.sum(«cotangent * y», axis=1, keepdims=True)", "cotangent / y"),
    } <= changes


@pytest.mark.usefixtures("registry")
class TestUserOperations:
    @staticmethod
    def cube() -> Any:
        class Cube(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                context.save(x)
                return x * x * x

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                (x,) = context.saved
                return 3 * cotangent * x * x

        return Cube

    def test_a_right_one_is_proved(self) -> None:
        assert [proof.proved for proof in prove_op(self.cube())] == [True]

    def test_a_wrong_one_is_not_and_both_sides_are_shown(self) -> None:
        cube = self.cube()
        with replaced_backward(cube, lambda context, cotangent: 2 * cotangent * context.saved[0] ** 2):
            (proof,) = prove_op(cube)
        assert not proof.proved
        (found,) = proof.comparisons
        assert found.what == "the gradient of X0"
        assert str(found.left) == "3*G[p, q]*X0[p, q]**2"
        assert str(found.rest) == "G[p, q]*X0[p, q]**2"

    def test_one_that_depends_on_its_maximum_is_not_proved(self) -> None:
        class Shifted(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                return x - context.xp.max(x, axis=1, keepdims=True)

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                return cotangent

        (proof,) = prove_op(Shifted)
        assert [found.proved for found in proof.comparisons] == [True, False]
        assert "maxima" in proof.comparisons[1].what

    def test_one_without_examples_proves_nothing(self) -> None:
        class Nothing(Op):
            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                return x

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                return -cotangent

        with pytest.raises(ValueError, match="Nothing has no examples"):
            prove_op(Nothing)

    @staticmethod
    def masked(sides: Any, forward_compares: Any, backward_compares: Any) -> bool:
        """An op that changes a sign where `sides` compare one way, with a backward that compares another way."""

        class Masked(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                left, right = sides(context.xp, x)
                context.save(backward_compares(left, right))
                return context.xp.where(forward_compares(left, right), x, -x)

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                (mask,) = context.saved
                return context.xp.where(mask, cotangent, -cotangent)

        # Only the gradients: there is no derivative at ties, and the comparisons are variables of the test.
        return all(found.proved for trace in traces(Masked) for found in trace.comparisons())

    @pytest.mark.parametrize("name", TIES)
    def test_a_backward_that_is_wrong_at_ties_is_not_proved(self, name: Any) -> None:
        for one, other in ((operator.ge, operator.gt), (operator.le, operator.lt)):
            assert self.masked(TIES[name], one, one)
            assert self.masked(TIES[name], other, other)
            assert not self.masked(TIES[name], one, other)
            assert not self.masked(TIES[name], other, one)

    def test_where_ties_are_outside_the_domain_both_comparisons_are_proved(self) -> None:
        for sides in (lambda xp, x: (x, 1), lambda xp, x: (2 * x, x - 1)):
            assert all(self.masked(sides, one, other) for one in (operator.ge, operator.gt)
                       for other in (operator.ge, operator.gt))  # fmt: skip

    def test_a_change_through_a_view_is_refused(self) -> None:
        class HalfSquare(Op):
            examples = (Example("n m"),)

            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                context.save(x)
                return x * x / 2

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                (x,) = context.saved
                view = context.xp.matrix_transpose(cotangent)
                view *= 2
                return cotangent * x

        with pytest.raises(NotSymbolicError, match="read-only"):
            prove_op(HalfSquare)


def test_a_replaced_backward_is_put_back() -> None:
    original = ops.Exp.backward
    with replaced_backward(ops.Exp, lambda context, cotangent: -cotangent):
        assert ops.Exp.backward is not original
        assert not all(proof.proved for proof in prove_op(ops.Exp))
    assert ops.Exp.backward is original


def test_a_gradient_of_another_shape_is_not_confirmed() -> None:
    case = ExactCase(ops.Exp, ops.Exp.examples[0], (0,))
    (y,) = (np.exp(x) for x in case.arrays)
    assert case.confirms(lambda context, cotangent: cotangent * y)
    assert not case.confirms(lambda context, cotangent: np.sum(cotangent * y, axis=0))
    assert not case.confirms(lambda context, cotangent: (cotangent * y, cotangent))
    assert not case.confirms(lambda context, cotangent: None)
