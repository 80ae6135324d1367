"""Optimisers whose steps adapt to the size of past gradients: RMSprop, Adam, AdamW.

Written as PyTorch computes them; the defaults are PyTorch's.
"""

from collections.abc import Iterable
from typing import Any

from rederive.autograd.graph import Array, GraphError, Tensor, namespace
from rederive.autograd.guard import is_locked


class RMSprop:
    """Steps divided by the root of a running mean of squared gradients (Tieleman and Hinton 2012).

        g = g + d w,   s = a s + (1 - a) g^2,   w = w - learning_rate g / (sqrt(s) + epsilon)

    Attributes:
        squares: s of each parameter; 0 before the first step.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        *,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.squares: list[Any] = [0] * len(self.parameters)

    def step(self) -> None:
        """Change in place every parameter that has a gradient, and forget the gradients: one step uses them up.

        Raises:
            GraphError: If a graph that has not been freed still needs a parameter as it is.
        """
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                gradient = used_up(parameter)
                if self.weight_decay:
                    gradient = gradient + self.weight_decay * parameter.value
                self.squares[i] = self.alpha * self.squares[i] + (1 - self.alpha) * gradient**2
                scale = namespace(gradient).sqrt(self.squares[i]) + self.epsilon
                parameter.value -= self.learning_rate * gradient / scale


class Adam:
    """Running means of gradients and of their squares, each divided by the sum of its weights (Kingma and Ba 2015).

        g = g + d w
        m = b m + (1 - b) g,   s = c s + (1 - c) g^2
        w = w - learning_rate (m / (1 - b^t)) / (sqrt(s / (1 - c^t)) + epsilon)

    t counts the steps from 1, b and c are `betas`, d is the weight decay.

    Attributes:
        means, squares: m and s of each parameter; 0 before the first step.
        steps: t of each parameter.
    """

    decoupled = False  # whether the weights decay by themselves, and not as a part of the gradient

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.betas = betas
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.means: list[Any] = [0] * len(self.parameters)
        self.squares: list[Any] = [0] * len(self.parameters)
        self.steps: list[Any] = [0] * len(self.parameters)

    def step(self) -> None:
        """Change in place every parameter that has a gradient, and forget the gradients: one step uses them up.

        Raises:
            GraphError: If a graph that has not been freed still needs a parameter as it is.
        """
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                gradient = used_up(parameter)
                if self.weight_decay and self.decoupled:
                    parameter.value *= 1 - self.learning_rate * self.weight_decay
                elif self.weight_decay:
                    gradient = gradient + self.weight_decay * parameter.value
                b, c = self.betas
                self.steps[i] += 1
                self.means[i] = b * self.means[i] + (1 - b) * gradient
                self.squares[i] = c * self.squares[i] + (1 - c) * gradient**2
                mean = self.means[i] / (1 - b ** self.steps[i])
                square = self.squares[i] / (1 - c ** self.steps[i])
                scale = namespace(gradient).sqrt(square) + self.epsilon
                parameter.value -= self.learning_rate * mean / scale


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): w = (1 - learning_rate d) w before the step.

    The gradient's means do not see the decay, so it is not divided by their scale.
    """

    decoupled = True


def used_up(parameter: Tensor) -> Array:
    """Return a parameter's gradient, and leave it none.

    Raises:
        GraphError: If a graph that has not been freed still needs the parameter as it is.
    """
    if is_locked(parameter.value):
        raise GraphError(
            f"A step would change {parameter}, which a graph still needs: run its backward(), drop its results, or "
            "compute them under no_grad()."
        )
    gradient, parameter.grad = parameter.grad, None
    return gradient
