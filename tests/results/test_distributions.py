"""Student's t and chi^2 for whole degrees of freedom, against SciPy, and against a printed table."""

import numpy as np
import pytest
from scipy import stats

from rederive.results.distributions import (
    chi_square_above,
    chi_square_median,
    noncentral_t_probability,
    normal_quantile,
    t_probability,
    t_quantile,
)

DEGREES = (1, 2, 3, 4, 5, 9, 10, 49, 200, 999)


@pytest.mark.parametrize(
    ("degrees_of_freedom", "quantile"),
    # A printed table of Student's t, 97.5 %.
    [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)],
)
def test_quantiles_are_those_of_the_printed_table(degrees_of_freedom: int, quantile: float) -> None:
    assert t_quantile(0.975, degrees_of_freedom) == pytest.approx(quantile, abs=5e-4)


@pytest.mark.parametrize("degrees", DEGREES)
def test_student_s_t_is_that_of_scipy(degrees: int) -> None:
    for t in (-300.0, -12.0, -2.0, -0.01, 0.0, 0.5, 3.0, 80.0):
        assert t_probability(t, degrees) == pytest.approx(stats.t.cdf(t, degrees), rel=1e-8, abs=2e-15)
    for probability in (1e-4, 0.025, 0.5, 0.6, 0.975, 1 - 0.025 / 40, 0.99999):
        expected = stats.t.ppf(probability, degrees)
        assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("centre", [-12.0, -1.0, 0.0, 0.3, 2.5, 8.0, 40.0])
def test_the_noncentral_t_is_that_of_scipy(degrees: int, centre: float) -> None:
    for t in (0.7, t_quantile(0.975, degrees), t_quantile(1 - 0.025 / 40, degrees)):
        expected = stats.nct.cdf(t, degrees, centre)
        if np.isfinite(expected):
            assert noncentral_t_probability(t, degrees, centre) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("degrees", DEGREES)
def test_chi_square_is_that_of_scipy(degrees: int) -> None:
    values = degrees * np.array([0.01, 0.3, 1.0, 1.7, 4.0])
    assert chi_square_above(values, degrees) == pytest.approx(stats.chi2.sf(values, degrees), rel=1e-9, abs=1e-300)
    assert chi_square_median(degrees) == pytest.approx(stats.chi2.median(degrees), rel=1e-12)


def test_normal_quantiles_are_those_of_scipy() -> None:
    for probability in (0.001, 0.3, 0.975, 0.99999):
        assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability), rel=1e-13)
