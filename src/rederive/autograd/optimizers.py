"""How parameters follow their gradients."""

from collections.abc import Iterable

from rederive.autograd.graph import Array, GraphError, Tensor, namespace
from rederive.autograd.guard import is_locked


class SGD:
    """Stochastic gradient descent with learning rate a, momentum m and weight decay d.

        v = m v + (g + d w),   w = w - a v

    v begins as zeros (Sutskever et al. 2013, with the learning rate outside the velocity, as in PyTorch).

    Attributes:
        velocities: v of each parameter; None as long as there is none, and always where the momentum is 0.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocities: list[Array | None] = [None] * len(self.parameters)

    def step(self) -> None:
        """Change in place every parameter that has a gradient, and forget the gradients: one step uses them up.

        Raises:
            GraphError: If a graph that has not been freed still needs a parameter as it is.
        """
        for i, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is None:
                continue
            if is_locked(parameter.value):
                raise GraphError(
                    f"A step would change {parameter}, which a graph still needs: run its backward(), drop its "
                    "results, or compute them under no_grad()."
                )
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter.value
            if self.momentum:
                velocity = self.velocities[i]
                if velocity is None:
                    velocity = self.velocities[i] = namespace(gradient).zeros_like(gradient)
                velocity *= self.momentum
                velocity += gradient
                gradient = velocity
            parameter.value -= self.learning_rate * gradient
            parameter.grad = None
