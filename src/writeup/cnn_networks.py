"""The convolutional networks, as PyTorch modules."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from rederive.errors import UserError
from writeup.settings import CNNSettings

CLASSES = 10
IMAGE_CHANNELS = 3
IMAGE_SIDE = 32


class Block(nn.Module):
    """Convolution, batch norm if wanted, the block's input if wanted, ReLU, and the maximum over 2 by 2 pixels.

    The input is added as it is where the numbers of channels agree, else through a 1x1 convolution (He et al. 2016).
    The maximum is taken before the ReLU: both orders give the same values and gradients, this one with a quarter of
    the ReLU's work.
    """

    def __init__(self, inputs: int, outputs: int, spec: CNNSettings) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, spec.kernel_size, padding=spec.padding)
        self.norm = nn.BatchNorm2d(outputs) if spec.batch_norm else None
        if self.norm is not None:
            self.norm.num_batches_tracked = None  # it plays no part, and a step as a function may not count it
        self.residual = spec.residual
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if spec.residual and inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, side / 2, side / 2) for (n, inputs, side, side); less where the kernel is not padded."""
        y = self.convolution(x)
        if self.norm is not None:
            y = self.norm(y)
        if self.residual:
            y = y + (x if self.shortcut is None else self.shortcut(x))
        return functional.relu(functional.max_pool2d(y, 2))


class ConvolutionalNetwork(nn.Module):
    """Blocks, then linear layers with ReLU between; initial parameters are PyTorch's, from its random generator.

    Raises UserError for a spec whose images shrink to nothing, or whose residual blocks change the images' size.
    """

    def __init__(self, spec: CNNSettings) -> None:
        super().__init__()
        side = IMAGE_SIDE
        for _ in spec.conv_channels:
            side = (side + 2 * spec.padding - spec.kernel_size + 1) // 2
        if side < 1:
            raise UserError(
                f"{len(spec.conv_channels)} convolutional layers with kernel size {spec.kernel_size} and padding "
                f"{spec.padding} leave nothing of an image of {IMAGE_SIDE} pixels: take fewer, or more padding."
            )
        if spec.residual and 2 * spec.padding != spec.kernel_size - 1:
            raise UserError(
                f"residual blocks keep the image's size: kernel size {spec.kernel_size} needs padding "
                f"{(spec.kernel_size - 1) / 2:g}, found {spec.padding}."
            )
        pairs = pairwise([IMAGE_CHANNELS, *spec.conv_channels])
        self.blocks = nn.ModuleList(Block(inputs, outputs, spec) for inputs, outputs in pairs)
        sizes = [spec.conv_channels[-1] * side**2, *spec.linear_units]
        self.hidden = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes))
        self.output = nn.Linear(sizes[-1], CLASSES)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return logits (n, 10) for images (n, 3, 32, 32).

        `keep` is dropout's mask, (n, units of the last hidden layer): 0 where a unit is dropped, else 1 / (1 - p).
        """
        for block in self.blocks:
            x = block(x)
        x = x.flatten(1)
        for layer in self.hidden:
            x = functional.relu(layer(x))
        return self.output(x if keep is None else x * keep)  # type: ignore[no-any-return]


def loss_function(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over the batch of the cross-entropy, or of the KL divergence from one-hot targets.

    The two are the same function: the divergence is the cross-entropy less the entropy of the target, which is 0.
    """
    if name == "cross_entropy":
        return functional.cross_entropy(logits, labels)
    classes = torch.arange(CLASSES, device=labels.device)
    targets = (labels.unsqueeze(-1) == classes).to(logits.dtype)  # functional.one_hot would look at the labels' values
    return functional.kl_div(functional.log_softmax(logits, dim=-1), targets, reduction="batchmean")


def initial_network(spec: CNNSettings, seed: int) -> ConvolutionalNetwork:
    """Return the network as it is before training: one seed, one network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ConvolutionalNetwork(spec)
