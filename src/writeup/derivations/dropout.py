"""Dropout: entries set to zero at random, and the others scaled."""

from typing import Any, cast

import numpy as np
from sympy import Rational, S

from rederive.autograd import Dropout
from rederive.proofs.language.derivation import (
    Chain,
    Definition,
    Derivation,
    Input,
    Line,
    Step,
    array,
    delta,
    gradient_chain,
    sum_over,
)
from rederive.proofs.language.notation import G, X, i, j, m, n, p, q
from rederive.proofs.prover.array import SymbolicArray
from rederive.proofs.prover.code import Trace

M, r = array("M"), array("r").label
Y = Definition("Y", (i, j), X[i, j] * M[i, j] / (1 - r))


class Drawn:
    """In the place of a random generator: the numbers that it is said to have drawn."""

    def random(self, shape: Any, dtype: Any) -> SymbolicArray:
        """Return U, of the shape of X."""
        return SymbolicArray.named("U", n, m)


def module() -> list[Any]:
    """The engine's own module in training, for several probabilities, whatever its generator draws: U."""
    pairs = []
    for rate in (0.25, 0.5, 0.875):
        dropout = Dropout(rate, cast(np.random.Generator, Drawn()))
        trace = Trace(dropout, {"X": SymbolicArray.named("X", n, m)})
        kept = Step(array("U")[p, q] - Rational(rate))
        pairs.append((X[p, q] * kept / (1 - Rational(rate)), trace.value.at(p, q)))
        pairs += [(found.left, found.right) for found in trace.comparisons()]
    return pairs


DERIVATION = Derivation(
    title="Dropout",
    order=114,
    inputs=(Input("X", (n, m)), Input("M", (n, m), differentiated=False), Input("r", (), differentiated=False)),
    output=Y,
    chains=(
        gradient_chain(
            X[p, q],
            Y,
            Line(
                sum_over(G[i, j] * M[i, j] / (1 - r) * delta(i, p) * delta(j, q), i, j),
                "the mask does not depend on $X$",
            ),
            Line(G[p, q] * M[p, q] / (1 - r), "a sum over a Kronecker delta has one term"),
        ),
        Chain(
            r * (X[p, q] * 0 / (1 - r)) + (1 - r) * (X[p, q] * S.One / (1 - r)),
            (
                Line(
                    X[p, q],
                    "the mean of $Y$ over the mask, which is zero with probability $r$ and else one: dropout leaves it",
                ),
            ),
        ),
    ),
    program=lambda xp, X, M, r: X * M / (1 - r),
    code=lambda X, M, r: X * (M.value / (1 - r.value)),
    nonzero=(1 - r,),
    extra={"the module in training": module},
)
