"""Networks: parameters, and the function that they define."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from rederive.autograd import ops
from rederive.autograd.graph import Array, GraphError, Tensor, namespace
from rederive.autograd.initializers import INITIALIZERS, Initialization
from rederive.autograd.op import Op

Activation = Literal["sigmoid", "relu", "tanh"]

ACTIVATIONS: dict[Activation, type[Op]] = {"sigmoid": ops.Sigmoid, "relu": ops.ReLU, "tanh": ops.Tanh}


class Module(ABC):
    """A function with parameters. A parameter is an attribute that is a tensor, here or in a module that this holds.

    Attributes:
        training: Whether the module is being trained; dropout acts only then.
    """

    training: bool = True

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return the function's value for a batch, one example a row."""

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield name and parameter, in the order in which they were made: "layers.0.weight", ..."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                yield name, value
        for name, module in self._children():
            for inner, parameter in module.named_parameters():
                yield f"{name}.{inner}", parameter

    def parameters(self) -> list[Tensor]:
        """Return all parameters."""
        return [parameter for _, parameter in self.named_parameters()]

    def train(self, training: bool = True) -> None:
        """Set `training` here and in every module that this holds."""
        self.training = training
        for _, module in self._children():
            module.train(training)

    def convert(self, function: Callable[[Array], Array]) -> None:
        """Replace the value of every parameter by `function` of it: to another device, dtype or array library."""
        for parameter in self.parameters():
            parameter.value = function(parameter.value)

    def _children(self) -> Iterator[tuple[str, "Module"]]:
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                yield from ((f"{name}.{i}", item) for i, item in enumerate(value) if isinstance(item, Module))


class Linear(Module):
    """x W^T + b, with weights W of shape (outputs, inputs) and a bias b that begins as zeros."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        generator: np.random.Generator,
        *,
        initialization: Initialization = "glorot_normal",
        dtype: Any = np.float32,
        name: str = "",
    ) -> None:
        weight = INITIALIZERS[initialization](generator, (outputs, inputs)).astype(dtype)
        self.weight = Tensor(weight, requires_grad=True, name=f"{name}W")
        self.bias = Tensor(np.zeros(outputs, dtype), requires_grad=True, name=f"{name}b")

    def __call__(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (n, outputs) for one of shape (n, inputs)."""
        return ops.Linear.apply(x, self.weight, self.bias)


class Dropout(Module):
    """In training sets each entry to zero with a probability, and scales the others so that the mean remains.

    Srivastava et al. 2014, in its inverted form: nothing is done when not training.
    """

    def __init__(self, probability: float, generator: np.random.Generator) -> None:
        if not 0 <= probability < 1:
            raise GraphError(f"Dropout with probability {probability}: expected 0 <= probability < 1.")
        self.probability = probability
        self.generator = generator

    def __call__(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of `x`."""
        if not self.training or self.probability == 0:
            return x
        kept = self.generator.random(x.shape, dtype=np.float32) >= self.probability
        value = x.value
        mask = namespace(value).asarray(kept, dtype=value.dtype, device=value.device)
        return ops.Mul.apply(x, mask / (1 - self.probability))


class MLP(Module):
    """A multilayer perceptron: linear layers with an activation after each but the last, whose outputs are logits.

    Args:
        sizes: The width of the input, of each hidden layer, and of the output: (784, 3136, 10).
        generator: Where the weights come from, and the dropout masks.
        activation: Of the hidden layers.
        initialization: Of the weights; biases begin at zero.
        skip_connections: Add a hidden layer's input to its output where their widths agree (He et al. 2016, eq. 1),
            from the second hidden layer on.
        dropout: Probability with which a hidden unit is dropped in training.
        dtype: Of the parameters.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: np.random.Generator,
        *,
        activation: Activation = "sigmoid",
        initialization: Initialization = "glorot_normal",
        skip_connections: bool = False,
        dropout: float = 0.0,
        dtype: Any = np.float32,
    ) -> None:
        if len(sizes) < 2:
            raise GraphError(f"MLP of sizes {tuple(sizes)}: expected at least the input's and the output's width.")
        self.activation = ACTIVATIONS[activation]
        self.layers = [
            Linear(inputs, outputs, generator, initialization=initialization, dtype=dtype, name=f"layer {i} ")
            for i, (inputs, outputs) in enumerate(pairwise(sizes), start=1)
        ]
        # The input of the network is no layer's output: it has another scale.
        widths = [None, *sizes[1:-1]]
        self.skips = [skip_connections and before == width for before, width in pairwise(widths)]
        if skip_connections and not any(self.skips):
            raise GraphError(f"MLP of sizes {tuple(sizes)}: no hidden layer is as wide as the one before it.")
        self.dropout = Dropout(dropout, generator)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits, of shape (n, sizes[-1]), for a batch of shape (n, sizes[0])."""
        for layer, skip in zip(self.layers[:-1], self.skips, strict=True):
            hidden = self.activation.apply(layer(x))
            if skip:
                hidden = ops.Add.apply(hidden, x)
            x = self.dropout(hidden)
        return self.layers[-1](x)
