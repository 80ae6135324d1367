"""A small reverse-mode automatic differentiation engine: NumPy arrays, or tensors on a GPU."""

from rederive.autograd.graph import Context, GraphError, Tensor, no_grad
from rederive.autograd.modules import MLP, Dropout, Linear, Module
from rederive.autograd.op import Op, all_ops
from rederive.autograd.optimizers import SGD

__all__ = [
    "MLP",
    "SGD",
    "Context",
    "Dropout",
    "GraphError",
    "Linear",
    "Module",
    "Op",
    "Tensor",
    "all_ops",
    "no_grad",
]
