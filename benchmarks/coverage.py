"""How often the intervals and verdicts of the report are right: simulated, by rule, number of seeds and distribution.

    python benchmarks/coverage.py [--simulations 4000]

prints the table of docs/statistics.md. The rules are those of `rederive.results`, on invented values whose truth is
known. A standard error of a printed share is at most sqrt(0.25 / simulations).
"""

import argparse
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rederive.results.statistics import bootstrap_interval, mean_interval
from rederive.results.verdicts import FAILS, HOLDS, Comparison, Region, combine, decide, holm, p_fails, p_holds

SEEDS = (2, 3, 5, 10)
IMAGES = 400
CLAIMS = 15
Draw = Callable[[Generator, tuple[int, ...]], NDArray[np.float64]]


def normal(generator: Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Mean 0, standard deviation 1."""
    return generator.normal(size=shape)


def heavy(generator: Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Student's t with three degrees of freedom, mean 0."""
    return generator.standard_t(3, size=shape)


def collapsing(generator: Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal, but one seed in five ends far below, by 20 standard deviations; mean 0."""
    return generator.normal(size=shape) - 20 * (generator.random(shape) < 0.2) + 4


DRAWS: dict[str, Draw] = {"normal": normal, "heavy-tailed": heavy, "one in five collapses": collapsing}


def samples(draw: Draw, generator: Generator, simulations: int, *shape: int) -> Iterator[NDArray[np.float64]]:
    """Yield arrays of values whose true means are 0."""
    yield from draw(generator, (simulations, *shape))


def covered(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """The 95 % t interval covers the true mean."""
    found = (mean_interval(list(values)) for values in samples(draw, generator, simulations, n))
    return share([_inside(one.low, one.high) for one in found])


def bootstrapped(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """The 95 % bootstrap interval covers the true mean."""
    found = (bootstrap_interval(list(values)) for values in samples(draw, generator, simulations, n))
    return share([_inside(one.low, one.high) for one in found])


def unpaired(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """The same of a difference of runs with draws of their own, taken two by two."""
    found = (mean_interval(list(one - other)) for one, other in samples(draw, generator, simulations, 2, n))
    return share([_inside(one.low, one.high) for one in found])


def other_images(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """The 95 % interval over seeds and images covers the mean over all seeds and images."""
    found = []
    for seeds in samples(draw, generator, simulations, n):
        both = 0.1 * seeds[:, None] + generator.normal(size=IMAGES) + generator.normal(size=(n, IMAGES))
        error = float(both.mean(axis=0).std()) / math.sqrt(IMAGES)
        estimate = Comparison(tuple(both.mean(axis=1)), image_error=error).over_seeds_and_images(0.95)
        found.append(_inside(estimate.low, estimate.high))
    return share(found)


def false_holds(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """A difference of just the margin is said to be larger."""
    region = Region(0.0, math.inf)
    return share([_verdict(region, [v]) == HOLDS for v in samples(draw, generator, simulations, n)])


def false_equality(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """A difference of just the margin is said to lie within it."""
    region = Region(-10.0, 0.0)
    return share([_verdict(region, [v]) == HOLDS for v in samples(draw, generator, simulations, n)])


def false_claim(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """A claim of six tests, five of them true beyond doubt and one false by nothing, holds."""
    region = Region(0.0, math.inf)
    lifted = np.array([1e6] * 5 + [0.0])[:, None]
    found = samples(draw, generator, simulations, 6, n)
    return share([combine([_verdict(region, [v], 6) for v in tests + lifted]) == HOLDS for tests in found])


def false_failure(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """A claim of six tests, all true by nothing, does not hold."""
    region = Region(0.0, math.inf)
    found = samples(draw, generator, simulations, 6, n)
    return share([FAILS in [_verdict(region, [v], 6) for v in tests] for tests in found])


def false_span(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """Four runs that spread over just the bound, two at each end, are said to spread over more."""
    region = Region(-math.inf, 1.0)
    ends = np.array([0.0, 0.0, 1.0, 1.0])[:, None]
    found = []
    for runs in samples(draw, generator, simulations, 4, n):
        pairs = [one - other for i, one in enumerate(runs + ends) for j, other in enumerate(runs + ends) if i != j]
        found.append(_verdict(region, pairs, 6) == FAILS)
    return share(found)


def family(draw: Draw, generator: Generator, n: int, simulations: int) -> float:
    """Of fifteen claims, a third true, a third false, a third at the bound, one verdict that Holm keeps is wrong."""
    region = Region(0.0, math.inf)
    truth = np.repeat([3.0, -3.0, 0.0], CLAIMS // 3)
    found = []
    for claims in samples(draw, generator, simulations, CLAIMS, n):
        comparisons = [Comparison(tuple(values + mean)) for values, mean in zip(claims, truth, strict=True)]
        verdicts = [decide(region, [comparison], 1).verdict for comparison in comparisons]
        p_values = {
            str(i): {HOLDS: p_holds, FAILS: p_fails}[verdict](region, comparison) if verdict in (HOLDS, FAILS) else 1.0
            for i, (verdict, comparison) in enumerate(zip(verdicts, comparisons, strict=True))
        }
        # A mean on the bound is not above it: HOLDS is wrong there, and so is FAILS where the mean is above.
        kept = [int(i) for i in holm(p_values)]
        found.append(any(verdicts[i] == (FAILS if truth[i] > 0 else HOLDS) for i in kept))
    return share(found)


RULES: dict[str, tuple[str, Callable[[Draw, Generator, int, int], float]]] = {
    "95 % t interval covers": ("0.95", covered),
    "95 % bootstrap interval covers": ("0.95", bootstrapped),
    "t interval covers, draws of their own": ("0.95", unpaired),
    "interval over seeds and images covers": ("0.95", other_images),
    "false *holds*, a difference": ("0.025", false_holds),
    "false *holds*, equality": ("0.05", false_equality),
    "false *holds*, a claim of six tests": ("0.025", false_claim),
    "false *does not hold*, a claim of six tests": ("0.025", false_failure),
    "false *does not hold*, the span of four": ("0.05", false_span),
    "a wrong verdict in the family": ("0.05", family),
}


def share(found: list[bool]) -> float:
    """Return the share of those that are true."""
    return sum(found) / len(found)


def _inside(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low <= 0 <= high


def _verdict(region: Region, values: list[NDArray[np.float64]], k: int = 1) -> str:
    return decide(region, [Comparison(tuple(one)) for one in values], k).verdict


def table(simulations: int) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield "| Rule | Should be | Values | " + " | ".join(f"n = {n}" for n in SEEDS) + " |"
    yield "|---|---|---|" + "---|" * len(SEEDS)
    for rule, (nominal, simulate) in RULES.items():
        for name, draw in DRAWS.items():
            found = [simulate(draw, np.random.default_rng(n), n, simulations) for n in SEEDS]
            yield f"| {rule} | {nominal} | {name} | " + " | ".join(f"{one:.3f}" for one in found) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--simulations", type=int, default=4000, help="of each number (default: 4000)")
    for line in table(parser.parse_args().simulations):
        print(line, flush=True)


if __name__ == "__main__":
    main()
