"""A small reverse-mode automatic differentiation engine: the one that trains the MNIST networks of the write-up."""

from rederive.autograd.graph import Context, GraphError, Op, Tensor, all_ops, no_grad

__all__ = ["Context", "GraphError", "Op", "Tensor", "all_ops", "no_grad"]
