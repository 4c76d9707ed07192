"""BG/BB: laws over all histories there are, 50-digit arithmetic, simulation, fits."""

from __future__ import annotations

import dataclasses
import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.datasets import load_donations
from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime import Fit
from crmvalue.lifetime._opportunities.histories import read_opportunities
from crmvalue.lifetime.bg_bb import BGBB

shapes = st.floats(0.05, 30)
models = st.builds(
    lambda alpha, beta, gamma, delta: BGBB(alpha=alpha, beta=beta, gamma=gamma, delta=delta),
    shapes, shapes, shapes, shapes,
)  # fmt: skip


@st.composite
def histories(draw, most=60):
    n = draw(st.integers(0, most))
    recency = draw(st.integers(0, n))
    return (draw(st.integers(1, recency)) if recency else 0), recency, n


def all_histories(n):
    """Every history of n opportunities, and how many sequences have it."""
    rows = [(0, 0, 1)]
    rows += [(x, t, math.comb(t - 1, x - 1)) for t in range(1, n + 1) for x in range(1, t + 1)]
    x, t, sequences = np.array(rows).T
    return x, t, sequences


@settings(max_examples=40)
@given(models, st.integers(0, 9), st.integers(0, 30))
def test_what_is_known_averages_to_what_is_expected(model, n, horizon):
    """Catches `survived` without the period of leaving in the posterior of θ, alpha without x in
    the odds, or a sequence that can't be.
    """
    x, t, sequences = all_histories(n)
    weight = sequences * np.exp(model.log_likelihood(x, t, n))
    assert weight.sum() == pytest.approx(1, rel=1e-12)

    def average(values):
        return pytest.approx(float((weight * values).sum()), rel=1e-11)

    m = model
    assert m.alpha / (m.alpha + m.beta) == average(m.posterior_purchase_rate(x, t, n))
    assert m.gamma / (m.gamma + m.delta) == average(m.posterior_dropout(x, t, n))
    later = m.probability_alive(0, 0, 0, horizon=n + horizon)
    assert later == average(m.probability_alive(x, t, n, horizon=horizon))
    if horizon:
        until = m.expected_purchases_new_customer([n, n + horizon])
        ahead = m.expected_purchases(x, t, n, horizon=horizon)
        assert until[1] - until[0] == average(ahead)
        pmf = m.interval_purchase_pmf(1, n, n + horizon)
        assert pmf == average(m.conditional_purchase_pmf(1, x, t, n, horizon=horizon))


@settings(max_examples=50)
@given(models, histories(), st.integers(0, 80))
def test_pmfs_sum_to_one_and_have_the_expected_mean(model, history, horizon):
    """Catches the hazard left out where a customer leaves within the horizon."""
    count = np.arange(horizon + 2)
    pmf = model.conditional_purchase_pmf(count, *history, horizon=horizon)
    assert (pmf >= 0).all()
    assert pmf[-1] == 0
    assert pmf.sum() == pytest.approx(1, rel=1e-11)
    expected = model.expected_purchases(*history, horizon=horizon)
    assert (count * pmf).sum() == pytest.approx(float(expected), rel=1e-11)
    bought = model.probability_of_purchase(*history, horizon=horizon)
    assert 1 - pmf[0] == pytest.approx(float(bought), abs=1e-12)


@settings(max_examples=50)
@given(models, st.integers(0, 40), st.integers(0, 40))
def test_interval_pmf_has_the_mean_of_its_interval(model, start, length):
    """Catches a wait that leaves delta as it was."""
    count = np.arange(length + 1)
    pmf = model.interval_purchase_pmf(count, start, start + length)
    assert pmf.sum() == pytest.approx(1, rel=1e-11)
    until = model.expected_purchases_new_customer([start, start + length])
    assert (count * pmf).sum() == pytest.approx(until[1] - until[0], rel=1e-8, abs=1e-12)


@settings(max_examples=50)
@given(models, histories(), st.integers(0, 40), st.floats(0, 1))
def test_sums_over_opportunities(model, history, horizon, rate):
    """Catches the next opportunity left undiscounted, or counted at n instead of n + 1."""
    ahead = np.arange(1, horizon + 1)
    factor = (1 + rate) ** -ahead.astype(float)
    there = model.probability_alive(*history, horizon=ahead - 1)
    time = model.expected_active_time(*history, horizon=horizon, annual_discount_rate=rate)
    assert time == pytest.approx(float((factor * there).sum()), rel=1e-11)
    x, _, n = history
    taken = (model.alpha + x) / (model.alpha + model.beta + n)
    bought = model.discounted_expected_transactions(
        *history, annual_discount_rate=rate, horizon=horizon
    )
    assert bought == pytest.approx(float(taken * time), rel=1e-12)


@given(models, histories(), st.floats(0.01, 0.99))
def test_quantiles_are_the_first_whole_number_that_reaches(model, history, q):
    """Catches a remaining lifetime counted from opportunity n, or rounded instead of up."""
    life = model.remaining_lifetime_quantile(q, *history)
    if life < 1e6:
        assert model.probability_alive(*history, horizon=life) <= (1 - q) * (1 + 1e-11)
        if life:
            assert model.probability_alive(*history, horizon=life - 1) > (1 - q) * (1 - 1e-11)
    wait = model.next_purchase_quantile(q, *history)
    if np.isnan(wait):
        ever = model.probability_of_purchase(*history, horizon=np.inf)
        assert ever <= q * (1 + 1e-11)
    else:
        assert model.probability_of_purchase(*history, horizon=wait) >= q * (1 - 1e-11)
        before = model.probability_of_purchase(*history, horizon=wait - 1)
        assert before < q * (1 + 1e-11)


@settings(max_examples=30)
@given(
    st.tuples(*[st.floats(-4, 4)] * 4),
    st.lists(st.tuples(histories(most=20), st.integers(1, 9)), min_size=1, max_size=8),
)
def test_gradient(logs, rows):
    """Catches `longer` that counts the step itself, or the hazard's share of gamma left out."""
    known = np.array([history for history, _ in rows], dtype=float)
    frame = pd.DataFrame(known, columns=["frequency", "recency", "n"])
    frame = pd.concat([frame, pd.DataFrame({"frequency": [1], "recency": [2], "n": [3]})])
    weight = np.array([*(weight for _, weight in rows), 1.0])
    likelihood = BGBB._likelihood(read_opportunities(frame, weights=weight))
    parameters = np.exp(np.array(logs))
    value, gradient = likelihood(parameters)
    plain = BGBB._build(parameters).log_likelihood(frame["frequency"], frame["recency"], frame["n"])
    assert value == pytest.approx(float((weight * plain).sum()), rel=1e-12, abs=1e-12)
    for i, at in enumerate(parameters):
        step = np.zeros(4)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-7 * (1 + abs(value)))
    doubled = likelihood.reweighted(2 * likelihood.weights)
    assert doubled(parameters)[0] == pytest.approx(2 * value)


class Exact:
    """The paper's formulas in 50 digits."""

    def __init__(self, alpha, beta, gamma, delta):
        self.a, self.b, self.c, self.d = (mpmath.mpf(v) for v in (alpha, beta, gamma, delta))

    @staticmethod
    def beta(a, b):
        return mpmath.exp(mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b))

    def there(self, x, n):
        p = self.beta(self.a + x, self.b + n - x) / self.beta(self.a, self.b)
        return p * self.beta(self.c, self.d + n) / self.beta(self.c, self.d)

    def left(self, x, t, n, gamma=1):
        p, theta = self.beta(self.a, self.b), self.beta(self.c, self.d)
        return [
            self.beta(self.a + x, self.b + t - x + i) / p
            * self.beta(self.c + gamma, self.d + t + i) / theta
            for i in range(n - t)
        ]  # fmt: skip

    def likelihood(self, x, t, n):
        return self.there(x, n) + mpmath.fsum(self.left(x, t, n))

    def alive(self, x, t, n, horizon):
        later = self.beta(self.c, self.d + n + horizon + 1) / self.beta(self.c, self.d + n)
        return self.there(x, n) / self.likelihood(x, t, n) * later

    def series(self, x, t, n, discount, horizon):
        """Sum over the next opportunities of discount^j P(alive then)."""
        total, term, j = mpmath.mpf(0), self.there(x, n) / self.likelihood(x, t, n), 0
        while j < horizon and term > total * mpmath.mpf(10) ** -30:
            term *= discount * (self.d + n + j) / (self.c + self.d + n + j)
            total, j = total + term, j + 1
        return total

    def pmf(self, count, x, t, n, horizon):
        ahead = Exact(self.a + x, self.b + n - x, self.c, self.d + n)
        ways = [mpmath.binomial(i, count) for i in range(count, horizon)]
        terms = ahead.left(count, count, horizon)
        there = mpmath.binomial(horizon, count) * ahead.there(count, horizon)
        alive = self.there(x, n) / self.likelihood(x, t, n)
        gone = 1 - alive if count == 0 else 0
        return alive * (there + mpmath.fdot(ways, terms)) + gone

    def bought(self, x, t, n, horizon):
        """By the opportunity that is the first one taken."""
        a, b, c, d = self.a + x, self.b + n - x, self.c, self.d + n
        term = self.there(x, n) / self.likelihood(x, t, n) * a / (a + b) * d / (c + d)
        total = term
        for i in range(horizon - 1):
            term *= (b + i) / (a + b + 1 + i) * (d + 1 + i) / (c + d + 1 + i)
            total += term
        return total


EXTREMES = [
    (1.204, 0.75, 0.657, 2.783),
    (0.01, 0.01, 0.01, 0.01),
    (0.01, 500, 0.02, 3),
    (800, 3, 1, 2000),
    (1, 1, 1, 1),
    (50, 0.01, 30, 0.5),
    (1e6, 2e6, 1e5, 9e5),
    (0.3, 1e4, 1e-4, 1e3),
]


@pytest.mark.parametrize("parameters", EXTREMES)
def test_against_fifty_digits(parameters):
    """Small and large shapes, x = 0, x = n, and long silences."""
    model = BGBB(**dict(zip(BGBB._parameters, parameters, strict=True)))
    for history in ((0, 0, 0), (2, 4, 6), (6, 6, 6), (0, 0, 80), (1, 40, 80), (59, 60, 80)):
        with mpmath.workdps(50):
            exact = Exact(*parameters)
            taken = (exact.a + history[0]) / (exact.a + exact.b + history[2])
            log_likelihood = float(mpmath.log(exact.likelihood(*history)))
            expected = [
                exact.alive(*history, 0),
                exact.alive(*history, 2000),
                taken * exact.series(*history, 1, 200),
                taken * exact.series(*history, mpmath.mpf(1) / mpmath.mpf("1.1"), mpmath.inf),
                exact.pmf(1, *history, 20),
                exact.bought(*history, 500),
                exact.bought(*history, 513),
            ]
        found = [
            model.probability_alive(*history),
            model.probability_alive(*history, horizon=2000),
            model.expected_purchases(*history, horizon=200),
            model.discounted_expected_transactions(*history, annual_discount_rate=0.1),
            model.conditional_purchase_pmf(1, *history, horizon=20),
            model.probability_of_purchase(*history, horizon=500),
            model.probability_of_purchase(*history, horizon=513),
        ]
        np.testing.assert_allclose(found, [float(v) for v in expected], rtol=1e-10, atol=1e-250)
        bound = 1e-11 * max(1, abs(log_likelihood))
        assert abs(model.log_likelihood(*history) - log_likelihood) <= bound


def test_horizons_without_end():
    model = BGBB(alpha=1.2, beta=0.7, gamma=1.8, delta=2.5)
    # Opportunities seen by a new customer: E[(1 - θ) / θ] = delta / (gamma - 1).
    assert model.expected_active_time(0, 0, 0, horizon=np.inf) == pytest.approx(2.5 / 0.8)
    far = model.expected_purchases(2, 3, 5, horizon=10**9)
    assert far == pytest.approx(float(model.expected_purchases(2, 3, 5, horizon=np.inf)), rel=1e-6)
    assert model.probability_alive(2, 3, 5, horizon=np.inf) == 0
    with mpmath.workdps(30):
        a, b, c, d = (mpmath.mpf(v) for v in (1.2 + 2, 0.7 + 3, 1.8, 2.5 + 5))
        series = mpmath.hyp3f2(1, b, d + 1, a + b + 1, c + d + 1, 1)
        ever = a / (a + b) * d / (c + d) * series
    odds = model._log_odds_gone(type(model._enter(2, 3, 5)[0])(*np.array([[2.0], [3.0], [5.0]])))
    found = model.probability_of_purchase(2, 3, 5, horizon=np.inf)
    assert found == pytest.approx(float(ever) / (1 + np.exp(odds[0])), rel=1e-12)
    endless = BGBB(alpha=1.2, beta=0.7, gamma=0.9, delta=2.5)
    for call in (
        lambda: endless.expected_purchases(2, 3, 5, horizon=np.inf),
        lambda: endless.expected_active_time(2, 3, 5, horizon=np.inf),
        lambda: model.discounted_expected_transactions(2, 3, 5, annual_discount_rate=0),
        lambda: model.conditional_purchase_pmf(1, 2, 3, 5, horizon=np.inf),
    ):
        with pytest.raises(InputError, match="horizon"):
            call()


def test_long_waits_and_lives():
    """Beyond the opportunities that are summed one by one."""
    model = BGBB(alpha=0.5, beta=400, gamma=0.05, delta=900)
    wanted = np.array([0.4, 0.5, 0.6])
    wait = model.next_purchase_quantile(wanted, 0, 0, 10)
    assert (wait > 512).all()
    assert (model.probability_of_purchase(0, 0, 10, horizon=wait) >= wanted).all()
    assert (model.probability_of_purchase(0, 0, 10, horizon=wait - 1) < wanted).all()
    life = model.remaining_lifetime_quantile(0.5, 0, 0, 10)
    assert life > 1e8
    assert model.probability_alive(0, 0, 10, horizon=life) == pytest.approx(0.5, rel=1e-9)


def test_against_simulation():
    """New customers, opportunity by opportunity, at what they are known to have done."""
    rng = np.random.default_rng(5)
    model = BGBB(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)
    size, n, horizon = 200_000, 4, 3
    p, theta = rng.beta(1.2, 0.8, size), rng.beta(0.7, 2.8, size)
    lifetime = rng.geometric(theta) - 1  # opportunities seen
    time = np.arange(1, n + horizon + 1)
    taken = (rng.random((size, n + horizon)) < p[:, None]) & (time <= lifetime[:, None])
    x = taken[:, :n].sum(axis=1)
    recency = (taken[:, :n] * time[:n]).max(axis=1)
    later = taken[:, n:].sum(axis=1)
    for history in ((0, 0), (1, 2), (2, 4), (4, 4)):
        same = (x == history[0]) & (recency == history[1])
        bound = 5 / np.sqrt(same.sum())
        known = (*history, n)
        alive = (lifetime[same] > n).mean()
        assert model.probability_alive(*known) == pytest.approx(alive, abs=bound / 2)
        assert model.posterior_purchase_rate(*known) == pytest.approx(p[same].mean(), abs=bound / 3)
        assert model.posterior_dropout(*known) == pytest.approx(theta[same].mean(), abs=bound / 3)
        mean = model.expected_purchases(*known, horizon=horizon)
        assert mean == pytest.approx(later[same].mean(), abs=1.5 * bound)
        for count in range(3):
            pmf = model.conditional_purchase_pmf(count, *known, horizon=horizon)
            assert pmf == pytest.approx((later[same] == count).mean(), abs=bound / 2)
    for count in range(3):
        pmf = model.interval_purchase_pmf(count, n, n + horizon)
        assert pmf == pytest.approx((later == count).mean(), abs=2.5 / np.sqrt(size))


def test_sample_is_of_the_likelihood():
    model = BGBB(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)
    n = np.repeat([0, 2, 4], 40_000)
    drawn = model.sample(len(n), n=n, rng=np.random.default_rng(8))
    assert list(drawn) == ["customer_id", "frequency", "recency", "n"]
    assert (drawn.dtypes == np.int64).all()
    assert (drawn.loc[drawn["n"] == 0, "recency"] == 0).all()
    four = drawn[drawn["n"] == 4]
    x, t, sequences = all_histories(4)
    expected = sequences * np.exp(model.log_likelihood(x, t, 4))
    for i in range(len(x)):
        share = ((four["frequency"] == x[i]) & (four["recency"] == t[i])).mean()
        assert share == pytest.approx(expected[i], abs=5 * np.sqrt(expected[i] / 40_000))
    with pytest.raises(InputError, match="n must hold whole numbers"):
        model.sample(3, n=1.5, rng=np.random.default_rng(8))


def test_fit_finds_what_was_drawn():
    model = BGBB(alpha=0.9, beta=2.1, gamma=0.6, delta=7.0, unit="M")
    rng = np.random.default_rng(9)
    data = model.sample(10_000, n=rng.integers(1, 20, 10_000), rng=rng)
    fit = BGBB.fit(data, unit="M")
    assert fit.converged
    assert fit.model.unit == "M"
    for _, row in fit.params().iterrows():
        assert abs(row["estimate"] - getattr(model, row["parameter"])) < 4 * row["std_error"]
    plain = fit.model.log_likelihood(data["frequency"], data["recency"], data["n"]).sum()
    assert fit.log_likelihood == pytest.approx(plain, rel=1e-12)
    assert BGBB.fit(data.sample(frac=1, random_state=1), unit="M") == fit
    assert Fit.from_json(fit.to_json()) == fit


def test_how_sure_a_fit_is():
    """Catches histories that can't be weighed anew, or a posterior probability taken for a rate."""
    fit = BGBB.fit(load_donations(), weights="weight")
    drawn = fit.bootstrap(100, rng=np.random.default_rng(3)).params()
    np.testing.assert_allclose(drawn["std_error"], fit.params()["std_error"], rtol=0.35)
    alive = fit.interval("probability_alive", [0, 2, 6], [0, 4, 6], 6)
    assert ((alive.lower > 0) & (alive.upper < 1) & (alive.upper - alive.lower < 0.1)).all()
    donations = load_donations()
    few = BGBB.fit(donations, weights=donations["weight"] / 60)
    taken = few.interval("posterior_purchase_rate", 6, 6, 6, level=1 - 1e-9)
    assert 0 < taken.lower < taken.upper < 1


def test_fit_and_predict_in_every_library(library):
    donations = load_donations()
    fit = BGBB.fit(donations, weights="weight")
    assert BGBB.fit(library(donations), weights="weight") == fit
    columns = donations.drop(columns="weight").assign(customer_id=np.arange(22)[::-1])
    expected = fit.predict(columns, horizon=5)
    assert expected["customer_id"].tolist() == list(range(22))
    found = fit.predict(library(columns), horizon=5)
    for name in ("customer_id", "probability_alive", "expected_purchases"):
        assert found[name].to_numpy().tolist() == expected[name].tolist()
    turned = columns.iloc[::-1]
    history = (turned["frequency"], turned["recency"], turned["n"])
    alive = fit.model.probability_alive(*history)
    np.testing.assert_allclose(expected["probability_alive"], alive, rtol=1e-13)
    bought = fit.model.expected_purchases(*history, horizon=5)
    np.testing.assert_allclose(expected["expected_purchases"], bought, rtol=1e-13)


def frame(x, recency, n):
    return pd.DataFrame({"frequency": x, "recency": recency, "n": n})


DEGENERATE = {
    "everyone alike": (frame([3] * 50, [4] * 50, [6] * 50), "differ in how readily they buy"),
    "one customer": (frame([1], [2], [3]), "no sign of dropout"),
    "one opportunity": (frame([0, 1] * 20, [0, 1] * 20, [1] * 40), "no sign of dropout"),
    "everything taken": (frame([6] * 9, [6] * 9, [6] * 9), "no sign of dropout"),
    "one enormous buyer": (frame([0] * 99 + [190], [0] * 99 + [195], [200] * 100), "differ"),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_are_diagnosed(name):
    data, words = DEGENERATE[name]
    with pytest.warns(ConvergenceWarning, match=words):
        fit = BGBB.fit(data)
    assert not fit.converged
    assert (fit.params()["estimate"] > 0).all()
    assert np.isfinite(fit.params()["estimate"]).all()


def test_equal_dropout_and_no_dropout():
    rng = np.random.default_rng(3)
    alike = BGBB(alpha=1, beta=2, gamma=2e6, delta=8e6).sample(4000, n=8, rng=rng)
    with pytest.warns(ConvergenceWarning, match="hardly differ in how readily they leave"):
        fit = BGBB.fit(alike)
    assert fit.model.gamma / (fit.model.gamma + fit.model.delta) == pytest.approx(0.2, abs=0.02)
    staying = BGBB(alpha=1, beta=2, gamma=1e-6, delta=8).sample(2000, n=8, rng=rng)
    with pytest.warns(ConvergenceWarning, match="no sign of dropout"):
        BGBB.fit(staying)


@pytest.mark.parametrize("seed", [17, 92, 123])
def test_never_below_the_truth(seed):
    """Catches starts that are taken as they are: those who leave at once and those who never buy
    look alike, and there is a lower maximum that is sound, too (seed 17).
    """
    rng = np.random.default_rng(seed)
    truth = BGBB._build(np.exp(rng.uniform([-2, -2, -2, -2], [3, 3, 1, 3])))
    data = truth.sample(400, n=rng.integers(1, 8, 400), rng=rng)
    fit = BGBB.fit(data)
    least = truth.log_likelihood(data["frequency"], data["recency"], data["n"]).sum()
    assert fit.log_likelihood >= least


def test_parameters_may_differ_between_customers():
    alpha, gamma = np.array([0.5, 2.0, 2.0]), np.array([0.3, 0.3, 2.0])
    each = BGBB(alpha=alpha, beta=1.0, gamma=gamma, delta=3.0)
    x, recency, n = np.array([2, 0, 2]), np.array([3, 0, 3]), np.array([5, 5, 5])
    calls = [
        lambda m, *h: m.log_likelihood(*h),
        lambda m, *h: m.probability_alive(*h, horizon=2),
        lambda m, *h: m.discounted_expected_transactions(*h, annual_discount_rate=0.1),
        lambda m, *h: m.conditional_purchase_pmf(1, *h, horizon=4),
        lambda m, *h: m.probability_of_purchase(*h, horizon=np.inf),
        lambda m, *h: m.remaining_lifetime_quantile(0.5, *h),
        lambda m, *h: m.next_purchase_quantile(0.2, *h),
        lambda m, *h: m.posterior_purchase_rate(*h),
        lambda m, *h: m.posterior_dropout(*h),
    ]
    for call in calls:
        found = call(each, x, recency, n)
        for i in range(3):
            alone = dataclasses.replace(each, alpha=alpha[i], gamma=gamma[i])
            one = float(call(alone, x[i], recency[i], n[i]))
            assert found[i] == pytest.approx(one, rel=1e-12, nan_ok=True)
    assert BGBB.from_json(each.to_json()) == each


def test_units_set_the_discount():
    yearly = BGBB(alpha=1, beta=2, gamma=1, delta=8)
    quarterly = dataclasses.replace(yearly, unit="Q")
    a = yearly.discounted_expected_transactions(2, 3, 5, annual_discount_rate=0.1)
    b = quarterly.discounted_expected_transactions(2, 3, 5, annual_discount_rate=1.1**4 - 1)
    assert a == pytest.approx(float(b), rel=1e-12)
    with pytest.raises(InputError, match="unit must be one of 'D', 'W', 'M', 'Y', 'Q'"):
        dataclasses.replace(yearly, unit="years")


def test_bad_arguments_are_all_named():
    model = BGBB(alpha=1, beta=2, gamma=1, delta=8)
    with pytest.raises(InputError) as error:
        model.expected_purchases([1.5, 0, 1, 3], [2, 1, 9, 2], 5, horizon=0.5)
    assert [(fault.fault, fault.column, fault.rows) for fault in error.value.faults] == [
        ("not_whole", "frequency", 1),
        ("recency_above_n", "recency", 1),
        ("frequency_above_recency", "frequency", 1),
        ("recency_without_purchase", "recency", 1),
        ("bad_argument", "horizon", 4),
    ]
    with pytest.raises(InputError, match=r"n \(3,\)"):
        model.log_likelihood([1, 2], 2, [3, 4, 5])
    with pytest.raises(InputError, match="t0 must not be above t1"):
        model.interval_purchase_pmf(1, 3, 2)
    with pytest.raises(InputError, match="probabilities above 0"):
        model.next_purchase_quantile(1, 0, 0, 3)
    with pytest.raises(InputError, match="annual_discount_rate"):
        model.discounted_expected_transactions(1, 2, 3, annual_discount_rate=-0.1)


def test_refusals():
    with pytest.raises(InputError, match="nobody in summary took an opportunity"):
        BGBB.fit(frame([0, 0], [0, 0], [3, 4]))
    with pytest.raises(InputError, match="summary is empty"):
        BGBB.fit(frame([0], [0], [3]).head(0))
    with pytest.raises(InputError) as error:
        BGBB.fit(frame([1.5, 3, 0], [2, 2, 1], [3, 3, 3]), weights=[1, -1, 1])
    assert [fault.column for fault in error.value.faults] == [
        "summary.frequency",
        "summary.frequency",
        "summary.recency",
        "weights",
    ]
    with pytest.raises(InputError, match="unit must be one of"):
        BGBB.fit(load_donations(), unit="years")
    with pytest.warns(ConvergenceWarning):
        fit = BGBB.fit(frame([0, 1], [0, 1], [1, 1]))
    with pytest.raises(InputError, match="whole number of opportunities"):
        fit.predict(load_donations().assign(customer_id=range(22)))
