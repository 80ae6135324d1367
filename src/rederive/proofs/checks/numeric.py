"""The code's gradients in floating point, against derivatives taken in other ways.

The complex step: for an analytic function, Im f(x + i h) / h is the derivative with an error of order h^2 and
without cancellation, so h = 1e-200 gives it to rounding (Squire and Trapp 1998). Where a function is not analytic
(ReLU), central differences take its place.
"""

from typing import Any

import numpy as np

from rederive.autograd import Tensor
from rederive.proofs.checks import samples
from rederive.proofs.checks.exact import Number, entries
from rederive.proofs.language.derivation import Derivation

COMPLEX_STEP = 1e-200
CENTRAL_STEP = 1e-6
LARGE = {"n": 61, "m": 67, "d": 71, "h": 31, "c": 10, "t": 12}

# The largest relative error that passes. Central differences lose half of the digits, float32 has seven.
TOLERANCES = {"complex_step": 1e-12, "central_difference": 1e-7, "float64": 1e-12, "float32": 2e-5}

Arrays = dict[str, Any]  # arrays by name, and sizes


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, relative to the largest expected value; infinity where there is none to speak of.

    That is, of another shape, or of what is not a finite number: `max(0.0, nan)` is 0.0, and would forget it.
    """
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return float("inf")
    scale = np.max(np.abs(expected), initial=0.0)
    largest = np.max(np.abs(found - expected), initial=0.0)
    return float(largest / scale) if scale > 0 else float(largest)


class Gradients:
    """A derivation's gradients in floating point, as its code computes them."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.wanted = list(derivation.gradients)

    def program(self, values: Arrays) -> np.ndarray:
        """Return Y, by NumPy alone."""
        return np.asarray(self.derivation.program(np, *values.values()))

    def vjp(self, values: Arrays, cotangent: np.ndarray) -> Arrays:
        """Return the gradient of <cotangent, Y> for each differentiated input."""
        if self.derivation.code is None:
            return self.formula(values, cotangent)
        operands = {
            name: Tensor(a, requires_grad=name in self.wanted, name=name) if hasattr(a, "shape") else a
            for name, a in values.items()
        }
        self.derivation.code(*operands.values()).backward(cotangent)
        return {name: np.asarray(operands[name].grad) for name in self.wanted}

    def _sizes(self, values: Arrays) -> dict[str, int]:
        sizes = dict(self.derivation.sizes)
        for one in self.derivation.inputs:
            if one.is_size is not None:
                sizes[str(one.is_size)] = values[one.name]
            else:
                sizes |= {str(size): n for size, n in zip(one.shape, values[one.name].shape, strict=True)}
        return sizes

    def formula(self, values: Arrays, cotangent: np.ndarray) -> Arrays:
        """Return what is derived, evaluated in exact numbers that are rounded at the end.

        Raises:
            ArithmeticError: It is not defined there.
        """
        arrays = {k: samples.exact(v, denominator=None) if samples.is_real(v) else v for k, v in values.items()}
        exact_cotangent = samples.exact(cotangent, denominator=None)
        named = samples.with_sizes(self.derivation, arrays, exact_cotangent, self._sizes(values))
        result = {}
        for name, chain in self.derivation.gradients.items():
            claim = self.derivation.unfold(chain.result)
            found = entries(claim, chain.start.args[1].indices, named).reshape(values[name].shape)
            result[name] = np.vectorize(_rounded, otypes=[float])(found)
        return result

    def jvp(self, values: Arrays, tangents: Arrays) -> np.ndarray:
        """Return the derivative of Y along the tangents, by the complex step or by central differences."""

        def moved(step: complex) -> np.ndarray:
            return self.program({k: v + step * tangents[k] if k in tangents else v for k, v in values.items()})

        if self.derivation.analytic:
            return np.imag(moved(1j * COMPLEX_STEP)) / COMPLEX_STEP
        return (moved(CENTRAL_STEP) - moved(-CENTRAL_STEP)) / (2 * CENTRAL_STEP)


def _rounded(number: Number) -> float:
    # exp and log have 40 digits: what cancels leaves less than this of what should be 0.
    return 0.0 if abs(number.value) < 1e-25 else float(number.value)


def check(derivation: Derivation, seed: int = 0) -> dict[str, float]:
    """Return the relative errors of the code's gradients, by kind of check; `failures` judges them."""
    gradients = Gradients(derivation)
    generator = np.random.default_rng([seed, derivation.order])
    reference = [_jacobian_error(gradients, generator, sizes) for sizes in samples.several_sizes(derivation)]
    errors = {_reference(derivation): max(reference)}
    if derivation.code is not None:
        errors["borders"] = _border_error(gradients, generator)
        errors["random_directions"] = _large_error(gradients, generator)
        errors["float32"] = _float32_error(gradients, generator)
        errors["strided_cotangent"] = _strided_error(gradients, generator)
        errors |= _second_order(gradients, generator)
    return errors


def failures(derivation: Derivation, errors: dict[str, float]) -> list[str]:
    """Name the errors that are larger than they may be."""
    reference = TOLERANCES[_reference(derivation)]
    allowed = {
        "random_directions": reference,
        "float32": TOLERANCES["float32"],
        "second_order": reference,
        "second_order_differences": TOLERANCES["central_difference"],
    }
    found = []
    for kind, error in errors.items():
        tolerance = allowed.get(kind, reference if kind == _reference(derivation) else TOLERANCES["float64"])
        if not error <= tolerance:  # a NaN fails too
            found.append(f"{kind}: relative error {error:.1e}, at most {tolerance:.0e} expected")
    return found


def _reference(derivation: Derivation) -> str:
    return "complex_step" if derivation.analytic else "central_difference"


def _sample(gradients: Gradients, generator: np.random.Generator, sizes: dict[str, int]) -> tuple[Arrays, np.ndarray]:
    values = samples.inputs(gradients.derivation, generator, sizes)
    shape = samples.output_shape(gradients.derivation, sizes)
    return values, np.asarray(generator.standard_normal(shape))


def _jacobian_error(gradients: Gradients, generator: np.random.Generator, sizes: dict[str, int]) -> float:
    """The whole Jacobian at a small size: its rows from the code, its columns from the reference."""
    values, cotangent = _sample(gradients, generator, sizes)
    worst = 0.0
    for name in gradients.wanted:
        rows = []
        for position in np.ndindex(cotangent.shape):
            unit = np.zeros(cotangent.shape)
            unit[position] = 1
            rows.append(gradients.vjp(values, unit)[name].ravel())
        columns = []
        for position in np.ndindex(values[name].shape):
            unit = np.zeros(values[name].shape)
            unit[position] = 1
            columns.append(gradients.jvp(values, {name: unit}).ravel())
        worst = max(worst, relative_error(np.array(rows), np.array(columns).T))
    return worst


def _border_error(gradients: Gradients, generator: np.random.Generator) -> float:
    """The code computes what is derived at zeros and ties, too: wherever the derived formula has a value."""
    worst = 0.0
    for sizes in samples.several_sizes(gradients.derivation):
        for values in samples.borders(gradients.derivation, generator, sizes):
            cotangent = generator.standard_normal(samples.output_shape(gradients.derivation, sizes))
            try:
                expected = gradients.formula(values, np.asarray(cotangent))
            except ArithmeticError:
                continue  # outside the domain
            found = gradients.vjp(values, np.asarray(cotangent))
            worst = max(worst, *(relative_error(found[name], expected[name]) for name in gradients.wanted))
    return worst


def _large_error(gradients: Gradients, generator: np.random.Generator) -> float:
    """<cotangent, J tangent> = <gradient, tangent> at a large size, for random cotangent and tangents."""
    values, cotangent = _sample(gradients, generator, {**gradients.derivation.sizes, **LARGE})
    computed = gradients.vjp(values, cotangent)
    tangents = {name: generator.standard_normal(values[name].shape) for name in gradients.wanted}
    forward = cotangent * gradients.jvp(values, tangents)
    backward = [computed[name] * tangents[name] for name in gradients.wanted]
    if not all(np.isfinite(part).all() for part in (forward, *backward)):
        return float("inf")
    # Relative to the size of the terms: the sums themselves may come out near zero.
    scale = np.sum(np.abs(forward)) or 1.0
    return float(abs(np.sum(forward) - sum(np.sum(part) for part in backward)) / scale)


def _float32_error(gradients: Gradients, generator: np.random.Generator) -> float:
    """In float32 the gradients are float32, and those of float64 up to rounding."""
    values, cotangent = _sample(gradients, generator, dict(gradients.derivation.sizes))
    single = {k: v.astype(np.float32) if samples.is_real(v) else v for k, v in values.items()}
    double = {k: v.astype(np.float64) if samples.is_real(v) else v for k, v in single.items()}
    small = cotangent.astype(np.float32)
    found, expected = gradients.vjp(single, small), gradients.vjp(double, small.astype(np.float64))
    if any(found[name].dtype != np.float32 for name in gradients.wanted):
        return float("inf")
    return max(relative_error(found[name].astype(np.float64), expected[name]) for name in gradients.wanted)


def _strided_error(gradients: Gradients, generator: np.random.Generator) -> float:
    """A cotangent that is a view, transposed or repeated with stride zero, counts by its values alone."""
    values, cotangent = _sample(gradients, generator, dict(gradients.derivation.sizes))
    views = [
        np.broadcast_to(np.array(0.7), cotangent.shape),
        np.array(cotangent, order="F"),
        np.repeat(cotangent[..., None], 2, axis=-1)[..., 0],
    ]
    worst = 0.0
    for view in views:
        found, expected = gradients.vjp(values, view), gradients.vjp(values, np.array(view, order="C"))
        worst = max(worst, *(relative_error(found[name], expected[name]) for name in gradients.wanted))
    return worst


def _second_order(gradients: Gradients, generator: np.random.Generator) -> dict[str, float]:
    """The gradient code differentiated again: Hessian times vector, which must be symmetric and agree with differences.

    The complex step goes through the code of `backward` itself; central differences do where it is not analytic.
    """
    values, cotangent = _sample(gradients, generator, dict(gradients.derivation.sizes))
    wanted = gradients.wanted
    u, v = ({name: generator.standard_normal(values[name].shape) for name in wanted} for _ in range(2))

    def gradient_at(step: complex, direction: Arrays) -> Arrays:
        moved = {k: x + step * direction[k] if k in direction else x for k, x in values.items()}
        return gradients.vjp(moved, cotangent)

    def central(direction: Arrays, step: float = CENTRAL_STEP) -> Arrays:
        plus, minus = gradient_at(step, direction), gradient_at(-step, direction)
        return {name: (plus[name] - minus[name]) / (2 * step) for name in wanted}

    def product(direction: Arrays) -> Arrays:
        if not gradients.derivation.analytic:
            return central(direction)
        moved = gradient_at(1j * COMPLEX_STEP, direction)
        return {name: np.imag(moved[name]) / COMPLEX_STEP for name in wanted}

    def inner(a: Arrays, b: Arrays) -> float:
        return float(sum(np.sum(a[name] * b[name]) for name in wanted))

    hu, hv = product(u), product(v)
    differences = central(v)
    if not all(np.isfinite(part).all() for product in (hu, hv, differences) for part in product.values()):
        return {"second_order": float("inf"), "second_order_differences": float("inf")}
    largest = max(1.0, *(float(np.max(np.abs(part), initial=0.0)) for part in (*hu.values(), *hv.values())))
    return {
        "second_order": abs(inner(u, hv) - inner(v, hu)) / largest,
        "second_order_differences": max(float(np.max(np.abs(hv[k] - differences[k]), initial=0.0)) for k in wanted)
        / largest,
    }
