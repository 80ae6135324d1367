"""What a run costs, computed from its spec: parameters, arithmetic, memory and time. Nothing is built or timed here.

Arithmetic counts the matrix products and convolutions, two operations for a multiplication and an addition; what else
a network does is small beside them. Training takes three products where evaluation takes one: the value, the gradient
of the weights and the gradient of the layer's input; the last is not computed for the images.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from rederive.config import Cifar10Spec, MnistSpec

CLASSES = 10
IMAGES = {"mnist": 55_000, "cifar10": 50_000}

# Assumptions for what is asked of a cluster; generous, since a job over its limit is killed and starts again.
FLOPS_PER_SECOND = {"mnist": 20e9, "cifar10": 20e9}  # of one slow processor core
SECONDS_PER_STEP = 2e-3
SAFETY = 2.0


@dataclass(frozen=True)
class Layer:
    """The parameters of a layer, and its products for one image. `on_image` marks one whose input is the image."""

    parameters: int
    products: int
    on_image: bool = False


def layers(spec: MnistSpec | Cifar10Spec) -> list[Layer]:
    """Return the layers of the network with parameters, from the image to the logits."""
    return _perceptron(spec) if isinstance(spec, MnistSpec) else _convolutional(spec)


def parameters(spec: MnistSpec | Cifar10Spec) -> int:
    """Return the number of parameters that are trained."""
    return sum(layer.parameters for layer in layers(spec))


def training_flops_per_image(spec: MnistSpec | Cifar10Spec) -> int:
    """Return the floating-point operations of training on one image once."""
    return sum(2 * layer.products * (2 if layer.on_image else 3) for layer in layers(spec))


@dataclass(frozen=True)
class Resources:
    """What to ask of a cluster for a job: main memory in megabytes, time in minutes."""

    mem_mb: int
    runtime: int


def resources(spec: MnistSpec | Cifar10Spec, seeds: int) -> Resources:
    """Return what training with so many seeds needs, one seed after the other on one processor core."""
    dataset = "mnist" if isinstance(spec, MnistSpec) else "cifar10"
    images = IMAGES[dataset] * spec.epochs * seeds
    width = 2 if isinstance(spec, MnistSpec) and spec.dtype == "float64" else 1  # in single-precision numbers
    seconds = images * training_flops_per_image(spec) * width / FLOPS_PER_SECOND[dataset]
    seconds += images / spec.batch_size * SECONDS_PER_STEP
    # Weights, gradients, up to two moments, and twice as much again for temporaries and a checkpoint on its way out.
    network = 4 * width * parameters(spec) * 8 / 1e6
    # The libraries (PyTorch: with those of a GPU) and the data.
    rest = 1000 if dataset == "mnist" else 3000
    return Resources(mem_mb=math.ceil((rest + network) / 500) * 500, runtime=math.ceil(10 + SAFETY * seconds / 60))


def _perceptron(spec: MnistSpec) -> list[Layer]:
    pairs = list(pairwise([28 * 28, *spec.hidden_sizes, CLASSES]))
    return [
        Layer(outputs * (inputs + 1), outputs * inputs, on_image=i == 0) for i, (inputs, outputs) in enumerate(pairs)
    ]


def _convolutional(spec: Cifar10Spec) -> list[Layer]:
    found: list[Layer] = []
    side = 32
    for position, (inputs, outputs) in enumerate(pairwise([3, *spec.conv_channels])):
        side = side + 2 * spec.padding - spec.kernel_size + 1
        weights = outputs * inputs * spec.kernel_size**2
        found.append(Layer(weights + outputs, weights * side**2, on_image=position == 0))
        if spec.batch_norm:
            found.append(Layer(2 * outputs, 0))
        if spec.residual and inputs != outputs:
            found.append(Layer(outputs * (inputs + 1), outputs * inputs * side**2, on_image=position == 0))
        side //= 2
    sizes = [spec.conv_channels[-1] * side**2, *spec.linear_units, CLASSES]
    found += [Layer(outputs * (inputs + 1), outputs * inputs) for inputs, outputs in pairwise(sizes)]
    return found
