"""Special functions and quadrature against 40-digit arithmetic."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from scipy import special

from crmvalue.lifetime._mathematics.special import (
    beta_nodes,
    digamma_rise,
    discounted_power,
    gamma_ladder_nodes,
    gamma_nodes,
    log_nb_pmf,
    log_rising,
    logistic,
    nb_tail,
    trigamma_rise,
)


def row(value):
    return np.array([float(value)])


@pytest.fixture(autouse=True)
def precise():
    with mpmath.workdps(60):
        yield


@pytest.mark.parametrize("a", [0.05, 1.0, 99.9, 100.1, 1e4, 1e9])
@pytest.mark.parametrize("n", [0, 1, 7, 2000])
def test_log_rising_and_its_derivative(a, n):
    expected = mpmath.loggamma(mpmath.mpf(a) + n) - mpmath.loggamma(a)
    assert log_rising(a, n) == pytest.approx(float(expected), rel=2e-14, abs=1e-13)
    expected = mpmath.digamma(mpmath.mpf(a) + n) - mpmath.digamma(a)
    assert digamma_rise(a, n) == pytest.approx(float(expected), rel=1e-12, abs=1e-300)
    expected = mpmath.psi(1, mpmath.mpf(a) + n) - mpmath.psi(1, mpmath.mpf(a))
    assert trigamma_rise(a, n) == pytest.approx(float(expected), rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("odds", [-np.inf, -800.0, -40.0, -1e-9, 0.0, 1e-9, 3.0, 40.0, 800.0])
def test_logistic(odds):
    """Catches the probability of odds above 1 taken as e^-|ln odds| / (1 + e^-|ln odds|)."""
    probability, log = logistic(row(odds))
    assert probability[0] == pytest.approx(special.expit(odds), rel=1e-15, abs=0)
    assert log[0] == pytest.approx(np.logaddexp(0, odds), rel=1e-15, abs=0)


@pytest.mark.parametrize("n", [0, 1, 5, 400, 2000])
def test_counts_of_the_nbd(n):
    r, alpha, t = mpmath.mpf(0.25), mpmath.mpf(4), mpmath.mpf(30)
    log_pmf = (
        mpmath.loggamma(r + n) - mpmath.loggamma(r) - mpmath.loggamma(n + 1)
        + r * mpmath.log(alpha / (alpha + t)) + n * mpmath.log(t / (alpha + t))
    )  # fmt: skip
    found = log_nb_pmf(row(n), row(0.25), row(4), row(30))[0]
    assert found == pytest.approx(float(log_pmf), rel=1e-13)
    tail = mpmath.betainc(n, r, 0, t / (alpha + t), regularized=True) if n else 1
    assert nb_tail(row(n), row(0.25), row(4), row(30))[0] == pytest.approx(float(tail), rel=1e-12)


SHAPES = [0.05, 0.79, 1.0, 2.0, 50.0]
SECOND = [0.05, 2.4, 501.0, 2400.0]
RATES = [0.05, 1.0, 5.24, 2000.5]
LENGTHS = [1e-8, 0.1, 1.0, 100.0, 1e8]


def expected_power(nu, a, b, z):
    """E of the integral over (0, z) of (1 + p y)^-nu, from the hypergeometric function."""
    nu, a, b, z = (mpmath.mpf(v) for v in (nu, a, b, z))
    if a == 1:
        a += mpmath.mpf(10) ** -20  # the closed form has a removable singularity there
    k = nu - 1 if nu != 1 else mpmath.mpf(10) ** -20
    return (1 - mpmath.hyp2f1(k, a - 1, a + b - 1, -z)) * (a + b - 1) / ((a - 1) * k)


@pytest.mark.parametrize("a", SHAPES)
def test_beta_expectations(a):
    for b, nu, z in itertools.product(SECOND, RATES, LENGTHS):
        p, weights = beta_nodes(row(a), row(b), row(np.log1p(max(nu, 1) * z)))
        survival = (weights * np.exp(-nu * np.log1p(p * z))).sum()
        expected = mpmath.hyp2f1(nu, a, mpmath.mpf(a) + b, -mpmath.mpf(z))
        if expected > 1e-250:
            assert survival == pytest.approx(float(expected), rel=1e-11), (b, nu, z)
        power = (weights * discounted_power(row(z)[:, None], row(nu)[:, None], p)).sum()
        assert power == pytest.approx(float(expected_power(nu, a, b, z)), rel=1e-11), (b, nu, z)


@pytest.mark.parametrize("nu", [0.05, 0.9, 1.0, 3.0, 50.0, 2000.0])
def test_gamma_expectations(nu):
    """E[exp(-g s)] = (1 + s)^-nu, and E[1/(1 + g s)], an exponential integral."""
    for s in (1e-9, 1e-3, 1.0, 50.0, 1e6):
        g, weights = gamma_nodes(row(nu), row(np.log(max(s, 1e-9))))
        expected = mpmath.mpf(1 + mpmath.mpf(s)) ** -mpmath.mpf(nu)
        if expected > 1e-250:
            found = (weights * np.exp(-g * s)).sum()
            assert found == pytest.approx(float(expected), rel=1e-11), s
        if nu > 1000:
            continue  # the reference takes minutes there
        u = 1 / mpmath.mpf(s)
        expected = u * mpmath.exp(u) * mpmath.expint(nu, u)
        found = (weights / (1 + g * s)).sum()
        assert found == pytest.approx(float(expected), rel=1e-11), s


def test_ladder_nodes_average_powers():
    nu = np.array([0.05, 3.0, 2e4, 1e8])
    g, weights = gamma_ladder_nodes(nu, 4, np.zeros(4))
    for power, expected in ((0, np.ones((4, 4))), (1, nu[:, None] + np.arange(4))):
        found = (weights * g[..., None] ** power).sum(axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-11)
