"""Ways to train and to judge that no experiment has, for hypotheses about how published numbers arose.

They stand apart from `writeup.cnn`, so that no run of the study depends on them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from rederive.data import Dataset, Split
from rederive.training.history import Trained
from rederive.training.loop import Watcher, fit
from writeup.cnn import CNNLearner
from writeup.settings import VariantSettings
from writeup.torch_step import laid_out

# Mean and standard deviation of CIFAR-10's training pixels by channel, over 255, as they are commonly given.
MEAN = (0.4914, 0.4822, 0.4465)
DEVIATION = (0.2470, 0.2435, 0.2616)
INITIALIZERS: dict[str, Callable[[Tensor], Tensor]] = {
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "he_normal": torch.nn.init.kaiming_normal_,
}


def train(
    spec: VariantSettings, data: Dataset, seeds: Sequence[int], device: str, watch: Callable[[list[int]], Watcher]
) -> list[Trained]:
    """Train one network for each seed, one after the other; return what each has come to (see `writeup.cnn.train`)."""
    return [fit(VariantLearner(spec, data, seed, device), spec.epochs, watch([seed])) for seed in seeds]


class VariantLearner(CNNLearner):
    """One network on its way; see `rederive.training.loop.Learner`."""

    def __init__(self, spec: VariantSettings, data: Dataset, seed: int, device: str = "cpu") -> None:
        super().__init__(spec, data, [seed], device)
        self.pixels = spec.pixels
        self.test_batch = spec.test_batch
        if spec.initialization != "torch":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + spec.seed_offset)
                for tensor in self.step.parameters.values():
                    if tensor.dim() > 1:
                        INITIALIZERS[spec.initialization](tensor)

    def evaluate(self, split: Split) -> tuple[list[float], Tensor]:
        """Return the mean cross-entropy, and the class that each image is given, (1, n).

        With `test_batch` as a script finds them that forgets `eval()`: batch norm takes mean and variance from the
        batch at hand, images in the file's order.
        """
        if not self.test_batch:
            return super().evaluate(split)
        # In training mode a batch moves the running statistics; the network's own stay as they are.
        buffers = {name: tensor.clone() for name, tensor in self.step.buffers.items()}
        loss, predicted = 0.0, []
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=not self.small, allow_tf32=None):
            for start in range(0, len(split), self.test_batch):
                some = slice(start, start + self.test_batch)
                images = self._scaled(torch.tensor(np.asarray(split.images[some]), device=self.device))
                labels = torch.tensor(np.asarray(split.labels[some]), device=self.device).long()
                logits = torch.func.functional_call(self.step.template, (self.step.parameters, buffers), (images,))
                loss += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
                predicted.append(logits.argmax(1).to(torch.uint8))
        return [loss / len(split)], torch.cat(predicted)[None]

    def _scaled(self, images: Tensor) -> Tensor:
        if self.pixels == "centred":
            return super()._scaled(images)
        pixels = images.float().div_(255)
        if self.pixels == "standardised":
            mean, deviation = (
                torch.tensor(values, device=self.device).reshape(3, 1, 1) for values in (MEAN, DEVIATION)
            )
            pixels = (pixels - mean) / deviation
        return laid_out(pixels, self.layout)
