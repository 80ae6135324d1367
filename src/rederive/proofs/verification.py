"""Verify a derivation in every way, and write what was found."""

import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Expr, MatrixExpr, S
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from rederive.autograd import Op
from rederive.errors import UserError
from rederive.files import write_json
from rederive.fingerprint import ASKED, CERTIFIED, Root, fingerprint
from rederive.fingerprint import derivation as derivation_root
from rederive.layout import CERTIFICATES, ORACLES
from rederive.proofs import derivation_names
from rederive.proofs.checks import equivalents, export, mutants, numeric, oracles, samples, source_mutants
from rederive.proofs.language import latex
from rederive.proofs.language.derivation import TANGENT, Chain, Derivation, Line, demands
from rederive.proofs.language.text import to_text
from rederive.proofs.prover.array import SymbolicArray, SymbolicNamespace, position
from rederive.proofs.prover.code import Difference, OpProof, Trace, compare, prove_op
from rederive.proofs.prover.definedness import Demand, collected
from rederive.proofs.prover.functions import AnyFunction, example
from rederive.proofs.prover.indices import array, sum_over
from rederive.proofs.prover.matrix_calculus import matrix, matrix_entry, matrix_gradient
from rederive.proofs.prover.prove import gradient, pushforward
from rederive.proofs.prover.size import Size
from rederive.proofs.result import Failure, Result
from rederive.records import read_json

TRUSTED = (
    "SymPy's differentiation and its arithmetic of rational functions.",
    "The prover (rederive.proofs.prover): its own tests ask it to prove false identities, and its verdict on "
    "every mutant is compared with that of exact numbers.",
    "Floating point, for the numbers beside the proofs.",
)
CONVENTIONS = (
    "$L$ is any scalar that depends on the result; $G$ is its gradient with respect to the result, the cotangent.",
    "Functions, fractions, powers and the product with a dot in a circle act on matrices entry by entry. "
    r"A bold $\mathbf{1}$ is a vector of ones; followed by a condition in brackets it is 1 where that holds and 0 "
    "where not.",
)


def load(name: str, package: str | None = None) -> Derivation:
    """Return a derivation of a package, or that of a file given by its path.

    Raises:
        UserError: There is no such derivation, or the file defines no DERIVATION.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"There is no file {path}; expected a Python file that defines DERIVATION.")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    elif name in derivation_names(package):
        module = importlib.import_module(f"{package}.{name}")
    elif package is None:
        raise UserError(
            f"There is no derivation {name!r}: no package of derivations is named, in config.yaml or by --package."
        )
    else:
        raise UserError(f"There is no derivation {name!r}; expected one of {', '.join(derivation_names(package))}.")
    derivation = getattr(module, "DERIVATION", None)
    if not isinstance(derivation, Derivation):
        raise UserError(f"{name} defines no DERIVATION of type Derivation; see docs/derivations.md.")
    return derivation


def verify(
    name: str,
    output: Path | None = None,
    oracles: bool | Path = True,
    package: str | None = None,
    kept: Path | None = None,
) -> Result:
    """Prove a derivation, check its numbers, ask the oracles, judge its mutants.

    Args:
        name: The derivation, or the path of a file that defines one.
        output: Where to write the result file, if anywhere; written whether or not the derivation holds.
        oracles: True to ask every oracle that is installed, False to ask none, or the path of what
            `ask_oracles` wrote, to take the answers from there.
        package: Where the derivation is.
        kept: The folder of what is kept: answers of oracles that are asked and not installed, and what came of the
            certificates, where they are about the code as it is.

    Raises:
        UserError: There is no such derivation.
    """
    begun = time.perf_counter()
    derivation = load(name, package)
    findings = Findings([])
    answers = findings.computed("the oracles", partial(_answers, name, derivation, oracles, package, kept), {})
    result = verify_derivation(Path(name).stem, derivation, answers, findings)
    if kept and name in derivation_names(package):
        result.facts["certificates"] = _taken(kept / CERTIFICATES, name, CERTIFIED, package)
    result.seconds = time.perf_counter() - begun
    if output is not None:
        write_json(output, result.to_json())
    return result


def ask_oracles(
    output: Path, names: list[str] | None = None, package: str | None = None, kept: Path | None = None
) -> dict[str, Any]:
    """Ask PyTorch, JAX and TensorFlow about all derivations in one process, and write their answers for `verify`.

    TensorFlow alone takes seconds to import: once is enough, and not at all where all answers are kept.

    Args:
        output: Where the answers go, each with the fingerprint of the code that they are about.
        names: The derivations; all by default.
        package: Where they are.
        kept: The folder of what this function wrote before: what was answered about the same code is not asked again.
    """
    answers = {}
    for name in names or derivation_names(package):
        taken = _kept_answers(kept / ORACLES, name, package) if kept else {}
        # Where all is known the derivation itself is not needed.
        found = taken if taken.keys() == oracles.ORACLES.keys() else oracles.ask(load(name, package), kept=taken)
        answers[name] = {"fingerprint": fingerprint(ASKED, derivation_root(name, package)), "answers": found}
    write_json(output, answers)
    return answers


def _answers(
    name: str, derivation: Derivation, wanted: bool | Path, package: str | None, kept: Path | None
) -> dict[str, Any]:
    if wanted is False:
        return oracles.ask(derivation, ())
    if wanted is True:
        absent = [oracle for oracle in oracles.ORACLES if oracles.version(oracle) is None]
        known = kept and absent and name in derivation_names(package)
        taken = _kept_answers(kept / ORACLES, name, package) if kept and known else {}
        return oracles.ask(derivation, kept={oracle: taken[oracle] for oracle in absent if oracle in taken})
    answers = read_json(wanted, dict[str, Kept])
    if name not in answers:
        raise UserError(f"{wanted} has no answers for {name!r}; write it again with `rederive ask-oracles`.")
    return answers[name]["answers"]


def export_certificates(folder: Path, names: Sequence[str], package: str | None = None) -> list[str]:
    """Write the certificates of derivations, have z3 check them where it is installed, and return what is not checked.

    Beside them stands `certificates.json`: what came of each derivation's, to be kept for the report.
    """
    index = export.export(folder, {Path(name).stem: load(name, package) for name in names})
    known = [name for name in names if name in derivation_names(package)]
    told = {
        name: {
            "fingerprint": fingerprint(CERTIFIED, derivation_root(name, package)),
            "answers": export.counts(index, name),
        }
        for name in known
    }
    write_json(folder / CERTIFICATES, told)
    verdicts = {file: found["verdict"] for file, found in index["certificates"].items()}
    return [f"{file}: {verdict}" for file, verdict in verdicts.items() if verdict not in (None, export.CHECKED)]


class Kept(TypedDict):
    """What another program said of one derivation, and the fingerprint of the code that it was asked about."""

    fingerprint: str
    answers: dict[str, Any]


def _taken(path: Path, name: str, root: Root, package: str | None) -> dict[str, Any] | None:
    """Return what is kept of a derivation; None where nothing is, or it is about other code."""
    found = read_json(path, dict[str, Kept]).get(name) if path.exists() else None
    current = found and found["fingerprint"] == fingerprint(root, derivation_root(name, package))
    return found["answers"] if found and current else None


def _kept_answers(path: Path, name: str, package: str | None) -> dict[str, Any]:
    """Return the kept answers of the oracles that were there to be asked."""
    answers = _taken(path, name, ASKED, package) or {}
    return {oracle: {**answer, "kept": True} for oracle, answer in answers.items() if isinstance(answer, dict)}


@dataclass
class Findings:
    """Collects what fails on the way."""

    failures: list[Failure]

    def holds(self, comparison: Difference) -> bool:
        """Note a comparison, and say whether it is proved."""
        if not comparison.proved:
            sides = (comparison.left, comparison.right, comparison.rest)
            self.failures.append(Failure(comparison.what, *map(to_text, sides)))
        return comparison.proved

    def attempt(self, where: str, check: Callable[[], list[Difference]]) -> bool:
        """Say whether all comparisons of a check are proved; a check that cannot be carried out fails."""
        try:
            verdicts = [self.holds(comparison) for comparison in check()]  # all of them, not up to the first
        except Exception as error:  # whatever a wrong derivation or operation raises, it is named and not hidden
            self.failures.append(Failure(where, message=f"{type(error).__name__}: {error}"))
            return False
        return all(verdicts)

    def computed(self, where: str, compute: Callable[[], Any], otherwise: Any) -> Any:
        """Return what is computed; note an error, and return what stands for nothing."""
        try:
            return compute()
        except UserError:
            raise
        except Exception as error:  # the same: wrong code may raise anything, wherever it is run
            self.failures.append(Failure(where, message=f"{type(error).__name__}: {error}"))
            return otherwise


def verify_derivation(
    name: str, derivation: Derivation, answers: Mapping[str, Any], findings: Findings | None = None
) -> Result:
    """Carry out every check of a derivation; `answers` are those of the oracles, `findings` what was found before."""
    findings = findings or Findings([])
    steps = list(_steps(derivation, findings))
    findings.attempt("the inductions", partial(_inductions, derivation))
    findings.attempt("the domain", partial(_defined, derivation))
    code = _code(derivation, findings)
    routes = {
        route: findings.attempt(f"route {route}", partial(check, derivation))
        for route, check in ROUTES.items()
        if route != "matrix" or derivation.matrix is not None
    }
    numbers = _numbers(derivation, findings)
    asked = _asked(answers, findings)
    counts, reasons = _mutants(derivation, findings)
    facts = {
        "title": derivation.title,
        "order": derivation.order,
        "domain": latex.domain_text(derivation),
        "statement_latex": latex.statement_latex(derivation),
        "steps": steps,
        "result_latex": latex.result_latex(derivation),
        "code": code,
        "routes": routes,
        "numeric": numbers,
        "oracles": asked,
        "mutants": counts,
        "equivalents": reasons,
        "certificates": None,
        "conventions": [*CONVENTIONS, *derivation.conventions],
        "trusted": list(TRUSTED),
    }
    return Result(name, facts, findings.failures)


# Steps


def _steps(derivation: Derivation, findings: Findings) -> Iterator[dict[str, Any]]:
    for number, chain in enumerate(derivation.chains, start=1):
        before = chain.start
        printed = latex.chain_latex(chain, derivation.show_limits)
        for place, (line, (index_latex, matrix_latex)) in enumerate(zip(chain.lines, printed, strict=True), start=1):
            where = f"{to_text(chain.start)}, step {place} ({line.reason})"
            yield {
                "chain": number,
                "index_latex": index_latex,
                "matrix_latex": matrix_latex,
                "reason": line.reason,
                "proved": findings.attempt(where, partial(_line, derivation, chain, before, line, where)),
            }
            before = line.expression


def _line(derivation: Derivation, chain: Chain, before: Expr, line: Line, where: str) -> list[Difference]:
    """A line equals the line before it, and its matrix form the line."""
    stated = derivation.unfold(line.expression)
    comparisons = [compare(where, derivation.unfold(before), stated)]
    if line.matrix is not None:
        read = derivation.unfold(matrix_entry(line.matrix, *_entry(chain, line.matrix)))
        comparisons.append(compare(f"{where}, matrix form", stated, read))
    return comparisons


def _inductions(derivation: Derivation) -> list[Difference]:
    """The chains of every induction end with the closed form."""
    return [
        compare(f"the closed form of {induction.sequence}, {what}", derivation.unfold(closed), derivation.unfold(found))
        for induction in derivation.inductions
        for what, (closed, found) in zip(("at the first step", "a step later"), induction.conclusions, strict=True)
    ]


def _defined(derivation: Derivation) -> list[Difference]:
    """Everything that is stated is defined, and has the derivatives that are taken, wherever the inputs may lie."""
    stated = {f"the definition of {one.name}": one.meaning for one in (derivation.output, *derivation.definitions)}
    for chain in derivation.chains:
        stated[f"{to_text(chain.start)}"] = chain.start if not chain.gradient_of else chain.lines[0].expression
        stated |= {f"{to_text(chain.start)}, step {k}": x.expression for k, x in enumerate(chain.lines, start=1)}
    _refuse(f"{where}: {one}" for where, e in stated.items() for one in _outside(derivation, demands(derivation, e)))
    return []


def _outside(derivation: Derivation, wanted: Iterable[Demand]) -> list[str]:
    return derivation.domain.refused(wanted)


def _refuse(problems: Iterable[str]) -> None:
    """Raise an error that names all problems, if there are any."""
    found = list(dict.fromkeys(problems))
    if found:
        raise ArithmeticError("; ".join(found))


def _entry(chain: Chain, form: MatrixExpr) -> tuple[Expr, Expr]:
    """The entry of a matrix that a gradient's chain is about; a vector is a column or a row, as the matrix is."""
    where = chain.start.args[1].indices
    if len(where) == 1:
        return (where[0], S.Zero) if form.shape[1] == 1 else (S.Zero, where[0])
    return where[0], where[1]


# Code


def _symbolic(derivation: Derivation) -> dict[str, Any]:
    return {
        one.name: SymbolicArray.named(one.name, *one.shape, below=one.below)
        if one.is_size is None
        else Size(one.is_size)
        for one in derivation.inputs
    }


def _code(derivation: Derivation, findings: Findings) -> dict[str, Any]:
    program = findings.attempt("the program", lambda: _program_comparisons(derivation))
    # Every one that is named, whether or not the code reaches it: the report says that it is proved.
    proofs = [findings.attempt(f"{op.__name__}.backward", partial(_op_comparisons, op)) for op in derivation.ops]
    proofs += [findings.attempt(f"{op.__name__} as it is written", partial(_op_problems, op)) for op in derivation.ops]
    extra = {what: findings.attempt(what, partial(_pairs, what, check)) for what, check in derivation.extra.items()}
    inputs: dict[str, bool] = {}
    if derivation.code is not None:
        proofs.append(findings.attempt("the code", lambda: _code_comparisons(derivation, inputs)))
    proofs += extra.values()
    return {
        "op": ", ".join(op.__name__ for op in derivation.ops) or None,
        "proved": all(proofs) if proofs else None,
        "inputs": inputs,
        "extra": extra,
        "program": program,
    }


def _op_comparisons(op: type[Op]) -> list[Difference]:
    """The op's backward computes the gradient of its forward, for each of its examples."""
    comparisons = []
    for proof in _op_proofs(op):
        if not proof.comparisons:
            raise ValueError(f"no gradient for {proof.example} is proved. {proof.refused}".rstrip())
        comparisons += [
            replace(found, what=f"{op.__name__}.backward: {found.what} for {proof.example}")
            for found in proof.comparisons
        ]
    return comparisons


def _op_problems(op: type[Op]) -> list[Difference]:
    """The op is defined on its domain, and its source can do nothing else than what was proved."""
    if op.examples:  # without them there is no proof to look at, which `_op_comparisons` says
        _refuse(problem for proof in _op_proofs(op) for problem in proof.problems)
    return []


_proofs: dict[tuple[Any, ...], list[OpProof]] = {}


def _op_proofs(op: type[Op]) -> list[OpProof]:
    """Prove an op, once: it may belong to several derivations."""
    key = op, op.forward, op.backward
    if key not in _proofs:
        _proofs[key] = prove_op(op)
    return _proofs[key]


def _pairs(what: str, check: Callable[[], Sequence[tuple[Expr, Expr]]]) -> list[Difference]:
    return [compare(what, left, right) for left, right in check()]


def _program_comparisons(derivation: Derivation) -> list[Difference]:
    """The program that the oracles run computes the result that is stated."""
    if not derivation.symbolic_program:
        return []
    with collected() as wanted:
        value = derivation.program(SymbolicNamespace, *_symbolic(derivation).values())
    found = _value_comparison("the value that the program computes", derivation, value)
    if found.left.has(AnyFunction):
        found = compare(found.what, example(found.left), example(found.right))
    if found.proved:  # of a program that computes something else, that is what there is to say
        _refuse(f"the program takes {problem}" for problem in _outside(derivation, wanted))
    return [found]


def _value_comparison(what: str, derivation: Derivation, value: SymbolicArray) -> Difference:
    where = position(value)
    stated = derivation.output[where] if where else derivation.output.symbol
    return compare(what, derivation.unfold(stated), value.at(*where))


def _code_comparisons(derivation: Derivation, proved: dict[str, bool]) -> list[Difference]:
    """The code computes the stated result, and its sweep the derived gradients."""
    operands = _symbolic(derivation)
    arrays = {name: operand for name, operand in operands.items() if isinstance(operand, SymbolicArray)}

    def run(*tensors: Any) -> Any:
        assert derivation.code is not None
        given = dict(zip(arrays, tensors, strict=True))
        return derivation.code(*[given.get(name, operand) for name, operand in operands.items()])

    trace = Trace(run, arrays, wanted=set(derivation.gradients))
    comparisons = [_value_comparison("the value that the code computes", derivation, trace.value)]
    sweep = list(trace.comparisons())
    for name, (where, _) in trace.derivatives.items():
        own = next(found for found in sweep if found.what == f"the gradient of {name}")
        entry = derivation.gradients[name].start.args[1]
        claim = derivation.unfold(derivation.gradients[name].result).xreplace(
            dict(zip(entry.indices, where, strict=True))
        )
        claimed = compare(f"the gradient of {name} that the code computes, against the derived one", claim, own.right)
        proved[name] = own.proved and claimed.proved
        comparisons.append(claimed)
    found = [*_culprits(trace, derivation, comparisons + sweep), *comparisons, *sweep]
    if all(comparison.proved for comparison in found):
        _refuse(f"the code takes {problem}" for problem in trace.undefined(derivation.domain))
        _refuse(
            f"{op.__name__}: {problem}"
            for op in trace.ops
            if op not in derivation.ops and op.examples and not op.unproved
            for proof in _op_proofs(op)
            for problem in proof.problems
        )
    return found


def _culprits(trace: Trace, derivation: Derivation, comparisons: list[Difference]) -> list[Difference]:
    """If the code is wrong, the operations whose own backward is: they are named first, as those in `ops` are."""
    if all(found.proved for found in comparisons):
        return []
    others = [op for op in trace.ops if op not in derivation.ops and op.examples and not op.unproved]
    return [found for op in others for found in _op_comparisons(op) if not found.proved]


# Routes


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
        read = matrix_entry(found, *_entry(chain, variable))
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


# Numbers, oracles, mutants


def bound(error: float) -> float:
    """Return the power of ten that the error does not exceed: the same on every machine, unlike its last digits."""
    return 0.0 if error == 0 else 10.0 ** math.ceil(math.log10(error)) if math.isfinite(error) else math.inf


def _numbers(derivation: Derivation, findings: Findings) -> dict[str, float]:
    try:
        errors = numeric.check(derivation)
        found = numeric.failures(derivation, errors)
    except Exception as error:  # code that cannot run is a finding
        errors, found = {"not_computed": math.inf}, [f"{type(error).__name__}: {error}"]
    findings.failures += [Failure("the numbers", message=message) for message in found]
    exact = {kind: error for kind, error in errors.items() if kind not in ("float32", "second_order_differences")}
    return {**{kind: bound(error) for kind, error in errors.items()}, "max_relative_error": bound(max(exact.values()))}


def _asked(answers: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for oracle, answer in answers.items():
        if isinstance(answer, str):
            result[oracle] = answer
            continue
        error = answer["max_relative_error"]
        if not error <= oracles.TOLERANCE:
            message = answer.get("message", f"relative error {error:.1e}, at most {oracles.TOLERANCE:.0e} expected")
            findings.failures.append(Failure(f"the oracle {oracle} {answer['version']}", message=message))
        result[oracle] = {**answer, "max_relative_error": bound(error)}
    return result


def _mutants(derivation: Derivation, findings: Findings) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return what became of the mutants, and those that are right by the reason why they are."""
    counts = {"formula": mutants.Count(), "source": mutants.Count()}
    if derivation.mutate != "nothing":
        formulas = partial(mutants.check_formulas, derivation)
        counts["formula"] = findings.computed("the mutants of the formulas", formulas, mutants.Count())
    checks: dict[str, Callable[[], mutants.Count]] = {
        op.__name__: partial(source_mutants.check_source, op) for op in derivation.ops
    }
    for name, check in {**checks, **derivation.audits}.items():
        counts["source"] += findings.computed(f"the mutants of {name}", check, mutants.Count())
    for kind, count in counts.items():
        for disagreement in count.disagreements:
            findings.failures.append(Failure(f"the verdict on a mutant of the {kind}", message=disagreement))
    right = [mutant for count in counts.values() for mutant in count.equivalents]
    reasons, unexplained, unused = equivalents.grouped(right, derivation.equivalents)
    findings.failures += [
        Failure("a mutant that is right", message=f"{mutant}: no reason says why; give one in `equivalents`")
        for mutant in unexplained
    ]
    findings.failures += [
        Failure("the reasons for right mutants", message=f"`equivalents`: no mutant that is right matches {pattern!r}")
        for pattern in unused
    ]
    return {kind: count.to_json() for kind, count in counts.items()}, reasons
