"""Ways to train and to measure that no experiment of a study has, for hypotheses about how published numbers arose.

They stand apart from the learners, so that no run of a study depends on them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rederive.config import Cifar10Spec
from rederive.data import Dataset
from rederive.training.cifar10 import Cifar10Learner
from rederive.training.history import Row
from rederive.training.steps import laid_out

# Mean and standard deviation of CIFAR-10's training pixels by channel, over 255, as they are commonly given.
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_DEVIATION = (0.2470, 0.2435, 0.2616)


def training_mode(size: int) -> str:
    """Return what the accuracy in training mode, with test batches of so many images, is called among the metrics."""
    return f"accuracy in training mode, batches of {size}"


class VariedLearner(Cifar10Learner):
    """A network with other inputs, or judged otherwise; one seed.

    `pixels` is "unit" for 0..1 or "standardised" for mean 0 and deviation 1 of each channel; None leaves -1..1. For
    each of `test_batches` an epoch also gives the accuracy as a script finds it that forgets `eval()`: batch norm takes
    mean and variance from the test batch at hand.
    """

    def __init__(
        self, spec: Cifar10Spec, data: Dataset, seed: int, pixels: str | None = None, test_batches: Sequence[int] = ()
    ) -> None:
        super().__init__(spec, data, [seed])
        self.pixels = pixels
        self.test_batches = list(test_batches)

    def finish_epoch(self, epoch: int) -> list[Row]:
        """Return the epoch's numbers, and the accuracies in training mode."""
        rows = super().finish_epoch(epoch)
        (seed,) = self.seeds
        return rows + [
            Row(seed, epoch, "test", training_mode(size), self.accuracy_in_training_mode(size))
            for size in self.test_batches
        ]

    def accuracy_in_training_mode(self, size: int) -> float:
        """Return the share of test images that are classified rightly, in batches of `size` in the file's order."""
        # In training mode a batch moves the running statistics; the network's own stay as they are.
        buffers = {name: tensor.clone() for name, tensor in self.step.buffers.items()}
        right = 0
        self.step.template.train()
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=not self.small, allow_tf32=None):
            for start in range(0, len(self.test), size):
                some = slice(start, start + size)
                images = self._scaled(torch.tensor(np.asarray(self.test.images[some])))
                logits = torch.func.functional_call(self.step.template, (self.step.parameters, buffers), (images,))
                right += int((logits.argmax(1).numpy() == np.asarray(self.test.labels[some])).sum())
        return right / len(self.test)

    def _scaled(self, images: Tensor) -> Tensor:
        if self.pixels is None:
            return super()._scaled(images)
        pixels = images.float().div_(255)
        if self.pixels == "standardised":
            mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in (CIFAR10_MEAN, CIFAR10_DEVIATION))
            pixels = (pixels - mean) / deviation
        return laid_out(pixels, self.layout)
