"""Symbolic arrays compute what NumPy computes, at every size, and refuse what has no meaning at every size."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

from rederive.proofs.checks.exact import Number, entries
from rederive.proofs.prover.array import ShapeError, SymbolicArray, SymbolicNamespace, position
from rederive.proofs.prover.indices import sizes
from rederive.proofs.prover.prove import equal
from rederive.proofs.prover.size import NotSymbolicError

n, m, d = sizes("n m d")
NUMBERS = {n: 2, m: 3}


def named(name: str, *shape: Any, below: Any = None) -> Any:
    return SymbolicArray.named(name, *shape, below=below)


CASES = {
    "arithmetic": lambda xp, x, a, b, s: (x + 2) * x / (a[:, None] + 1) - x**2,
    "numbers on the left": lambda xp, x, a, b, s: 1 - x + 2 / (3 + x) + 2.5 * x,
    "a row broadcast": lambda xp, x, a, b, s: x * b,
    "a column broadcast": lambda xp, x, a, b, s: x + xp.expand_dims(a, axis=1),
    "a scalar array": lambda xp, x, a, b, s: x * xp.sum(x),
    "row sums": lambda xp, x, a, b, s: xp.sum(x, axis=1),
    "row sums kept": lambda xp, x, a, b, s: x / xp.sum(x, axis=1, keepdims=True),
    "column sums": lambda xp, x, a, b, s: xp.sum(x, axis=0),
    "sums over two axes": lambda xp, x, a, b, s: xp.sum(x, axis=(0, 1), keepdims=True),
    "the last axis": lambda xp, x, a, b, s: xp.sum(x, axis=-1),
    "means": lambda xp, x, a, b, s: xp.mean(x, axis=0) + xp.mean(x),
    "matrix product": lambda xp, x, a, b, s: x.T @ x,
    "powers of a matrix": lambda xp, x, a, b, s: (x.T @ x) @ (x.T @ x) @ (x.T @ x),
    "equal sums inside a sum": lambda xp, x, a, b, s: xp.sum(x * xp.sum(x, axis=1, keepdims=True)) + xp.sum(x),
    "sums of ones": lambda xp, x, a, b, s: xp.sum(xp.ones_like(x) * xp.sum(xp.ones_like(x.T @ x), axis=0)),
    "transposes": lambda xp, x, a, b, s: xp.matrix_transpose(x) + xp.permute_dims(x, (1, 0)) + xp.swapaxes(x, 0, 1),
    "where": lambda xp, x, a, b, s: xp.where(x > 1, x, -x),
    "maximum and minimum": lambda xp, x, a, b, s: xp.maximum(x, 1) + xp.minimum(x, 1),
    "absolute values and signs": lambda xp, x, a, b, s: xp.abs(x - 1) * xp.sign(x - 1),
    "not": lambda xp, x, a, b, s: xp.where(~(x > 1), x, 0 * x),
    "repeated": lambda xp, x, a, b, s: xp.broadcast_to(a[:, None], x.shape) + xp.repeat(a[:, None], 1, axis=1),
    "squeezed and reshaped": lambda xp, x, a, b, s: xp.squeeze(a[:, None], axis=1) + xp.reshape(a[:, None], a.shape),
    "fixed positions": lambda xp, x, a, b, s: x[0, :] + x[..., 0][0] + x[..., -1][-1],
    "labels": lambda xp, x, a, b, s: xp.where(xp.arange(x.shape[1]) == s[:, None], x, 0 * x),
    "taken along rows": lambda xp, x, a, b, s: xp.take_along_axis(x, s[:, None], axis=1),
    "full arrays": lambda xp, x, a, b, s: x * xp.ones_like(x) + xp.zeros_like(x) + xp.full_like(x, 3),
    "in place": lambda xp, x, a, b, s: in_place(x),
    "comparisons of equal numbers": lambda xp, x, a, b, s: comparisons(xp, x, s),
    "masks as numbers": lambda xp, x, a, b, s: (x > 1) * 3 + (1 - xp.where(s == 2, s, 1))[:, None] * x,
    "counted": lambda xp, x, a, b, s: xp.sum(x > 1, axis=1) + xp.sum(s) * a,
    "made like another": lambda xp, x, a, b, s: xp.full_like(s, 3) * a + xp.zeros_like(a) + xp.ones_like(s),
    "a mask transposed": lambda xp, x, a, b, s: xp.where(xp.matrix_transpose(x > 1), x.T, 0),
}


def comparisons(xp: Any, x: Any, s: Any) -> Any:
    """At ties too, NumPy's values: of integers, of a number with itself, of what a maximum left at 0."""
    columns, positive = xp.arange(x.shape[1]), xp.maximum(x - 1, 0)
    masks = [s[:, None] > columns, s[:, None] >= columns, s[:, None] < columns, s[:, None] <= columns]
    masks += [x > x, x >= x, positive > 0, positive >= 0, positive < 0, positive <= 0]
    total = sum(xp.where(mask, x * number, number) for number, mask in enumerate(masks, start=2))
    return total + xp.sign(positive) + xp.abs(positive) + xp.minimum(positive, 0)


def in_place(x: Any) -> Any:
    before = x + 0
    y = x * 1
    doubled = y * 2
    y += x
    y *= 3
    return y + doubled + before


@pytest.mark.parametrize("name", CASES)
def test_entries_are_those_that_numpy_computes(name: Any) -> None:
    function = CASES[name]
    generator = np.random.default_rng(3)

    def exact(*shape: Any) -> Any:
        drawn = np.empty(shape, dtype=object)
        for where in np.ndindex(shape):
            drawn[where] = Number(Fraction(int(generator.integers(1, 60)), 30))
        return drawn

    values: dict[str, Any] = {"x": exact(2, 3), "a": exact(2), "b": exact(3), "s": np.array([2, 0])}
    expected: Any = np.asarray(function(np, *[values[k] for k in "xabs"]), dtype=object)
    arrays = named("x", n, m), named("a", n), named("b", m), named("s", n, below=m)
    result = function(SymbolicNamespace, *arrays)
    assert tuple(int(size.subs(NUMBERS)) for size in result.sizes) == expected.shape
    where = position(result, "pq")
    found = entries(result.at(*where), where, {**values, "n": 2, "m": 3})
    for have, want in zip(found.flat, expected.flat, strict=True):
        assert have.value == Number.of(want).value


def test_the_namespace_is_found_by_the_array_api() -> None:
    found: object = array_namespace(named("x", n))
    assert found is SymbolicNamespace


def test_numpy_functions_arrive() -> None:
    x = named("x", n, m)
    where = position(x, "pq")
    assert equal(np.exp(x).at(*where), SymbolicNamespace.exp(x).at(*where))
    assert equal((np.float64(2) * x).at(*where), 2 * x.at(*where))


@pytest.mark.parametrize(
    "code",
    [
        lambda x, a: x + a,
        lambda x, a: x @ x,
        lambda x, a: SymbolicNamespace.sum(x, axis=2),
        lambda x, a: SymbolicNamespace.squeeze(x, axis=0),
        lambda x, a: SymbolicNamespace.broadcast_to(x, (n, d)),
        lambda x, a: SymbolicNamespace.permute_dims(x, (0, 0)),
        lambda x, a: SymbolicNamespace.matrix_transpose(a),
    ],
)
def test_shapes_that_do_not_fit_for_all_sizes_are_refused(code: Any) -> None:
    with pytest.raises(ShapeError):
        code(named("x", n, m), named("a", n))


@pytest.mark.parametrize(
    "code",
    [
        lambda x: bool(x > 0),
        lambda x: x[1:],
        lambda x: x.__setitem__(0, 1),
        lambda x: SymbolicNamespace.reshape(x, (m, n)),
        lambda x: SymbolicNamespace.repeat(x, 2, axis=0),
        lambda x: SymbolicNamespace.where(x, x, x),
        lambda x: x + np.ones(3),
        lambda x: np.floor(x),
        lambda x: x[1],
        lambda x: x[-2],
        lambda x: x[n],
        lambda x: x[True],
        lambda x: SymbolicNamespace.take_along_axis(x, named("s", n, below=d)[:, None], axis=1),
        lambda x: SymbolicNamespace.take_along_axis(x, named("s", n, below=m)[:, None] - 1, axis=1),
        lambda x: SymbolicNamespace.take_along_axis(x, x, axis=1),
    ],
)
def test_what_has_no_meaning_at_every_size_is_refused(code: Any) -> None:
    with pytest.raises(NotSymbolicError):
        code(named("x", n, m))


@pytest.mark.parametrize(
    "code",
    [
        lambda xp, x, s: (x > 0) + (x > 1),
        lambda xp, x, s: (x > 0) * (x > 1),
        lambda xp, x, s: (x > 0) + True,
        lambda xp, x, s: -(x > 0),
        lambda xp, x, s: xp.maximum(x > 0, x > 1),
        lambda xp, x, s: (x > 0) @ xp.matrix_transpose(x > 1),
        lambda xp, x, s: xp.astype(x, xp.int64),
        lambda xp, x, s: xp.asarray(x / 2, dtype=xp.int64),
        lambda xp, x, s: xp.astype(s / 2, xp.int64),
        lambda xp, x, s: xp.sum(x, dtype=xp.int64),
        lambda xp, x, s: xp.full_like(s, 0.5),
        lambda xp, x, s: xp.astype(x, "bool"),
        lambda xp, x, s: xp.astype(x, "float16"),
        lambda xp, x, s: xp.reciprocal(s),
        lambda xp, x, s: s.__iadd__(0.5),
        lambda xp, x, s: x == 1,
    ],
)
def test_what_depends_on_how_numbers_are_stored_is_refused(code: Any) -> None:
    with pytest.raises(NotSymbolicError):
        code(SymbolicNamespace, named("x", n, m), named("s", n, below=m))


VIEWS = {
    "transposed": lambda xp, x: xp.matrix_transpose(x),
    "swapped": lambda xp, x: xp.swapaxes(x, 0, 1),
    "permuted": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "T": lambda xp, x: x.T,
    "a row": lambda xp, x: x[0],
    "all of it": lambda xp, x: x[...],
    "a new axis": lambda xp, x: x[:, None],
    "expanded": lambda xp, x: xp.expand_dims(x, axis=1),
    "squeezed": lambda xp, x: xp.squeeze(x[None], axis=0),
    "reshaped": lambda xp, x: xp.reshape(x, (n, 1, m)),
    "broadcast": lambda xp, x: xp.broadcast_to(x, (n, m)),
    "not copied": lambda xp, x: xp.asarray(x),
    "of the same dtype": lambda xp, x: xp.astype(x, x.dtype, copy=False),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_change_in_place_that_others_would_see_is_refused(name: Any) -> None:
    x = named("x", n, m)
    view = VIEWS[name](SymbolicNamespace, x)
    with pytest.raises(NotSymbolicError, match="view"):
        view *= 2
    with pytest.raises(NotSymbolicError, match="view"):
        x *= 2


def test_a_copy_is_changed_alone() -> None:
    x = named("x", n, m)
    where = position(x, "pq")
    copy: Any
    for copy in (SymbolicNamespace.asarray(x, copy=True), SymbolicNamespace.astype(x, x.dtype), x * 1):
        before = copy.at(*where)
        copy *= 2
        assert equal(copy.at(*where), 2 * before)
    largest: Any = SymbolicNamespace.max(x, axis=1)
    largest += 1
    x @= named("y", m, m)


def test_positions_count_from_the_end_as_in_numpy() -> None:
    x, (i,) = named("x", n, m), position(named("a", n), "p")
    assert x[:, -1].at(i) == x.at(i, m - 1)
    assert named("y", n + 1)[n].at() == named("y", n + 1)[-1].at()
    assert named("z", 3)[-3].at() == named("z", 3)[0].at()


def test_real_numbers_are_equal_almost_nowhere_and_others_may_be() -> None:
    x, y, s = named("x", n, m), named("y", n, m), named("s", n, below=m)[:, None]
    where = position(x, "pq")

    def same(left: Any, right: Any) -> Any:
        return equal(left.at(*where), right.at(*where))

    assert same(x >= 0, x > 0)
    assert same(x <= y, x < y)
    assert same(x < 1, ~(x > 1))
    assert same(s >= 1, ~(s < 1))
    maximum, positive = SymbolicNamespace.max(x, axis=1, keepdims=True), SymbolicNamespace.maximum(x, 0)
    for left, right in [(s, 1), (s, SymbolicNamespace.arange(m)), (x, maximum), (positive, 0), (x, x[:, 0][:, None])]:
        assert not same(left >= right, left > right)
        assert not same(left <= right, left < right)


def test_a_maximum_is_an_unknown_number_of_its_own() -> None:
    x = named("x", n, n)
    first, again, scaled = (SymbolicNamespace.max(y, axis=1, keepdims=True) for y in (x, 1 * x, 2 * x))
    others = [scaled, SymbolicNamespace.max(x.T, axis=1, keepdims=True), SymbolicNamespace.max(x, axis=0)[:, None]]
    where = position(first, "pq")
    assert first.shape == (n, 1)
    assert equal(first.at(*where), again.at(*where))
    assert not any(equal(first.at(*where), other.at(*where)) for other in others)
    assert SymbolicNamespace.max(x, axis=1).shape == (n,)
