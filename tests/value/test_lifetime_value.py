"""Lifetime value: its lines, their sum, and where they come from."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.value import COST_LINES, VALUE_LINES

MODEL = cv.MBGNBD(r=0.5248, alpha=6.183, a=0.8914, b=1.614)
SPEND = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
SUMMARY = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "frequency": [0, 5, 2],
        "recency": [0.0, 38.0, 10.0],
        "T": [40.0, 40.0, 30.0],
        "n_purchases": [1, 6, 3],
        "total_spend": [20.0, 300.0, 60.0],
        "monetary_value": [np.nan, 50.0, 20.0],
        "days": [0.0, 30.0, 60.0],
        "terms": [0.05, 0.1, 0.0],
    }
)
HISTORY = tuple(SUMMARY[c].to_numpy() for c in ("frequency", "recency", "T"))
TERMS = {"horizon": 52.0, "annual_discount_rate": 0.12}


def lines(*rows):
    return pd.DataFrame(rows, columns=["line", "basis", "rate"])


ALL_LINES = lines(
    ("discount", "revenue", "terms"),
    ("cost_of_goods", "revenue", "0.6"),
    ("selling_cost", "revenue", "0.02"),
    ("service_cost", "order", "3.5"),
    ("maintenance_cost", "active_year", "12"),
    ("capital_cost", "receivable_days", "days"),
)


def value(**changed):
    options = {"purchases": MODEL, "spend": SPEND, "cost_lines": ALL_LINES, **TERMS, **changed}
    return cv.customer_lifetime_value(SUMMARY, **options)


def test_each_line_by_hand():
    found = value()
    orders = MODEL.discounted_expected_transactions(*HISTORY, **TERMS)
    years = MODEL.expected_active_time(*HISTORY, **TERMS) / (365.25 / 7)
    spend = SPEND.expected_spend(SUMMARY["frequency"].to_numpy(), SUMMARY["monetary_value"])
    net = orders * spend
    discount = SUMMARY["terms"].to_numpy()
    expected = {
        "revenue_list": net / (1 - discount),
        "discount": net - net / (1 - discount),
        "cost_of_goods": -0.6 * net,
        "selling_cost": -0.02 * net,
        "service_cost": -3.5 * orders,
        "maintenance_cost": -12 * years,
        "capital_cost": -net * SUMMARY["days"].to_numpy() / 365.25 * 0.12,
    }
    assert tuple(expected) == VALUE_LINES
    for line, amounts in expected.items():
        np.testing.assert_allclose(found[line], amounts, rtol=1e-12, err_msg=line)
    np.testing.assert_allclose(found["lifetime_value"], sum(expected.values()), rtol=1e-12)
    np.testing.assert_allclose(found["expected_spend"], spend)
    np.testing.assert_allclose(found["discounted_active_years"], years)
    plain = MODEL.expected_purchases(*HISTORY, horizon=52.0)
    np.testing.assert_allclose(found["expected_purchases"], plain)
    assert (found["discounted_purchases"] < found["expected_purchases"]).all()
    assert (found["discounted_active_years"] < found["expected_active_years"]).all()


def test_lines_not_given_are_zero_and_rows_of_one_line_add_up():
    alone = value(cost_lines=None)
    assert (alone[list(COST_LINES)] == 0).all(axis=None)
    np.testing.assert_array_equal(alone["lifetime_value"], alone["revenue_list"])
    twice = value(cost_lines=lines(("service_cost", "order", 1), ("service_cost", "revenue", 0.1)))
    once = value(cost_lines=lines(("service_cost", "order", 1)))
    more = value(cost_lines=lines(("service_cost", "revenue", 0.1)))
    np.testing.assert_allclose(
        twice["service_cost"], once["service_cost"] + more["service_cost"], rtol=1e-12
    )


def test_an_infinite_horizon_has_a_value_but_no_undiscounted_figures():
    endless = value(horizon=math.inf)
    long = value(horizon=52 * 2000)
    np.testing.assert_allclose(endless["lifetime_value"], long["lifetime_value"], rtol=1e-9)
    assert endless["expected_purchases"].isna().all()
    assert endless["expected_active_years"].isna().all()


def test_spend_may_be_a_number_a_column_a_model_or_a_fit():
    number = value(spend=50.0, cost_lines=None)
    assert (number["expected_spend"] == 50.0).all()
    named = cv.customer_lifetime_value(
        SUMMARY.assign(basket=[10.0, 20.0, 30.0]), purchases=MODEL, spend="basket", **TERMS
    )
    assert named["expected_spend"].tolist() == [10.0, 20.0, 30.0]


def test_covariates_value_each_customer_by_a_model_of_their_own():
    """Catches the rows of covariates taken in another order than those of the summary."""
    rng = np.random.default_rng(2)
    web = rng.random(600) < 0.5
    customers = cv.MBGNBD(r=0.8, alpha=6 * np.exp(-0.9 * web), a=0.9, b=2.5).sample(
        600, T=40.0, rng=rng
    )
    summary = customers.assign(web=web).sample(frac=1, random_state=1)
    fit = cv.MBGNBD.fit(summary, covariates={"purchase": ["web"]})
    terms = {"spend": 10.0, "horizon": 52, "annual_discount_rate": 0.1}
    found = cv.customer_lifetime_value(summary, purchases=fit, **terms)
    for group in (False, True):
        part = summary[summary["web"] == group].sort_values("customer_id")
        alone = fit.model.for_rows(part.iloc[[0]])
        plain = cv.MBGNBD(r=alone.r, alpha=float(alone.alpha[0]), a=alone.a, b=alone.b)
        expected = cv.customer_lifetime_value(part, purchases=plain, **terms)
        part_found = found[found["customer_id"].isin(part["customer_id"])]
        np.testing.assert_allclose(
            part_found["lifetime_value"], expected["lifetime_value"], rtol=1e-12
        )


def test_acquisition_cost_is_shown_and_not_subtracted():
    """By hand: b earned 300 - 180 - 6 - 21 - 12 * 38 / 52.18 - capital 300 * 30 / 365.25 * .12."""
    with_cost, without = value(acquisition_cost=120.0), value()
    np.testing.assert_array_equal(with_cost["lifetime_value"], without["lifetime_value"])
    earned = 300 - 180 - 6 - 21 - 12 * 38 / (365.25 / 7) - 300 * 30 / 365.25 * 0.12
    assert with_cost["acquisition_unrecovered"][1] == pytest.approx(120 - earned)
    assert (without["acquisition_unrecovered"] == 0).all()
    bare = SUMMARY.drop(columns="total_spend")
    found = cv.customer_lifetime_value(
        bare, purchases=MODEL, spend=1.0, acquisition_cost=5.0, **TERMS
    )
    assert found["acquisition_unrecovered"].isna().all()


def test_every_library_gives_the_same_value(library):
    summary = library(SUMMARY)
    found = cv.customer_lifetime_value(
        summary, purchases=MODEL, spend=SPEND, cost_lines=library(ALL_LINES), **TERMS
    )
    pd.testing.assert_frame_equal(to_pandas(found), value(), check_dtype=False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"horizon": math.inf, "annual_discount_rate": 0.0}, "has no finite value; give a horizon"),
        ({"horizon": -1.0}, "expected a time of 0 or more"),
        ({"horizon": math.nan}, "expected a time of 0 or more"),
        ({"annual_discount_rate": -1.5}, "expected a finite rate above -1"),
        ({"purchases": SPEND}, "purchases must be a fit or a model"),
        ({"spend": MODEL}, "spend must be a fit or a model"),
        ({"spend": "basket"}, "column 'spend': not_a_rate ('basket')"),
        ({"spend": math.inf}, "expected a finite number"),
        ({"cost_lines": lines(("rent", "order", 1))}, "unknown_line (row 0: 'rent')"),
        ({"cost_lines": lines(("selling_cost", "mile", 1))}, "unknown_basis"),
        ({"cost_lines": lines(("discount", "order", 1))}, "unknown_basis"),
        ({"cost_lines": lines(("selling_cost", "receivable_days", 1))}, "unknown_basis"),
        ({"cost_lines": lines(("selling_cost", "order", "x"))}, "not_a_rate ('x')"),
        ({"cost_lines": lines(("selling_cost", "order", -1))}, "negative_rate"),
        ({"cost_lines": lines(("discount", "revenue", 1.0))}, "share of the list price below 1"),
        ({"cost_lines": ALL_LINES.drop(columns="rate")}, "lacks the column 'rate'"),
    ],
)
def test_bad_terms_are_refused_in_words(changed, words):
    with pytest.raises(InputError) as caught:
        value(**changed)
    assert words in str(caught.value)


def test_a_summary_in_another_unit_or_with_a_repeated_id_is_refused():
    log = cv.datasets.load_cdnow(sample=True)
    summary = cv.customer_summary(log, amount="amount", unit="D")
    with pytest.raises(InputError, match="wrong_unit"):
        cv.customer_lifetime_value(summary, purchases=MODEL, spend=1.0, **TERMS)
    twice = pd.concat([SUMMARY, SUMMARY])
    with pytest.raises(InputError, match="repeated_id"):
        cv.customer_lifetime_value(twice, purchases=MODEL, spend=1.0, **TERMS)


def test_rows_come_by_rising_id():
    found = cv.customer_lifetime_value(SUMMARY.iloc[::-1], purchases=MODEL, spend=SPEND, **TERMS)
    expected = cv.customer_lifetime_value(SUMMARY, purchases=MODEL, spend=SPEND, **TERMS)
    pd.testing.assert_frame_equal(found, expected)


def test_all_faults_are_named_at_once():
    with pytest.raises(InputError) as caught:
        value(cost_lines=lines(("rent", "order", 1), ("discount", "revenue", 2)), spend="x")
    assert len(caught.value.faults) == 3


RATE = st.floats(0.0, 0.9)


@given(RATE, st.floats(0, 100), st.floats(0, 100), st.floats(0, 365), st.floats(0.001, 1))
def test_the_lines_add_up_to_the_value(discount, service, maintenance, days, rate):
    """Catches `revenue_list = revenue * (1 - given_away)` without its discount line."""
    found = value(
        annual_discount_rate=rate,
        horizon=math.inf,
        cost_lines=lines(
            ("discount", "revenue", discount),
            ("service_cost", "order", service),
            ("maintenance_cost", "active_year", maintenance),
            ("capital_cost", "receivable_days", days),
        ),
    )
    total = found[list(VALUE_LINES)].sum(axis=1)
    np.testing.assert_allclose(found["lifetime_value"], total, rtol=1e-9, atol=1e-9)
    net = found["revenue_list"] + found["discount"]
    np.testing.assert_allclose(net, found["discounted_purchases"] * found["expected_spend"])


@given(st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_every_line_shrinks_as_the_discount_rate_rises(rate, more):
    """Catches `annual_discount_rate` not handed to `expected_active_time`."""
    without_capital = ALL_LINES[ALL_LINES["line"] != "capital_cost"]  # it grows with the rate
    terms = {"horizon": 104.0, "cost_lines": without_capital}
    low = value(annual_discount_rate=rate, **terms)
    high = value(annual_discount_rate=rate + more, **terms)
    for line in VALUE_LINES:
        assert (high[line].abs() <= low[line].abs() * (1 + 1e-12)).all(), line
    assert (high["revenue_list"] < low["revenue_list"]).all()
    assert (high["maintenance_cost"] > low["maintenance_cost"]).all()
