"""What a derivation states: inputs, definitions, chains of equal expressions, and the code that they are about.

A module of a study's package of derivations makes one `Derivation`. All its formulas are SymPy expressions in index
notation: what is proved and what is printed are the same objects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sympy import Expr, Indexed, IndexedBase, KroneckerDelta, MatrixExpr, Rational, S, Sum, Symbol, sympify

from rederive.autograd import Op, Tensor
from rederive.proofs.prover.code import COTANGENT
from rederive.proofs.prover.definedness import Demand, Domain, demands_of, kinks
from rederive.proofs.prover.functions import AnyDerivative, AnyFunction, Step
from rederive.proofs.prover.indices import Index, array, bound_indices, indices, rename_bound, sizes, sum_over

__all__ = [
    "AnyDerivative",
    "AnyFunction",
    "Chain",
    "Definition",
    "Derivation",
    "Index",
    "Induction",
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

Sign = Literal["real", "positive", "nonzero"]


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

    def at(self, where: Sequence[Expr]) -> Expr:
        """Return the meaning at some indices.

        Its own sums run over indices that nothing else uses: named once, so that equal entries are one expression.
        """
        return self._renamed.xreplace(dict(zip(self.where, where, strict=True)))

    @cached_property
    def _renamed(self) -> Expr:
        return rename_bound(self.meaning)


class Partial(Expr):
    """The derivative of a defined value with respect to an entry, to be printed as it stands: dY_ij / dX_pq."""

    def __new__(cls, value: Expr, entry: Indexed) -> "Partial":
        """Make d value / d entry."""
        return Expr.__new__(cls, value, entry)


class Named(Expr):
    """An expression shown under a name of its own: v_(t+1), meaning m v_t + g_t. Only an `Induction` may make one."""

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
    domain: Sign = "real"
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
class Induction:
    """The closed form of a sequence that is defined by its first value and by a step: v_0, v_(t+1) = following(v_t, t).

    The rule: if closed(1) is the value after one step, and a step from closed(t) gives closed(t + 1) for every t, then
    the value after t steps is closed(t), for t = 1, 2, ... Both are chains, which the derivation must have among its
    own. The name of the sequence stands in them for what the rule says it means, and nowhere else.

    Attributes:
        sequence: The name.
        entry: The indices of an entry of its values; () for numbers.
        step: The symbol t, a positive integer.
        initial: The value before the first step.
        following: The value after a step, from the one before and the number of steps done before.
        closed: The closed form after a number of steps.
        begins: The lines from following(v_0, 0) to closed(1).
        continues: The lines from following(v_t, t), v_t being `hypothesis`, to closed(t + 1).
    """

    sequence: IndexedBase
    entry: tuple[Index, ...]
    step: Symbol
    initial: Expr
    following: Callable[[Expr, Expr], Expr]
    closed: Callable[[Expr], Expr]
    begins: tuple[Line, ...]
    continues: Callable[[Expr], tuple[Line, ...]]

    @property
    def hypothesis(self) -> Named:
        """v_t, which by the hypothesis is the closed form."""
        return Named(self.sequence[(self.step, *self.entry)], self.closed(self.step))

    @property
    def first(self) -> Named:
        """v_1, which is what a step makes of the initial value."""
        return Named(self.sequence[(S.One, *self.entry)], self.following(self.initial, S.Zero))

    @property
    def next(self) -> Named:
        """v_(t+1), which is what a step makes of v_t."""
        after = self.following(self.closed(self.step), self.step)
        return Named(self.sequence[(self.step + 1, *self.entry)], after)

    @property
    def chains(self) -> tuple[Chain, Chain]:
        """The beginning and the step of the induction."""
        return Chain(self.first, self.begins), Chain(self.next, self.continues(self.hypothesis))

    @property
    def conclusions(self) -> tuple[tuple[Expr, Expr], ...]:
        """What each chain must end with, and what it ends with."""
        begins, continues = self.chains
        return (self.closed(S.One), begins.result), (self.closed(self.step + 1), continues.result)


@dataclass(frozen=True)
class Derivation:
    """A gradient derived: the statement, its proof line by line, and what else is to agree with it.

    Attributes:
        title: A few words.
        order: Its place in the report.
        inputs: The arrays, in the order in which `program` and `code` take them.
        output: The result, Y, as a definition with its indices.
        chains: The derivations; one for every differentiated input (`gradient_of`), and further identities.
        program: Computes Y with an array library: `program(xp, X, ...)`. NumPy, PyTorch, JAX and TensorFlow run it, and
            on symbolic arrays it is proved to compute `output`.
        code: Computes Y with the tensors of `rederive.autograd`; its backward sweep is what is proved.
        ops: The operations to be proved each by itself; the mutants of source code come from their backward.
        definitions: Further names that the formulas use.
        matrix: The result as a matrix expression, for the route without indices; None where SymPy has none.
        nonzero: Expressions that are not zero where the derivation holds, besides what `Input.domain` says.
        inductions: What gives names to the values of sequences.
        audits: Further code whose mutants are judged, by name: a function that returns the count.
        equivalents: Why mutants are right all the same: reasons by the pattern of the mutants that they are about.
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
    inputs: tuple[Input, ...]
    output: Definition
    chains: tuple[Chain, ...]
    program: Callable[..., Any]
    code: Callable[..., Tensor] | None = None
    ops: tuple[type[Op], ...] = ()
    definitions: tuple[Definition, ...] = ()
    matrix: MatrixExpr | None = None
    nonzero: tuple[Expr, ...] = ()
    inductions: tuple[Induction, ...] = ()
    audits: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    equivalents: Mapping[str, str] = field(default_factory=dict)
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
        names = {named for induction in self.inductions for named in (induction.first, induction.next)}
        names |= {induction.hypothesis for induction in self.inductions}
        for chain in self.chains:
            for expression in (chain.start, *(line.expression for line in chain.lines)):
                if undefined := expression.atoms(Named) - names:
                    raise ValueError(
                        f"{self.title}: no induction says that {undefined.pop().args[0]} is what it stands for"
                    )
        for induction in self.inductions:
            if missing := [chain.start for chain in induction.chains if chain not in self.chains]:
                raise ValueError(f"{self.title}: the induction for {missing[0].args[0]} is not among the chains")

    @property
    def gradients(self) -> dict[str, Chain]:
        """The chain that derives the gradient, for each differentiated input."""
        return {chain.gradient_of: chain for chain in self.chains if chain.gradient_of}

    @cached_property
    def loss(self) -> Definition:
        """L = sum_ij G_ij Y_ij: any scalar that depends on Y has a gradient of this form."""
        where = self.output.where
        body = (array(COTANGENT)[where] if where else array(COTANGENT).label) * self.output.head
        return Definition("L", (), sum_over(body, *where) if where else body)

    @cached_property
    def defined(self) -> dict[str, Definition]:
        """All definitions by name."""
        return {definition.name: definition for definition in (self.loss, self.output, *self.definitions)}

    @property
    def domain(self) -> Domain:
        """Where the inputs may lie, as the proofs use it."""
        signs = {one.name: one.domain for one in self.inputs if one.below is None and one.is_size is None}
        return Domain(signs, [self.unfold(condition) for condition in self.nonzero], self._meaning)

    def _meaning(self, entry: Expr) -> Expr | None:
        name = str(entry.base) if isinstance(entry, Indexed) else str(entry)
        definition = self.defined.get(name)
        if definition is None or isinstance(entry, Indexed) != bool(definition.where):
            return None
        return definition.at(entry.indices if isinstance(entry, Indexed) else ())

    def unfold(self, expression: Expr) -> Expr:
        """Replace every defined name by its meaning, and every `Partial` by SymPy's derivative."""
        return unfold(expression, self.defined, self._unfolded)


def unfold(expression: Expr, known: Mapping[str, Definition], done: dict[Expr, Expr]) -> Expr:
    """Replace defined names by their meanings, with indices that nothing else uses.

    Args:
        expression: What is unfolded.
        known: The definitions by name.
        done: What was unfolded before; the parts of this expression are added.

    Raises:
        ValueError: A derivative is taken by an entry whose index is summed over: SymPy would give a wrong answer.
    """
    if not expression.args:
        return _unfolded(expression, known, done)
    if expression not in done:
        done[expression] = _unfolded(expression, known, done)
    return done[expression]


def _unfolded(expression: Expr, known: Mapping[str, Definition], done: dict[Expr, Expr]) -> Expr:
    if isinstance(expression, Partial):
        value, entry = expression.args
        meaning = unfold(rename_bound(value), known, done)
        if bound_indices(meaning) & entry.free_symbols:
            raise ValueError(f"{expression}: differentiate by indices that are not summed over")
        return meaning.diff(entry)
    if isinstance(expression, Named):
        return unfold(expression.args[1], known, done)
    if isinstance(expression, Indexed) and str(expression.base) in known:
        return unfold(known[str(expression.base)].at(expression.indices), known, done)
    if isinstance(expression, Symbol) and not isinstance(expression, Index):
        named = known.get(expression.name)
        return expression if named is None or named.where else unfold(named.at(()), known, done)
    if isinstance(expression, Sum):
        summed = {limit[0] for limit in expression.limits}
        if any(partial.args[1].free_symbols & summed for partial in expression.atoms(Partial)):
            raise ValueError(f"{expression}: differentiate by indices that are not summed over")
        return expression.func(unfold(expression.function, known, done), *expression.limits)
    if isinstance(expression, Indexed) or not expression.args:
        return expression
    return expression.func(*[unfold(argument, known, done) for argument in expression.args])


def demands(derivation: Derivation, expression: Expr) -> list[Demand]:
    """Return what an expression, as it is stated, demands of the domain to be defined and to have its derivatives.

    The definitions that it uses are not looked into: each has demands of its own.
    """
    found = [demand for part in expression.atoms(Partial) for demand in kinks(derivation.unfold(part.args[0]))]
    inside = {named: named.args[1] for named in expression.atoms(Named)}
    found += [demand for meaning in inside.values() for demand in demands(derivation, meaning)]
    plain = {part: Symbol(f"derivative {k}", real=True) for k, part in enumerate(expression.atoms(Partial))}
    return found + list(demands_of(expression.xreplace({**inside, **plain})))


def gradient_chain(entry: Indexed, output: Definition, *lines: Line) -> Chain:
    """Return the chain dL/dX_pq = sum_ij G_ij dY_ij/dX_pq = `lines`; L is any scalar, G_ij = dL/dY_ij."""
    where = output.where
    body = (array(COTANGENT)[where] if where else array(COTANGENT).label) * Partial(output.head, entry)
    chain_rule = Line(sum_over(body, *where) if where else body, "the chain rule")
    return Chain(Partial(Symbol("L"), entry), (chain_rule, *lines), gradient_of=str(entry.base))
