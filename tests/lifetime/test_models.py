"""The methods of the purchase models: laws, limits, high precision and simulation."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import InputError
from crmvalue.lifetime import BGNBD, MBGNBD

MODELS = [BGNBD, MBGNBD]
shapes = st.floats(0.05, 30)
models = st.builds(
    lambda model, r, alpha, a, b: model(r=r, alpha=alpha, a=a, b=b),
    st.sampled_from(MODELS), shapes, st.floats(0.1, 100), shapes, shapes,
)  # fmt: skip
horizons = st.floats(0, 500)


@st.composite
def histories(draw, most=300):
    x = draw(st.integers(0, most))
    T = draw(st.floats(0, 200))
    return x, (T * draw(st.floats(0, 1)) if x else 0.0), T


@given(models, histories(), horizons)
def test_probability_alive_is_a_probability(model, history, horizon):
    """Catches P(alive) = expit(odds) in place of expit(-odds)."""
    now = model.probability_alive(*history)
    later = model.probability_alive(*history, horizon=horizon)
    assert 0 <= later <= now <= 1
    x, recency, T = history
    if x:
        assert model.probability_alive(x, recency, T + 1) <= now


@given(models, histories(), horizons, horizons)
def test_expected_purchases_rise_with_the_horizon(model, history, one, other):
    """Catches the factor z left out of `discounted_power`."""
    short, long = sorted((one, other))
    near = model.expected_purchases(*history, horizon=short)
    assert near <= model.expected_purchases(*history, horizon=long) * (1 + 1e-11)
    assert model.expected_purchases(*history, horizon=0) == 0


@settings(max_examples=40)
@given(models, histories(), horizons, st.floats(0, 0.5), st.floats(0, 0.5))
def test_discounting_takes_away(model, history, horizon, one, other):
    """Catches an annual rate taken as one per unit of the model."""
    low, high = sorted((one, other))
    plain = model.expected_purchases(*history, horizon=horizon)
    some, more = (
        model.discounted_expected_transactions(*history, annual_discount_rate=rate, horizon=horizon)
        for rate in (low, high)
    )
    assert more <= some * (1 + 1e-10)
    assert some <= plain * (1 + 1e-10)
    # Nothing is discounted by more than the whole horizon.
    assert more >= plain * (1 + high) ** (-horizon * 7 / 365.25) * (1 - 1e-10)


@settings(max_examples=40)
@given(models, histories(), horizons, st.floats(0, 0.5))
def test_active_time_lies_within_the_horizon(model, history, horizon, rate):
    """Catches the factor alpha + T left out of the time alive."""
    alive = model.probability_alive(*history)
    time = model.expected_active_time(*history, horizon=horizon, annual_discount_rate=rate)
    least = model.probability_alive(*history, horizon=horizon) * horizon
    least *= (1 + rate) ** (-horizon * 7 / 365.25)
    assert least * (1 - 1e-10) <= time <= alive * horizon * (1 + 1e-10)


@settings(max_examples=40)
@given(models, histories(most=20), st.floats(0, 20), st.floats(0, 20))
def test_pmfs_sum_to_one(model, history, one, other):
    """Catches the tail of the NBD taken at n + 1, or the share of those gone left out."""
    slow = dataclasses.replace(model, alpha=model.alpha + 20 * model.r + 20)
    start, end = sorted((one, other))
    n = np.arange(3000)
    for pmf in (
        slow.purchase_pmf(n, end),
        slow.conditional_purchase_pmf(n, *history[:2], history[2] + 20, horizon=end),
        slow.interval_purchase_pmf(n[:150], start, end),
    ):
        assert (pmf >= 0).all()
        assert pmf.sum() == pytest.approx(1, abs=1e-9)


@settings(max_examples=30)
@given(models, st.floats(0, 20), st.floats(0, 20))
def test_mean_of_the_interval_pmf(model, one, other):
    """Catches `waited` left out of one of the two terms of the PMF after a wait."""
    slow = dataclasses.replace(model, alpha=model.alpha + 20 * model.r + 20)
    start, end = sorted((one, other))
    n = np.arange(150)
    mean = (n * slow.interval_purchase_pmf(n, start, end)).sum()
    until = slow.expected_purchases_new_customer([start, end])
    assert mean == pytest.approx(until[1] - until[0], rel=1e-7, abs=1e-12 * until[1])


@settings(max_examples=30)
@given(models, histories(most=40), st.floats(0.1, 60))
def test_expectation_is_the_mean_of_the_pmf(model, history, horizon):
    """Catches `rho` in place of `rho + 1` in the expected purchases."""
    slow = dataclasses.replace(model, alpha=model.alpha + 20 * model.r + 100)
    n = np.arange(3000)
    pmf = slow.conditional_purchase_pmf(n, *history, horizon=horizon)
    expected = slow.expected_purchases(*history, horizon=horizon)
    assert (n * pmf).sum() == pytest.approx(float(expected), rel=1e-8)


@given(models)
def test_json_round_trip(model):
    """Catches numbers saved with 9 decimals."""
    again = type(model).from_json(model.to_json())
    assert again == model
    assert hash(again) == hash(model)
    assert dataclasses.astuple(again) == dataclasses.astuple(model)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("parameters", [(0.25, 4, 0.8, 2.5), (5, 0.01, 1, 0.05), (0.05, 99, 30, 9)])
@pytest.mark.parametrize(
    "history", [(0, 0, 0), (0, 0, 40), (1, 40, 40), (3, 1, 40), (2000, 39, 40)]
)
def test_against_fifty_digits(model, parameters, history):
    """Likelihood, P(alive) and expectation, straight from the formulas in high precision."""
    m = model(**dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(v) for v in parameters)
        x, tx, T = (mpmath.mpf(v) for v in history)
        n = x + (model is MBGNBD)
        stays = (alpha + T) ** -(r + x)
        gone = a / (b + n - 1) * (alpha + tx) ** -(r + x) if n else 0
        log_likelihood = (
            mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
            + mpmath.log(mpmath.beta(a, b + n) / mpmath.beta(a, b)) + mpmath.log(stays + gone)
        )  # fmt: skip
        alive = stays / (stays + gone)
        rho, A, h = r + x, alpha + T, mpmath.mpf(52)
        # a = 1 has a finite limit, found beside it
        near = a + mpmath.mpf(10) ** -25 if a == 1 else a
        term = 1 - mpmath.hyp2f1(rho, near - 1, near + b + n - 1, -h / A)
        expected = alive * term * (near + b + n - 1) / (near - 1)
    found = m.log_likelihood(*history)
    assert abs(found - float(log_likelihood)) <= 1e-10 * max(1, abs(float(log_likelihood)))
    assert m.probability_alive(*history) == pytest.approx(float(alive), rel=1e-10, abs=1e-250)
    found = m.expected_purchases(*history, horizon=52)
    assert found == pytest.approx(float(expected), rel=1e-10, abs=1e-250)


def test_discounted_purchases_in_high_precision():
    """The double sum against a quadrature of the rate of purchases, 15 % a year."""
    model = BGNBD(r=0.2426, alpha=4.4136, a=0.793, b=2.426)
    with mpmath.workdps(30):
        r, alpha, a, b = (mpmath.mpf(getattr(model, name)) for name in model._parameters)
        rho, A, b = r + 4, alpha + 39, b + 4
        delta = mpmath.log(mpmath.mpf("1.15")) * 7 / mpmath.mpf("365.25")

        def rate(u):
            return rho / A * mpmath.exp(-delta * u) * mpmath.hyp2f1(rho + 1, a, a + b, -u / A)

        ends = [0, 10, 52, 300, 1500, 6000, 20_000]
        within, endless = mpmath.quad(rate, ends[:3]), mpmath.quad(rate, ends)
    for horizon, expected in ((52, within), (np.inf, endless)):
        found = model.discounted_expected_transactions(
            4, 39, 39, annual_discount_rate=0.15, horizon=horizon
        )
        expected = float(expected) * model.probability_alive(4, 39, 39)
        assert found == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("model", MODELS)
def test_against_simulation(model):
    """New customers: mean, PMF and interval PMF against a simulation, purchase by purchase."""
    rng = np.random.default_rng(7)
    m = model(r=0.6, alpha=3.0, a=0.7, b=2.0)
    size, t0, t1 = 200_000, 6.0, 20.0
    rate, p = rng.gamma(m.r, 1 / m.alpha, size), rng.beta(m.a, m.b, size)
    alive = rng.random(size) >= p if model is MBGNBD else np.ones(size, dtype=bool)
    clock, early, late = np.zeros(size), np.zeros(size, dtype=int), np.zeros(size, dtype=int)
    while True:
        clock = clock + rng.standard_exponential(size) / rate
        buys = alive & (clock <= t1)
        if not buys.any():
            break
        early += buys & (clock <= t0)
        late += buys & (clock > t0)
        alive = buys & (rng.random(size) >= p)
    bound = 5 / np.sqrt(size)  # of a proportion
    for n in range(4):
        assert m.purchase_pmf(n, t0) == pytest.approx((early == n).mean(), abs=bound / 2)
        assert m.interval_purchase_pmf(n, t0, t1) == pytest.approx(
            (late == n).mean(), abs=bound / 2
        )
    mean = m.expected_purchases_new_customer(t1)
    assert mean == pytest.approx((early + late).mean(), rel=0.03)
    drawn = m.sample(size, T=t1, rng=rng)
    assert drawn["frequency"].mean() == pytest.approx(mean, rel=0.03)
    # What is drawn has the history that the likelihood says: P(alive) averages to the truth.
    history = (drawn["frequency"], drawn["recency"], drawn["T"])
    expected_alive = m.probability_alive(0, 0, 0, horizon=t1)
    assert m.probability_alive(*history).mean() == pytest.approx(expected_alive, abs=bound)


def test_future_of_the_living_averages_to_that_of_new_customers():
    m = MBGNBD(r=0.6, alpha=3.0, a=0.7, b=2.0)
    drawn = m.sample(50_000, T=15.0, rng=np.random.default_rng(3))
    history = (drawn["frequency"], drawn["recency"], drawn["T"])
    ahead = m.expected_purchases(*history, horizon=30)
    expected = np.diff(m.expected_purchases_new_customer([15.0, 45.0]))[0]
    assert ahead.mean() == pytest.approx(expected, rel=0.03)
    later = m.probability_alive(*history, horizon=30).mean()
    assert later == pytest.approx(float(m.probability_alive(0, 0, 0, horizon=45)), abs=0.01)


@pytest.mark.parametrize("model", MODELS)
def test_limits(model):
    m = model(r=0.25, alpha=4, a=1, b=2.5)
    with np.errstate(all="raise", under="ignore"):
        x = np.array([0, 0, 1, 2000, 2000, 50])
        T = np.array([0, 40, 40, 40, 40, 1e6])
        recency = np.array([0, 0, 40, 40, 1, 1])
        for values in (
            m.log_likelihood(x, recency, T),
            m.probability_alive(x, recency, T, horizon=1e6),
            m.expected_purchases(x, recency, T, horizon=1e6),
            m.discounted_expected_transactions(x, recency, T, annual_discount_rate=0.1),
            m.expected_active_time(x, recency, T, horizon=52, annual_discount_rate=0.1),
            m.conditional_purchase_pmf(2000, x, recency, T, horizon=52),
            m.interval_purchase_pmf(2000, [0, 0, 1, 52], [0, 52, 1, 104]),
        ):
            assert np.isfinite(values).all()
    assert (m.probability_alive(0, 0, 40) == 1) == (model is BGNBD)
    assert m.purchase_pmf([0, 1], 0).tolist() == [1, 0]
    assert m.expected_purchases([[1], [2]], 3, 40, horizon=[1, 2, 3]).shape == (2, 3)


def test_infinite_horizons():
    safe = BGNBD(r=0.5, alpha=4, a=2, b=2.5)
    # E[1/p] of Beta(2, 4.5) = 5.5
    assert safe.expected_purchases(2, 3, 3, horizon=np.inf) == pytest.approx(
        5.5 * safe.probability_alive(2, 3, 3)
    )
    assert safe.probability_alive(2, 3, 3, horizon=np.inf) == 0
    far = safe.expected_purchases(2, 3, 3, horizon=1e9)
    assert far == pytest.approx(float(safe.expected_purchases(2, 3, 3, horizon=np.inf)), rel=1e-6)
    endless = BGNBD(r=0.5, alpha=4, a=0.9, b=2.5)
    for call in (
        lambda: endless.expected_purchases(2, 3, 3, horizon=np.inf),
        lambda: endless.expected_active_time(2, 3, 3, horizon=np.inf),
        lambda: safe.discounted_expected_transactions(2, 3, 3, annual_discount_rate=0),
    ):
        with pytest.raises(InputError, match="horizon"):
            call()


def test_unit_sets_the_discount():
    weeks = BGNBD(r=0.25, alpha=4, a=0.8, b=2.5)
    days = BGNBD(r=0.25, alpha=28, a=0.8, b=2.5, unit="D")
    for horizon in (52, np.inf):
        assert weeks.discounted_expected_transactions(
            3, 20, 30, annual_discount_rate=0.1, horizon=horizon
        ) == pytest.approx(
            days.discounted_expected_transactions(
                3, 140, 210, annual_discount_rate=0.1, horizon=horizon * 7
            ),
            rel=1e-12,
        )


@pytest.mark.parametrize("model", MODELS)
def test_parameters_may_differ_between_customers(model):
    alpha, a = np.array([2.0, 4.0, 4.0]), np.array([0.5, 1.0, 0.5])
    each = model(r=0.3, alpha=alpha, a=a, b=2.0)
    x, recency, T = np.array([2, 0, 2]), np.array([3.0, 0, 3.0]), 10.0
    found = each.discounted_expected_transactions(x, recency, T, annual_discount_rate=0.1)
    for i in range(3):
        alone = model(r=0.3, alpha=alpha[i], a=a[i], b=2.0)
        one = alone.discounted_expected_transactions(x[i], recency[i], T, annual_discount_rate=0.1)
        assert found[i] == pytest.approx(float(one), rel=1e-12)
    assert model.from_json(each.to_json()) == each


def test_bad_parameters_are_all_named():
    with pytest.raises(InputError) as error:
        BGNBD(r=-1, alpha=np.nan, a="much", b=2)
    assert [fault.column for fault in error.value.faults] == ["r", "alpha", "a"]
    with pytest.raises(InputError, match="unit must be one of"):
        BGNBD(r=1, alpha=1, a=1, b=1, unit="weeks")


def test_bad_arguments_are_all_named():
    m = BGNBD(r=0.25, alpha=4, a=0.8, b=2.5)
    with pytest.raises(InputError) as error:
        m.expected_purchases([1.5, 0, 1], [2, 1, 50], 40, horizon=-1)
    assert [(fault.fault, fault.rows) for fault in error.value.faults] == [
        ("not_whole", 1),
        ("recency_above_T", 1),
        ("recency_without_repeat", 1),
        ("bad_argument", 3),
    ]
    with pytest.raises(InputError, match="broadcast"):
        m.log_likelihood([1, 2], [1, 2, 3], 4)
    with pytest.raises(InputError, match="not_a_number"):
        m.log_likelihood("two", 1, 4)
    with pytest.raises(InputError, match="above t1"):
        m.interval_purchase_pmf(0, 2, 1)
    with pytest.raises(InputError, match="at least 0"):
        m.discounted_expected_transactions(1, 1, 4, annual_discount_rate=-0.1)


def test_repr_is_short():
    assert repr(BGNBD(r=0.25, alpha=4, a=0.8, b=2.5)) == (
        "BGNBD(r=0.25, alpha=4, a=0.8, b=2.5, unit='W')"
    )


@pytest.mark.parametrize("r", [0.2, 1e3, 1.5e8])
@pytest.mark.parametrize(("a", "b"), [(0.5, 2.0), (0.5, 1e6), (1e-8, 1.0), (1e4, 1e6)])
def test_parameters_at_the_edge_of_what_a_fit_returns_give_finite_figures(r, a, b):
    model = MBGNBD(r=r, alpha=10 * r, a=a, b=b)
    history = np.array([0, 1, 300]), np.array([0, 5, 39.9]), np.array([40.0, 40, 40])
    for horizon, rate in ((1.0, 0.1), (52.0, 0.1), (np.inf, 0.1), (26.0, 2.0)):
        terms = {"horizon": horizon, "annual_discount_rate": rate}
        for found in (
            model.discounted_expected_transactions(*history, **terms),
            model.expected_active_time(*history, **terms),
        ):
            assert np.isfinite(found).all()
            assert (found > 0).all()
