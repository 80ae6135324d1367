"""Matrix expressions: their entries in index notation, and SymPy's derivative of a trace by a matrix.

SymPy's matrix calculus derives a gradient without any index: with the prover it has only the last comparison in common.
"""

from sympy import (
    Add,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    KroneckerDelta,
    Lambda,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    S,
    Trace,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from rederive.proofs.prover.indices import Index, array, sum_over


class NoMatrixFormError(ValueError):
    """SymPy gives a matrix expression that has no reading here."""


def matrix(name: str, rows: Expr | int, columns: Expr | int) -> MatrixSymbol:
    """Return a matrix; a matrix of one column or one row stands for the vector of the same name."""
    return MatrixSymbol(name, rows, columns)


def each(function: Lambda | type, argument: MatrixExpr) -> MatrixExpr:
    """Apply a function to every entry."""
    return argument.applyfunc(function)


def matrix_entry(expression: MatrixExpr, i: Expr, j: Expr) -> Expr:
    """Return entry i, j of a matrix expression, by the definition of each operation."""
    if isinstance(expression, MatrixSymbol):
        rows, columns = expression.shape
        where = tuple(place for place, size in ((i, rows), (j, columns)) if size != 1)
        base = array(expression.name)
        return base[where] if where else base.label
    if isinstance(expression, MatAdd):
        return Add(*[matrix_entry(part, i, j) for part in expression.args])
    if isinstance(expression, HadamardProduct):
        return Mul(*[matrix_entry(part, i, j) for part in expression.args])
    if isinstance(expression, HadamardPower):
        return matrix_entry(expression.base, i, j) ** expression.exp
    if isinstance(expression, ElementwiseApplyFunction):
        return expression.function(matrix_entry(expression.expr, i, j))
    if isinstance(expression, Transpose):
        return matrix_entry(expression.arg, j, i)
    if isinstance(expression, MatMul):
        return _product_entry(expression, i, j)
    if isinstance(expression, OneMatrix):
        return S.One
    if isinstance(expression, ZeroMatrix):
        return S.Zero
    if isinstance(expression, Identity):
        return KroneckerDelta(i, j)
    raise NoMatrixFormError(f"no entries are known of a {type(expression).__name__}: {expression}")


def _product_entry(expression: MatMul, i: Expr, j: Expr) -> Expr:
    numbers = [factor for factor in expression.args if not isinstance(factor, MatrixExpr)]
    matrices = [factor for factor in expression.args if isinstance(factor, MatrixExpr)]
    first, *rest = matrices
    if not rest:
        return Mul(*numbers, matrix_entry(first, i, j))
    inner = first.shape[1]
    if inner == 1:
        return Mul(*numbers, matrix_entry(first, i, S.Zero), matrix_entry(MatMul(*rest), S.Zero, j))
    k = Index("k", inner).fresh()
    return Mul(*numbers, sum_over(matrix_entry(first, i, k) * matrix_entry(MatMul(*rest), k, j), k))


def matrix_gradient(result: MatrixExpr, cotangent: MatrixExpr, wanted: MatrixSymbol) -> MatrixExpr:
    """Return the gradient of trace(G^T Y) with respect to a matrix, by SymPy's matrix calculus."""
    return Trace(cotangent.T * result).diff(wanted)
