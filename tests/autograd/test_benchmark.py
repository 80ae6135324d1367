"""The benchmark compares like with like."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for library in ("OMP", "OPENBLAS", "MKL", "VECLIB"):  # which the script sets, for the libraries that it loads
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
    path = Path(__file__).parents[2] / "benchmarks/engine.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_the_engine", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_contenders_take_the_same_step(benchmark: ModuleType) -> None:
    import torch

    task = benchmark.make_task(16)
    steps = {
        "PyTorch": benchmark.torch_step(task),
        "engine on NumPy": benchmark.engine_step(task),
        "engine on PyTorch": benchmark.engine_step(task, torch.tensor),
    }
    losses = {name: benchmark.first_losses(step) for name, step in steps.items()}
    benchmark.agree(losses)
    assert losses["PyTorch"][1] != losses["PyTorch"][0]  # a step was taken
    with pytest.raises(SystemExit, match="another has losses"):
        benchmark.agree({**losses, "another": [1.0, 2.0]})


def test_the_operations_of_a_step_are_those_of_its_five_products(benchmark: ModuleType) -> None:
    batch, inputs, hidden, outputs = 128, 784, 16, 10
    products = [  # rows, inner size, columns
        (batch, inputs, hidden),
        (batch, hidden, outputs),
        (outputs, batch, hidden),
        (batch, outputs, hidden),
        (hidden, batch, inputs),
    ]
    assert benchmark.make_task(hidden).flop == sum(2 * rows * inner * columns for rows, inner, columns in products)
