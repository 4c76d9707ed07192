"""NBD: the model without dropout, against high precision, its laws, and its fits."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

HISTORIES = [(0, 0, 0), (0, 0, 40), (1, 40, 40), (3, 1, 40), (2000, 39, 40)]


@pytest.mark.parametrize("parameters", [(0.385, 12.07), (1e-3, 50), (30, 0.01), (1e6, 3e6)])
@pytest.mark.parametrize("history", HISTORIES)
def test_against_fifty_digits(parameters, history):
    m = NBD(r=parameters[0], alpha=parameters[1])
    with mpmath.workdps(50):
        r, alpha = (mpmath.mpf(v) for v in parameters)
        x, _, T = (mpmath.mpf(v) for v in history)
        rho, A, delta = r + x, alpha + T, mpmath.log(mpmath.mpf("1.1")) * 7 / mpmath.mpf("365.25")
        log_likelihood = (
            mpmath.loggamma(rho) - mpmath.loggamma(r) + r * mpmath.log(alpha) - rho * mpmath.log(A)
        )
        expected = rho / A * 52
        discounted = rho / A * (1 - mpmath.exp(-delta * 52)) / delta
        endless = rho / A / delta
        buys = 1 - (A / (A + 52)) ** rho
        pmf = mpmath.rf(rho, 7) / 5040 * (A / (A + 52)) ** rho * (52 / (A + 52)) ** 7
    found = m.log_likelihood(*history)
    assert abs(found - float(log_likelihood)) <= 1e-10 * max(1, abs(float(log_likelihood)))
    close = {"rel": 1e-12, "abs": 1e-250}
    assert m.expected_purchases(*history, horizon=52) == pytest.approx(float(expected), **close)
    for horizon, value in ((52, discounted), (np.inf, endless)):
        found = m.discounted_expected_transactions(
            *history, annual_discount_rate=0.1, horizon=horizon
        )
        assert found == pytest.approx(float(value), **close)
    assert m.probability_of_purchase(*history, horizon=52) == pytest.approx(float(buys), **close)
    found = m.conditional_purchase_pmf(7, *history, horizon=52)
    assert found == pytest.approx(float(pmf), rel=1e-9, abs=1e-250)


def test_nobody_leaves():
    m = NBD(r=0.4, alpha=12)
    history = [0, 3], [0, 2], 40
    assert (m.probability_alive(*history, horizon=1e6) == 1).all()
    assert (m.posterior_dropout(*history) == 0).all()
    np.testing.assert_allclose(m.posterior_purchase_rate(*history), [0.4 / 52, 3.4 / 52])
    assert np.isnan(m.remaining_lifetime_quantile(0.5, *history)).all()
    assert (m.expected_active_time(*history, horizon=9) == 9).all()
    assert m.probability_of_purchase(0, 0, 40, horizon=np.inf) == 1
    wait = m.next_purchase_quantile(0.5, *history)
    np.testing.assert_allclose(m.probability_of_purchase(*history, horizon=wait), 0.5, rtol=1e-12)
    with pytest.raises(InputError, match="infinite"):
        m.expected_purchases(*history, horizon=np.inf)


@settings(max_examples=30)
@given(st.floats(0.05, 20), st.floats(1, 100), st.floats(0, 20), st.floats(0, 20))
def test_interval_pmf(r, alpha, one, other):
    """Catches the length of the interval taken as `end`."""
    m, n = NBD(r=r, alpha=alpha + 20 * r), np.arange(2000)
    start, end = sorted((one, other))
    pmf = m.interval_purchase_pmf(n, start, end)
    assert pmf.sum() == pytest.approx(1, abs=1e-10)
    ahead = m.expected_purchases_new_customer([start, end])
    assert (n * pmf).sum() == pytest.approx(ahead[1] - ahead[0], abs=1e-9)


@settings(max_examples=25)
@given(
    st.floats(-3, 3), st.floats(-3, 3),
    st.lists(st.tuples(st.integers(0, 30), st.floats(0.01, 5), st.integers(1, 9)), min_size=1),
)  # fmt: skip
def test_gradient_and_scores(log_r, log_alpha, rows):
    """Catches weights left out of `wx_T`."""
    x, T, weight = np.array(rows, dtype=float).T
    likelihood = NBD._likelihood(Histories(x, 0 * x, T, weight))
    parameters = np.exp([log_r, log_alpha])
    value, gradient = likelihood(parameters)
    model = NBD._build(parameters)
    plain, scores = model._scores(model._enter(x, 0, T)[0])
    size = (weight * np.abs(plain)).sum() + 1
    assert value == pytest.approx(float(weight @ plain), abs=1e-12 * size)
    np.testing.assert_allclose(weight @ scores, gradient, rtol=1e-10, atol=1e-10 * size)
    for i, at in enumerate(parameters):
        step = np.zeros(2)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-6 * size)
    doubled = likelihood.reweighted(2 * weight)
    assert doubled(parameters)[0] == pytest.approx(2 * value, rel=1e-13)


def test_pareto_without_dropout_is_nbd():
    plain, never = NBD(r=0.4, alpha=12), ParetoNBD(r=0.4, alpha=12, s=1e-13, beta=10)
    history = [0, 3, 50], [0, 2, 39], 40
    rate = {"annual_discount_rate": 0.1}
    for name, keywords in (
        ("log_likelihood", {}),
        ("posterior_purchase_rate", {}),
        ("expected_purchases", {"horizon": 50}),
        ("probability_of_purchase", {"horizon": 50}),
        ("discounted_expected_transactions", rate),
    ):
        expected = getattr(plain, name)(*history[0:1], [0, 2, 40], 40, **keywords)
        found = getattr(never, name)(*history[0:1], [0, 2, 40], 40, **keywords)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_fit_and_sample():
    model = NBD(r=0.4, alpha=12)
    data = model.sample(5000, T=40.0, rng=np.random.default_rng(1))
    assert data["frequency"].mean() == pytest.approx(0.4 / 12 * 40, rel=0.1)
    assert (data["recency"] <= data["T"]).all()
    table = NBD.fit(data).params().set_index("parameter")
    for name in ("r", "alpha"):
        assert abs(table["estimate"][name] - getattr(model, name)) < 4 * table["std_error"][name]


@pytest.mark.parametrize(
    "x", [np.random.default_rng(1).poisson(3.0, 2000), np.array([3] * 50)], ids=["Poisson", "alike"]
)
def test_equal_buyers(x):
    data = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 9.0, 0), "T": 10.0})
    with pytest.warns(ConvergenceWarning, match="hardly differ in how often they buy"):
        fit = NBD.fit(data)
    assert fit.model.r / fit.model.alpha == pytest.approx(x.mean() / 10, rel=1e-4)
