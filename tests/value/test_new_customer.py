"""The value of a new customer: the lines of a known one, from expectations at age 0."""

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
from crmvalue.value import VALUE_LINES, customer_lifetime_value, new_customer_value

MODEL = cv.MBGNBD(r=0.5248, alpha=6.183, a=0.8914, b=1.614)
SPEND = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
TERMS = {"horizon": 52.0, "annual_discount_rate": 0.12}
YEAR = 365.25 / 7


def lines(*rows):
    return pd.DataFrame(rows, columns=["line", "basis", "rate"])


LINES = lines(
    ("discount", "revenue", 0.05),
    ("cost_of_goods", "revenue", 0.6),
    ("service_cost", "order", 3.5),
    ("maintenance_cost", "active_year", 12),
    ("capital_cost", "receivable_days", 30),
)


def value(**changed):
    options = {"purchases": MODEL, "spend": SPEND, "cost_lines": LINES, **TERMS, **changed}
    return new_customer_value(**options)


@pytest.mark.parametrize("model", [MODEL, cv.BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)])
@pytest.mark.parametrize("horizon", [52.0, math.inf])
def test_as_a_known_customer_of_age_0(model, horizon):
    """Catches a first purchase that counts though it is past."""
    found = value(purchases=model, horizon=horizon, acquisition_cost=20.0)
    spend = SPEND.expected_spend(0, np.nan)
    summary = pd.DataFrame(
        {
            "customer_id": [1], "frequency": [0], "recency": [0.0], "T": [0.0],
            "monetary_value": [np.nan], "n_purchases": [1], "total_spend": [spend],
        }
    )  # fmt: skip
    known = customer_lifetime_value(
        summary, purchases=model, spend=SPEND, cost_lines=LINES, acquisition_cost=20.0,
        **(TERMS | {"horizon": horizon}),
    )  # fmt: skip
    pd.testing.assert_frame_equal(found, known.drop(columns="customer_id"), rtol=1e-12)
    assert found["expected_purchases"].isna().all() == math.isinf(horizon)


def test_as_the_average_of_simulated_customers():
    """Purchase by purchase: who left right after the first bought nothing more."""
    rng = np.random.default_rng(1)
    size, horizon, annual = 200_000, 52.0, 0.12
    log_rate = math.log1p(annual) / YEAR
    rate = rng.gamma(MODEL.r, 1 / MODEL.alpha, size)
    leaves = rng.beta(MODEL.a, MODEL.b, size)
    basket = SPEND.p / rng.gamma(SPEND.q, 1 / SPEND.gamma, size)
    age, left = np.zeros(size), rng.random(size) < leaves
    orders, until = np.zeros(size), np.where(left, 0.0, horizon)
    while not left.all():
        age = np.where(left, age, age + rng.standard_exponential(size) / np.maximum(rate, 1e-300))
        buys = ~left & (age <= horizon)
        orders += np.where(buys, np.exp(-log_rate * age), 0.0)
        gone = buys & (rng.random(size) < leaves)
        until = np.where(gone, age, until)
        left |= gone | (age > horizon)
    revenue = orders * basket
    years = -np.expm1(-log_rate * until) / log_rate / YEAR
    expected = {
        "revenue_list": revenue / 0.95,
        "discount": revenue - revenue / 0.95,
        "cost_of_goods": -0.6 * revenue,
        "service_cost": -3.5 * orders,
        "maintenance_cost": -12 * years,
        "capital_cost": -revenue * 30 / 365.25 * annual,
    }
    expected["lifetime_value"] = np.sum(list(expected.values()), axis=0)
    found = value()
    for line, amounts in expected.items():
        error = amounts.std() / math.sqrt(size)
        assert found[line][0] == pytest.approx(amounts.mean(), abs=4 * error), line


def test_the_first_purchase_line_by_line():
    """Catches a discounted first purchase, or one without its service cost."""
    after = value(acquisition_cost=30.0)
    before = value(acquisition_cost=30.0, first_purchase=True)
    spend = float(SPEND.expected_spend(0, np.nan))
    first = {
        "expected_purchases": 1,
        "discounted_purchases": 1,
        "expected_spend": 0,
        "expected_active_years": 0,
        "discounted_active_years": 0,
        "revenue_list": spend / 0.95,
        "discount": spend - spend / 0.95,
        "cost_of_goods": -0.6 * spend,
        "selling_cost": 0,
        "service_cost": -3.5,
        "maintenance_cost": 0,
        "capital_cost": -spend * 30 / 365.25 * 0.12,
    }
    margin = sum(first[line] for line in VALUE_LINES)
    first |= {"lifetime_value": margin, "acquisition_unrecovered": margin}
    assert list(before) == list(after) == list(first)
    difference = (before - after).iloc[0]
    for column, amount in first.items():
        assert difference[column] == pytest.approx(amount, abs=1e-9), column
    assert before["acquisition_unrecovered"][0] == 30.0
    assert after["acquisition_unrecovered"][0] == pytest.approx(30.0 - margin)
    assert value(acquisition_cost=1.0)["acquisition_unrecovered"][0] == 0


@given(
    st.floats(0, 0.9), st.floats(0, 100), st.floats(0, 100), st.floats(0.001, 1), st.booleans()
)  # fmt: skip
def test_the_lines_add_up_to_the_value(discount, service, maintenance, rate, first):
    """Catches a first purchase added to the purchases and not to the revenue."""
    found = value(
        annual_discount_rate=rate,
        horizon=math.inf,
        first_purchase=first,
        cost_lines=lines(
            ("discount", "revenue", discount),
            ("service_cost", "order", service),
            ("maintenance_cost", "active_year", maintenance),
        ),
    )
    total = found[list(VALUE_LINES)].sum(axis=1)
    np.testing.assert_allclose(found["lifetime_value"], total, rtol=1e-9, atol=1e-9)
    net = found["revenue_list"] + found["discount"]
    np.testing.assert_allclose(net, found["discounted_purchases"] * found["expected_spend"])


def test_spend_may_be_a_number_and_cost_lines_may_be_missing():
    found = value(spend=50, cost_lines=None)
    orders = MODEL.discounted_expected_transactions(0, 0, 0, **TERMS)
    assert found["lifetime_value"][0] == pytest.approx(50 * orders)
    assert found["acquisition_unrecovered"][0] == 0


def test_the_library_is_that_of_the_cost_lines(library):
    found = value(cost_lines=library(LINES), acquisition_cost=9)
    expected = value(acquisition_cost=9)
    pd.testing.assert_frame_equal(to_pandas(found), expected, check_dtype=False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"horizon": math.inf, "annual_discount_rate": 0.0}, "has no finite value; give a horizon"),
        ({"purchases": SPEND}, "purchases must be a fit or a model"),
        ({"spend": MODEL}, "spend must be a fit or a model"),
        ({"spend": "basket"}, "a new customer has no summary"),
        ({"spend": cv.GammaGamma(p=1, q=0.5, gamma=2)}, "median_spend"),
        ({"cost_lines": lines(("selling_cost", "order", "x"))}, "not_a_number ('x')"),
        ({"cost_lines": lines(("selling_cost", "order", -1))}, "negative_rate"),
        ({"cost_lines": lines(("rent", "order", 1))}, "unknown_line"),
        ({"acquisition_cost": -1}, "column 'acquisition_cost': negative_cost"),
        ({"acquisition_cost": math.nan}, "not_a_number (nan)"),
    ],
)
def test_bad_terms_are_refused_in_words(changed, words):
    with pytest.raises(InputError) as caught:
        value(**changed)
    assert words in str(caught.value)
