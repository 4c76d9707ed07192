"""GGompertz/NBD: high precision, its limits, laws, simulation, and fits."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime.ggompertz_nbd import GGompertzNBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

NAMES = ("r", "alpha", "b", "s", "beta")
PARAMETERS = [
    (0.55, 10.6, 0.02, 0.5, 0.2),
    (2, 1e-3, 0.05, 1, 300),
    (0.1, 500, 0.5, 0.03, 0.9),
    (20, 3, 20, 0.01, 1e4),
]
HISTORIES = [(0, 0, 0), (0, 0, 40), (3, 1, 40), (2, 40, 40), (2000, 20, 40)]
models = st.builds(
    lambda *values: GGompertzNBD(**dict(zip(NAMES, values, strict=True))),
    st.floats(0.05, 30), st.floats(0.1, 100), st.floats(1e-3, 2), st.floats(0.05, 30),
    st.floats(0.01, 1000),
)  # fmt: skip


@st.composite
def histories(draw, most=300):
    x = draw(st.integers(0, most))
    T = draw(st.floats(0, 200))
    return x, (T * draw(st.floats(0, 1)) if x else 0.0), T


def integral(function, start, end):
    """Of a smooth function, over panels that widen from `start` on and stay short to the end."""
    length = mpmath.mpf(end) - start
    ends = [start, *(start + length / 24 * mpmath.mpf("0.4") ** k for k in range(20, 0, -1))]
    ends += [start + length * mpmath.mpf(k) / 24 for k in range(1, 25)]
    return mpmath.quad(function, ends, method="gauss-legendre", maxdegree=3)


class Exact:
    """The model in high precision, for one history."""

    def __init__(self, parameters, history):
        self.r, self.alpha, self.b, self.s, self.beta = (mpmath.mpf(v) for v in parameters)
        self.x, self.recency, self.T = (mpmath.mpf(v) for v in history)
        self.rho, self.A = self.r + self.x, self.alpha + self.T

    def survival(self, t):
        return (self.beta / (self.beta + mpmath.expm1(self.b * t))) ** self.s

    def density(self, t):
        hazard = self.s * self.b * mpmath.exp(self.b * t)
        return self.survival(t) * hazard / (self.beta + mpmath.expm1(self.b * t))

    def odds(self):
        """Of having left, with the means of λ and of η b of those who have."""
        stays = self.A**-self.rho * self.survival(self.T)

        def left(moment):
            return integral(
                lambda u: (self.alpha + u) ** -self.rho * self.density(u) * moment(u),
                self.recency,
                self.T,
            )

        if self.recency == self.T:
            return stays, mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0)
        return (
            stays,
            left(lambda _: 1),
            left(lambda u: self.rho / (self.alpha + u)),
            left(lambda u: self.b * (self.s + 1) / (self.beta + mpmath.expm1(self.b * u))),
        )

    def ahead(self, function, horizon):
        """Integral over v of the chance to live on by v, times a function of it."""
        return integral(
            lambda v: self.survival(self.T + v) / self.survival(self.T) * function(v), 0, horizon
        )

    def pmf(self, n, horizon):
        def bought(t):
            ways = mpmath.rf(self.rho, n) / mpmath.factorial(n) * (t / (self.A + t)) ** n
            return ways * (self.A / (self.A + t)) ** self.rho

        leaves = integral(lambda v: self.density(self.T + v) * bought(v), 0, horizon)
        stays = self.survival(self.T + horizon) * bought(horizon)
        return (leaves + stays) / self.survival(self.T)


@pytest.mark.parametrize(
    ("parameters", "history"),
    [(0, 1), (0, 2), (1, 1), (1, 2), (1, 4), (2, 0), (2, 3), (3, 2), (3, 4)],
)
def test_in_high_precision(parameters, history):
    m = GGompertzNBD(**dict(zip(NAMES, PARAMETERS[parameters], strict=True)))
    history = HISTORIES[history]
    with mpmath.workdps(20):
        exact = Exact(PARAMETERS[parameters], history)
        rho, A, h = exact.rho, exact.A, mpmath.mpf(9)
        stays, leaves, rates, paces = exact.odds()
        both, alive = stays + leaves, stays / (stays + leaves)
        log_likelihood = (
            mpmath.loggamma(rho) - mpmath.loggamma(exact.r) + exact.r * mpmath.log(exact.alpha)
            + mpmath.log(both)
        )  # fmt: skip
        found = m.log_likelihood(*history)
        assert abs(found - log_likelihood) <= 1e-10 * max(1, abs(log_likelihood))
        delta = mpmath.log(mpmath.mpf("1.1")) * 7 / mpmath.mpf("365.25")
        hazard = exact.s / (exact.beta + mpmath.expm1(exact.b * exact.T))
        first = exact.ahead(lambda v: rho / A * (1 + v / A) ** -(rho + 1), h)
        kept = exact.ahead(lambda v: mpmath.exp(-delta * v), h)
        far = exact.ahead(lambda v: mpmath.exp(-delta * v), 20_000)
        rate = {"annual_discount_rate": 0.1}
        for found, expected in (
            (m.probability_alive(*history), alive),
            (m.posterior_purchase_rate(*history), (stays * rho / A + rates) / both),
            (m.posterior_dropout(*history), (stays * exact.b * hazard + paces) / both),
            (m.expected_active_time(*history, horizon=9), alive * exact.ahead(lambda _: 1, h)),
            (m.probability_of_purchase(*history, horizon=9), alive * first),
            (m.expected_active_time(*history, horizon=9, **rate), alive * kept),
            (m.discounted_expected_transactions(*history, **rate), alive * rho / A * far),
            (m.conditional_purchase_pmf(2, *history, horizon=9), alive * exact.pmf(2, h)),
            (m.conditional_purchase_pmf(60, *history, horizon=9), alive * exact.pmf(60, h)),
        ):
            if expected > mpmath.mpf("1e-250"):
                assert found == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("history", HISTORIES)
def test_pareto_nbd_is_its_limit(history):
    pareto = ParetoNBD(r=0.55, alpha=10.6, s=0.6, beta=11.7)
    limit = GGompertzNBD(r=0.55, alpha=10.6, b=1e-13, s=0.6, beta=1.17e-12)
    for name, keywords in (
        ("log_likelihood", {}),
        ("probability_alive", {"horizon": 10}),
        ("expected_purchases", {"horizon": 52}),
        ("probability_of_purchase", {"horizon": np.inf}),
        ("discounted_expected_transactions", {"annual_discount_rate": 0.1}),
        ("posterior_purchase_rate", {}),
        ("posterior_dropout", {}),
    ):
        expected = getattr(pareto, name)(*history, **keywords)
        assert getattr(limit, name)(*history, **keywords) == pytest.approx(expected, rel=1e-9)
    expected = pareto.conditional_purchase_pmf([0, 1, 30], *history, horizon=10)
    found = limit.conditional_purchase_pmf([0, 1, 30], *history, horizon=10)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(max_examples=25)
@given(
    st.tuples(*[st.floats(-3, 3)] * 5),
    st.lists(
        st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0.01, 5), st.integers(1, 9)),
        min_size=1,
        max_size=8,
    ),
)
def test_gradient_and_scores(logs, rows):
    """Catches `pace` without s, or the share of beta at T left out."""
    x, share, T, weight = np.array(rows, dtype=float).T
    recency = np.where(x > 0, share * T, 0.0)
    likelihood = GGompertzNBD._likelihood(Histories(x, recency, T, weight))
    parameters = np.exp(np.array(logs))
    value, gradient = likelihood(parameters)
    model = GGompertzNBD._build(parameters)
    plain = model.log_likelihood(x, recency, T)
    size = (weight * np.abs(plain)).sum() + 1
    assert value == pytest.approx(float((weight * plain).sum()), abs=1e-12 * size)
    for i, at in enumerate(parameters):
        step = np.zeros(5)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-6 * size)
    each, scores = model._scores(model._enter(x, recency, T)[0])
    np.testing.assert_allclose(each, plain, rtol=1e-11)
    np.testing.assert_allclose(weight @ scores, gradient, rtol=1e-8, atol=1e-8 * size)


@settings(max_examples=40)
@given(models, histories(), st.floats(0, 500))
def test_probabilities(model, history, horizon):
    """Catches rho in place of rho + 1 in the density of the first purchase."""
    now = model.probability_alive(*history)
    later = model.probability_alive(*history, horizon=horizon)
    assert 0 <= later <= now <= 1
    buys = model.probability_of_purchase(*history, horizon=horizon)
    expected = model.expected_purchases(*history, horizon=horizon)
    assert 0 <= buys <= min(now, expected) * (1 + 1e-11)
    assert np.isfinite(model.expected_active_time(*history, horizon=np.inf))


@settings(max_examples=12)
@given(models, histories(most=20), st.floats(0, 20), st.floats(0, 20))
def test_pmfs_sum_to_one_and_have_the_mean(model, history, one, other):
    """Catches B taken at T in place of T + start, or 1 - S(t0) left out for n = 0."""
    slow = dataclasses.replace(model, alpha=model.alpha + 20 * model.r + 20)
    start, end = sorted((one, other))
    n = np.arange(300)
    interval = slow.interval_purchase_pmf(n, start, end)
    assert interval.sum() == pytest.approx(1, abs=1e-9)
    until = slow.expected_purchases_new_customer([start, end])
    assert (n * interval).sum() == pytest.approx(until[1] - until[0], abs=1e-9 * (until[1] + 1))
    conditional = slow.conditional_purchase_pmf(n, *history, horizon=end / 10)
    assert conditional.sum() == pytest.approx(1, abs=1e-9)


def test_against_simulation():
    rng = np.random.default_rng(7)
    m = GGompertzNBD(r=0.6, alpha=3.0, b=0.15, s=0.8, beta=6.0)
    size, t0, t1 = 200_000, 6.0, 20.0
    rate, readiness = rng.gamma(m.r, 1 / m.alpha, size), rng.gamma(m.s, 1 / m.beta, size)
    life = np.log1p(rng.standard_exponential(size) / readiness) / m.b
    early = rng.poisson(rate * np.minimum(life, t0))
    late = rng.poisson(rate * np.clip(life - t0, 0, t1 - t0))
    bound = 2.5 / np.sqrt(size)
    for n in range(4):
        assert m.purchase_pmf(n, t0) == pytest.approx((early == n).mean(), abs=bound)
        interval = m.interval_purchase_pmf(n, t0, t1)
        assert interval == pytest.approx((late == n).mean(), abs=bound)
    mean = m.expected_purchases_new_customer(t1)
    assert mean == pytest.approx((early + late).mean(), rel=0.03)
    alive = float(m.probability_alive(0, 0, 0, horizon=t1))
    assert alive == pytest.approx((life > t1).mean(), abs=bound)
    drawn = m.sample(size, T=t0, rng=rng)
    history = [drawn[name][drawn["frequency"] == 1] for name in ("frequency", "recency", "T")]
    one = early == 1
    close = {"rel": 0.02}
    assert m.posterior_purchase_rate(*history).mean() == pytest.approx(rate[one].mean(), **close)
    expected = (m.b * readiness[one]).mean()
    assert m.posterior_dropout(*history).mean() == pytest.approx(expected, **close)
    assert m.probability_alive(*history).mean() == pytest.approx((life[one] > t0).mean(), **close)


def test_fit_finds_the_truth():
    truth = GGompertzNBD(r=0.8, alpha=6.0, b=0.15, s=0.6, beta=20.0)
    rng = np.random.default_rng(2)
    fit = GGompertzNBD.fit(truth.sample(4000, T=np.round(rng.uniform(20, 90, 4000)), rng=rng))
    assert fit.converged
    table = fit.params().set_index("parameter")
    for name in NAMES:
        assert abs(table["estimate"][name] - getattr(truth, name)) < 4 * table["std_error"][name]


def test_unit_does_not_matter():
    """Catches b left in the unit of the search."""
    truth = GGompertzNBD(r=0.8, alpha=6.0, b=0.15, s=0.6, beta=20.0)
    data = truth.sample(1500, T=40.0, rng=np.random.default_rng(3))
    weeks, days = (
        GGompertzNBD.fit(data),
        GGompertzNBD.fit(data.assign(recency=data["recency"] * 7, T=data["T"] * 7), unit="D"),
    )
    for name, scale in {"r": 1, "alpha": 7, "b": 1 / 7, "s": 1, "beta": 1}.items():
        expected = getattr(weeks.model, name) * scale
        assert getattr(days.model, name) == pytest.approx(expected, rel=1e-6)


def test_cdnow_says_nothing_of_b(cdnow):
    with pytest.warns(ConvergenceWarning, match="no sign that leaving speeds up"):
        fit = GGompertzNBD.fit(cdnow)
    assert not fit.converged
    pareto = ParetoNBD.fit(cdnow)
    assert fit.log_likelihood == pytest.approx(pareto.log_likelihood, abs=1e-5)
    assert fit.model.beta / fit.model.b == pytest.approx(pareto.model.beta, rel=1e-3)
