"""BG/NBD and MBG/NBD against 50-digit arithmetic, over a grid of extremes.

Log-likelihoods to 1e-9 of the larger of 1 and themselves, predictions to 1e-9 of themselves
wherever they are above 1e-250. The formulas are the papers' own, straight in high precision, where
their cancellation does no harm.
"""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from crmvalue.lifetime import BGNBD, MBGNBD

PARAMETERS = [
    (0.243, 4.414, 0.793, 2.426),
    (0.05, 0.01, 0.02, 0.05),
    (8.0, 0.02, 1.0, 30.0),
    (0.6, 900.0, 1.0, 0.3),
    (25.0, 300.0, 12.0, 0.7),
    (1.0, 5.0, 2.0, 2.0),
]
HISTORIES = [
    (0, 0, 0), (0, 0, 40), (1, 40, 40), (1, 0.2, 40), (7, 12.5, 300), (300, 250, 260),
    (2000, 39.999, 40), (2000, 40, 40), (2000, 5, 40),
]  # fmt: skip
CASES = list(itertools.product((BGNBD, MBGNBD), PARAMETERS))


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(50):
        yield


class Exact:
    """The quantities of one customer in high precision."""

    def __init__(self, model, parameters, history):
        # No exact 1: the papers' formulas have a 0 / 0 there, with a finite limit.
        nudge = mpf(10) ** -24
        r, alpha, a, b = (mpf(v) for v in parameters)
        self.a = a + nudge if a == 1 else a
        x, recency, T = (mpf(v) for v in history)
        n = x + (model is MBGNBD)
        self.rho, self.A, self.b = r + x, alpha + T, b + n
        stays = self.A**-self.rho
        gone = self.a / (b + n - 1) * (alpha + recency) ** -self.rho if n else mpf(0)
        self.alive = stays / (stays + gone)
        self.log_likelihood = (
            mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
            + mpmath.log(mpmath.beta(self.a, b + n) / mpmath.beta(self.a, b))
            + mpmath.log(stays + gone)
        )  # fmt: skip
        self.rate = self.alive * self.rho / self.A + (1 - self.alive) * self.rho / (alpha + recency)
        self.dropout = (self.a + 1 - self.alive) / (self.a + b + n)

    def kept(self, rho, u):
        """Integral of E[(1 + p y)^-(rho + 1)] over y to u / A, times rho."""
        both = self.a + self.b - 1
        rest = 1 - mpmath.hyp2f1(rho, self.a - 1, both, -u / self.A)
        return both / (self.a - 1) * rest

    def purchases(self, u):
        return self.alive * self.kept(self.rho, u)

    def time(self, u):
        rho = self.rho - 1
        rho = mpf(10) ** -24 if rho == 0 else rho
        return self.alive * self.A / rho * self.kept(rho, u)

    def alive_at(self, u):
        return self.alive * mpmath.hyp2f1(self.rho, self.a, self.a + self.b, -u / self.A)

    def any(self, u):
        return self.alive * (1 - (self.A / (self.A + u)) ** self.rho)

    def pmf(self, n, u):
        share = u / (self.A + u)
        counts = mpmath.gamma(self.rho + n) / mpmath.gamma(self.rho) / mpmath.factorial(n)
        counts *= (1 - share) ** self.rho * share**n
        stays = mpmath.beta(self.a, self.b + n) / mpmath.beta(self.a, self.b)
        leaves = tail = mpf(0)
        if n:
            leaves = mpmath.beta(self.a + 1, self.b + n - 1) / mpmath.beta(self.a, self.b)
            tail = mpmath.betainc(n, self.rho, 0, share, regularized=True)
        here = stays * counts + leaves * tail
        return self.alive * here + (1 - self.alive) * (n == 0)


def check(found, exact, what):
    for value, expected in zip(np.ravel(found), exact, strict=True):
        if expected > mpf(10) ** -250:
            assert abs(mpf(float(value)) / expected - 1) < 1e-9, (what, float(value), expected)
        else:
            assert 0 <= value < 1.1e-250


@pytest.mark.parametrize(("model", "parameters"), CASES)
def test_against_fifty_digits(model, parameters):
    m = model(**dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    x, recency, T = (np.array(column, dtype=float) for column in zip(*HISTORIES, strict=True))
    exact = [Exact(model, parameters, history) for history in HISTORIES]
    for found, one in zip(m.log_likelihood(x, recency, T), exact, strict=True):
        assert abs(found - one.log_likelihood) <= 1e-9 * max(1, abs(one.log_likelihood))
    history = (x, recency, T)
    check(m.probability_alive(*history), [e.alive for e in exact], "alive")
    check(m.posterior_purchase_rate(*history), [e.rate for e in exact], "rate")
    check(m.posterior_dropout(*history), [e.dropout for e in exact], "dropout")
    for u in (0.01, 52.0, 3000.0):
        at = mpf(u)
        ahead = {"horizon": u}
        check(m.probability_alive(*history, u), [e.alive_at(at) for e in exact], f"alive at {u}")
        check(m.expected_purchases(*history, **ahead), [e.purchases(at) for e in exact], u)
        check(m.expected_active_time(*history, **ahead), [e.time(at) for e in exact], u)
        check(m.probability_of_purchase(*history, **ahead), [e.any(at) for e in exact], u)
    for n in (0, 1, 2, 30):
        found = m.conditional_purchase_pmf(n, *history, horizon=52.0)
        check(found, [e.pmf(n, mpf(52)) for e in exact], f"pmf {n}")


@pytest.mark.parametrize(("model", "parameters"), CASES[::3])
@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_discounting_against_quadrature(model, parameters, rate):
    m = model(**dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    delta = mpmath.log(1 + mpf(rate)) * 7 / mpf("365.25")
    for history in HISTORIES[3:6]:
        e = Exact(model, parameters, history)
        ends = [mpf(v) for v in (0, 0.3, 3, 30, 200, 1000)]

        def purchases(u, e=e):
            kept = mpmath.hyp2f1(e.rho + 1, e.a, e.a + e.b, -u / e.A)
            return e.rho / e.A * kept * mpmath.exp(-delta * u)

        def time(u, e=e):
            return mpmath.hyp2f1(e.rho, e.a, e.a + e.b, -u / e.A) * mpmath.exp(-delta * u)

        with mpmath.workdps(20):
            expected = [e.alive * mpmath.quad(f, ends) for f in (purchases, time)]
        terms = {"horizon": 1000.0, "annual_discount_rate": rate}
        check(m.discounted_expected_transactions(*history, **terms), expected[:1], "purchases")
        check(m.expected_active_time(*history, **terms), expected[1:], "time")


@pytest.mark.parametrize(("model", "parameters"), [CASES[0], CASES[11]])
def test_interval_pmf_against_quadrature(model, parameters):
    """New customers, 2 purchases in (t0, t1]: over the dropout probability p of each."""
    m = model(**dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    e = Exact(model, parameters, (0, 0, 0))
    t0, t1, n = mpf(6), mpf(20), 2

    def given(p):
        # At t0 the customer is alive with probability (1 + p t0 / A)^-rho, and the rate is then
        # Gamma(rho, A + p t0).
        alive = (1 + p * t0 / e.A) ** -e.rho
        B = e.A + p * t0
        share = (t1 - t0) / (B + t1 - t0)
        counts = mpmath.gamma(e.rho + n) / mpmath.gamma(e.rho) / mpmath.factorial(n)
        counts *= (1 - share) ** e.rho * share**n
        tail = mpmath.betainc(n, e.rho, 0, share, regularized=True)
        density = p ** (e.a - 1) * (1 - p) ** (e.b - 1) / mpmath.beta(e.a, e.b)
        return density * alive * ((1 - p) ** n * counts + p * (1 - p) ** (n - 1) * tail)

    with mpmath.workdps(20):
        expected = e.alive * mpmath.quad(given, [0, 0.01, 0.1, 0.5, 0.9, 0.99, 1])
    found = m.interval_purchase_pmf(n, 6.0, 20.0)
    assert float(found) == pytest.approx(float(expected), rel=1e-9)
