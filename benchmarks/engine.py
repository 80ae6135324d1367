"""One training step of the engine against PyTorch, vugrad and the bare matrix products, one thread each.

    python benchmarks/engine.py [--vugrad PATH] [--check]

The same step everywhere: forward, softmax cross-entropy summed over a batch of 128, backward, SGD; float32, except
vugrad, whose float64 is part of what it is. Each contender has a process of its own, as when it is used, for a process
that has freed large arrays allocates the next ones faster. They take turns, so that a busy machine slows all of them,
and the medians are compared. With a CUDA device the step is also measured there, captured in a CUDA graph and not.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # read when the libraries are loaded, below

import numpy as np  # noqa: E402
import torch  # noqa: E402

from rederive.autograd import MLP, SGD, Tensor, ops  # noqa: E402

Step = Callable[[], Any]  # one training step; returns its loss

INPUTS, OUTPUTS, BATCH = 784, 10, 128
LEARNING_RATE = 1e-4
ROUNDS, STEPS, WARM_UP = 12, 8, 3
PRODUCTS = "the five matrix products (NumPy)"


@dataclass(frozen=True)
class Task:
    """The network's first weights and a batch that looks like MNIST."""

    hidden: int
    parameters: list[np.ndarray]
    images: np.ndarray
    labels: np.ndarray

    @property
    def flop(self) -> int:
        """Operations of the five matrix products of a step; the gradient of the images is not needed."""
        return 2 * BATCH * self.hidden * (2 * INPUTS + 3 * OUTPUTS)


def make_task(hidden: int) -> Task:
    generator = np.random.default_rng(0)
    network = MLP((INPUTS, hidden, OUTPUTS), generator)
    images = (255 * generator.random((BATCH, INPUTS)) ** 8).astype(np.float32)
    labels = generator.integers(0, OUTPUTS, BATCH)
    return Task(hidden, [parameter.value for parameter in network.parameters()], images, labels)


def engine_step(task: Task, convert: Callable[[np.ndarray], Any] = np.copy) -> Step:
    network = MLP((INPUTS, task.hidden, OUTPUTS), np.random.default_rng(0))
    network.convert(convert)
    optimizer = SGD(network.parameters(), LEARNING_RATE)
    images, labels = convert(task.images), convert(task.labels)

    def step() -> Any:
        loss = ops.SoftmaxCrossEntropy.apply(network(Tensor(images)), labels=labels)
        loss.backward()
        optimizer.step()
        return loss.value

    return step


def torch_step(task: Task, device: str = "cpu", fused: bool | None = None) -> Step:
    W1, b1, W2, b2 = parameters = [torch.tensor(value, device=device, requires_grad=True) for value in task.parameters]
    optimizer = torch.optim.SGD(parameters, LEARNING_RATE, fused=fused)
    images, labels = torch.tensor(task.images, device=device), torch.tensor(task.labels, device=device)

    def step() -> torch.Tensor:
        hidden = torch.sigmoid(torch.nn.functional.linear(images, W1, b1))
        logits = torch.nn.functional.linear(hidden, W2, b2)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def vugrad_step(task: Task, path: Path) -> Step:
    sys.path.insert(0, str(path))
    import vugrad as vg

    first, second = vg.Linear(INPUTS, task.hidden), vg.Linear(task.hidden, OUTPUTS)
    nodes = [first.w, first.b, second.w, second.b]
    for node, value in zip(nodes, task.parameters, strict=True):
        node.value = value.astype(np.float64).reshape(node.value.shape)
    images = task.images.astype(np.float64)

    def step() -> float:
        logits = second(vg.sigmoid(first(vg.TensorNode(images))))
        loss = vg.logceloss(vg.logsoftmax(logits), task.labels)
        value = float(loss.value)
        loss.backward()
        for node in nodes:
            node.value -= LEARNING_RATE * node.grad
        loss.zero_grad()
        loss.clear()
        return value

    return step


def products_step(task: Task) -> Step:
    W1, _, W2, _ = task.parameters
    hidden, slope = task.images @ W1.T, np.ones((BATCH, OUTPUTS), np.float32)

    def step() -> float:
        _ = task.images @ W1.T, hidden @ W2.T, slope.T @ hidden, slope @ W2, hidden.T @ task.images
        return 0.0

    return step


def captured(step: Step) -> Step:
    """Return the step as a replay of a CUDA graph: its kernels without the Python and the launches between them."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay() -> Any:
        graph.replay()
        return loss

    return replay


class Contender:
    """A step in a process of its own, which takes it when it is told to."""

    def __init__(self, make: Callable[..., Step], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, make, arguments), daemon=True)
        self.process.start()
        self.losses: list[float] = self.connection.recv()

    def times(self) -> list[float]:
        """Return the seconds of some steps, taken now."""
        self.connection.send(True)
        return self.connection.recv()

    def stop(self) -> None:
        """End the process."""
        self.connection.send(False)
        self.process.join()


def serve(connection: Any, make: Callable[..., Step], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    step = make(*arguments)
    connection.send(first_losses(step))
    while connection.recv():
        connection.send(timed(step))


def timed(step: Step, synchronize: Callable[[], None] = lambda: None) -> list[float]:
    seconds = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


def first_losses(step: Step) -> list[float]:
    return [float(step()) for _ in range(2)]


def agree(losses: dict[str, list[float]]) -> None:
    """Stop where two contenders do not compute the same losses: then their times mean nothing."""
    reference = next(iter(losses.values()))
    for name, found in losses.items():
        if not np.allclose(found, reference, rtol=1e-3):
            raise SystemExit(f"{name} has losses {found}, expected {reference}: not the same step.")


def medians(turns: dict[str, Callable[[], list[float]]]) -> dict[str, float]:
    """Return the median seconds of each contender's steps; they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            seconds[name] += turn()
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(title: str, task: Task, times: dict[str, float], reference: str, rate: float | None) -> None:
    print(f"\n{title}")
    print(f"{'':36}{'ms':>9}{'ratio':>8}{'GFLOP/s':>10}{'of products':>13}")
    for name, seconds in times.items():
        speed = task.flop / seconds
        share = f"{speed / rate:12.0%} " if rate else ""
        print(f"{name:36}{1e3 * seconds:9.3f}{seconds / times[reference]:8.2f}{speed / 1e9:10.1f}{share}")


def measure_cpu(hidden: int, vugrad: Path | None) -> list[str]:
    task = make_task(hidden)
    contenders = {
        "PyTorch, eager": Contender(torch_step, task),
        "engine on NumPy": Contender(engine_step, task),
        "engine on PyTorch tensors": Contender(engine_step, task, torch.tensor),
    }
    if vugrad:
        contenders["vugrad (float64)"] = Contender(vugrad_step, task, vugrad)
    agree({name: contender.losses for name, contender in contenders.items()})
    contenders[PRODUCTS] = Contender(products_step, task)
    times = medians({name: contender.times for name, contender in contenders.items()})
    for contender in contenders.values():
        contender.stop()
    rate = task.flop / times[PRODUCTS]
    report(f"{INPUTS}-{hidden}-{OUTPUTS}, batch {BATCH}, CPU, one thread", task, times, "PyTorch, eager", rate)

    engine = times["engine on NumPy"]
    missed = []
    if engine > times["PyTorch, eager"]:
        missed.append(f"{hidden} hidden units: slower than eager PyTorch")
    if vugrad and engine > times["vugrad (float64)"] / 4:
        missed.append(f"{hidden} hidden units: less than 4 times as fast as vugrad")
    if hidden > 1000 and task.flop / engine < 0.75 * rate:
        missed.append(f"{hidden} hidden units: below 75 % of the rate of the bare products")
    return missed


def measure_gpu(hidden: int) -> None:
    task = make_task(hidden)
    torch.backends.cuda.matmul.allow_tf32 = False

    def on_gpu(value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, device="cuda")

    contenders = {"PyTorch": torch_step(task, "cuda"), "engine": engine_step(task, on_gpu)}
    agree({name: first_losses(step) for name, step in contenders.items()})
    steps = {
        "PyTorch, eager": torch_step(task, "cuda"),
        "PyTorch, eager, fused SGD": torch_step(task, "cuda", fused=True),
        "engine, eager": engine_step(task, on_gpu),
        "PyTorch, CUDA graph": captured(torch_step(task, "cuda", fused=True)),
        "engine, CUDA graph": captured(engine_step(task, on_gpu)),
    }
    times = medians({name: partial(timed, step, torch.cuda.synchronize) for name, step in steps.items()})
    report(
        f"{INPUTS}-{hidden}-{OUTPUTS}, batch {BATCH}, {torch.cuda.get_device_name()}, float32 without TF32",
        task,
        times,
        "PyTorch, eager",
        None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vugrad", type=Path, help="a folder that holds the package vugrad, to measure against it")
    parser.add_argument("--check", action="store_true", help="exit with 1 where an aim is missed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    missed = [line for hidden in (3136, 256) for line in measure_cpu(hidden, arguments.vugrad)]
    if torch.cuda.is_available():
        for hidden in (3136, 256):
            measure_gpu(hidden)
    print("\n" + ("\n".join(missed) if missed else "Every aim is reached."))
    if arguments.check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
