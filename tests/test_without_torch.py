"""The tool is there for studies without PyTorch: only what serves trainers in PyTorch imports it."""

import subprocess
import sys

from tests.test_architecture import MODULES

SERVES_TORCH = {"rederive.training.torch_operations"}  # counts the work of a network in PyTorch


def run(program: str) -> None:
    """Run a program where PyTorch cannot be imported."""
    blocked = "import sys; sys.modules['torch'] = sys.modules['torchvision'] = None\n"
    done = subprocess.run([sys.executable, "-c", blocked + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_can_be_imported() -> None:
    wanted = sorted(MODULES.keys() - SERVES_TORCH)
    assert len(wanted) > 80
    run(f"import importlib\nfor name in {wanted!r}: importlib.import_module(name)")


def test_the_engine_computes_gradients_of_numpy_arrays() -> None:
    # d/dx sum(exp(x)) = exp(x)
    run("""
import numpy as np
from rederive.autograd import Tensor, ops
x = Tensor([0.0, 1.0], requires_grad=True)
ops.Exp.apply(x).sum().backward()
assert np.allclose(x.grad, [1.0, np.e]), x.grad
""")
