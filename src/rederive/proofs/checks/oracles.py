"""What PyTorch, JAX and TensorFlow say the gradients are. They share no code with the engine, nor with each other.

All run in float64 on the CPU. One that is not installed is reported as missing and agrees with nothing, unless it was
asked before, elsewhere, about the same code, and what it said was kept.
"""

import importlib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from rederive.proofs.checks import samples
from rederive.proofs.checks.numeric import LARGE, Arrays, Gradients, relative_error
from rederive.proofs.language.derivation import Derivation

TOLERANCE = 1e-11
MISSING = "missing"
SKIPPED = "skipped"

# Read by the libraries when they are imported.
QUIET_CPU = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "JAX_PLATFORMS": "cpu"}

# A value, and its gradients for the inputs that are differentiated.
Answer = tuple[np.ndarray, Arrays]
Program = Callable[..., Any]


def ask_torch(program: Program, values: Arrays, wanted: list[str], cotangent: np.ndarray) -> Answer:
    """Ask torch.autograd."""
    torch = importlib.import_module("torch")
    operands = {
        name: torch.tensor(a, requires_grad=name in wanted) if isinstance(a, np.ndarray) else a
        for name, a in values.items()
    }
    result = program(torch, *operands.values())
    result.backward(torch.tensor(cotangent))
    return result.detach().numpy(), {name: operands[name].grad.numpy() for name in wanted}


def ask_jax(program: Program, values: Arrays, wanted: list[str], cotangent: np.ndarray) -> Answer:
    """Ask jax.vjp."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    constants = {name: jnp.asarray(a) if isinstance(a, np.ndarray) else a for name, a in values.items()}

    def function(*arrays: Any) -> Any:
        given = dict(zip(wanted, arrays, strict=True))
        return program(jnp, *[given.get(name, constants[name]) for name in values])

    result, pull_back = jax.vjp(function, *[constants[name] for name in wanted])
    gradients = pull_back(jnp.asarray(cotangent))
    return np.asarray(result), {name: np.asarray(g) for name, g in zip(wanted, gradients, strict=True)}


def ask_tensorflow(program: Program, values: Arrays, wanted: list[str], cotangent: np.ndarray) -> Answer:
    """Ask tf.GradientTape."""
    tf = importlib.import_module("tensorflow")
    tf.config.set_visible_devices([], "GPU")
    operands = {name: tf.constant(a) if isinstance(a, np.ndarray) else a for name, a in values.items()}
    with tf.GradientTape() as tape:
        for name in wanted:
            tape.watch(operands[name])
        result = program(tf.experimental.numpy, *operands.values())
    gradients = tape.gradient(result, [operands[name] for name in wanted], output_gradients=tf.constant(cotangent))
    return np.asarray(result), {
        name: np.asarray(tf.convert_to_tensor(g)) for name, g in zip(wanted, gradients, strict=True)
    }


ORACLES: Mapping[str, Callable[[Program, Arrays, list[str], np.ndarray], Answer]] = {
    "torch": ask_torch,
    "jax": ask_jax,
    "tensorflow": ask_tensorflow,
}


def version(oracle: str) -> str | None:
    """Return the version of an installed oracle, None if it is not installed."""
    try:
        return str(importlib.import_module(oracle).__version__)
    except ImportError:
        return None


def compare(derivation: Derivation, oracle: str, seed: int = 0) -> float:
    """Return the largest relative error of our value and gradients against an oracle's, at two sizes."""
    gradients = Gradients(derivation)
    program = derivation.native.get(oracle, derivation.program)
    worst = 0.0
    large = {**derivation.sizes, **LARGE}
    for sizes in (derivation.sizes, large) if derivation.code else (derivation.sizes,):
        generator = np.random.default_rng([seed, derivation.order])
        values = samples.inputs(derivation, generator, sizes)
        cotangent = np.asarray(generator.standard_normal(samples.output_shape(derivation, sizes)))
        result, theirs = ORACLES[oracle](program, values, gradients.wanted, cotangent)
        ours = gradients.vjp(values, cotangent)
        errors = [relative_error(ours[name], theirs[name]) for name in gradients.wanted]
        worst = max(worst, relative_error(gradients.program(values), result), *errors)
    return worst


def engine_on_torch(derivation: Derivation, seed: int = 0) -> float:
    """Return the largest relative error of the engine's gradients on PyTorch tensors against those on NumPy arrays.

    At random points, and at zeros and ties.
    """
    torch = importlib.import_module("torch")
    gradients = Gradients(derivation)
    generator = np.random.default_rng([seed, derivation.order])
    worst = 0.0
    for sizes in samples.several_sizes(derivation):
        points = [samples.inputs(derivation, generator, sizes), *samples.borders(derivation, generator, sizes, 2)]
        for values in points:
            cotangent = np.asarray(generator.standard_normal(samples.output_shape(derivation, sizes)))
            tensors = {k: torch.tensor(a) if isinstance(a, np.ndarray) else a for k, a in values.items()}
            with np.errstate(all="ignore"):
                ours, theirs = gradients.vjp(values, cotangent), gradients.vjp(tensors, torch.tensor(cotangent))
            inside = [name for name in gradients.wanted if np.isfinite(ours[name]).all()]
            worst = max([worst, *(relative_error(theirs[name], ours[name]) for name in inside)])
    return worst


def _answer(derivation: Derivation, oracle: str) -> dict[str, Any]:
    try:
        error = compare(derivation, oracle)
        if oracle == "torch" and derivation.code is not None:
            error = max(error, engine_on_torch(derivation))
    except Exception as problem:  # wrong code may raise anything: it agrees with nobody, and the next one is asked
        return {"max_relative_error": math.inf, "message": f"{type(problem).__name__}: {problem}"}
    return {"max_relative_error": error}


def ask(
    derivation: Derivation, oracles: Iterable[str] = tuple(ORACLES), kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return, for each oracle, its version and the largest relative error; "missing" where it is not installed.

    Of those in `kept` the kept answer is returned, and they are not asked.
    """
    for setting, value in QUIET_CPU.items():
        os.environ.setdefault(setting, value)
    answers: dict[str, Any] = {}
    for oracle in ORACLES:
        if kept and oracle in kept:
            answers[oracle] = kept[oracle]
        elif oracle not in oracles:
            answers[oracle] = SKIPPED
        elif (found := version(oracle)) is None:
            answers[oracle] = MISSING
        else:
            answers[oracle] = {"version": found, **_answer(derivation, oracle)}
    return answers
