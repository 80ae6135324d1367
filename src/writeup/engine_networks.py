"""The convolutional networks on the project's own engine, to compare with PyTorch's, which are those that are trained.

A network is not declared again: it is read off the PyTorch module of `writeup.cnn_networks`, part by part, with its
parameters, under the same names.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rederive.autograd import SGD, Linear, Module, Tensor, ops
from rederive.autograd.adaptive import Adam, AdamW, RMSprop
from rederive.autograd.convolution import ChannelsFirst, conv2d
from rederive.autograd.normalization import BatchNorm
from rederive.autograd.pooling import max_pool2d
from rederive.config import Study
from rederive.errors import UserError
from writeup import cnn_networks
from writeup.settings import CNNSettings
from writeup.torch_step import Step

STEPS = 100
SMALL = {"linear_units": [5, 4], "batch_size": 3}  # what a comparison of the form alone is made with
SMALL_CHANNELS = [2, 3, 4]

# What may differ between the engine and PyTorch in float64, relative to the largest entry: in the first gradient, and
# in losses and parameters after the steps, in which rounding grows.
GRADIENT_BOUND = 1e-11
STEPS_BOUND = 1e-8


class Convolution(Module):
    """A convolution with stride one."""

    def __init__(self, layer: torch.nn.Conv2d) -> None:
        self.weight, self.bias = _parameters(layer)
        padding = layer.padding
        assert isinstance(padding, tuple)
        self.padding = int(padding[0])

    def __call__(self, x: Tensor) -> Tensor:
        """Return (n, u, v, f) for (n, h, w, c)."""
        return conv2d(x, self.weight, self.bias, padding=self.padding)


class Block(Module):
    """As `writeup.cnn_networks.Block`."""

    def __init__(self, block: cnn_networks.Block) -> None:
        self.convolution = Convolution(block.convolution)
        self.norm = None if block.norm is None else _norm(block.norm)
        self.residual = block.residual
        self.shortcut = None if block.shortcut is None else Convolution(block.shortcut)

    def __call__(self, x: Tensor) -> Tensor:
        """Return (n, h / 2, w / 2, f) for (n, h, w, c); less where the kernel is not padded."""
        y = self.convolution(x)
        if self.norm is not None:
            y = self.norm(y)
        if self.residual:
            y = y + (x if self.shortcut is None else self.shortcut(x))
        return ops.ReLU.apply(max_pool2d(y, 2))


class ConvolutionalNetwork(Module):
    """As `writeup.cnn_networks.ConvolutionalNetwork`, with the parameters of one, in their precision."""

    def __init__(self, network: cnn_networks.ConvolutionalNetwork) -> None:
        self.blocks = [Block(block) for block in network.blocks if isinstance(block, cnn_networks.Block)]
        self.hidden = [_linear(layer) for layer in network.hidden if isinstance(layer, torch.nn.Linear)]
        self.output = _linear(network.output)

    def __call__(self, x: Tensor, keep: np.ndarray | None = None) -> Tensor:
        """Return logits (n, 10) for images (n, h, w, 3); `keep` is dropout's mask, as in PyTorch's network."""
        for block in self.blocks:
            x = block(x)
        x = ChannelsFirst.apply(x)  # the order in which PyTorch's first linear layer has its inputs
        x = ops.Reshape.apply(x, shape=(x.shape[0], int(np.prod(x.shape[1:]))))
        for layer in self.hidden:
            x = ops.ReLU.apply(layer(x))
        return self.output(x if keep is None else ops.Mul.apply(x, keep))


def loss_function(name: str, logits: Tensor, labels: np.ndarray) -> Tensor:
    """Return the mean cross-entropy, or KL divergence from one-hot targets, as `writeup.cnn_networks.loss_function`."""
    logarithms = ops.LogSoftmax.apply(logits)
    if name == "cross_entropy":
        return ops.Neg.apply(ops.Mean.apply(ops.Select.apply(logarithms, columns=labels)))
    targets = np.equal(labels[:, None], np.arange(cnn_networks.CLASSES)).astype(logits.value.dtype)
    return ops.Mul.apply(ops.Sum.apply(ops.Mul.apply(logarithms, targets)), -1 / len(labels))


def optimizer(spec: CNNSettings, parameters: list[Tensor]) -> Any:
    """Return the engine's optimiser with the settings of an experiment."""
    decay = {"weight_decay": spec.weight_decay}
    if spec.optimizer == "sgd":
        return SGD(parameters, spec.learning_rate, momentum=spec.momentum, **decay)
    if spec.momentum:
        raise UserError(f"momentum {spec.momentum}: the engine's {spec.optimizer} has none; expected 0.")
    return {"rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}[spec.optimizer](parameters, spec.learning_rate, **decay)


@dataclass(frozen=True)
class Agreement:
    """How far the engine and PyTorch are apart, relative to the largest entry of each tensor.

    Attributes:
        gradient: In the gradient of the first step, the worst parameter.
        losses: In the losses of the steps.
        parameters: In parameters and running statistics after the last step, the worst of them.
    """

    gradient: float
    losses: float
    parameters: float

    @property
    def within_bounds(self) -> bool:
        """Whether all are as small as they have to be."""
        return self.gradient <= GRADIENT_BOUND and max(self.losses, self.parameters) <= STEPS_BOUND


def compare(spec: CNNSettings, seed: int = 0, steps: int = STEPS) -> Agreement:
    """Train an experiment's network for some steps, on the engine and with the step that trains it, in float64.

    Images are random numbers from -1 to 1, labels and dropout's masks random, new ones at each step.
    """
    generator = np.random.default_rng(seed)
    template = cnn_networks.initial_network(spec, seed).double()
    ours = ConvolutionalNetwork(template)
    tool = optimizer(spec, ours.parameters())
    theirs = Step(spec, [template], "cpu", torch.contiguous_format, traced=False)
    names = [name for name, _ in ours.named_parameters()]
    gradient, losses = 0.0, []
    for step in range(steps):
        shape = (spec.batch_size, cnn_networks.IMAGE_CHANNELS, cnn_networks.IMAGE_SIDE, cnn_networks.IMAGE_SIDE)
        images, labels = generator.uniform(-1, 1, shape), generator.integers(0, cnn_networks.CLASSES, spec.batch_size)
        units = (spec.batch_size, template.output.in_features)
        keep = (generator.random(units) >= spec.dropout) / (1 - spec.dropout) if spec.dropout else None
        batch = [torch.from_numpy(array) for array in (images, labels, keep) if array is not None]
        loss = loss_function(spec.loss, ours(Tensor(np.moveaxis(images, 1, -1)), keep), labels)
        loss.backward()
        if step == 0:
            copies = [tensor.clone() for tensor in (*theirs.parameters.values(), *theirs.buffers.values())]
            _, *expected = theirs._gradient(*copies, *batch)
            wanted = dict(zip(theirs.parameters, expected, strict=True))
            found = {name: tensor.grad for name, tensor in ours.named_parameters()}
            largest = max(float(value.abs().max()) for value in expected)
            gradient = max(float(np.max(np.abs(found[k] - wanted[k].numpy()))) / largest for k in names)
        tool.step()
        losses.append((float(loss.value), float(theirs(*batch))))
    ends = [(tensor.value, theirs.parameters[name].numpy()) for name, tensor in ours.named_parameters()]
    for k, block in enumerate(ours.blocks):
        if block.norm is not None:
            ends += [
                (value, theirs.buffers[f"blocks.{k}.norm.running_{what}"].numpy())
                for value, what in zip(block.norm.running, ("mean", "var"), strict=True)
            ]
    return Agreement(gradient, max(map(_apart, *zip(*losses, strict=True))), max(_apart(a, b) for a, b in ends))


def forms(study: Study) -> dict[str, CNNSettings]:
    """Return every distinct form of network and training in a study, small, by the first experiment that has it.

    Two experiments have one form if they differ in sizes, rates, batch, epochs and seeds alone.
    """
    found: dict[tuple[Any, ...], tuple[str, CNNSettings]] = {}
    for name, experiment in study.experiments.items():
        spec = experiment.spec
        if isinstance(spec, CNNSettings):
            key = (
                *(len(spec.conv_channels), spec.kernel_size, spec.padding, len(spec.linear_units)),
                *(spec.batch_norm, spec.residual, bool(spec.dropout), spec.optimizer, spec.loss),
                *(bool(spec.momentum), bool(spec.weight_decay)),
            )
            channels = SMALL_CHANNELS[: len(spec.conv_channels)]
            found.setdefault(key, (name, spec.model_copy(update={**SMALL, "conv_channels": channels})))
    return dict(found.values())


def _apart(found: Any, wanted: Any) -> float:
    return float(np.max(np.abs(found - wanted)) / max(float(np.max(np.abs(wanted))), 1e-3))


def _parameters(layer: Any) -> tuple[Tensor, Tensor]:
    values = (layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy())
    return Tensor(values[0], requires_grad=True), Tensor(values[1], requires_grad=True)


def _linear(layer: torch.nn.Linear) -> Linear:
    module = Linear(1, 1, np.random.default_rng(0))
    module.weight, module.bias = _parameters(layer)
    return module


def _norm(layer: torch.nn.BatchNorm2d) -> BatchNorm:
    assert layer.momentum is not None
    assert layer.running_mean is not None
    assert layer.running_var is not None
    module = BatchNorm(layer.num_features, momentum=layer.momentum, epsilon=layer.eps)
    module.weight, module.bias = _parameters(layer)
    module.running = (layer.running_mean.numpy().copy(), layer.running_var.numpy().copy())
    return module
