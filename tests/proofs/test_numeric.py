"""The numerical checks notice what they are there to notice."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.proofs.catalogue import load

from rederive.autograd import Tensor, ops
from rederive.autograd.optimizers import SGD
from rederive.proofs.checks import numeric, samples
from rederive.proofs.prover.code import replaced_backward
from rederive.proofs.verification import bound, verify_derivation

CHECKS = {"complex_step", "borders", "random_directions", "float32", "strided_cotangent", "second_order",
          "second_order_differences"}  # fmt: skip


def failing(name: str, backward: Any, op: Any) -> Any:
    derivation = load(name)
    with replaced_backward(op, backward):
        return numeric.failures(derivation, numeric.check(derivation))


def test_all_kinds_of_checks_are_made() -> None:
    assert set(numeric.check(load("normalize"))) == CHECKS
    assert set(numeric.check(load("relu"))) == CHECKS - {"complex_step"} | {"central_difference"}


def test_a_slightly_wrong_gradient_is_noticed() -> None:
    found = failing("exponential", lambda c, G: G * c.saved[0] * (1 + 1e-9), ops.Exp)
    assert any(message.startswith("complex_step") for message in found)
    assert any(message.startswith("random_directions") for message in found)


def test_a_gradient_that_depends_on_strides_is_noticed() -> None:
    def backward(context: Any, G: Any) -> Any:
        return G * context.saved[0] * (1 if G.flags.c_contiguous else 2)

    found = failing("exponential", backward, ops.Exp)
    assert [message.split(":")[0] for message in found] == ["strided_cotangent"]


def test_a_gradient_that_loses_digits_in_single_precision_is_noticed() -> None:
    def backward(context: Any, G: Any) -> Any:
        (y,) = context.saved
        return G * y if y.dtype != np.float32 else (G * (y + np.float32(1e4))) - G * np.float32(1e4)

    assert [message.split(":")[0] for message in failing("exponential", backward, ops.Exp)] == ["float32"]


def test_a_gradient_whose_own_derivative_is_wrong_is_noticed() -> None:
    # Right where the values are real, and not the real function of complex ones: the second derivative goes wrong.
    found = failing("exponential", lambda c, G: G * np.real(c.saved[0]), ops.Exp)
    assert any(message.startswith("second_order_differences") for message in found)


def test_a_result_that_is_not_a_number_fails() -> None:
    assert numeric.failures(load("exponential"), {"complex_step": float("nan")})


def spoiled(value: Any) -> Any:
    """A function of an array that leaves its last entry not a number."""

    def spoil(array: Any) -> Any:
        result = np.array(array)
        result.flat[-1] *= value
        return result

    return spoil


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_entry_that_is_not_a_number_is_noticed_by_every_check(value: Any) -> None:
    spoil = spoiled(value)
    with replaced_backward(ops.Exp, lambda c, G: spoil(G * c.saved[0])):
        errors = numeric.check(load("exponential"))
    assert errors == dict.fromkeys(CHECKS, np.inf)


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_program_whose_values_are_not_numbers_fails_the_derivation(value: Any) -> None:
    spoil = spoiled(value)
    derivation = load("elementwise")
    wrong = replace(
        derivation,
        program=lambda xp, X: spoil(derivation.program(xp, X)),
        symbolic_program=False,
        mutate="nothing",
    )
    result = verify_derivation("elementwise", wrong, {})
    assert [failure.where for failure in result.failures] == ["the numbers"]
    assert result.facts["numeric"]["max_relative_error"] == np.inf


def test_relative_error_of_another_shape_is_infinite() -> None:
    assert numeric.relative_error(np.ones(2), np.ones(3)) == float("inf")
    assert numeric.relative_error(np.array([1.0, np.nan]), np.array([1.0, np.nan])) == float("inf")
    assert numeric.relative_error(np.ones(2), np.array([1.0, np.inf])) == float("inf")
    assert numeric.relative_error(np.zeros(2), np.zeros(2)) == 0
    assert numeric.relative_error(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5


@pytest.mark.parametrize(
    ("error", "expected"), [(0.0, 0.0), (1.2e-16, 1e-15), (1e-12, 1e-12), (float("inf"), float("inf"))]
)
def test_bounds_are_powers_of_ten(error: Any, expected: Any) -> None:
    assert bound(error) == pytest.approx(expected)
    assert bound(error) >= error


def test_samples_stay_in_the_domain() -> None:
    generator = np.random.default_rng(0)
    assert (samples.draw((200,), "positive", generator) >= 0.1).all()
    drawn = samples.draw((200,), "nonzero", generator)
    assert (np.abs(drawn) >= 0.1).all()
    assert (drawn < 0).any()
    labels = samples.draw((200,), "real", generator, below=3)
    assert set(labels) == {0, 1, 2}


# Conventions, which are not proved but stated


def test_the_gradient_of_relu_at_zero_is_zero_as_in_pytorch() -> None:
    x = Tensor(np.array([-1.0, 0.0, 2.0]), requires_grad=True)
    ops.ReLU.apply(x).backward(np.ones(3))
    theirs = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    torch.relu(theirs).sum().backward()
    assert x.grad.tolist() == theirs.grad.tolist() == [0, 0, 1]


def test_the_closed_form_of_momentum_is_what_pytorch_does() -> None:
    gradients = np.random.default_rng(0).standard_normal((12, 3))
    momentum, rate = 0.9, 0.1
    ours = Tensor(np.zeros(3), requires_grad=True)
    theirs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = SGD([ours], rate, momentum=momentum)
    reference = torch.optim.SGD([theirs], lr=rate, momentum=momentum)
    for gradient in gradients:
        ours.grad, theirs.grad = gradient.copy(), torch.tensor(gradient)
        optimizer.step()
        reference.step()
    closed = sum(momentum ** (len(gradients) - 1 - k) * gradient for k, gradient in enumerate(gradients))
    np.testing.assert_allclose(reference.state[theirs]["momentum_buffer"].numpy(), closed, rtol=1e-12)
    np.testing.assert_allclose(optimizer.velocities[0], closed, rtol=1e-12)
    np.testing.assert_allclose(ours.value, theirs.detach().numpy(), rtol=1e-12)


def test_one_hot_kl_divergence_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 3, 1, 1, 2])
    target = torch.nn.functional.one_hot(labels, 4).double()
    divergence = torch.nn.functional.kl_div(torch.log_softmax(x, 1), target, reduction="sum")
    entropy = torch.nn.functional.cross_entropy(x, labels, reduction="sum")
    assert divergence.item() == pytest.approx(entropy.item(), rel=1e-14)


def test_a_derivation_without_code_is_checked_by_its_formula() -> None:
    derivation = load("elementwise")
    assert numeric.failures(derivation, numeric.check(derivation)) == []
    wrong = replace(derivation, program=lambda xp, X: X * X)
    assert numeric.failures(wrong, numeric.check(wrong))
