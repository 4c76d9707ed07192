"""Pareto/NBD: high precision, laws, simulation, and fits to wide and to degenerate data."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._mathematics import quadrature
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime.pareto_nbd import ParetoNBD

NAMES = ("r", "alpha", "s", "beta")
PARAMETERS = [
    (0.5533, 10.58, 0.6062, 11.66),
    (0.55, 10.56, 1, 11.64),
    (1, 5, 1, 5),
    (0.25, 0.01, 1, 100),
    (0.05, 1e-3, 3, 1e3),
    (5, 1e-6, 0.2, 1),
    (0.3, 1e-8, 0.7, 1e8),
    (2, 100, 0.5, 0.01),
    (1, 50, 9, 1),
    (0.01, 3.0, 0.01, 1e-7),
    (30, 10, 20, 50),
]
HISTORIES = [
    (0, 0, 0), (0, 0, 40), (1, 40, 40), (3, 1, 40), (2, 39.999, 40), (5, 1e-3, 40),
    (500, 40, 40), (2000, 39, 40), (2000, 1, 40),
]  # fmt: skip
shapes = st.floats(0.05, 30)
scales = st.floats(0.1, 100)
models = st.builds(
    lambda r, alpha, s, beta: ParetoNBD(r=r, alpha=alpha, s=s, beta=beta),
    shapes, scales, shapes, scales,
)  # fmt: skip
horizons = st.floats(0, 500)


@st.composite
def histories(draw, most=300):
    x = draw(st.integers(0, most))
    T = draw(st.floats(0, 200))
    return x, (T * draw(st.floats(0, 1)) if x else 0.0), T


def beyond(t, a, A, c, B):
    """Integral of (A + u)^-a (B + u)^-c over u from t on, as a hypergeometric function."""
    if A < B:
        a, A, c, B = c, B, a, A
    z = (A - B) / (A + t)
    return (
        (A + t) ** (1 - a - c) / (a + c - 1) * mpmath.hyp2f1(a + c - 1, c, a + c, z, maxterms=10**6)
    )


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_against_fifty_digits(parameters):
    """Straight from the formulas, as differences of hypergeometric functions."""
    m = ParetoNBD(**dict(zip(NAMES, parameters, strict=True)))
    with mpmath.workdps(60):
        r, alpha, s, beta = (mpmath.mpf(v) for v in parameters)
        delta = mpmath.log(mpmath.mpf("1.15")) * 7 / mpmath.mpf("365.25")
        for history in HISTORIES:
            x, recency, T = (mpmath.mpf(v) for v in history)
            rho, A, B = r + x, alpha + T, beta + T

            def between(a, c, recency=recency, T=T):
                ends = (beyond(t, a, alpha, c, beta) for t in (recency, T))
                return next(ends) - next(ends)

            stays, leaves = A**-rho * B**-s, s * between(rho, s + 1)
            alive = stays / (stays + leaves)
            log_likelihood = (
                mpmath.loggamma(rho) - mpmath.loggamma(r) + r * mpmath.log(alpha)
                + s * mpmath.log(beta) + mpmath.log(stays + leaves)
            )  # fmt: skip
            found = m.log_likelihood(*history)
            assert abs(found - log_likelihood) <= 1e-11 * max(1, abs(log_likelihood))
            rate = rho * (stays / A + s * between(rho + 1, s + 1)) / (stays + leaves)
            dropout = s * (stays / B + (s + 1) * between(rho, s + 2)) / (stays + leaves)
            expected = {
                "probability_alive": ({}, alive),
                "posterior_purchase_rate": ({}, rate),
                "posterior_dropout": ({}, dropout),
            }
            first = rho * A**rho * B**s  # times the density of the first purchase
            ever = beyond(0, rho + 1, A, s, B)
            expected["probability_of_purchase"] = ({"horizon": np.inf}, alive * first * ever)
            endless = B * mpmath.hyperu(1, 2 - s, delta * B)
            check(m, history, expected)
            for horizon in ("0.001", "52", "100000"):
                h = mpmath.mpf(horizon)
                ahead = {"horizon": float(horizon)}
                z = mpmath.log1p(h / B)
                time = B * z if s == 1 else B * (1 - mpmath.exp((1 - s) * z)) / (s - 1)
                rest = mpmath.exp(-delta * h - s * z) * (B + h)
                rest *= mpmath.hyperu(1, 2 - s, delta * (B + h))
                discount = {"annual_discount_rate": 0.15}
                check(
                    m,
                    history,
                    {
                        "expected_purchases": (ahead, alive * rho / A * time),
                        "expected_active_time": (ahead, alive * time),
                        "discounted_expected_transactions": (
                            ahead | discount,
                            alive * rho / A * (endless - rest),
                        ),
                        "probability_of_purchase": (
                            ahead,
                            alive * first * (ever - beyond(h, rho + 1, A, s, B)),
                        ),
                    },
                )
            check(
                m,
                history,
                {
                    "discounted_expected_transactions": (discount, alive * rho / A * endless),
                    "expected_active_time": (discount | {"horizon": np.inf}, alive * endless),
                },
            )


def check(model, history, expected):
    for name, (keywords, value) in expected.items():
        found = float(getattr(model, name)(*history, **keywords))
        if value > mpmath.mpf("1e-250"):
            assert abs(found / value - 1) < 1e-11, (name, history, keywords, found, float(value))
        else:
            assert 0 <= found < 1e-249


@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("history", [(0, 0, 0), (40, 39, 40)])
def test_pmf_in_high_precision(parameters, history):
    """The integral over the time of leaving as an alternating sum, in 120 digits."""
    m = ParetoNBD(**dict(zip(NAMES, parameters, strict=True)))
    with mpmath.workdps(120):
        r, alpha, s, beta = (mpmath.mpf(v) for v in parameters)
        x, _, T = (mpmath.mpf(v) for v in history)
        rho, A, B, L = r + x, alpha + T, beta + T, mpmath.mpf(52)
        alive = m.probability_alive(*history)

        def between(k):
            return beyond(0, rho + k, A, s + 1, B) - beyond(L, rho + k, A, s + 1, B)

        for n in (0, 1, 30):
            ways = mpmath.rf(rho, n) / mpmath.factorial(n) * A**rho
            leaves = sum(mpmath.binomial(n, k) * (-A) ** k * between(k) for k in range(n + 1))
            stays = L**n * (A + L) ** -(rho + n) * (B + L) ** -s
            total = float(ways * B**s * (stays + s * leaves))
            found = m.conditional_purchase_pmf(n, *history, horizon=52)
            assert found == pytest.approx(total * alive + (n == 0) * (1 - alive), rel=1e-11)


@settings(max_examples=25)
@given(
    st.tuples(*[st.floats(-4, 4)] * 4),
    st.lists(
        st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0.01, 5), st.integers(1, 9)),
        min_size=1,
        max_size=8,
    ),
)
def test_gradient_and_scores(logs, rows):
    """Catches `gone * later_A` without rho, or the weights left out of the sum."""
    x, share, T, weight = np.array(rows, dtype=float).T
    recency = np.where(x > 0, share * T, 0.0)
    likelihood = ParetoNBD._likelihood(Histories(x, recency, T, weight))
    parameters = np.exp(np.array(logs))
    value, gradient = likelihood(parameters)
    model = ParetoNBD._build(parameters)
    plain = model.log_likelihood(x, recency, T)
    size = (weight * np.abs(plain)).sum() + 1
    assert value == pytest.approx(float((weight * plain).sum()), abs=1e-12 * size)
    for i, at in enumerate(parameters):
        step = np.zeros(4)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-6 * size)
    each, scores = model._scores(model._enter(x, recency, T)[0])
    np.testing.assert_allclose(each, plain, rtol=1e-11)
    np.testing.assert_allclose(weight @ scores, gradient, rtol=1e-9, atol=1e-9 * size)


@given(models, histories(), horizons)
def test_probabilities(model, history, horizon):
    """Catches P(alive) = expit(odds), or the shape rho in place of rho + 1 of a first purchase."""
    now = model.probability_alive(*history)
    later = model.probability_alive(*history, horizon=horizon)
    assert 0 <= later <= now <= 1
    x, recency, T = history
    if x:
        assert model.probability_alive(x, recency, T + 1) <= now
    buys = model.probability_of_purchase(*history, horizon=horizon)
    expected = model.expected_purchases(*history, horizon=horizon)
    assert 0 <= buys <= min(now, expected) * (1 + 1e-11)
    none = model.conditional_purchase_pmf(0, *history, horizon=horizon)
    assert none == pytest.approx(1 - buys, abs=1e-10)


@settings(max_examples=40)
@given(models, histories(), st.one_of(horizons, st.just(np.inf)), st.floats(0.01, 0.5))
def test_discounting(model, history, horizon, rate):
    """Catches `loss` without the scale B, or a horizon cut where the discount is exp(-1)."""
    terms = {"annual_discount_rate": rate}
    some = model.expected_active_time(*history, horizon=horizon, **terms)
    if horizon < np.inf:
        plain = model.expected_active_time(*history, horizon=horizon)
        assert some <= plain * (1 + 1e-11)
        assert some >= plain * (1 + rate) ** (-horizon * 7 / 365.25) * (1 - 1e-11)
    else:
        # What is left out after 100 years is worth what it is then.
        near = model.expected_active_time(*history, horizon=5218, **terms)
        far = model.probability_alive(*history, horizon=5218) * (1 + rate) ** (-5218 * 7 / 365.25)
        least = far * model.expected_active_time(0, 0, 0, horizon=1, **terms)
        assert some >= (near + least) * (1 - 1e-10)
    days = ParetoNBD(r=model.r, alpha=7 * model.alpha, s=model.s, beta=7 * model.beta, unit="D")
    x, recency, T = history
    same = days.expected_active_time(x, 7 * recency, 7 * T, horizon=7 * horizon, **terms)
    assert same == pytest.approx(7 * some, rel=1e-10)


@settings(max_examples=30)
@given(models, histories(most=20), st.floats(0, 20), st.floats(0, 20))
def test_pmfs_sum_to_one_and_have_the_mean(model, history, one, other):
    """Catches the share that left before t0 forgotten, or those who leave after t1."""
    slow = dataclasses.replace(model, alpha=model.alpha + 20 * model.r + 20)
    start, end = sorted((one, other))
    n = np.arange(1500)
    interval = slow.interval_purchase_pmf(n, start, end)
    conditional = slow.conditional_purchase_pmf(n, *history, horizon=end)
    for pmf in (interval, conditional, slow.purchase_pmf(n, end)):
        assert (pmf >= 0).all()
        assert pmf.sum() == pytest.approx(1, abs=1e-9)
    until = slow.expected_purchases_new_customer([start, end])
    assert (n * interval).sum() == pytest.approx(until[1] - until[0], abs=1e-9 * (until[1] + 1))
    ahead = slow.expected_purchases(*history, horizon=end)
    assert (n * conditional).sum() == pytest.approx(float(ahead), rel=1e-9, abs=1e-12)


def test_against_simulation():
    """New customers, purchase by purchase: counts, first purchases, posteriors."""
    rng = np.random.default_rng(7)
    m = ParetoNBD(r=0.6, alpha=3.0, s=0.8, beta=9.0)
    size, t0, t1 = 200_000, 6.0, 20.0
    rate, leaving = rng.gamma(m.r, 1 / m.alpha, size), rng.gamma(m.s, 1 / m.beta, size)
    life = rng.standard_exponential(size) / leaving
    clock, early, late = np.zeros(size), np.zeros(size, dtype=int), np.zeros(size, dtype=int)
    while True:
        clock = clock + rng.standard_exponential(size) / rate
        buys = clock <= np.minimum(t1, life)
        if not buys.any():
            break
        early += buys & (clock <= t0)
        late += buys & (clock > t0)
        clock[~buys] = np.inf
    bound = 5 / np.sqrt(size)  # of a proportion
    for n in range(4):
        assert m.purchase_pmf(n, t0) == pytest.approx((early == n).mean(), abs=bound / 2)
        interval = m.interval_purchase_pmf(n, t0, t1)
        assert interval == pytest.approx((late == n).mean(), abs=bound / 2)
    mean = m.expected_purchases_new_customer(t1)
    assert mean == pytest.approx((early + late).mean(), rel=0.03)
    one = early == 1  # who has bought once by t0, whenever
    drawn = m.sample(size, T=t0, rng=rng)
    some = drawn[drawn["frequency"] == 1]
    history = (some["frequency"], some["recency"], some["T"])
    close = {"rel": 0.02}
    assert m.posterior_purchase_rate(*history).mean() == pytest.approx(rate[one].mean(), **close)
    assert m.posterior_dropout(*history).mean() == pytest.approx(leaving[one].mean(), **close)
    assert m.probability_alive(*history).mean() == pytest.approx((life[one] > t0).mean(), **close)
    again = m.probability_of_purchase(*history, horizon=t1 - t0).mean()
    assert again == pytest.approx((late[one] > 0).mean(), **close)
    assert len(some) == pytest.approx(one.sum(), rel=0.03)


def test_quantiles():
    m = ParetoNBD(r=0.6, alpha=3.0, s=0.8, beta=9.0)
    history = ([0, 3, 3, 9], [0, 5, 9, 2], 10)
    median = m.remaining_lifetime_quantile(0.5, *history)
    assert median[0] == 0  # has left already, more likely than not
    assert m.probability_alive(3, 9, 10, horizon=median[2]) == pytest.approx(0.5, rel=1e-12)
    wait = m.next_purchase_quantile(0.5, *history)
    assert np.isnan(wait[[0, 3]]).all()
    found = m.probability_of_purchase(3, 9, 10, horizon=wait[2])
    assert found == pytest.approx(0.5, rel=1e-12)


def test_infinite_horizons():
    history = (2, 3, 4)
    lasting, fleeting = (ParetoNBD(r=1, alpha=5, s=s, beta=6) for s in (1, 1.5))
    with pytest.raises(InputError, match="infinite"):
        lasting.expected_active_time(*history, horizon=np.inf)
    mean = fleeting.expected_active_time(*history, horizon=np.inf)
    assert mean == pytest.approx(20 * fleeting.probability_alive(*history), rel=1e-14)


def test_parameters_may_differ_between_customers():
    alpha, s = np.array([2.0, 40.0, 4.0]), np.array([0.5, 1.0, 0.5])
    each = ParetoNBD(r=0.3, alpha=alpha, s=s, beta=7.0)
    x, recency, T = np.array([2, 0, 2]), np.array([3.0, 0, 3.0]), 10.0
    terms = {"annual_discount_rate": 0.1}
    found = each.discounted_expected_transactions(x, recency, T, **terms)
    pmf = each.conditional_purchase_pmf([0, 1, 3], x, recency, T, horizon=9)
    for i in range(3):
        alone = ParetoNBD(r=0.3, alpha=alpha[i], s=s[i], beta=7.0)
        one = alone.discounted_expected_transactions(x[i], recency[i], T, **terms)
        assert found[i] == pytest.approx(float(one), rel=1e-12)
        one = alone.conditional_purchase_pmf([0, 1, 3][i], x[i], recency[i], T, horizon=9)
        assert pmf[i] == pytest.approx(float(one), rel=1e-12)


def test_blocks_change_nothing(monkeypatch):
    """Catches the sums of the last, shorter block left out."""
    rng = np.random.default_rng(5)
    T = rng.uniform(5, 60, 20_000)
    x = rng.poisson(2, 20_000).astype(float)
    likelihood = ParetoNBD._likelihood(
        Histories(x, np.where(x > 0, T * rng.random(20_000), 0.0), T, np.ones(20_000))
    )
    parameters = np.array([0.6, 9.0, 0.7, 12.0])
    value, gradient = likelihood(parameters)
    monkeypatch.setattr(quadrature, "_BLOCK", 10**9)
    again, same = likelihood(parameters)
    assert value == pytest.approx(again, rel=1e-13)
    assert gradient == pytest.approx(same, rel=1e-10)


def test_pilot_sample_changes_nothing():
    model = ParetoNBD(r=0.4, alpha=5, s=0.8, beta=12)
    rng = np.random.default_rng(2)
    data = model.sample(8_000, T=rng.uniform(20, 60, 8_000), rng=rng)
    fit = ParetoNBD.fit(data)
    assert fit.converged
    table = fit.params().set_index("parameter")
    for name in NAMES:
        assert abs(table["estimate"][name] - getattr(model, name)) < 4 * table["std_error"][name]
    plain = fit.model.log_likelihood(data["frequency"], data["recency"], data["T"]).sum()
    assert fit.log_likelihood == pytest.approx(plain, rel=1e-13)


def test_never_below_the_truth():
    """Wide parameters and sizes: finite, and as likely as the truth, or a diagnosis."""
    rng = np.random.default_rng(6)
    for _ in range(8):
        truth = ParetoNBD._build(np.exp(rng.uniform([-3, -2, -3, -1], [3, 4, 2.5, 5])))
        size = int(np.exp(rng.uniform(4, 8)))
        data = truth.sample(size, T=rng.uniform(5, 90, size), rng=rng)
        if not data["frequency"].any():
            continue
        fit = quiet_fit(data)
        least = truth.log_likelihood(data["frequency"], data["recency"], data["T"]).sum()
        assert fit.log_likelihood >= least - 1e-6 * abs(least)
        assert np.isfinite(list(fit.model._estimates().values())).all()


def quiet_fit(data):
    try:
        return ParetoNBD.fit(data)
    except ConvergenceWarning:
        with pytest.warns(ConvergenceWarning):
            return ParetoNBD.fit(data)


def frame(x, recency, T):
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T})


@pytest.mark.parametrize(
    "data",
    [
        frame([3] * 50, [20.0] * 50, [30.0] * 50),
        frame([2], [3.0], [6.0]),
        frame([0, 1], [0.0, 3.0], [5.0, 6.0]),
        frame([0, 1] * 20, [0.0, 1 / 7] * 20, [1 / 7] * 40),
        frame([0, 1], [0.0, 0.0], [0.0, 0.0]),
        frame([0] * 99 + [200_000], [0.0] * 99 + [99.0], [100.0] * 100),
    ],
    ids=["everyone alike", "one customer", "two customers", "a day", "no age", "one enormous"],
)
def test_degenerate_data_are_diagnosed(data):
    with pytest.warns(ConvergenceWarning, match="ParetoNBD"):
        fit = ParetoNBD.fit(data)
    assert not fit.converged
    estimates = np.array(list(fit.model._estimates().values()))
    assert np.isfinite(estimates).all()
    assert (estimates > 0).all()


def test_no_sign_of_dropout():
    rng = np.random.default_rng(3)
    x = rng.poisson(rng.gamma(1.0, 1.0, 800) * 10)
    recency = np.where(x > 0, 10 * rng.beta(np.maximum(x, 1), 1), 0.0)
    with pytest.warns(ConvergenceWarning, match="no sign of dropout"):
        fit = ParetoNBD.fit(frame(x, recency, np.full(800, 10.0)))
    assert fit.model.r == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ((1e7, 1e7, 1, 9), "hardly differ in how often they buy"),
        ((1, 1, 1e6, 9e6), "hardly differ in how readily they leave"),
    ],
)
def test_equal_customers(truth, message):
    model = ParetoNBD(**dict(zip(NAMES, truth, strict=True)))
    data = model.sample(3000, T=20.0, rng=np.random.default_rng(4))
    with pytest.warns(ConvergenceWarning, match=message):
        fit = ParetoNBD.fit(data)
    assert fit.model.r / fit.model.alpha == pytest.approx(1, rel=0.05)
    assert fit.model.s / fit.model.beta == pytest.approx(1 / 9, rel=0.2)
