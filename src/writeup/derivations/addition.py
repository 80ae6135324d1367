"""The sum of two matrices, traced through the graph."""

from typing import Any

from rederive.autograd.ops import Add, Neg, Sub
from rederive.proofs.checks.sweep_mutants import EQUIVALENT, check_sweep
from rederive.proofs.language.derivation import Definition, Derivation, Input, Line, delta, gradient_chain, sum_over
from rederive.proofs.language.notation import G, G_matrix, X, X_matrix, Z, Z_matrix, i, j, m, n, p, q
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace

Y = Definition("Y", (i, j), X[i, j] + Z[i, j])


def twice() -> list[Any]:
    """X + X: both paths through the graph add up."""
    trace = Trace(lambda X: X + X, {"X": SymbolicArray.named("X", n, m)})
    return [(found.left, found.right) for found in trace.comparisons()]


def broadcast() -> list[Any]:
    """A row added to every row: the gradient sums what broadcasting repeated."""
    trace = Trace(lambda X, b: X + b, {"X": SymbolicArray.named("X", n, m), "b": SymbolicArray.named("b", m)})
    return [(found.left, found.right) for found in trace.comparisons()]


def chains() -> tuple[Any, ...]:
    """Both operands alike."""
    return tuple(
        gradient_chain(
            operand[p, q],
            Y,
            Line(sum_over(G[i, j] * delta(i, p) * delta(j, q), i, j), "each operand counts once"),
            Line(G[p, q], "a sum over a Kronecker delta has one term", G_matrix),
        )
        for operand in (X, Z)
    )


DERIVATION = Derivation(
    title="Addition",
    order=70,
    inputs=(Input("X", (n, m)), Input("Z", (n, m))),
    output=Y,
    chains=chains(),
    program=lambda xp, X, Z: X + Z,
    code=lambda X, Z: X + Z,
    ops=(Add, Sub, Neg),
    matrix=X_matrix + Z_matrix,
    audits={"the sweep": check_sweep},
    extra={"X + X": twice, "a row added to every row": broadcast},
    equivalents=EQUIVALENT,
)
