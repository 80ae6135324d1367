"""Student's t, central and not, and chi^2, for whole degrees of freedom: what intervals and tests ask of.

For these they are finite sums. SciPy has them for any others, and would be a sixth of what a study without PyTorch
installs; the tests hold every function against it. Numbers in brackets: Abramowitz and Stegun (1964).
"""

import math
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as in `statistics`: whoever only asks for a quantile waits for no array library
    import numpy as np
    from numpy.typing import NDArray

HALVINGS = 60  # of an interval of length pi: to the last bit
NODES = 60  # of Gauss-Legendre quadrature, in each of three parts
FAR = 9.0  # a standard normal is farther out with a probability of 2e-19


@cache
def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def t_probability(t: float, degrees_of_freedom: int) -> float:
    """Return the probability that Student's t is at most `t`, with an error below 2e-15."""
    return _probability(math.atan(t / math.sqrt(degrees_of_freedom)), degrees_of_freedom)


def _probability(angle: float, degrees_of_freedom: int) -> float:
    """Return the probability that t is at most sqrt(degrees) tan(angle) (26.7.3, 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees_of_freedom % 2
    total, term = 0.0, cosine if odd else 1.0
    for power in range(odd, degrees_of_freedom - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    within = (angle + sine * total) * 2 / math.pi if odd else sine * total
    return min(max((1 + within) / 2, 0.0), 1.0)


@cache
def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the quantile of Student's t distribution."""
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees_of_freedom)
    low, high = 0.0, math.pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _probability(middle, degrees_of_freedom) < probability else (low, middle)
    return math.sqrt(degrees_of_freedom) * math.tan(low)


def noncentral_t_probability(t: float, degrees_of_freedom: int, centre: float) -> float:
    """Return the probability that a noncentral t with noncentrality `centre` is at most a positive `t`.

    (Z + centre) / S, with Z standard normal and S^2 a chi^2 over its degrees, is at most t where S is at least
    (Z + centre) / t: an integral over Z, by quadrature, to 1e-9.
    """
    import numpy as np

    start = max(-centre, -FAR)
    below = NormalDist().cdf(-centre)
    if start >= FAR:
        return below
    width = 8 * t / math.sqrt(2 * degrees_of_freedom)  # beyond it S is surely larger, or surely smaller
    ends = np.clip([start, t - centre - width, t - centre + width, FAR], start, FAR)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    inside = 0.0
    for low, high in pairwise(ends):
        z = low + (nodes + 1) * (high - low) / 2
        density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        least = degrees_of_freedom * ((z + centre) / t) ** 2
        inside += float((weights * density * chi_square_above(least, degrees_of_freedom)).sum()) * (high - low) / 2
    return min(below + inside, 1.0)


def chi_square_above(values: "NDArray[np.float64]", degrees_of_freedom: int) -> "NDArray[np.float64]":
    """Return the probability that chi^2 is above each of some values, (n,) (26.4.4, 26.4.5)."""
    import numpy as np

    half = np.maximum(values, np.finfo(float).tiny) / 2  # whose logarithm is finite
    odd = degrees_of_freedom % 2
    powers = [odd / 2 + i for i in range((degrees_of_freedom - odd) // 2)]
    logarithms = [power * np.log(half) - half - math.lgamma(power + 1) for power in powers]
    first = np.vectorize(math.erfc, otypes=[float])(np.sqrt(half)) if odd else np.zeros_like(half)
    return np.asarray(first + sum(np.exp(found) for found in logarithms))


@cache
def chi_square_median(degrees_of_freedom: int) -> float:
    """Return the median of chi^2: it lies below its mean, the degrees of freedom."""
    import numpy as np

    low, high = 0.0, float(degrees_of_freedom)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = chi_square_above(np.array([middle]), degrees_of_freedom)[0]
        low, high = (middle, high) if above > 0.5 else (low, middle)
    return low
