"""PyTorch's own functions for the engine's ops, and its gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from rederive.autograd import Context, Op, convolution, normalization, ops, pooling
from rederive.autograd.graph import namespace

ORACLES: dict[type[Op], Callable[..., torch.Tensor]] = {
    ops.Add: torch.add,
    ops.Sub: torch.sub,
    ops.Mul: torch.mul,
    ops.Div: torch.div,
    ops.Neg: torch.neg,
    ops.Pow: torch.pow,
    ops.MatMul: torch.matmul,
    ops.Transpose: torch.t,
    ops.Sum: lambda x, axis=None, keepdims=False: torch.sum(x, dim=axis, keepdim=keepdims),
    ops.Mean: lambda x, axis=None, keepdims=False: torch.mean(x, dim=axis, keepdim=keepdims),
    ops.Exp: torch.exp,
    ops.Log: torch.log,
    ops.Sigmoid: torch.sigmoid,
    ops.Tanh: torch.tanh,
    ops.ReLU: torch.relu,
    ops.Normalize: lambda x: functional.normalize(x, p=1.0, dim=1),
    ops.Expand: lambda x, shape: x.expand(shape),
    ops.RepeatColumns: lambda x, columns: x[:, None].repeat(1, columns),
    ops.Reshape: torch.reshape,
    ops.Select: lambda x, columns: torch.gather(x, 1, columns[:, None])[:, 0],
    ops.LogSoftmax: lambda x: torch.log_softmax(x, dim=1),
    ops.SoftmaxCrossEntropy: lambda x, labels: functional.cross_entropy(x, labels, reduction="sum"),
    ops.Linear: functional.linear,
    convolution.Patches: lambda x, rows, columns: torch.einsum("nhwc,uah,vbw->nuvcab", x, rows, columns),
    convolution.Filters: lambda patches, weights: torch.einsum("nuvcab,fcab->nuvf", patches, weights),
    pooling.Take: lambda x, places: torch.gather(x, -1, places[..., None])[..., 0],
    normalization.Standardize: lambda x, axes: (
        (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, correction=0, keepdim=True) + 1e-5)
    ),
}


def to_torch(value: Any) -> Any:
    """Return a NumPy array as a PyTorch tensor with memory of its own, anything else as it is."""
    return torch.tensor(np.array(value, order="C")) if isinstance(value, np.ndarray) else value


def expected(
    op: type[Op], operands: list[np.ndarray], constants: dict[str, Any], cotangent: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the value and the gradients by PyTorch: of its own function, or else of the op's `forward`."""
    inputs = [to_torch(operand).requires_grad_() for operand in operands]
    constants = {name: to_torch(value) for name, value in constants.items()}
    if op in ORACLES:
        value = ORACLES[op](*inputs, **constants)
    else:
        shapes = tuple(tuple(one.shape) for one in inputs)
        context = Context(namespace(*inputs), (True,) * len(inputs), shapes)
        value = op.forward(context, *inputs, **constants)
    gradients = torch.autograd.grad(value, inputs, to_torch(cotangent))
    return value.detach().numpy(), [gradient.numpy() for gradient in gradients]
