"""What a run costs, computed from its settings: parameters, arithmetic, time, memory. Nothing is built or timed.

Arithmetic counts the matrix products and convolutions, two operations for a multiplication and an addition; what else
a network does is small beside them. Training takes three products where evaluation takes one: the value, the gradient
of the weights and the gradient of the layer's input; the last is not computed for the images.
"""

from dataclasses import dataclass
from itertools import pairwise

from rederive.training.cost import Cost
from writeup.settings import CNNSettings, MLPSettings, NetworkSettings

CLASSES = 10
PIXELS = 28 * 28
CHANNELS = 3
SIDE = 32

# Assumptions for what is asked of a cluster.
FLOPS_PER_SECOND = 20e9  # of one slow processor core
SECONDS_PER_STEP = 2e-3


@dataclass(frozen=True)
class Layer:
    """The parameters of a layer, and its products for one image. `on_image` marks one whose input is the image."""

    parameters: int
    products: int
    on_image: bool = False


def mlp(spec: MLPSettings) -> Cost:
    """Return the cost of a perceptron on 55,000 images."""
    pairs = list(pairwise([PIXELS, *spec.hidden_sizes, CLASSES]))
    layers = [
        Layer(outputs * (inputs + 1), outputs * inputs, on_image=i == 0) for i, (inputs, outputs) in enumerate(pairs)
    ]
    return _cost(spec, layers, images=55_000, width=2 if spec.dtype == "float64" else 1, libraries_mb=1000)


def cnn(spec: CNNSettings) -> Cost:
    """Return the cost of a convolutional network on 50,000 images."""
    layers: list[Layer] = []
    side = SIDE
    for position, (inputs, outputs) in enumerate(pairwise([CHANNELS, *spec.conv_channels])):
        side = side + 2 * spec.padding - spec.kernel_size + 1
        weights = outputs * inputs * spec.kernel_size**2
        layers.append(Layer(weights + outputs, weights * side**2, on_image=position == 0))
        if spec.batch_norm:
            layers.append(Layer(2 * outputs, 0))
        if spec.residual and inputs != outputs:
            layers.append(Layer(outputs * (inputs + 1), outputs * inputs * side**2, on_image=position == 0))
        side //= 2
    sizes = [spec.conv_channels[-1] * side**2, *spec.linear_units, CLASSES]
    layers += [Layer(outputs * (inputs + 1), outputs * inputs) for inputs, outputs in pairwise(sizes)]
    return _cost(spec, layers, images=50_000, width=1, libraries_mb=3000)  # PyTorch comes with those of a GPU


def _cost(spec: NetworkSettings, layers: list[Layer], images: int, width: int, libraries_mb: int) -> Cost:
    """Return the sum over the layers; `width` is that of a number, in single-precision ones."""
    parameters = sum(layer.parameters for layer in layers)
    flops_per_image = sum(2 * layer.products * (2 if layer.on_image else 3) for layer in layers)
    shown = images * spec.epochs
    seconds = shown * flops_per_image * width / FLOPS_PER_SECOND + shown / spec.batch_size * SECONDS_PER_STEP
    # Weights, gradients, up to two moments, and twice as much again for temporaries and a checkpoint on its way out.
    network_mb = 4 * width * parameters * 8 / 1e6
    return Cost(parameters, flops_per_image, seconds, libraries_mb + network_mb)
