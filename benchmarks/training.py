"""A training step of the convolutional networks against the loop of PyTorch's tutorial, on the same work.

    python benchmarks/training.py [--rounds 9] [--check]

The tutorial's loop: a dataset that opens an image and transforms it, a DataLoader (with its default, no workers, and
with two), the default SGD, `.item()` each step. The same network, batch size and number of steps on both sides, one
thread each. The contenders take turns, so that a busy machine slows all of them, and the medians are compared; two
workers have the machine's other processors besides. Also: what our plain step takes (the reference, without the
recording), and what share of the machine's rate in matrix products our step comes to.

With a CUDA device: a captured step against the tutorial's eager one with its images on the device already, and five
seeds side by side against one.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # read when the libraries are loaded, below

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch.utils.data import DataLoader, Subset  # noqa: E402
from torch.utils.data import Dataset as TorchDataset  # noqa: E402
from torchvision import transforms  # noqa: E402

from rederive.config import resolve  # noqa: E402
from rederive.data import Dataset, Split  # noqa: E402
from rederive.yaml_files import read_yaml  # noqa: E402
from writeup import cost  # noqa: E402
from writeup.cnn import CNNLearner  # noqa: E402
from writeup.cnn_networks import initial_network  # noqa: E402
from writeup.settings import CNNSettings  # noqa: E402
from writeup.standin import shape_pictures  # noqa: E402

ROOT = Path(__file__).parents[1]
RUNS = {"benchmark": 2.0, "batch_16": 1.7, "three_conv_adam": 1.3}  # and how many times as fast we aim to be
IMAGES = {"benchmark": 800, "batch_16": 1600, "three_conv_adam": 320}  # of one turn
TRAIN = 4000
MATRIX = 1024

Turn = Callable[[], float]  # does a turn's steps and returns the seconds of one


class TutorialDataset(TorchDataset):
    """What torchvision's CIFAR10 does for an image, on images that are in memory: as PIL, then transformed."""

    def __init__(self, split: Split) -> None:
        self.images = np.ascontiguousarray(split.images.transpose(0, 2, 3, 1))
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]

    def __len__(self) -> int:
        return len(self.labels)


def tutorial(spec: CNNSettings, data: Dataset, steps: int, workers: int) -> Turn:
    """Return turns of the tutorial's loop."""
    network = initial_network(spec, 0)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer: torch.optim.Optimizer
    if spec.optimizer == "sgd":
        optimizer = torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    else:
        optimizer = torch.optim.Adam(network.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay)
    images = Subset(TutorialDataset(data.train), range((steps + 1) * spec.batch_size))
    loader = DataLoader(images, batch_size=spec.batch_size, shuffle=True, num_workers=workers)

    def turn() -> float:
        batches: Iterator[list[torch.Tensor]] = iter(loader)
        next(batches)  # starting the workers is not part of a step
        running_loss = 0.0
        start = time.perf_counter()
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = criterion(network(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return (time.perf_counter() - start) / steps

    return turn


def ours(spec: CNNSettings, data: Dataset, steps: int, traced: bool, device: str = "cpu", seeds: int = 1) -> Turn:
    """Return turns of this project's training, as jobs do it."""
    learner = CNNLearner(spec, data, list(range(seeds)), device, traced=traced)
    learner.advance(1, 0, 5)

    def turn() -> float:
        _wait(device)
        start = time.perf_counter()
        learner.advance(1, 0, steps)
        _wait(device)
        return (time.perf_counter() - start) / steps

    return turn


def eager_on_gpu(spec: CNNSettings, data: Dataset, steps: int) -> Turn:
    """Return turns of the tutorial's step on a GPU, without a loader: images and labels are there."""
    network = initial_network(spec, 0).cuda()
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    count = steps * spec.batch_size
    images = (torch.tensor(data.train.images[:count]).float() / 127.5 - 1).cuda().split(spec.batch_size)
    labels = torch.tensor(data.train.labels[:count]).long().cuda().split(spec.batch_size)

    def turn() -> float:
        _wait("cuda")
        start = time.perf_counter()
        for inputs, targets in zip(images, labels, strict=True):
            optimizer.zero_grad()
            loss = criterion(network(inputs), targets)
            loss.backward()
            optimizer.step()
            loss.item()
        return (time.perf_counter() - start) / steps

    return turn


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def product_rate(device: str = "cpu") -> Turn:
    """Return turns of a matrix product in float32; the seconds of one product."""
    a, b = torch.randn(2, MATRIX, MATRIX, device=device)

    def turn() -> float:
        _wait(device)
        start = time.perf_counter()
        for _ in range(4):
            a @ b
        _wait(device)
        return (time.perf_counter() - start) / 4

    return turn


def medians(turns: dict[str, Turn], rounds: int) -> dict[str, float]:
    """Let the contenders take turns; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            seconds[name].append(turn())
    return {name: statistics.median(found) for name, found in seconds.items()}


def on_cpu(specs: dict[str, CNNSettings], data: Dataset, rounds: int) -> list[str]:
    """Print the comparison; return the aims that were missed."""
    missed = []
    print("run              batch  tutorial  2 workers    plain     ours  times as fast  share of products' rate")
    for name, spec in specs.items():
        steps = IMAGES[name] // spec.batch_size
        turns = {
            "tutorial": tutorial(spec, data, steps, workers=0),
            "workers": tutorial(spec, data, steps, workers=2),
            "plain": ours(spec, data, steps, traced=False),
            "ours": ours(spec, data, steps, traced=True),
            "product": product_rate(),
        }
        for turn in turns.values():
            turn()
        found = medians(turns, rounds)
        times = found["tutorial"] / found["ours"]
        over_workers = found["workers"] / found["ours"]
        achieved = cost.cnn(spec).flops_per_image * spec.batch_size / found["ours"]
        share = achieved / (2 * MATRIX**3 / found["product"])
        columns = "".join(f"{1e3 * found[key]:7.2f}ms" for key in ("tutorial", "workers", "plain", "ours"))
        print(f"{name:<17}{spec.batch_size:>4} {columns}    {times:.2f}, {over_workers:.2f}   {share:.0%}", flush=True)
        if times < RUNS[name]:
            missed.append(f"{name}: {times:.2f} times as fast as the tutorial's loop, aimed at {RUNS[name]}")
    return missed


def on_gpu(specs: dict[str, CNNSettings], data: Dataset, rounds: int) -> None:
    """Print what a captured step takes, for one seed and for five."""
    print(f"on {torch.cuda.get_device_name()}:")
    for name, spec in specs.items():
        steps = IMAGES[name] // spec.batch_size
        turns = {"one": ours(spec, data, steps, True, "cuda"), "five": ours(spec, data, steps, True, "cuda", seeds=5)}
        if spec.optimizer == "sgd":
            turns["eager"] = eager_on_gpu(spec, data, steps)
        turns["product"] = product_rate("cuda")
        for turn in turns.values():
            turn()
        found = medians(turns, rounds)
        work = cost.cnn(spec).flops_per_image * spec.batch_size
        share = 5 * work / found["five"] / (2 * MATRIX**3 / found["product"])
        print(
            f"{name}: captured {1e6 * found['one']:.0f} us a step; five seeds {found['five'] / found['one']:.2f} times"
        )
        print(f"    the time of one, at {share:.1%} of the rate of matrix products")
        if "eager" in found:
            print(f"    eager {1e6 * found['eager']:.0f} us: {found['eager'] / found['one']:.1f} times as long")


def main() -> None:
    """Measure and print; with --check fail where an aim was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true", help="fail where an aim is missed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    study = resolve(read_yaml(ROOT / "config.yaml"))
    specs = {name: study.experiments[f"cifar10.{name}"].spec for name in RUNS}
    labels = np.arange(TRAIN, dtype=np.int64) % 10
    split = Split(shape_pictures(labels.astype(np.uint8), np.random.default_rng(0)), labels.astype(np.uint8))
    data = Dataset(split, None, split, {})
    missed = on_cpu(specs, data, arguments.rounds)
    if torch.cuda.is_available():
        on_gpu(specs, data, arguments.rounds)
    for line in missed:
        print(f"aim missed: {line}")
    if missed and arguments.check:
        sys.exit(1)


if __name__ == "__main__":
    main()
