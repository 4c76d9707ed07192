"""BG/CNBD and MBG/CNBD: laws, high precision, simulation, and the search for k."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime import BGNBD, MBGNBD, Fit
from crmvalue.lifetime._condensed import counts
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.mbg_cnbd import MBGCNBD

MODELS = [BGCNBD, MBGCNBD]
PLAIN = {BGCNBD: BGNBD, MBGCNBD: MBGNBD}
shapes = st.floats(0.05, 30)
models = st.builds(
    lambda model, k, r, alpha, a, b: model(k=k, r=r, alpha=alpha, a=a, b=b),
    st.sampled_from(MODELS), st.integers(1, 7), shapes, st.floats(0.1, 100), shapes, shapes,
)  # fmt: skip


@st.composite
def histories(draw, most=100):
    x = draw(st.integers(0, most))
    T = draw(st.floats(0, 200))
    return x, (T * draw(st.floats(0, 1)) if x else 0.0), T


def log_gaps(history):
    """The sum of the logarithms of equal gaps."""
    x, recency, _ = history
    return x * np.log(recency / x) if x and recency else 0.0


@settings(max_examples=40)
@given(models, histories(), st.floats(0.01, 1e4), st.integers(0, 30))
def test_one_stage_is_the_model_without_condensing(model, history, horizon, n):
    """Catches `gaps` in place of `gaps - 1` among the chances to leave before a purchase."""
    model = dataclasses.replace(model, k=1)
    plain = PLAIN[type(model)](r=model.r, alpha=model.alpha, a=model.a, b=model.b)
    money = {"annual_discount_rate": 0.1}
    for method, arguments, keywords in (
        ("log_likelihood", history, {}),
        ("probability_alive", history, {}),
        ("probability_alive", history, {"horizon": horizon}),
        ("expected_purchases", history, {"horizon": horizon}),
        ("expected_active_time", history, {"horizon": horizon}),
        ("discounted_expected_transactions", history, {"horizon": horizon, **money}),
        ("discounted_expected_transactions", history, money),
        ("expected_active_time", history, {"horizon": horizon, **money}),
        ("expected_active_time", history, {"horizon": np.inf, **money}),
        ("probability_of_purchase", history, {"horizon": horizon}),
        ("posterior_purchase_rate", history, {}),
        ("posterior_dropout", history, {}),
        ("conditional_purchase_pmf", (n, *history), {"horizon": horizon}),
        ("interval_purchase_pmf", (n, horizon / 9, horizon), {}),
    ):
        found = getattr(model, method)(*arguments, **keywords)
        expected = getattr(plain, method)(*arguments, **keywords)
        assert found == pytest.approx(float(expected), rel=1e-10, abs=1e-250), method


def futures(m, history):
    """Stage weights, ρ_j, A, a and b + n of the living, straight from the model, in mpmath."""
    k, (x, tx, T) = m.k, (mpmath.mpf(v) for v in history)
    r, alpha, a, b = (mpmath.mpf(getattr(m, name)) for name in m._parameters)
    n = x + m._first_chance
    terms = [
        mpmath.gamma(r + k * x + j) / mpmath.gamma(r + k * x)
        * (T - tx) ** j / mpmath.factorial(j) / (alpha + T) ** j
        for j in range(k)
    ]  # fmt: skip
    weights = [term / sum(terms) for term in terms]
    return weights, [r + k * x + j for j in range(k)], alpha + T, a, b + n


def stage_tails(rho, A, u, most):
    """P(M >= c) for c = 0, 1, ..., most of the stages that pass within u."""
    pmf, tail, tails = (A / (A + u)) ** rho, mpmath.mpf(1), []
    for passed in range(most + 1):
        tails.append(tail)
        if tail < 1e-38:  # of 50 digits
            return tails + [mpmath.mpf(0)] * (most - passed)
        tail -= pmf
        pmf *= (rho + passed) / (passed + 1) * u / (A + u)
    return tails


def alive_now(m, history):
    k, (x, tx, T) = m.k, (mpmath.mpf(v) for v in history)
    r, alpha, a, b = (mpmath.mpf(getattr(m, name)) for name in m._parameters)
    rho, n = r + k * x, x + m._first_chance
    stays = sum(
        mpmath.gamma(rho + j) / mpmath.gamma(rho)
        * (T - tx) ** j / mpmath.factorial(j) * (alpha + T) ** -(rho + j)
        for j in range(k)
    )  # fmt: skip
    leaves = a / (b + n - 1) * (alpha + tx) ** -rho if n else mpmath.mpf(0)
    likelihood = (
        mpmath.loggamma(rho) - mpmath.loggamma(r) + r * mpmath.log(alpha)
        + mpmath.log(mpmath.beta(a, b + n) / mpmath.beta(a, b)) + mpmath.log(stays + leaves)
    )  # fmt: skip
    return likelihood, stays / (stays + leaves)


GRID = [(0, 0, 0), (0, 0, 40), (1, 40, 40), (3, 1, 40), (40, 39, 40), (2000, 39, 40)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("k", [2, 12])
@pytest.mark.parametrize("parameters", [(0.25, 4, 0.8, 2.5), (5, 0.01, 1, 0.05), (0.05, 99, 30, 9)])
def test_against_fifty_digits(model, k, parameters):
    """Likelihood, P(alive), purchases, survival and P(any purchase), from the definitions."""
    m = model(k=k, **dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    for history in GRID:
        horizon = 0.05 if parameters[1] < 1 and not history[2] else 1.5
        most = 1500 if history[0] < 1000 else 24_000 * 3 // 80 + 2000
        with mpmath.workdps(50):
            likelihood, now = alive_now(m, history)
            weights, rhos, A, a, b = futures(m, history)
            purchases = survival = some = mpmath.mpf(0)
            for j, (weight, rho) in enumerate(zip(weights, rhos, strict=True)):
                if not weight:
                    continue
                tails = stage_tails(rho, A, mpmath.mpf(horizon), most)
                stays = mpmath.mpf(1)  # E[(1-p)^(m-1)]
                total, alive = mpmath.mpf(0), 1 - tails[k - j]
                for gaps in range(1, (most - k) // k):
                    if not tails[gaps * k - j]:
                        break
                    total += stays * tails[gaps * k - j]
                    stays *= (b + gaps - 1) / (a + b + gaps - 1)
                    alive += stays * (tails[gaps * k - j] - tails[(gaps + 1) * k - j])
                purchases += weight * total
                survival += weight * alive
                some += weight * tails[k - j]
        x = history[0]
        gaps = float(log_gaps(history))
        expected = float(likelihood) + (k - 1) * gaps - x * special.gammaln(k)
        found = m.log_likelihood(*history, gaps)
        assert abs(found - expected) <= 1e-10 * max(1, abs(expected))
        for found, exact in (
            (m.probability_alive(*history), now),
            (m.expected_purchases(*history, horizon=horizon), now * purchases),
            (m.probability_alive(*history, horizon=horizon), now * survival),
            (m.probability_of_purchase(*history, horizon=horizon), now * some),
        ):
            # 50 digits leave 40 of the difference from 1 that a tail is here.
            assert found == pytest.approx(float(exact), rel=1e-10, abs=1e-30), history


def test_discounting_in_high_precision():
    """A 1F1 and a 2F1 over the rate: by quadrature of the definitions, 15 % a year."""
    m = MBGCNBD(k=3, r=1.2, alpha=2.5, a=0.8, b=2.4)
    history = (4, 30.0, 33.0)
    with mpmath.workdps(25):
        _, now = alive_now(m, history)
        weights, rhos, A, a, b = futures(m, history)
        delta = mpmath.log(mpmath.mpf("1.15")) * 7 / mpmath.mpf("365.25")

        def endless(rate):
            pass_ = rate / (rate + delta)
            ever = mpmath.hyp2f1(1, b, a + b, pass_**3)
            return sum(
                weight * ever * pass_ ** (3 - j) * density(rate, rhos[j])
                for j, weight in enumerate(weights)
            )

        def density(rate, rho):
            log = rho * mpmath.log(A) + (rho - 1) * mpmath.log(rate) - rate * A
            return mpmath.exp(log - mpmath.loggamma(rho))

        exact = now * mpmath.quad(endless, [0, 0.1, 0.3, 0.5, 1, 2, 4])

        def mean(u):  # expected purchases by u, and with them P(alive at u | p) by the chances
            total = mpmath.mpf(0)
            for j, weight in enumerate(weights):
                tails, stays = stage_tails(rhos[j], A, u, 120), mpmath.mpf(1)
                for gaps in range(1, 40):
                    total += weight * stays * tails[gaps * 3 - j]
                    stays *= (b + gaps - 1) / (a + b + gaps - 1)
            return total

        u = mpmath.mpf(8)
        within = mpmath.exp(-delta * u) * mean(u) + delta * mpmath.quad(
            lambda t: mpmath.exp(-delta * t) * mean(t), [0, u]
        )
        within *= now
    found = m.discounted_expected_transactions(*history, annual_discount_rate=0.15)
    assert found == pytest.approx(float(exact), rel=1e-11)
    found = m.discounted_expected_transactions(*history, annual_discount_rate=0.15, horizon=8)
    assert found == pytest.approx(float(within), rel=1e-11)


@settings(max_examples=25)
@given(models, histories(most=20), st.floats(0, 20), st.floats(0, 20))
def test_pmfs_sum_to_one(model, history, one, other):
    """Catches those who leave during the wait left out of P(no purchase)."""
    slow = dataclasses.replace(model, alpha=model.alpha + (20 * model.r + 20) / model.k)
    start, end = sorted((one, other))
    n = np.arange(1000)
    for pmf in (
        slow.purchase_pmf(n, end),
        slow.conditional_purchase_pmf(n, *history[:2], history[2] + 20, horizon=end),
        slow.interval_purchase_pmf(n[:100], start, end),
    ):
        assert (pmf >= 0).all()
        assert pmf.sum() == pytest.approx(1, abs=1e-9)


@settings(max_examples=25)
@given(models, histories(most=20), st.floats(0, 20), st.floats(0.1, 40))
def test_means_of_the_pmfs(model, history, start, length):
    """Catches the chances before the wait left out, or the stage that the gap is at after it."""
    slow = dataclasses.replace(model, alpha=model.alpha + (20 * model.r + 100) / model.k)
    n = np.arange(1000)
    pmf = slow.conditional_purchase_pmf(n, *history, horizon=length)
    expected = float(slow.expected_purchases(*history, horizon=length))
    assert (n * pmf).sum() == pytest.approx(expected, rel=1e-8)
    some = 1 - slow.probability_of_purchase(*history, horizon=length)
    assert pmf[0] == pytest.approx(float(some), abs=1e-12)
    n, end = n[:100], start + length
    mean = (n * slow.interval_purchase_pmf(n, start, end)).sum()
    until = slow.expected_purchases_new_customer([start, end])
    assert mean == pytest.approx(until[1] - until[0], rel=1e-7, abs=1e-12 * until[1])


def test_panels_of_a_long_wait(monkeypatch):
    """The Gauss rule of equally spaced points against the whole sum."""
    m = BGCNBD(k=3, r=0.5, alpha=2.0, a=0.4, b=1.5)
    n = np.array([0, 1, 4, 60])
    found = m.interval_purchase_pmf(n, 3000.0, 3052.0)
    monkeypatch.setattr(counts, "_EACH", 60_000)
    np.testing.assert_allclose(found, m.interval_purchase_pmf(n, 3000.0, 3052.0), rtol=1e-10)


@settings(max_examples=20)
@given(models, histories(), st.floats(0.01, 60), st.floats(1e-6, 0.5))
def test_active_time_and_purchases_are_in_order(model, history, horizon, rate):
    """Catches the place of a stretch among M instead of M + 1 in `_payoff`."""
    alive = model.probability_alive(*history)
    terms = {"horizon": horizon, "annual_discount_rate": rate}
    time = model.expected_active_time(*history, **terms)
    least = model.probability_alive(*history, horizon=horizon) * horizon
    most = alive * -np.expm1(-horizon * c(rate)) / c(rate)
    assert least * np.exp(-horizon * c(rate)) * (1 - 1e-10) <= time <= most * (1 + 1e-10)
    plain = model.expected_purchases(*history, horizon=horizon)
    discounted = model.discounted_expected_transactions(*history, **terms)
    assert discounted <= plain * (1 + 1e-10)
    assert discounted >= plain * np.exp(-horizon * c(rate)) * (1 - 1e-10)


def c(rate):
    return np.log1p(rate) * 7 / 365.25


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_against_simulation(model, k):
    """The renewal process purchase by purchase: histories, then what comes after them."""
    rng = np.random.default_rng(10 + k)
    m = model(k=k, r=1.3, alpha=1.0, a=0.7, b=2.0)
    size, T, wait, horizon = 80_000, 8.0, 3.0, 10.0
    rate, p = rng.gamma(m.r, 1 / m.alpha, size), rng.beta(m.a, m.b, size)
    alive = rng.random(size) >= p if model is MBGCNBD else np.ones(size, dtype=bool)
    clock, gone_at = np.zeros(size), np.where(alive, np.inf, 0.0)
    x, recency = np.zeros(size), np.zeros(size)
    after, late, value = np.zeros(size), np.zeros(size), np.zeros(size)
    delta = np.log(1.3) * 7 / 365.25
    while alive.any():
        clock = np.where(alive, clock + rng.gamma(k, 1, size) / rate, clock)
        buys = alive & (clock <= T + horizon)
        now, then = buys & (clock <= T), buys & (clock > T)
        x, recency = x + now, np.where(now, clock, recency)
        after, late = after + then, late + (then & (clock > T + wait))
        value += np.where(then, np.exp(-delta * (clock - T)), 0.0)
        alive = buys & (rng.random(size) >= p)
        gone_at = np.where(buys & ~alive, clock, gone_at)
    history = (x, recency, np.full(size, T))
    ahead = np.clip(np.minimum(gone_at, T + horizon) - T, 0, None)
    pairs = {
        "alive": (m.probability_alive(*history), gone_at > T),
        "alive later": (m.probability_alive(*history, horizon=horizon), gone_at > T + horizon),
        "purchases": (m.expected_purchases(*history, horizon=horizon), after),
        "any": (m.probability_of_purchase(*history, horizon=horizon), after > 0),
        "two": (m.conditional_purchase_pmf(2, *history, horizon=horizon), after == 2),
        "time": (m.expected_active_time(*history, horizon=horizon), ahead),
        "value": (
            m.discounted_expected_transactions(*history, annual_discount_rate=0.3, horizon=horizon),
            value,
        ),
        "rate": (m.posterior_purchase_rate(*history), rate / k),
        "dropout": (m.posterior_dropout(*history), p),
    }
    # Among customers of like histories the mean is that of what they did.
    silent = np.digitize((T - recency) / T, [0.1, 0.25, 0.5])
    like = np.minimum(x, 5).astype(int) * 4 + silent
    for name, (expected, actual) in pairs.items():
        for group in np.unique(like):
            rows = like == group
            if rows.sum() < 400 or expected[rows].sum() < 40:
                continue  # too rare
            off = (actual[rows] - expected[rows]).mean()
            error = (actual[rows] - expected[rows]).std() / np.sqrt(rows.sum())
            assert abs(off) < 5 * error + 1e-9, (name, group)
    bound = 4 / np.sqrt(size)
    for n in range(4):
        found = (late == n).mean()
        expected = m.interval_purchase_pmf(n, T + wait, T + horizon)
        assert expected == pytest.approx(found, abs=bound / 2), n
        assert m.purchase_pmf(n, T) == pytest.approx((x == n).mean(), abs=bound / 2)
    drawn = m.sample(40_000, T=T, rng=rng)
    assert drawn["frequency"].mean() == pytest.approx(x.mean(), rel=0.04)
    assert drawn["recency"].mean() == pytest.approx(recency.mean(), rel=0.04)


@pytest.mark.parametrize("k", [1, 3])
def test_sampled_gaps(k):
    """Shares of t_x are Dirichlet(k, ..., k)."""
    drawn = BGCNBD(k=k, r=20, alpha=20 / k, a=0.05, b=5).sample(
        30_000, T=5.0, rng=np.random.default_rng(4)
    )
    x, recency, logs = (drawn[c].to_numpy() for c in ("frequency", "recency", "log_interval_sum"))
    assert (logs[x == 0] == 0).all()
    np.testing.assert_allclose(logs[x == 1], np.log(recency[x == 1]), atol=1e-12)
    for n in (2, 5):
        rows = x == n
        share = (logs[rows] - n * np.log(recency[rows])) / n
        expected = special.digamma(k) - special.digamma(k * n)
        assert abs(share.mean() - expected) < 5 * share.std() / np.sqrt(rows.sum())


@settings(max_examples=25)
@given(
    st.sampled_from(MODELS),
    st.integers(1, 20),
    st.tuples(*[st.floats(-3, 3)] * 4),
    st.lists(
        st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0.01, 5), st.integers(1, 9)),
        min_size=1,
        max_size=8,
    ),
)
def test_gradient_and_compressed_likelihood(model, k, logs, rows):
    """Catches `stage` left out of the derivative by alpha, or `rise` taken after the term."""
    rows = sorted((x, share * T if x else 0.0, T, weight) for x, share, T, weight in rows)
    x, recency, T, weight = np.array(rows, dtype=float).T
    likelihood = model._likelihood(Histories(x, recency, T, weight), k)
    parameters = np.exp(np.array(logs))
    value, gradient = likelihood(parameters)
    m = model(k=k, **dict(zip(model._parameters, parameters.tolist(), strict=True)))
    plain, scores = m._scores((x, recency, T))
    size = (weight * np.abs(plain)).sum() + 1
    assert value == pytest.approx(float((weight * plain).sum()), abs=1e-12 * size)
    np.testing.assert_allclose(weight @ scores, gradient, atol=1e-9 * size / parameters.min())
    for i, at in enumerate(parameters):
        step = np.zeros(4)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-6 * size)
    again = likelihood.reweighted(2 * weight)
    assert again(parameters)[0] == pytest.approx(2 * value)


@pytest.fixture(scope="module")
def regular():
    model = MBGCNBD(k=3, r=1.5, alpha=3.0, a=0.7, b=2.5)
    rng = np.random.default_rng(5)
    return model.sample(6000, T=rng.integers(140, 400, 6000) / 7, rng=rng)


@pytest.fixture(scope="module")
def fit(regular):
    return MBGCNBD.fit(regular)


def test_k_is_found_and_parameters_recovered(regular, fit):
    assert (fit.model.k, fit.converged, fit.messages) == (3, True, ())
    table = fit.params().set_index("parameter")
    assert list(table.index) == ["k", "r", "alpha", "a", "b"]
    assert table.loc["k", "estimate"] == 3
    assert table.loc["k", ["std_error", "lower", "upper"]].isna().all()
    for name, true in {"r": 1.5, "alpha": 3.0, "a": 0.7, "b": 2.5}.items():
        assert abs(table.loc[name, "estimate"] - true) < 4 * table.loc[name, "std_error"]
    given = MBGCNBD.fit(regular, k=3)
    assert given.params()["parameter"].tolist() == ["r", "alpha", "a", "b"]
    for name in ("r", "alpha", "a", "b"):
        assert getattr(given.model, name) == pytest.approx(getattr(fit.model, name), rel=1e-8)
    assert given.aic == pytest.approx(fit.aic - 2)
    # The likelihood is highest there, and far above that of random gaps.
    others = [MBGCNBD.fit(regular, k=k).log_likelihood for k in (1, 2, 4)]
    assert max(others) < fit.log_likelihood - 20
    assert others[0] < fit.log_likelihood - 1000


def test_log_likelihood_is_that_of_the_model(regular, fit):
    history = (regular[name] for name in ("frequency", "recency", "T", "log_interval_sum"))
    assert fit.log_likelihood == pytest.approx(fit.model.log_likelihood(*history).sum(), rel=1e-12)
    gradient = np.zeros(4)
    _, scores = fit.model._scores(
        tuple(regular[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    )
    np.testing.assert_allclose(scores.sum(axis=0), gradient, atol=1e-5)


def test_one_stage_fits_like_the_model_without(regular):
    plain, found = MBGNBD.fit(regular), MBGCNBD.fit(regular.drop(columns="log_interval_sum"), k=1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    assert found.params().equals(plain.params())
    assert found.model.k == 1


def test_unit_order_and_weights_do_not_matter(regular, fit):
    """Catches the gaps left in the unit of the search."""
    shuffled = regular.sample(frac=1, random_state=1)
    assert MBGCNBD.fit(shuffled, k=3).log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    days = regular.assign(
        recency=regular["recency"] * 7,
        T=regular["T"] * 7,
        log_interval_sum=regular["log_interval_sum"] + regular["frequency"] * np.log(7),
    )
    found = MBGCNBD.fit(days, unit="D", k=3)
    assert found.model.alpha == pytest.approx(fit.model.alpha * 7, rel=1e-8)
    shift = regular["frequency"].sum() * np.log(7)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood - shift, rel=1e-12)
    twice = pd.concat([regular, regular.head(1000)])
    weight = np.where(np.arange(len(regular)) < 1000, 2, 1)
    one, other = MBGCNBD.fit(twice, k=3), MBGCNBD.fit(regular, weights=weight, k=3)
    assert other.model.r == pytest.approx(one.model.r, rel=1e-9)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)


def test_fit_in_every_library(regular, library):
    assert MBGCNBD.fit(library(regular), k=3) == MBGCNBD.fit(regular, k=3)


def test_predictions_depend_on_that_customer_alone(regular, fit):
    columns = regular.drop(columns="log_interval_sum")
    all_of_them = fit.predict(columns, horizon=52).set_index("customer_id")
    some = fit.predict(columns.iloc[[7, 99, 4321]], horizon=52).set_index("customer_id")
    for name in some:
        together = all_of_them.loc[some.index, name]
        np.testing.assert_allclose(some[name], together, rtol=1e-12)


def test_saved_drawn_and_with_intervals(fit):
    assert Fit.from_json(fit.to_json()) == fit
    assert type(fit.model).from_json(fit.model.to_json()) == fit.model
    drawn = fit.bootstrap(5, rng=np.random.default_rng(1))
    assert drawn.model.k == 3
    near, lower, upper, _ = fit.interval("expected_purchases", 3, 20, 24, horizon=26)
    assert lower < near < upper
    assert repr(fit.model).startswith("MBGCNBD(k=3, r=1.")


def test_no_sign_of_dropout():
    rng = np.random.default_rng(3)
    rate = rng.gamma(2.0, 1.0, 800)
    passed = rng.poisson(rate * 20)
    x = passed // 2
    recency = np.where(x > 0, 20 * rng.beta(np.maximum(2 * x, 1), passed - 2 * x + 1), 0.0)
    logs = [log_gaps(row) for row in zip(x, recency, x, strict=True)]
    data = pd.DataFrame({"frequency": x, "recency": recency, "T": 20.0, "log_interval_sum": logs})
    with pytest.warns(ConvergenceWarning, match="no sign of dropout"):
        found = BGCNBD.fit(data, k=2)
    assert found.model.r == pytest.approx(2, rel=0.2)


DEGENERATE = {
    "everyone alike": ([3] * 50, [20.0] * 50, [30.0] * 50),
    "one customer": ([2], [3.0], [6.0]),
    "two customers": ([0, 1], [0.0, 3.0], [5.0, 6.0]),
    "a day": ([0, 1] * 20, [0.0, 1 / 7] * 20, [1 / 7] * 40),
    "one enormous buyer": ([0] * 99 + [200_000], [0.0] * 99 + [99.0], [100.0] * 100),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_are_diagnosed(model, name):
    x, recency, T = (np.array(column) for column in DEGENERATE[name])
    logs = [log_gaps(row) for row in zip(x, recency, T, strict=True)]
    data = pd.DataFrame({"frequency": x, "recency": recency, "T": T, "log_interval_sum": logs})
    with pytest.warns(ConvergenceWarning, match=model.__name__):
        found = model.fit(data, k=None if name == "a day" else 2)
    assert found.messages
    estimates = found.params()["estimate"]
    assert np.isfinite(estimates).all()
    assert (estimates > 0).all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("k", [2, 12])
@pytest.mark.parametrize(
    "parameters",
    [(0.25, 4, 1, 2.5), (5, 0.01, 1, 0.05), (1.5e8, 1.5e9, 1e-8, 1.0), (1e3, 1e4, 1e4, 1e6)],
)
def test_limits(model, k, parameters):
    m = model(k=k, **dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    x = np.array([0, 0, 1, 2000, 2000, 50])
    T = np.array([0, 40, 40, 40, 40, 1e6])
    recency = np.array([0, 0, 40, 40, 1, 1])
    money = {"annual_discount_rate": 0.1}
    with np.errstate(all="raise", under="ignore"):
        for horizon in (1e-9, 52.0, 1e6):
            for values in (
                m.probability_alive(x, recency, T, horizon=horizon),
                m.probability_of_purchase(x, recency, T, horizon=horizon),
                m.expected_purchases(x, recency, T, horizon=horizon),
                m.expected_active_time(x, recency, T, horizon=horizon),
                m.discounted_expected_transactions(x, recency, T, horizon=horizon, **money),
                m.expected_active_time(x, recency, T, horizon=horizon, **money),
                m.conditional_purchase_pmf(2000, x, recency, T, horizon=horizon),
            ):
                assert np.isfinite(values).all()
                assert (values >= 0).all()
        for values in (
            m.discounted_expected_transactions(x, recency, T, **money),
            m.posterior_purchase_rate(x, recency, T),
            m.interval_purchase_pmf(20, [0, 0, 1, 52], [0, 52, 1, 104]),
        ):
            assert np.isfinite(values).all()
    assert m.purchase_pmf([0, 1], 0).tolist() == [1, 0]
    assert m.interval_purchase_pmf([0, 1], 3, 3) == pytest.approx([1, 0])
    ever = m.probability_of_purchase(1, 3, 4, horizon=np.inf)
    assert ever == pytest.approx(float(m.probability_alive(1, 3, 4)), rel=1e-14)


def test_quantiles():
    m = BGCNBD(k=4, r=2.0, alpha=1.0, a=1.5, b=3.0)
    half = m.remaining_lifetime_quantile(0.5, 5, 20, 22)
    assert m.probability_alive(5, 20, 22, horizon=half) == pytest.approx(0.5, rel=1e-9)
    soon = m.next_purchase_quantile(0.5, 5, 20, 22)
    assert m.probability_of_purchase(5, 20, 22, horizon=soon) == pytest.approx(0.5, rel=1e-9)
    assert np.isnan(m.next_purchase_quantile(0.99, 5, 3, 22))
    loyal = BGCNBD(k=12, r=0.2, alpha=2.0, a=0.5, b=1e6)  # it takes 1e9 weeks
    far = loyal.remaining_lifetime_quantile(0.5, 0, 0, 40)
    assert loyal.probability_alive(0, 0, 40, horizon=far) == pytest.approx(0.5, rel=1e-9)
    # Means exist where a > 1: E[1/p] purchases.
    mean = m.expected_purchases(5, 20, 22, horizon=np.inf) / m.probability_alive(5, 20, 22)
    assert mean == pytest.approx((1.5 + 8 - 1) / 0.5)
    with pytest.raises(InputError, match="infinite"):
        dataclasses.replace(m, a=0.9).expected_active_time(5, 20, 22, horizon=np.inf)


def test_parameters_may_differ_between_customers():
    alpha, a = np.array([2.0, 4.0, 4.0]), np.array([0.5, 1.0, 0.5])
    each = MBGCNBD(k=3, r=0.3, alpha=alpha, a=a, b=2.0)
    x, recency = np.array([2, 0, 2]), np.array([3.0, 0, 3.0])
    for call in (
        lambda m, *h: m.expected_purchases(*h, horizon=[4.0, 300.0, 9e4]),
        lambda m, *h: m.discounted_expected_transactions(*h, annual_discount_rate=0.1),
        lambda m, *h: m.conditional_purchase_pmf(2, *h, horizon=30),
        lambda m, *h: m.remaining_lifetime_quantile(0.9, *h),
        lambda m, *h: m._pmf(m._enter(*h)[0], np.ones(3), np.array([0, 1.0, 9.0]), np.full(3, 30)),
    ):
        found = call(each, x, recency, 10.0)
        for i in range(3):
            alone = MBGCNBD(k=3, r=0.3, alpha=alpha[i], a=a[i], b=2.0)
            assert found[i] == pytest.approx(call(alone, x, recency, 10.0)[i], rel=1e-11)


def test_refusals(regular):
    columns = {"match": "regularity=True"}
    with pytest.raises(InputError, **columns):
        MBGCNBD.fit(regular.drop(columns="log_interval_sum"))
    with pytest.raises(InputError, **columns):
        MBGCNBD(k=2, r=1, alpha=1, a=1, b=1).log_likelihood(2, 3, 4)
    with pytest.raises(InputError, match="not_log_gaps"):
        MBGCNBD(k=2, r=1, alpha=1, a=1, b=1).log_likelihood(2, 3, 4, 9.0)
    days = regular.assign(log_interval_sum=regular["log_interval_sum"] + 2 * regular["frequency"])
    with pytest.raises(InputError, match="in the unit of recency"):
        MBGCNBD.fit(days)
    for keywords in ({"covariates": {"purchase": ["age"]}}, {"penalty": 1.0}):
        with pytest.raises(InputError, match="ParetoNBD, BGNBD and MBGNBD"):
            MBGCNBD.fit(regular, **keywords)
    for k in (0, 2.5, True, "3"):
        with pytest.raises(InputError, match="k must be a whole number"):
            MBGCNBD.fit(regular, k=k)
        with pytest.raises(InputError, match="k must be a whole number"):
            BGCNBD(k=k, r=1, alpha=1, a=1, b=1)
    with pytest.raises(InputError) as error:
        MBGCNBD.fit(regular.assign(frequency=-1.0, log_interval_sum=np.nan))
    assert {fault.column for fault in error.value.faults} == {
        "summary.frequency",
        "summary.log_interval_sum",
    }
