"""LaTeX that reads like a textbook: sum_j, X_ij, delta_ij, and matrix forms.

Plain single-line mathematics: pandoc turns it into MathML, LaTeX and Typst.
"""
# ruff: noqa: N802, N815  (SymPy looks its printing methods up by these names)

import re
from typing import Any

from sympy import (
    Add,
    Expr,
    Function,
    Indexed,
    KroneckerDelta,
    Lambda,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    Number,
    OneMatrix,
    Pow,
    S,
    Sum,
    Symbol,
    default_sort_key,
    sympify,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.printing.latex import LatexPrinter

from rederive.proofs.language.derivation import Chain, Definition, Derivation, Named, Partial
from rederive.proofs.prover.functions import AnyDerivative, AnyFunction, Step
from rederive.proofs.prover.indices import FRESH

ENTRY_ORDER = "GDXHYPZW"
# `lamda` as in SymPy: the other spelling is a keyword of Python.
GREEK = {name: name for name in ("alpha", "beta", "gamma", "delta", "epsilon", "eta", "mu", "sigma")} | {
    "lamda": "lambda"
}


class TextbookPrinter(LatexPrinter):
    """Prints the expressions of derivations."""

    def __init__(self, show_limits: bool = False) -> None:
        super().__init__({"fold_func_brackets": False, "mul_symbol": None, "ln_notation": False})
        self.show_limits = show_limits

    def _name(self, name: str) -> str:
        # dX is the gradient of X; W1 is W with a number
        match = re.fullmatch(r"([A-Za-z]+?)(\d+)?", name.split(FRESH)[0])
        if match is None:
            return name
        letters, number = match.groups()
        text = f"\\{GREEK[letters]}" if letters in GREEK else letters
        if len(letters) == 2 and letters[0] == "d":
            text = f"\\mathrm{{d}}{letters[1]}"
        elif len(letters) > 1 and letters not in GREEK:
            text = f"\\mathrm{{{letters}}}"
        return f"{text}^{{({number})}}" if number else text

    def _indices(self, indices: Any) -> str:
        printed = [self._print(index) for index in indices]
        return ("" if all(re.fullmatch(r"[A-Za-z]'*", one) for one in printed) else ", ").join(printed)

    def _print_Symbol(self, expr: Symbol, style: str = "plain") -> str:
        return self._name(expr.name)

    _print_Index = _print_Symbol
    _print_Dummy = _print_Symbol

    def _print_Indexed(self, expr: Indexed) -> str:
        return f"{self._name(str(expr.base.label))}_{{{self._indices(expr.indices)}}}"

    def _print_KroneckerDelta(self, expr: KroneckerDelta, exp: Any = None) -> str:
        return _raised(f"\\delta_{{{self._indices(expr.args[:2])}}}", exp)

    def _print_Sum(self, expr: Sum) -> str:
        body = self._print(expr.function)
        if isinstance(expr.function, Add):
            body = f"\\left({body}\\right)"
        if self.show_limits:
            signs = "".join(f"\\sum_{{{self._print(i)}={self._print(low)}}}^{{{self._print(high)}}}" for i, low, high in
                            expr.limits)  # fmt: skip
        else:
            signs = f"\\sum_{{{', '.join(self._print(limit[0]) for limit in expr.limits)}}}"
        return f"{signs} {body}"

    def _print_Pow(self, expr: Pow) -> str:
        if isinstance(expr.base, (Sum, Partial)) and not expr.exp.is_negative:
            return f"\\left({self._print(expr.base)}\\right)^{{{self._print(expr.exp)}}}"
        return super()._print_Pow(expr)

    def _print_Add(self, expr: Add, order: Any = None) -> str:
        # The terms without a minus sign first, each group in SymPy's order.
        terms = sorted(self._as_ordered_terms(expr), key=_starts_with_minus)
        text = self._print(terms[0])
        for term in terms[1:]:
            printed = self._print(-term if _starts_with_minus(term) else term)
            needs_brackets = _starts_with_minus(term) and isinstance(-term, Add)
            text += (" - " if _starts_with_minus(term) else " + ") + (f"({printed})" if needs_brackets else printed)
        return text

    def _print_Mul(self, expr: Any) -> str:
        above: list[Expr] = []
        below: list[Expr] = []
        for factor in sorted(Mul.make_args(expr), key=_reading_order):
            if factor.is_Pow and factor.exp.is_Rational and factor.exp < 0:
                below.append(factor.base**-factor.exp)
            elif factor.is_Rational and factor.q != 1:
                below.insert(0, sympify(factor.q))
                above.insert(0, sympify(factor.p))
            else:
                above.append(factor)
        sign = ""
        if above and above[0].is_Number and above[0].is_negative:
            sign, above[0] = "- ", -above[0]
        above = [factor for factor in above if factor != 1] or [S.One]
        if not below:
            return sign + self._factors(above)
        return f"{sign}\\frac{{{self._factors(above)}}}{{{self._factors(below)}}}"

    def _factors(self, factors: list[Expr]) -> str:
        if len(factors) == 1:
            return self._print(factors[0])
        printed = [self._factor(factor) for factor in factors]
        for place, factor in enumerate(factors[:-1]):
            if isinstance(factor, Sum):
                printed[place] = f"\\left({printed[place]}\\right)"
        return " ".join(printed)

    def _print_Partial(self, expr: Partial) -> str:
        value, entry = expr.args
        return f"\\frac{{\\partial {self._print(value)}}}{{\\partial {self._print(entry)}}}"

    def _print_Named(self, expr: Named) -> str:
        return self._print(expr.args[0])

    def _print_Step(self, expr: Step, exp: Any = None) -> str:
        return _raised(f"\\mathbf{{1}}[{self._print(expr.args[0])} > 0]", exp)

    def _print_AnyFunction(self, expr: AnyFunction, exp: Any = None) -> str:
        return _raised(f"f\\left({self._print(expr.args[0])}\\right)", exp)

    def _print_AnyDerivative(self, expr: AnyDerivative, exp: Any = None) -> str:
        return _raised(f"f'\\left({self._print(expr.args[0])}\\right)", exp)

    # Matrices; a function or a fraction of a matrix is meant entry by entry.

    def _print_MatrixSymbol(self, expr: Any) -> str:
        return self._name(expr.name)

    def _print_OneMatrix(self, expr: OneMatrix) -> str:
        rows, columns = expr.shape
        if columns == 1:
            return "\\mathbf{1}"
        return "\\mathbf{1}^{\\top}" if rows == 1 else "\\mathbf{1} \\mathbf{1}^{\\top}"

    def _print_Transpose(self, expr: Any) -> str:
        inner = self._print(expr.arg)
        plain = isinstance(expr.arg, (MatrixSymbol, OneMatrix)) and "^" not in inner
        return f"{inner}^{{\\top}}" if plain else f"\\left({inner}\\right)^{{\\top}}"

    def _print_MatMul(self, expr: Any) -> str:
        factors = [factor for factor in expr.args if factor != -1]
        parts = [self._factor(factor) for factor in factors] if len(factors) > 1 else [self._print(factors[0])]
        return ("- " if -1 in expr.args else "") + " ".join(parts)

    def _print_HadamardProduct(self, expr: Any) -> str:
        return " \\odot ".join(self._factor(part) for part in sorted(expr.args, key=_matrix_order))

    def _print_HadamardPower(self, expr: Any) -> str:
        return f"{self._factor(expr.base)}^{{{self._print(expr.exp)}}}"

    def _factor(self, part: Any) -> str:
        text = self._print(part)
        bracketed = part.is_Add or part.is_MatAdd if isinstance(part, MatrixExpr) else isinstance(part, Add)
        if isinstance(part, ElementwiseApplyFunction):
            bracketed = isinstance(part.function.expr, Add)
        return f"\\left({text}\\right)" if bracketed or part.__class__.__name__ == "HadamardProduct" else text

    def _print_MatAdd(self, expr: Any) -> str:
        terms = sorted(expr.args, key=lambda term: -1 in term.args)
        text = self._print(terms[0])
        for term in terms[1:]:
            printed = self._print(term)
            text += f" - {printed[2:]}" if printed.startswith("- ") else f" + {printed}"
        return text

    def _print_ElementwiseApplyFunction(self, expr: ElementwiseApplyFunction) -> str:
        function = expr.function
        body = function.expr if isinstance(function, Lambda) else function(_ARGUMENT)
        if isinstance(function, Lambda):
            body = body.xreplace({function.signature[0]: _ARGUMENT})
        return _EntrywisePrinter(self._print(expr.expr), isinstance(expr.expr, MatrixSymbol)).doprint(body)


_ARGUMENT = Symbol("argument")


class _EntrywisePrinter(TextbookPrinter):
    """Prints the body of a function that is applied to every entry, with the matrix in the place of the variable."""

    def __init__(self, matrix: str, is_name: bool) -> None:
        super().__init__()
        self.matrix, self.is_name = matrix, is_name

    def _print_Symbol(self, expr: Symbol, style: str = "plain") -> str:
        return self.matrix if expr == _ARGUMENT else super()._print_Symbol(expr)

    def _print_Pow(self, expr: Any) -> str:
        if expr.base == _ARGUMENT and expr.exp.is_positive and not self.is_name:
            return f"\\left({self.matrix}\\right)^{{{self._print(expr.exp)}}}"
        return super()._print_Pow(expr)

    def _factor(self, part: Any) -> str:
        return f"\\left({self.matrix}\\right)" if part == _ARGUMENT and not self.is_name else super()._factor(part)


def _raised(text: str, exponent: str | None) -> str:
    return text if exponent is None else f"{text}^{{{exponent}}}"


def _matrix_order(factor: Any) -> tuple[Any, ...]:
    """Names before functions, the cotangent first."""
    name = factor.name if isinstance(factor, MatrixSymbol) else ""
    return not name, ENTRY_ORDER.index(name[0]) if name and name[0] in ENTRY_ORDER else len(ENTRY_ORDER), str(factor)


def _reading_order(factor: Expr) -> tuple[Any, ...]:
    """Numbers, names, entries (the cotangent first, weights last), functions, deltas, brackets, sums."""
    base = factor.base if factor.is_Pow else factor
    kinds = (Number, Symbol, Indexed, Function, KroneckerDelta, Partial, Add, Sum)
    kind = next((rank for rank, cls in enumerate(kinds) if isinstance(base, cls)), 3)
    if isinstance(base, KroneckerDelta):
        kind = kinds.index(KroneckerDelta)
    name = str(base.base.label) if isinstance(base, Indexed) else ""
    place = ENTRY_ORDER.index(name[0]) if name and name[0] in ENTRY_ORDER else len(ENTRY_ORDER) // 2
    return kind, place, name, default_sort_key(base)


def _starts_with_minus(term: Expr) -> bool:
    return bool(term.as_coeff_Mul()[0].is_negative) if isinstance(term, Expr) else False


def to_latex(expression: Expr | MatrixExpr, show_limits: bool = False) -> str:
    """Return an expression as one line of LaTeX."""
    return TextbookPrinter(show_limits).doprint(expression)


def definition_latex(definition: Definition, show_limits: bool = False) -> str:
    """Return `Y_{ij} = ...`."""
    return f"{to_latex(definition.head)} = {to_latex(definition.meaning, show_limits)}"


def statement_latex(derivation: Derivation) -> str:
    """Return what is differentiated: the result and the names that it uses."""
    parts = (derivation.output, *derivation.definitions)
    return ", \\quad ".join(definition_latex(part, derivation.show_limits) for part in parts)


def chain_latex(chain: Chain, show_limits: bool = False) -> list[tuple[str, str | None]]:
    """Return each line of a chain in index form and, where it has one, in matrix form."""
    lines = []
    for number, line in enumerate(chain.lines):
        left = f"{to_latex(chain.start, show_limits)} = " if number == 0 else "= "
        matrix = None if line.matrix is None else f"{matrix_left(chain)} = {to_latex(line.matrix)}"
        lines.append((left + to_latex(line.expression, show_limits), matrix))
    return lines


def matrix_left(chain: Chain) -> str:
    """Return dL/dX, the left side of a chain without its indices."""
    if isinstance(chain.start, Partial):
        value, entry = chain.start.args
        return f"\\frac{{\\partial {to_latex(value)}}}{{\\partial {to_latex(entry.base.label)}}}"
    return to_latex(chain.start)


def domain_text(derivation: Derivation) -> str:
    """Return in words where the derivation holds: exactly what the proofs assume."""
    shown = {one.name: f"${to_latex(Symbol(one.name))}$" for one in derivation.inputs}
    of_sign = {
        sign: [shown[one.name] for one in derivation.inputs if one.domain == sign and one.below is one.is_size is None]
        for sign in ("real", "positive", "nonzero")
    }
    sentences = []
    if of_sign["real"]:
        sentences.append(f"All real {_listed(of_sign['real'])}")
    sentences += [f"every entry of {name} is positive" for name in of_sign["positive"]]
    sentences += [f"no entry of {name} is zero" for name in of_sign["nonzero"]]
    sentences += [
        f"every entry of {shown[one.name]} is one of $0, \\dots, {to_latex(one.below - 1)}$"
        for one in derivation.inputs
        if one.below is not None
    ]
    sentences += [f"any number ${to_latex(one.is_size)}$ of columns" for one in derivation.inputs if one.is_size]
    sentences += [f"${to_latex(parameter)} > 0$" for parameter in derivation.parameters if parameter.is_positive]
    sentences += [f"${to_latex(condition)} \\ne 0$" for condition in derivation.nonzero]
    if derivation.output.meaning.has(AnyFunction):
        sentences.append("$f$ has a derivative $f'$ everywhere")
    text = "; ".join(sentences)
    return f"{text[:1].upper()}{text[1:]}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def result_latex(derivation: Derivation) -> str:
    """Return the derived gradients, index form and, where there is one, matrix form."""
    results = []
    for chain in derivation.gradients.values() or derivation.chains:
        parts = [to_latex(chain.start, derivation.show_limits), to_latex(chain.result, derivation.show_limits)]
        results.append(" = ".join(parts))
        if chain.lines[-1].matrix is not None:
            results[-1] += f", \\quad {matrix_left(chain)} = {to_latex(chain.lines[-1].matrix)}"
    return ", \\qquad ".join(results)
