"""Intervals of parameters and predictions: laws, bounds, and the methods against each other."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from crmvalue._frame import read
from crmvalue._table import to_pandas
from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.uncertainty import percentile_interval
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.nbd import NBD

HISTORY = ("probability_alive", "posterior_purchase_rate", "posterior_dropout", "log_likelihood")
RNG = np.random.default_rng(0)
AHEAD = (
    "probability_alive",
    "expected_purchases",
    "expected_active_time",
    "probability_of_purchase",
)


@pytest.fixture(scope="module")
def fit(cdnow):
    return MBGNBD.fit(cdnow)


@pytest.fixture(scope="module")
def spend(cdnow):
    return GammaGamma.fit(cdnow)


@st.composite
def histories(draw):
    rows = draw(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=6))
    share, when, age = np.array(rows).T
    x = np.floor(share**3 * 200)
    return x, np.where(x > 0, when * age * 80, 0), age * 80


@settings(max_examples=40)
@given(data=st.data(), history=histories(), levels=st.tuples(*[st.floats(0.05, 0.999)] * 2))
def test_an_interval_holds_its_estimate_and_widens_with_the_level(fit, data, history, levels):
    """Catches an interval symmetric in the units of the quantity, which leaves its bounds."""
    name = data.draw(st.sampled_from(HISTORY + AHEAD))
    keywords = {"horizon": 39.0} if name in AHEAD else {}
    low, high = sorted(levels)
    near, far = (fit.interval(name, *history, level=level, **keywords) for level in (low, high))
    right = getattr(fit.model, name)(*history, **keywords)
    np.testing.assert_array_equal(near.estimate, right)
    slack = 1e-12 * np.abs(right)
    assert (far.lower <= near.lower + slack).all()
    assert (near.lower <= right).all()
    assert (right <= near.upper).all()
    assert (near.upper <= far.upper + slack).all()
    np.testing.assert_array_equal(near.std_error, far.std_error)
    if name in fit.model._probabilities:
        assert (far.upper <= 1).all()
    if name not in fit.model._signed:
        assert (far.lower >= 0).all()


def test_standard_error_of_a_mean_by_hand(cdnow):
    """E[X(t)] = r t / alpha: by the delta method on logarithms."""
    fit = NBD.fit(cdnow)
    c = fit.search_covariance
    relative = np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    found = fit.interval("expected_purchases_new_customer", 52.0, level=0.9)
    mean = fit.model.r / fit.model.alpha * 52
    assert found.std_error == pytest.approx(relative * mean, rel=1e-3)
    reach = np.exp(NormalDist().inv_cdf(0.95) * relative)
    assert found.lower == pytest.approx(mean / reach, rel=1e-4)
    assert found.upper == pytest.approx(mean * reach, rel=1e-4)


def test_draws_agree_with_the_delta_method(fit):
    """Catches draws along the columns of the axes in place of their rows."""
    for name, arguments, keywords in (
        (
            "expected_purchases",
            (np.array([0, 2, 20]), np.array([0, 30, 38]), 39.0),
            {"horizon": 52},
        ),
        ("probability_alive", (np.array([0, 2, 20]), np.array([0, 30, 38]), 39.0), {}),
        ("expected_purchases_new_customer", (52.0,), {}),
    ):
        by_delta = fit.interval(name, *arguments, **keywords)
        rng = np.random.default_rng(3)
        drawn = fit.interval(name, *arguments, method="draws", n_draws=600, rng=rng, **keywords)
        np.testing.assert_array_equal(drawn.estimate, by_delta.estimate)
        np.testing.assert_allclose(drawn.std_error, by_delta.std_error, rtol=0.15)
        np.testing.assert_allclose(
            drawn.upper - drawn.lower, by_delta.upper - by_delta.lower, rtol=0.15
        )
    once, again = (
        fit.interval("probability_alive", 2, 30, 39, method="draws", rng=np.random.default_rng(3))
        for _ in range(2)
    )
    assert once == again


def test_bounds_stay_where_they_are(cdnow):
    fit = BGNBD.fit(cdnow)
    found = fit.interval("probability_alive", [0, 2], [0, 30], 39)  # who bought once is alive
    assert (found.lower[0], found.upper[0], found.std_error[0]) == (1, 1, 0)
    assert 0 < found.lower[1] < found.estimate[1] < found.upper[1] < 1
    at_once = fit.interval("remaining_lifetime_quantile", 0.5, 30, 1.0, 39.0)
    assert (at_once.estimate, at_once.lower, at_once.upper) == (0, 0, 0)
    assert fit.interval("expected_purchases", 2, 30, 39, horizon=0).upper == 0


def test_what_is_never_reached_has_no_interval(fit):
    found = fit.interval("next_purchase_quantile", [0.3, 0.9], 2, 30, 39)
    assert np.isfinite(found.upper[0])
    assert np.isnan([found.estimate[1], found.lower[1], found.upper[1]]).all()
    # Just out of reach at the estimates, within it under half of the draws.
    q = float(fit.model.probability_alive(2, 30, 39))
    draws = {"method": "draws", "n_draws": 200}
    found = fit.interval(
        "next_purchase_quantile", q, 2, 30, 39, rng=np.random.default_rng(1), **draws
    )
    assert found.lower > 39
    assert np.isnan(found.upper)


def test_percentiles_put_what_is_never_reached_last():
    drawn = np.array([[1.0, np.nan], [2.0, 5.0], [np.nan, np.nan], [3.0, 4.0], [4.0, np.nan]])
    found = percentile_interval(np.array([2.0, 5.0]), drawn, 0.5)
    np.testing.assert_array_equal(found.lower, [2, 5])
    np.testing.assert_array_equal(found.upper, [4, np.nan])


def test_predict_adds_columns_in_every_library(fit, cdnow, library):
    some = cdnow.sample(300, random_state=1)
    plain = to_pandas(fit.predict(library(some), horizon=39))
    table = fit.predict(library(some), horizon=39, level=0.9)
    assert read(table, "table").implementation == (
        read(fit.predict(library(some), horizon=39), "table").implementation
    )
    found = to_pandas(table)
    assert list(found) == [
        *("customer_id", "probability_alive", "expected_purchases"),
        *("probability_alive_lower", "probability_alive_upper"),
        *("expected_purchases_lower", "expected_purchases_upper"),
    ]
    pd.testing.assert_frame_equal(found[list(plain)], plain)
    some = some.sort_values("customer_id")
    interval = fit.interval(
        "expected_purchases", some["frequency"], some["recency"], some["T"], horizon=39, level=0.9
    )
    np.testing.assert_allclose(found["expected_purchases_lower"], interval.lower, rtol=1e-9)
    np.testing.assert_allclose(found["expected_purchases_upper"], interval.upper, rtol=1e-9)


def test_spend_has_intervals_too(spend, cdnow):
    table = spend.predict(cdnow, level=0.95)
    assert list(table) == [
        *("customer_id", "expected_spend", "expected_spend_lower", "expected_spend_upper")
    ]
    assert (table["expected_spend_lower"] < table["expected_spend"]).all()
    assert (table["expected_spend"] < table["expected_spend_upper"]).all()
    # Everyone without a repeat purchase gets the mean of the population.
    q = spend.model.q
    slopes = np.array([1.0, -q / (q - 1), 1.0])
    relative = np.sqrt(slopes @ spend.search_covariance @ slopes)
    found = spend.interval("expected_spend", 0, np.nan)
    assert found.std_error / found.estimate == pytest.approx(relative, rel=1e-3)


def test_numbers_as_customer_ids_get_no_interval(fit, cdnow):
    some = cdnow.head(20).assign(customer_id=np.arange(20.0))
    table = fit.predict(some, horizon=39, level=0.9)
    assert [name for name in table if name.startswith("customer_id")] == ["customer_id"]


def test_a_saved_fit_gives_the_same_intervals(fit, cdnow):
    again = Fit.from_json(fit.to_json())
    pd.testing.assert_frame_equal(again.params(), fit.params())
    for one, other in zip(
        again.interval("expected_purchases", 2, 30, 39, horizon=52),
        fit.interval("expected_purchases", 2, 30, 39, horizon=52),
        strict=True,
    ):
        assert one == other
    pd.testing.assert_frame_equal(
        again.predict(cdnow, horizon=9, level=0.8), fit.predict(cdnow, horizon=9, level=0.8)
    )


def test_covariates_come_by_rows():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"channel": rng.choice(["shop", "web"], 3000)})
    alpha = 6.0 * np.exp(-0.5 * (frame["channel"] == "web"))
    data = BGNBD(r=0.5, alpha=alpha, a=0.9, b=2.5).sample(3000, T=40.0, rng=rng)
    data["channel"] = frame["channel"]
    fit = BGNBD.fit(data, covariates={"purchase": ["channel"]})
    rows = pd.DataFrame({"channel": ["shop", "web"]})
    found = fit.interval("expected_purchases_new_customer", 52.0, rows=rows)
    right = fit.model.for_rows(rows).expected_purchases_new_customer(52.0)
    np.testing.assert_array_equal(found.estimate, right)
    assert (found.lower < right).all()
    assert found.upper[0] < found.lower[1]  # the channels differ
    table = fit.predict(data, horizon=52, level=0.95)
    one = fit.interval(
        "expected_purchases", *data.loc[0, ["frequency", "recency", "T"]].astype(float),
        horizon=52, rows=data[["channel"]].head(1),
    )  # fmt: skip
    assert table["expected_purchases_upper"][0] == pytest.approx(float(one.upper[0]), rel=1e-8)
    drawn = fit.bootstrap(20, rng=rng)
    interval = drawn.interval("expected_purchases_new_customer", 52.0, rows=rows)
    assert (interval.lower < interval.upper).all()
    with pytest.raises(InputError, match="give the frame that has them as rows="):
        fit.interval("expected_purchases_new_customer", 52.0)


def test_refusals(fit):
    with pytest.raises(InputError, match=r"no quantity 'sample'; it has .*expected_purchases, "):
        fit.interval("sample", 3)
    for level in (0, 1, 95, np.nan):
        with pytest.raises(InputError, match="level must be"):
            fit.interval("probability_alive", 2, 30, 39, level=level)
    with pytest.raises(InputError, match="needs rng="):
        fit.interval("probability_alive", 2, 30, 39, method="draws")
    with pytest.raises(InputError, match="'delta' or 'draws'"):
        fit.interval("probability_alive", 2, 30, 39, method="bayes")
    with pytest.raises(InputError, match="recency_above_T"):
        fit.interval("probability_alive", 2, 50, 39)
    leaves = dataclasses.replace(fit.model, a=2.0)  # infinite sums exist for a > 1 alone
    wide = dataclasses.replace(fit, model=leaves, search_covariance=np.eye(4))
    with pytest.raises(InputError, match=r"doesn't exist at a draw .*Cure"):
        wide.interval(
            "expected_purchases", 2, 30, 39, horizon=np.inf, method="draws", rng=RNG
        )  # fmt: skip


def test_fits_that_are_not_sound(fit):
    """No covariance: an error with the cure. A doubtful one: an interval, and a warning."""
    lost = dataclasses.replace(fit, search_covariance=np.full((4, 4), np.nan), converged=False)
    for call in (
        lambda: lost.interval("probability_alive", 2, 30, 39),
        lambda: lost.interval("probability_alive", 2, 30, 39, method="draws", rng=RNG),
    ):
        with pytest.raises(InputError, match=r"which this fit doesn't have.*Cure: a simpler model"):
            call()
    doubtful = dataclasses.replace(fit, converged=False, messages=("customers hardly differ",))
    with pytest.warns(ConvergenceWarning, match="customers hardly differ"):
        found = doubtful.interval("probability_alive", 2, 30, 39)
    assert found.lower < found.upper


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, GammaGamma])
def test_limits_of_parameters_are_those_of_the_profile_likelihood(model, cdnow):
    """At each limit the best log-likelihood is 1.92 below the maximum (Wilks 1938)."""
    fit = model.fit(cdnow)
    names, estimates, _ = fit._search()
    if model is GammaGamma:
        used = cdnow[(cdnow["frequency"] > 0) & (cdnow["monetary_value"] > 0)]
        data = used["frequency"], used["monetary_value"]
    else:
        data = cdnow["frequency"], cdnow["recency"], cdnow["T"]
    table = fit.params().set_index("parameter")
    for name in (names[0], names[-1]):
        rest = [other for other in names if other != name]
        for side in ("lower", "upper"):

            def lost(logs, name=name, side=side, rest=rest):
                values = {**dict(zip(rest, np.exp(logs), strict=True)), name: table[side][name]}
                return fit.log_likelihood - model(**values).log_likelihood(*data).sum()

            start = np.log([estimates[names.index(other)] for other in rest])
            found = optimize.minimize(lost, start, method="Nelder-Mead", options={"fatol": 1e-5})
            assert found.fun == pytest.approx(1.9207, abs=2e-3)


def test_limits_do_not_depend_on_the_origin_of_a_covariate():
    """Catches limits left in the coordinates of the search, in which covariates are centred."""
    rng = np.random.default_rng(8)
    age = rng.normal(40.0, 12.0, 1500)
    model = BGNBD(r=0.5, alpha=6.0 * np.exp(-0.02 * (age - 40)), a=0.9, b=2.5)
    data = model.sample(1500, T=40.0, rng=rng).assign(age=age, months=12 * (age - 40))
    years, months = (
        BGNBD.fit(data, covariates={"purchase": [column]}).params().set_index("parameter")
        for column in ("age", "months")
    )
    here, there = years.loc["purchase:age"], months.loc["purchase:months"]
    for column in ("estimate", "std_error", "lower", "upper"):
        assert here[column] == pytest.approx(12 * there[column], rel=1e-3)
    assert here["lower"] < 0.02 < here["upper"]
    # alpha of somebody of age 0 is far less certain than that of age 40.
    assert years.loc["alpha", "upper"] / years.loc["alpha", "lower"] > (
        months.loc["alpha", "upper"] / months.loc["alpha", "lower"]
    )


def test_limits_of_fits_without_a_profile(fit):
    plain = dataclasses.replace(fit, search_limits=None).params()
    ratio = plain["upper"] * plain["lower"] / plain["estimate"] ** 2
    np.testing.assert_allclose(ratio, 1)
    many = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5).sample(6000, T=40.0, rng=np.random.default_rng(1))
    assert MBGNBD.fit(many.head(4000)).search_limits is not None
    assert MBGNBD.fit(many.assign(T=many["T"] + np.arange(6000) / 1e4)).search_limits is None
