"""Other ways to the same gradient, each of which must lead to the claim: `ROUTES`."""

from collections.abc import Callable, Mapping

import numpy as np
from sympy import Expr, MatrixExpr, S

from rederive.proofs.checks import mutants, samples
from rederive.proofs.language.derivation import TANGENT, Chain, Derivation
from rederive.proofs.language.text import to_text
from rederive.proofs.prover.code import Difference, compare
from rederive.proofs.prover.indices import array, sum_over
from rederive.proofs.prover.matrix_calculus import matrix, matrix_entry, matrix_gradient
from rederive.proofs.prover.prove import gradient, pushforward


def _loss(derivation: Derivation) -> Expr:
    return derivation.unfold(derivation.loss.meaning)


def _kronecker(derivation: Derivation) -> list[Difference]:
    """SymPy's derivative of L by an entry, Kronecker deltas eliminated, is the claim."""
    loss = _loss(derivation)
    return [
        compare(f"the Kronecker route for {name}", gradient(loss, chain.start.args[1]), derivation.unfold(chain.result))
        for name, chain in derivation.gradients.items()
    ]


def _adjoint(derivation: Derivation) -> list[Difference]:
    """The derivative of L along any direction V is <claim, V>."""
    loss = _loss(derivation)
    result = []
    for name, chain in derivation.gradients.items():
        entry = chain.start.args[1]
        tangent = array(TANGENT)
        pairing = sum_over(derivation.unfold(chain.result) * tangent[entry.indices], *entry.indices)
        result.append(compare(f"the adjoint route for {name}", pushforward(loss, entry.base, tangent), pairing))
    return result


def entry_of(chain: Chain, form: MatrixExpr) -> tuple[Expr, Expr]:
    """Return the entry of a matrix that a gradient's chain is about; a vector is a column or a row, as it is."""
    where = chain.start.args[1].indices
    if len(where) == 1:
        return (where[0], S.Zero) if form.shape[1] == 1 else (S.Zero, where[0])
    return where[0], where[1]


def _matrix(derivation: Derivation) -> list[Difference]:
    """SymPy's matrix calculus, without indices, gives the claim; and the matrix expression is the stated result."""
    form = derivation.matrix
    assert form is not None
    where = derivation.output.where
    stated = derivation.unfold(derivation.output.head)
    result = [compare("the matrix form of the result", stated, matrix_entry(form, *where))]
    for name, chain in derivation.gradients.items():
        variable = next(
            symbol for symbol in form.free_symbols if getattr(symbol, "name", "") == name and symbol.is_Matrix
        )
        found = matrix_gradient(form, matrix("G", *form.shape), variable)
        read = matrix_entry(found, *entry_of(chain, variable))
        result.append(compare(f"the matrix route for {name}", read, derivation.unfold(chain.result)))
    return result


def _exact(derivation: Derivation) -> list[Difference]:
    """At small sizes and random points, forward-mode differentiation in exact numbers gives the claimed values."""
    for sizes in samples.several_sizes(derivation):
        values = samples.exact_values(derivation, np.random.default_rng(derivation.order), sizes)
        for name, chain in derivation.gradients.items():
            reference = mutants.exact_gradient(derivation, name, values)
            where = chain.start.args[1].indices
            if not mutants.gradient_is(reference, derivation.unfold(chain.result), where, values):
                raise ArithmeticError(
                    f"the derived gradient of {name} has other values than exact differentiation at sizes {sizes}"
                )
    return []


def _lines(derivation: Derivation) -> list[Difference]:
    """At several sizes and random points every line of every chain has the values of the line before, exactly."""
    for sizes in samples.several_sizes(derivation):
        for chain in derivation.chains:
            stated = [derivation.unfold(e) for e in (chain.start, *(line.expression for line in chain.lines))]
            if chain.gradient_of:
                stated = stated[1:]  # dL/dX is what the first line says it is
            for place, different in samples.unequal_lines(derivation, stated, sizes):
                raise ArithmeticError(
                    f"{to_text(chain.start)}: line {place} is {different[1]} where the line before is {different[0]}, "
                    f"at sizes {sizes}"
                )
    return []


ROUTES: Mapping[str, Callable[[Derivation], list[Difference]]] = {
    "kronecker": _kronecker,
    "adjoint": _adjoint,
    "matrix": _matrix,
    "exact": _exact,
    "lines": _lines,
}
