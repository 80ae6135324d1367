"""An operation that the tool's engine does not have."""

from rederive.autograd.examples import Example
from rederive.autograd.graph import Array, Context
from rederive.autograd.op import Op


class Softplus(Op):
    """Y = log(1 + exp(X)), entry by entry: a ReLU without its corner (Dugas et al. 2001)."""

    examples = (Example("n m"),)

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        """Return the value; it is for entries that exp can take, below 88 in single precision."""
        e = context.xp.exp(x)
        context.save(e)
        return context.xp.log(1 + e)

    @staticmethod
    def backward(context: Context, cotangent: Array) -> Array:
        """Return the gradient: the slope is the sigmoid."""
        (e,) = context.saved
        return cotangent * e / (1 + e)
