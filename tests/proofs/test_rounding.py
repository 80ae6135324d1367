"""Bounds of rounding errors: kept by every operation in float32, and broken by one that rounds more."""

from typing import Any

import numpy as np
import pytest

from rederive.autograd import Op, Tensor, convolution, normalization, ops, pooling
from rederive.proofs.checks.rounding import Bounded, BoundedNamespace, U, rounding

OPS = [
    op
    for module in (ops, convolution, pooling, normalization)
    for op in vars(module).values()
    if isinstance(op, type) and issubclass(op, Op) and op.__module__ == module.__name__ and not op.unproved
]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_no_error_in_single_precision_is_larger_than_its_bound(op: type[Op]) -> None:
    found = rounding(op)
    assert found.share <= 1
    assert found.measured <= found.bound < 2000


def test_an_operation_that_rounds_more_breaks_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(context: Any, x: Any) -> Any:
        y = context.xp.exp(x)
        if isinstance(y, np.ndarray):
            y = y.astype(np.float16).astype(np.float32)
        context.save(y)
        return y

    monkeypatch.setattr(ops.Exp, "forward", staticmethod(forward))
    assert rounding(ops.Exp).share > 100


def test_a_bound_is_that_of_the_textbook() -> None:
    # Higham 2002, (3.5): a product of n terms has an error of at most n u times the sum of the sizes.
    x, y = np.array([[1.0, -2.0, 3.0]]), np.array([[4.0], [5.0], [6.0]])
    found = BoundedNamespace.matmul(Bounded(x, 0.0), Bounded(y, 0.0))
    assert found.error.tolist() == [[3 * (4 + 10 + 18)]]


def test_log_softmax_is_finite_and_within_its_bound_where_exponentials_are_not() -> None:
    rows = np.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4], [-1e4, -1.00001e4, 3e38]], np.float32)
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(rows)).any()
    found = ops.LogSoftmax.apply(Tensor(rows)).value
    known = ops.LogSoftmax.apply(Tensor(Bounded(rows.astype(np.float64), 0.0))).value
    assert np.isfinite(found).all()
    assert (np.abs(found - known.value) <= U * known.error).all()
