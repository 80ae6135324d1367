"""Formulas as plain text, for the terminal: sum_j G[p, j] X[p, j]."""
# ruff: noqa: N802, N815  (SymPy looks its printing methods up by these names)

from typing import Any

from sympy import Expr, KroneckerDelta, Sum
from sympy.printing.str import StrPrinter

from rederive.proofs.language.derivation import Named, Partial
from rederive.proofs.prover.indices import FRESH, Index
from rederive.proofs.prover.normal_form import CanonicalIndex
from rederive.proofs.prover.prove import OutermostIndex

CANONICAL_LETTERS = "jklrstabcdefgh"  # p, q, u and v are those of the entry that is differentiated by


class PlainPrinter(StrPrinter):
    """Prints sums and indices as they are said."""

    def _print_Index(self, expr: Index) -> str:
        return expr.name.split(FRESH)[0]

    def _print_CanonicalIndex(self, expr: CanonicalIndex | OutermostIndex) -> str:
        return CANONICAL_LETTERS[int(expr.name)]

    _print_OutermostIndex = _print_CanonicalIndex

    def _print_Sum(self, expr: Sum) -> str:
        return f"sum_{''.join(self._print(limit[0]) for limit in expr.limits)}({self._print(expr.function)})"

    def _print_KroneckerDelta(self, expr: KroneckerDelta) -> str:
        return f"delta({', '.join(self._print(side) for side in expr.args[:2])})"

    def _print_Partial(self, expr: Partial) -> str:
        return f"d{self._print(expr.args[0])}/d{self._print(expr.args[1])}"

    def _print_Named(self, expr: Named) -> str:
        return self._print(expr.args[0])

    def _print_Step(self, expr: Any) -> str:
        return f"[{self._print(expr.args[0])} > 0]"

    def _print_AnyFunction(self, expr: Any) -> str:
        return f"f({self._print(expr.args[0])})"

    def _print_AnyDerivative(self, expr: Any) -> str:
        return f"f'({self._print(expr.args[0])})"


def to_text(expression: Expr) -> str:
    """Return an expression as one line of plain text."""
    return PlainPrinter().doprint(expression)
