"""A vector repeated as the columns of a matrix."""

from typing import Any

from sympy import OneMatrix

from rederive.autograd.ops import Expand, Mean, RepeatColumns
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, b, i, j, m, n, p
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace
from rederive.proofs.prover.matrix_calculus import matrix

Y = Definition("Y", (i, j), b[i])

b_column = matrix("b", n, 1)


def sixteen() -> list[Any]:
    """The write-up's case: 16 columns."""
    trace = Trace(lambda b: RepeatColumns.apply(b, columns=16), {"b": SymbolicArray.named("b", n)})
    return [(found.left, found.right) for found in trace.comparisons()]


def expanded() -> list[Any]:
    """The same with a column that is expanded."""
    trace = Trace(lambda b: Expand.apply(b, shape=(n, m)), {"b": SymbolicArray.named("b", n, 1)})
    return [(found.left, found.right) for found in trace.comparisons()]


DERIVATION = Derivation(
    title="A vector repeated over the columns",
    order=40,
    inputs=(Input("b", (n,)), Input("m", (), is_size=m)),
    output=Y,
    chains=(
        gradient_chain(
            b[p],
            Y,
            Line(sum_over(G[i, j] * delta(i, p), i, j), "every column is b"),
            Line(
                sum_over(G[p, j], j),
                "a sum over a Kronecker delta has one term: what remains is the sum of the row",
                G_matrix * OneMatrix(m, 1),
            ),
        ),
    ),
    program=lambda xp, b, m: xp.broadcast_to(b[:, None], (b.shape[0], m)),
    code=lambda b, m: RepeatColumns.apply(b, columns=m),
    ops=(RepeatColumns, Expand, Mean),
    matrix=b_column * OneMatrix(1, m),
    extra={"16 columns": sixteen, "Expand": expanded},
    equivalents={
        r"«axis».* with -axis": "Where it counts, axis is 0 or the last of two: so is -axis.",
    },
)
