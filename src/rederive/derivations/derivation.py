"""What a derivation states: inputs, definitions, chains of equal expressions, and the code that they are about.

A file of the catalogue makes one `Derivation`. All its formulas are SymPy expressions in index notation: what is
proved and what is printed are the same objects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sympy import Expr, Indexed, KroneckerDelta, MatrixExpr, Rational, Sum, Symbol, sympify

from rederive.autograd import Op, Tensor
from rederive.derivations.symbolic.code import COTANGENT
from rederive.derivations.symbolic.functions import AnyDerivative, AnyFunction, Step
from rederive.derivations.symbolic.indices import Index, array, bound_indices, indices, rename_bound, sizes, sum_over

__all__ = [
    "AnyDerivative",
    "AnyFunction",
    "Chain",
    "Definition",
    "Derivation",
    "Index",
    "Input",
    "Line",
    "Named",
    "Partial",
    "Step",
    "array",
    "delta",
    "gradient_chain",
    "indices",
    "sizes",
    "sum_over",
]

delta = KroneckerDelta

TANGENT = "V"  # the direction of the adjoint route

Domain = Literal["real", "positive", "nonzero"]


class Definition:
    """A name for an expression: `Y = Definition("Y", (i, j), X[i, j] / s[i])`, used as `Y[p, q]`."""

    def __init__(self, name: str, where: Sequence[Index], meaning: Expr | int) -> None:
        self.name = name
        self.where = tuple(where)
        self.meaning: Expr = sympify(meaning)
        self.base = array(name)
        dangling = {index for index in self.meaning.free_symbols if isinstance(index, Index)} - set(where)
        dangling -= {entry.base.label for entry in self.meaning.atoms(Indexed)}
        if dangling:
            raise ValueError(f"{name} is defined with {dangling}, which is not among its indices {self.where}")

    def __getitem__(self, where: Any) -> Indexed:
        return self.base[where]

    @property
    def head(self) -> Expr:
        """The left side of the definition: Y_ij."""
        return self.base[self.where] if self.where else self.symbol

    @property
    def symbol(self) -> Symbol:
        """The name by itself, of a definition without indices."""
        return self.base.label


class Partial(Expr):
    """The derivative of a defined value with respect to an entry, to be printed as it stands: dY_ij / dX_pq."""

    def __new__(cls, value: Expr, entry: Indexed) -> "Partial":
        """Make d value / d entry."""
        return Expr.__new__(cls, value, entry)


class Named(Expr):
    """An expression shown under a name of its own: v_(t+1), meaning m v_t + g_t."""

    def __new__(cls, head: Expr, meaning: Expr | int) -> "Named":
        """Show `head`, mean `meaning`."""
        return Expr.__new__(cls, head, sympify(meaning))


@dataclass(frozen=True)
class Input:
    """An array that the result is computed from.

    Attributes:
        name: The name of its entries.
        shape: Its sizes.
        domain: Of its entries.
        below: For an array of integers: they run from 0 up to but not including this size.
        differentiated: False for an array of real numbers that is only a constant.
        is_size: The argument is not an array but this size: how often to repeat, for one.
    """

    name: str
    shape: tuple[Expr | int, ...]
    domain: Domain = "real"
    below: Expr | None = None
    differentiated: bool = True
    is_size: Symbol | None = None

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to it must be derived."""
        return self.differentiated and self.below is None and self.is_size is None


@dataclass(frozen=True)
class Line:
    """One line of a derivation, equal to the line before because of `reason`; `matrix` says the same in matrices."""

    expression: Expr
    reason: str
    matrix: MatrixExpr | None = None


@dataclass(frozen=True)
class Chain:
    """Expressions that are equal one to the next.

    Attributes:
        start: What the chain is about, its left side.
        lines: The expressions.
        gradient_of: The input whose gradient is derived: the last line is the claim that the code must compute.
    """

    start: Expr
    lines: tuple[Line, ...]
    gradient_of: str = ""

    @property
    def result(self) -> Expr:
        """The last expression."""
        return self.lines[-1].expression


@dataclass(frozen=True)
class Derivation:
    """A gradient derived: the statement, its proof line by line, and what else is to agree with it.

    Attributes:
        title: A few words.
        order: Its place in the report.
        domain: Where it holds, in plain English.
        inputs: The arrays, in the order in which `program` and `code` take them.
        output: The result, Y, as a definition with its indices.
        chains: The derivations; one for every differentiated input (`gradient_of`), and further identities.
        program: Computes Y with an array library: `program(xp, X, ...)`. NumPy, PyTorch, JAX and TensorFlow run it, and
            on symbolic arrays it is proved to compute `output`.
        code: Computes Y with the tensors of `rederive.autograd`; its backward sweep is what is proved.
        ops: The operations to be proved each by itself; the mutants of source code come from their backward.
        definitions: Further names that the formulas use.
        matrix: The result as a matrix expression, for the route without indices; None where SymPy has none.
        parameters: Numbers for symbols that are not array sizes.
        sizes: Small and different numbers for the sizes, used where numbers are needed.
        analytic: Whether the result has a complex derivative, so that the complex step applies.
        conventions: What is agreed upon and not proved.
        native: Other programs for one oracle: its own function for the same result.
        extra: Further checks: name to a function that returns pairs of expressions to be proved equal.
        show_limits: Whether sums are printed with the range of their index.
        mutate: Of what mutants are made: of the claims with all definitions unfolded, of the claims as they are stated
            (fewer, where unfolding makes large formulas), or of nothing.
        symbolic_program: Whether the program runs on symbolic arrays; one that loops over a size cannot.
    """

    title: str
    order: int
    domain: str
    inputs: tuple[Input, ...]
    output: Definition
    chains: tuple[Chain, ...]
    program: Callable[..., Any]
    code: Callable[..., Tensor] | None = None
    ops: tuple[type[Op], ...] = ()
    definitions: tuple[Definition, ...] = ()
    matrix: MatrixExpr | None = None
    parameters: Mapping[Symbol, Rational] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=lambda: {"n": 2, "m": 3, "d": 4})
    analytic: bool = True
    conventions: tuple[str, ...] = ()
    native: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    extra: Mapping[str, Callable[[], Sequence[tuple[Expr, Expr]]]] = field(default_factory=dict)
    show_limits: bool = False
    mutate: Literal["unfolded", "stated", "nothing"] = "unfolded"
    symbolic_program: bool = True
    _unfolded: dict[Expr, Expr] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Every name means one thing, and every input that can be differentiated has a gradient derived, once."""
        named = [one.name for one in self.inputs] + [one.name for one in (self.output, *self.definitions)]
        twice = {name for name in named if named.count(name) > 1} | {COTANGENT, "L", TANGENT} & set(named)
        if twice:
            raise ValueError(f"{self.title}: {', '.join(sorted(twice))} would mean two things")
        derived = sorted(chain.gradient_of for chain in self.chains if chain.gradient_of)
        needed = sorted(one.name for one in self.inputs if one.differentiable)
        if derived != needed:
            raise ValueError(f"{self.title}: gradients of {derived} are derived, those of {needed} are needed")

    @property
    def gradients(self) -> dict[str, Chain]:
        """The chain that derives the gradient, for each differentiated input."""
        return {chain.gradient_of: chain for chain in self.chains if chain.gradient_of}

    @property
    def loss(self) -> Definition:
        """L = sum_ij G_ij Y_ij: any scalar that depends on Y has a gradient of this form."""
        where = self.output.where
        body = (array(COTANGENT)[where] if where else array(COTANGENT).label) * self.output.head
        return Definition("L", (), sum_over(body, *where) if where else body)

    def unfold(self, expression: Expr) -> Expr:
        """Replace every defined name by its meaning, and every `Partial` by SymPy's derivative."""
        if expression not in self._unfolded:
            known = {definition.name: definition for definition in (self.loss, self.output, *self.definitions)}
            self._unfolded[expression] = unfold(expression, known)
        return self._unfolded[expression]


def unfold(expression: Expr, known: Mapping[str, Definition]) -> Expr:
    """Replace defined names by their meanings, with indices that nothing else uses.

    Raises:
        ValueError: A derivative is taken by an entry whose index is summed over: SymPy would give a wrong answer.
    """
    if isinstance(expression, Partial):
        value, entry = expression.args
        meaning = unfold(rename_bound(value), known)
        if bound_indices(meaning) & entry.free_symbols:
            raise ValueError(f"{expression}: differentiate by indices that are not summed over")
        return meaning.diff(entry)
    if isinstance(expression, Named):
        return unfold(expression.args[1], known)
    if isinstance(expression, Indexed) and str(expression.base) in known:
        definition = known[str(expression.base)]
        # Renamed while it is short: what is put in for its own names has fresh indices already.
        meaning = rename_bound(definition.meaning)
        return unfold(meaning.xreplace(dict(zip(definition.where, expression.indices, strict=True))), known)
    if isinstance(expression, Symbol) and not isinstance(expression, Index):
        named = known.get(expression.name)
        return expression if named is None or named.where else unfold(rename_bound(named.meaning), known)
    if isinstance(expression, Sum):
        summed = {limit[0] for limit in expression.limits}
        if any(partial.args[1].free_symbols & summed for partial in expression.atoms(Partial)):
            raise ValueError(f"{expression}: differentiate by indices that are not summed over")
        return expression.func(unfold(expression.function, known), *expression.limits)
    if isinstance(expression, Indexed) or not expression.args:
        return expression
    return expression.func(*[unfold(argument, known) for argument in expression.args])


def gradient_chain(entry: Indexed, output: Definition, *lines: Line) -> Chain:
    """Return the chain dL/dX_pq = sum_ij G_ij dY_ij/dX_pq = `lines`; L is any scalar, G_ij = dL/dY_ij."""
    where = output.where
    body = (array(COTANGENT)[where] if where else array(COTANGENT).label) * Partial(output.head, entry)
    chain_rule = Line(sum_over(body, *where) if where else body, "the chain rule")
    return Chain(Partial(Symbol("L"), entry), (chain_rule, *lines), gradient_of=str(entry.base))
