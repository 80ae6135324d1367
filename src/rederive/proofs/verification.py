"""Verify a derivation in every way, and write what was found."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sympy import Expr

from rederive.autograd import Op
from rederive.errors import UserError
from rederive.files import write_json
from rederive.fingerprint import CERTIFIED
from rederive.layout import CERTIFICATES
from rederive.proofs import derivation_names
from rederive.proofs.answers import answers_of, kept_answer
from rederive.proofs.checks import equivalents, mutants, numeric, oracles, source_mutants
from rederive.proofs.language import latex
from rederive.proofs.language.derivation import Chain, Derivation, Line, demands
from rederive.proofs.language.text import to_text
from rederive.proofs.loading import load
from rederive.proofs.prover.array import SymbolicArray, SymbolicNamespace, position
from rederive.proofs.prover.code import Difference, OpProof, Trace, compare, prove_op
from rederive.proofs.prover.definedness import Demand, collected
from rederive.proofs.prover.functions import AnyFunction, example
from rederive.proofs.prover.matrix_calculus import matrix_entry
from rederive.proofs.prover.size import Size
from rederive.proofs.result import Failure, Result
from rederive.proofs.routes import ROUTES, entry_of

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
    answers = findings.computed("the oracles", partial(answers_of, name, derivation, oracles, package, kept), {})
    result = verify_derivation(Path(name).stem, derivation, answers, findings)
    if kept and name in derivation_names(package):
        result.facts["certificates"] = kept_answer(kept / CERTIFICATES, name, CERTIFIED, package)
    result.seconds = time.perf_counter() - begun
    if output is not None:
        write_json(output, result.to_json())
    return result


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
        read = derivation.unfold(matrix_entry(line.matrix, *entry_of(chain, line.matrix)))
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
