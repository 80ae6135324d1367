"""Forward mode, from the same sources: proved for all sizes, and second derivatives against PyTorch and JAX."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from rederive.autograd import Op, Tensor, convolution, normalization, ops, pooling
from rederive.autograd.convolution import conv2d
from rederive.autograd.forward_mode import Dual, hessian_vector_product, jvp
from rederive.autograd.normalization import Standardize
from rederive.autograd.pooling import max_pool2d
from rederive.proofs.prover.array import SymbolicArray, named_entry, position
from rederive.proofs.prover.code import Trace, entry, symbolic_inputs
from rederive.proofs.prover.indices import Index, array, sum_over
from rederive.proofs.prover.prove import equal, pushforward

CASES = [
    pytest.param(op, example, id=f"{op.__name__} {example}")
    for module in (ops, convolution, pooling, normalization)
    for op in vars(module).values()
    if isinstance(op, type) and issubclass(op, Op) and op.__module__ == module.__name__ and not op.unproved
    for example in op.examples
]


def paired(value: SymbolicArray, other: Any) -> Any:
    """Return the sum over all entries of the products of an array's entries and those of another."""
    where = tuple(place.fresh() if isinstance(place, Index) else place for place in position(value))
    over = [place for place in where if isinstance(place, Index)]
    body = value.at(*where) * other(*where)
    return sum_over(body, *over) if over else body


@pytest.mark.parametrize(("op", "example"), CASES)
def test_forward_and_reverse_mode_are_adjoint_for_all_sizes(op: type[Op], example: Any) -> None:
    """<J v, G> is the derivative of <Y, G> along v that SymPy finds, and <v, J^T G> with the sweep's J^T G."""
    inputs, constants = symbolic_inputs(example)
    directions = {name: SymbolicArray(x.sizes, named_entry(array(f"V{name}"))) for name, x in inputs.items()}
    _, slope = jvp(lambda *x: op.apply(*x, **constants), list(inputs.values()), list(directions.values()))
    forward = paired(slope, lambda *where: entry(array("G"), where))

    trace = Trace(lambda *x: op.apply(*x, **constants), inputs)
    assert all(found.proved for found in trace.comparisons())
    swept = sum(paired(trace.tensors[name].grad, directions[name].at) for name in inputs)
    assert equal(forward, swept)
    if all(x.sizes for x in inputs.values()):  # a single number is no indexed base
        moved = sum(pushforward(trace.scalar, array(name), array(f"V{name}")) for name in inputs)
        assert equal(forward, moved)


def test_a_wrong_rule_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    from rederive.autograd import forward_mode

    monkeypatch.setattr(
        forward_mode.DualNamespace, "exp", staticmethod(forward_mode._smooth("exp", lambda xp, x, y: x))
    )
    with pytest.raises(AssertionError):
        test_forward_and_reverse_mode_are_adjoint_for_all_sizes(ops.Exp, ops.Exp.examples[0])


def network(x: Any, w: Any, b: Any, v: Any, labels: Any) -> Any:
    y = functional.max_pool2d(functional.conv2d(x, w, b, padding=1), 2)
    y = functional.batch_norm(y, None, None, training=True)
    return functional.cross_entropy(torch.tanh(y).flatten(1) @ v, labels)


def engine_network(labels: np.ndarray) -> Any:
    def loss(x: Tensor, w: Tensor, b: Tensor, v: Tensor) -> Tensor:
        y = Standardize.apply(max_pool2d(conv2d(x, w, b, padding=1), 2), axes=(0, 1, 2))
        y = convolution.ChannelsFirst.apply(ops.Tanh.apply(y))
        y = ops.Reshape.apply(y, shape=(y.shape[0], int(np.prod(y.shape[1:]))))
        value: Tensor = -ops.Select.apply(ops.LogSoftmax.apply(y @ v), columns=labels).mean()
        return value

    return loss


def test_hessian_times_vector_is_that_of_torch() -> None:
    generator = np.random.default_rng(0)
    shapes = [(3, 2, 4, 6), (2, 2, 3, 3), (2,), (12, 4)]
    values = [generator.standard_normal(shape) for shape in shapes]
    vectors = [generator.standard_normal(shape) for shape in shapes]
    labels = generator.integers(0, 4, 3)
    _, expected = torch.autograd.functional.hvp(
        lambda x, w, b, v: network(x, w, b, v, torch.tensor(labels)),
        tuple(map(torch.tensor, values)),
        tuple(map(torch.tensor, vectors)),
    )
    moved = [np.moveaxis(values[0], 1, -1), *values[1:]], [np.moveaxis(vectors[0], 1, -1), *vectors[1:]]
    found = hessian_vector_product(engine_network(labels), *moved)
    found[0] = np.moveaxis(found[0], -1, 1)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)


def test_hessian_times_vector_is_that_of_jax() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    generator = np.random.default_rng(1)
    values, vectors = ([generator.standard_normal(shape) for shape in ((5, 3), (4, 3), (4,))] for _ in range(2))

    def theirs(x: Any, w: Any, b: Any) -> Any:
        logits = jnp.tanh(x @ w.T + b)
        return jnp.sum(jax.nn.log_softmax(logits)[:, 1] * jax.nn.sigmoid(x[:, 0]))

    def ours(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        logarithms = ops.LogSoftmax.apply(ops.Tanh.apply(ops.Linear.apply(x, w, b)))
        first = ops.Select.apply(ops.Sigmoid.apply(x), columns=np.zeros(5, int))
        value: Tensor = (ops.Select.apply(logarithms, columns=np.ones(5, int)) * first).sum()
        return value

    gradient = jax.grad(theirs, argnums=(0, 1, 2))
    _, expected = jax.jvp(gradient, tuple(map(jnp.asarray, values)), tuple(map(jnp.asarray, vectors)))
    for mine, other in zip(hessian_vector_product(ours, values, vectors), expected, strict=True):
        np.testing.assert_allclose(mine, np.asarray(other), atol=1e-12)


def test_the_derivative_of_what_does_not_change_is_zero() -> None:
    value, slope = jvp(lambda x: Tensor(np.ones(2)), [np.ones(3)], [np.ones(3)])
    assert value.tolist() == [1, 1]
    assert slope.tolist() == [0, 0]
    assert isinstance(Tensor(Dual(np.ones(2), np.ones(2))).value, Dual)
