"""The LaTeX in the report means what was proved: it is read again, by rules of its own, and evaluated."""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from sympy import HadamardProduct, Lambda, OneMatrix, Symbol, exp
from tests.proofs.catalogue import NAMES, load

from rederive.proofs.checks import samples
from rederive.proofs.checks.exact import entries
from rederive.proofs.language.derivation import Named, Partial
from rederive.proofs.language.latex import chain_latex, result_latex, statement_latex, to_latex
from rederive.proofs.language.notation import G, X, Z, d, i, j, m, n, p, q
from rederive.proofs.prover.functions import AnyFunction, Step
from rederive.proofs.prover.indices import Index, array, bound_indices, sum_over
from rederive.proofs.prover.matrix_calculus import each, matrix

x = Symbol("x")
A, B = matrix("A", n, m), matrix("B", n, m)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (X[i, j] / Z[i, j], r"\frac{X_{ij}}{Z_{ij}}"),
        (1 / (1 + exp(-X[i, j])), r"\frac{1}{1 + e^{- X_{ij}}}"),
        (-X[p, q] / Z[p, q] ** 2, r"- \frac{X_{pq}}{Z_{pq}^{2}}"),
        (X[i, j] / 2, r"\frac{X_{ij}}{2}"),
        (-2 * X[i, j], r"- 2 X_{ij}"),
        (sum_over(G[i, j] * X[i, j], i, j), r"\sum_{i, j} G_{ij} X_{ij}"),
        (X[p, q] * sum_over(G[p, j], j), r"X_{pq} \sum_{j} G_{pj}"),
        (sum_over(X[p, j], j) * sum_over(G[p, j], j), r"\left(\sum_{j} G_{pj}\right) \sum_{j} X_{pj}"),
        (sum_over(G[p, j] + X[p, j], j), r"\sum_{j} \left(G_{pj} + X_{pj}\right)"),
        (sum_over(X[p, j], j) ** 2, r"\left(\sum_{j} X_{pj}\right)^{2}"),
        (1 / sum_over(X[p, j], j) ** 2, r"\frac{1}{\left(\sum_{j} X_{pj}\right)^{2}}"),
        (AnyFunction(X[i, j]) ** 2, r"f\left(X_{ij}\right)^{2}"),
        (G[p, q] - sum_over(G[p, j], j), r"G_{pq} - \sum_{j} G_{pj}"),
        (X[p, q] - (G[p, q] + Z[p, q]) / 2, r"X_{pq} - \frac{G_{pq}}{2} - \frac{Z_{pq}}{2}"),
        (X[i, array("y", below=m)[i]], r"X_{i, y_{i}}"),
        (array("W1")[i, j], r"W^{(1)}_{ij}"),
        (X[Index("t", d) + 1, j], r"X_{t + 1, j}"),
        (Step(X[i, j]), r"\mathbf{1}[X_{ij} > 0]"),
        (AnyFunction(X[i, j]), r"f\left(X_{ij}\right)"),
        (Partial(Symbol("L"), X[p, q]), r"\frac{\partial L}{\partial X_{pq}}"),
        (Named(Symbol("v"), X[p, q]), "v"),
        (A.T * B, r"A^{\top} B"),
        (A * B.T, r"A B^{\top}"),
        ((A + B).T, r"A^{\top} + B^{\top}"),
        (HadamardProduct(A, B), r"A \odot B"),
        (HadamardProduct(A, each(Lambda(x, 1 / x), B)), r"A \odot \frac{1}{B}"),
        (-HadamardProduct(A, each(Lambda(x, 1 / x**2), B)), r"- A \odot \frac{1}{B^{2}}"),
        (each(Lambda(x, 1 / x), A + B), r"\frac{1}{A + B}"),
        (each(Lambda(x, x**2), A + B), r"\left(A + B\right)^{2}"),
        (each(Lambda(x, Step(x)), A), r"\mathbf{1}[A > 0]"),
        (HadamardProduct(A, OneMatrix(n, m) - B), r"A \odot \left(\mathbf{1} \mathbf{1}^{\top} - B\right)"),
        (A * OneMatrix(m, 1), r"A \mathbf{1}"),
        (OneMatrix(1, n) * A, r"\mathbf{1}^{\top} A"),
    ],
)
def test_formulas_read_like_a_textbook(expression: Any, expected: str) -> None:
    assert to_latex(expression) == expected


def test_ranges_are_shown_where_they_matter() -> None:
    k = Index("k", Symbol("t", integer=True, positive=True))
    assert to_latex(sum_over(array("g")[k], k), show_limits=True) == r"\sum_{k=0}^{t - 1} g_{k}"


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_one_line_with_balanced_braces(name: Any) -> None:
    derivation = load(name)
    texts = [statement_latex(derivation), result_latex(derivation)]
    for chain in derivation.chains:
        for index_form, matrix_form in chain_latex(chain, derivation.show_limits):
            texts += [index_form] + ([matrix_form] if matrix_form else [])
    for text in texts:
        assert text.count("{") == text.count("}")
        assert text.count(r"\left(") == text.count(r"\right)")
        assert "\n" not in text
        assert "~" not in text
        commands = set(re.findall(r"\\([A-Za-z]+)", text))
        assert commands <= {
            "frac", "sum", "partial", "left", "right", "delta", "odot", "top", "mathbf", "quad", "qquad", "log", "tanh",
            "cosh", "sqrt", "alpha", "beta", "gamma", "epsilon", "eta", "lambda", "mu",
        }  # fmt: skip


# A reader of the LaTeX that is printed: expression := term (+|- term)*, a sum reaches to the end of its term.

TOKEN = re.compile(r"\\[A-Za-z]+|[A-Za-z]'?|\d+|[{}()\[\]^_+\-=,>]")


class Reader:
    """Reads one formula into a function of the indices' values."""

    def __init__(self, text: str, values: Any) -> None:
        self.tokens = TOKEN.findall(text.replace(r"\left(", "(").replace(r"\right)", ")"))
        self.values = values
        self.place = 0

    def peek(self) -> Any:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: Any = None) -> Any:
        token = self.peek()
        assert expected is None or token == expected, (expected, self.tokens[self.place :])
        self.place += 1
        return token

    def group(self, inside: Any) -> Any:
        self.take("{")
        result = inside()
        self.take("}")
        return result

    def expression(self) -> Callable[..., Any]:
        terms = []
        sign = 1
        if self.peek() == "-":
            self.take()
            sign = -1
        terms.append((sign, self.term()))
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            terms.append((sign, self.term()))
        return lambda at: sum(sign * term(at) for sign, term in terms)

    def term(self) -> Callable[..., Any]:
        factors = []
        while self.peek() and self.peek() not in ("+", "-", ")", "}", "]", "=", ",", ">"):
            factors.append(self.power(self.factor()))
        return lambda at: np.prod([factor(at) for factor in factors])

    def power(self, base: Any) -> Any:
        if self.peek() != "^":
            return base
        self.take()
        exponent = self.group(self.expression)
        return lambda at: base(at) ** exponent(at)

    def subscripts(self) -> Any:
        found: list[Callable[..., Any]] = []
        self.take("_")
        self.take("{")
        while self.peek() != "}":
            if self.peek() == ",":
                self.take()
            letter = self.take()
            if letter.isdigit():
                found.append(lambda at, value=int(letter): value)
            elif self.peek() == "_":
                (inner,) = self.subscripts()
                found.append(lambda at, name=letter, inner=inner: int(self.values[name][inner(at)]))
            elif self.peek() == "+":
                self.take()
                plus = int(self.take())
                found.append(lambda at, name=letter, plus=plus: self.index(name, at) + plus)
            else:
                found.append(lambda at, name=letter: self.index(name, at))
        self.take("}")
        return found

    def index(self, name: str, at: Any) -> Any:
        return at[name] if name in at else self.values[name]

    def factor(self) -> Any:
        token = self.take()
        if token == "(":
            inside = self.expression()
            self.take(")")
            return inside
        if token == r"\frac":
            above, below = self.group(self.expression), self.group(self.expression)
            return lambda at: above(at) / below(at)
        if token == r"\sum":
            return self.sum()
        if token == r"\delta":
            first, second = self.subscripts()
            return lambda at: float(first(at) == second(at))
        if token == r"\mathbf":
            self.group(self.take)
            self.take("[")
            condition = self.expression()
            self.take(">")
            self.take("0")
            self.take("]")
            return lambda at: float(condition(at) > 0)
        if token in (r"\log", r"\tanh", r"\cosh", r"\sqrt"):
            return self.function(getattr(np, token[1:]))
        if token == "e" and self.peek() == "^":
            self.take()
            exponent = self.group(self.expression)
            return lambda at: np.exp(exponent(at))
        if token in ("f", "f'"):
            inside = self.factor()
            f = {"f": lambda v: v**3 + v**2 + 2 * v, "f'": lambda v: 3 * v**2 + 2 * v + 2}[token]
            return lambda at: f(inside(at))
        if token.isdigit():
            return lambda at: float(token)
        return self.named(token)

    def function(self, function: Any) -> Callable[..., Any]:
        exponent = None
        if self.peek() == "^":
            self.take()
            exponent = self.group(self.expression)
        inside = self.group(self.expression)
        return lambda at: function(inside(at)) ** (exponent(at) if exponent else 1)

    def sum(self) -> Any:
        self.take("_")
        self.take("{")
        names, size = [self.take()], None
        while self.peek() == ",":
            self.take()
            names.append(self.take())
        if self.peek() == "=":
            self.take()
            self.take("0")
        self.take("}")
        if self.peek() == "^":
            self.take()
            last = self.group(self.expression)
            size = lambda at: int(last(at)) + 1  # noqa: E731
        body = self.term()
        sizes = self.values["sizes"]

        def total(at: Any) -> Any:
            ranges = [range(size(at) if size else sizes[name]) for name in names]
            return sum(body({**at, **dict(zip(names, places, strict=True))}) for places in product(*ranges))

        return total

    def named(self, token: Any) -> Callable[..., Any]:
        name = "lamda" if token == r"\lambda" else token.removeprefix("\\")
        if self.peek() == "^" and self.tokens[self.place + 1 : self.place + 3] == ["{", "("]:
            name += self.tokens[self.place + 3]
            self.place += 6
        if self.peek() != "_":
            return lambda at: at[name] if name in at else float(self.values[name])
        subscripts = self.subscripts()
        return lambda at: self.values[name][tuple(subscript(at) for subscript in subscripts)]


def definition_values(derivation: Any, values: Any) -> Any:
    """Numbers for every defined name, from its meaning: they are what its printed name stands for."""
    numbers = {}
    for definition in (derivation.output, *derivation.definitions):
        found = entries(derivation.unfold(definition.head), definition.where, values)
        array_ = np.vectorize(lambda number: float(number.value), otypes=[float])(found)
        numbers[definition.name] = array_ if definition.where else float(array_)
    return numbers


def as_float(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.vectorize(lambda number: float(number.value), otypes=[float])(value)
    return float(value.value) if hasattr(value, "value") else value


FORMULAS = [
    pytest.param(name, chain, line, id=f"{name} {chain + 1}.{line + 1}")
    for name in NAMES
    for chain, found in enumerate(load(name).chains)
    for line in range(len(found.lines))
    if not found.lines[line].expression.atoms(Partial) and not found.lines[line].expression.atoms(Named)
]


@pytest.mark.parametrize(("name", "chain", "line"), FORMULAS)
def test_the_printed_line_has_the_values_of_the_proved_one(name: Any, chain: Any, line: Any) -> None:
    derivation = load(name)
    expression = derivation.chains[chain].lines[line].expression
    printed, _ = chain_latex(derivation.chains[chain], derivation.show_limits)[line]
    text = printed.removeprefix("= ").rsplit(" = ", 1)[-1]

    exact = samples.exact_values(derivation, np.random.default_rng(4))
    if name == "log_softmax":
        exact["a"] = samples.exact(np.array([0.3, -0.7]))  # the shift of a row
    if derivation.inductions:  # they look one step ahead
        exact["g"] = np.vstack([exact["g"], exact["g"][:1]])
    meaning = derivation.unfold(expression)
    labels = set(exact)
    free = tuple(
        sorted((s for s in meaning.free_symbols if isinstance(s, Index) and s.name not in labels), key=lambda s: s.name)
    )
    proved: Any = entries(meaning, free, exact)

    used = {s for s in expression.free_symbols | bound_indices(expression) if isinstance(s, Index)}
    numbers = {key: as_float(value) for key, value in exact.items()} | definition_values(derivation, exact)
    numbers["sizes"] = {s.name: samples.size(s.size, derivation.sizes) for s in used}
    read = Reader(text, numbers)
    formula = read.expression()
    assert read.place == len(read.tokens), read.tokens[read.place :]
    for position in np.ndindex(proved.shape):
        at = {index.name: place for index, place in zip(free, position, strict=True)}
        assert formula(at) == pytest.approx(float(proved[position].value), rel=1e-10, abs=1e-12)


def test_the_reader_notices_a_wrong_formula() -> None:
    values = {"X": np.array([[1.0, 2.0]]), "sizes": {"j": 2}}
    assert Reader(r"\sum_{j} X_{pj}", values).expression()({"p": 0}) == 3
    assert Reader(r"\frac{1}{1 + e^{- X_{pq}}}", values).expression()({"p": 0, "q": 0}) == pytest.approx(0.7310585786)
    assert Reader(r"- 1 + e^{- X_{pq}}", values).expression()({"p": 0, "q": 0}) < 0
