"""What follows from the tiers: cohorts, the gap to gold, gold at risk, policy and gates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.customers.follow_up import cohorts_of
from crmvalue.transactions import read_log

SCHEMAS = {
    "cohorts": ["cohort", "age", "period", "customers", "kept", "share_kept", "revenue"],
    "gold_gap": ["customer_id", "tier", "value", "gap", "gap_share", "orders", "likelihood"],
    "gold_at_risk": ["tier", "customers", "value", "value_at_risk", "share_at_risk"],
    "tier_policy": ["tier", "service_level", "discount_cap", "credit_days", "contacts_per_year"],
    "data_gates": ["gate", "meaning", "rule", "required", "got", "passed"],
}


@pytest.fixture(scope="module")
def model(demo):
    return demo.model


def test_every_result_has_these_tables(demo):
    for name, columns in SCHEMAS.items():
        assert list(demo.tables[name])[: len(columns)] == columns
    assert "effective_number" in demo.concentration


def test_cohorts_hold_all_customers_and_all_revenue(demo, cdnow):
    cohorts = demo.tables["cohorts"]
    assert cohorts.query("age == 0")["customers"].sum() == len(demo.customers)
    assert cohorts["revenue"].sum() == pytest.approx(cdnow["amount"].sum())
    assert cohorts["cohort"].nunique() == 3


@pytest.mark.parametrize(
    ("last", "gap"),
    [("1998-12-31", 31), ("1999-01-01", 90), ("2002-12-31", 90), ("2003-01-01", 365)],
)
def test_the_period_of_cohorts_is_that_which_fits(cdnow, model, last, gap):
    """24 months from January 1997 end in December 1998, 24 quarters in December 2002."""
    log = cdnow[cdnow["customer_id"] <= 100]
    found = cv.value_customers(log, model=model, as_of=last).tables["cohorts"]
    assert (found["period"].iloc[1] - found["period"].iloc[0]).days == gap


def test_cohorts_need_no_second_look_at_the_log(cdnow, demo, monkeypatch):
    """Fails where the log, read and checked before, is read and checked again."""
    expected = cv.cohort_table(cdnow, period="M", amount="amount").cohorts
    read = read_log(cdnow, amount="amount")
    monkeypatch.setattr("crmvalue.tiers.cohorts.read_log", None)
    pd.testing.assert_frame_equal(cohorts_of(read), expected)
    pd.testing.assert_frame_equal(demo.tables["cohorts"], expected)


def test_the_gap_leads_to_gold(demo):
    gap, tiers = demo.tables["gold_gap"], demo.tiers.set_index("tier")
    assert len(gap) == tiers.loc["steel", "customers"]
    np.testing.assert_allclose(gap["value"] + gap["gap"], demo.model.tiers.gold)
    assert gap["priority"].is_monotonic_decreasing
    assert gap["orders"].isna().all()
    alive = demo.customers.set_index("customer_id")["probability_alive"]
    assert (gap["likelihood"].to_numpy() == alive[gap["customer_id"]].to_numpy()).all()


def test_orders_close_a_gap_in_spend(cdnow):
    log = cdnow[cdnow["customer_id"] <= 300]
    gap = cv.value_customers(log, tier_by="total_spend").tables["gold_gap"]
    assert gap["orders"].notna().all()
    assert (gap["orders"] >= 0).all()


def test_the_risk_is_counted_once(demo):
    """Fails where the value is that which the model expects: it is weighted with P(alive)."""
    customers, risk = demo.customers, demo.tables["gold_at_risk"].set_index("tier")
    expected = customers["expected_purchases_year"] * customers["expected_spend"]
    for tier, rows in customers.groupby("tier", observed=True):
        assert risk.loc[tier, "customers"] == len(rows)
        staying = risk.loc[tier, "value"] - risk.loc[tier, "value_at_risk"]
        assert staying == pytest.approx(expected[rows.index].sum())


def test_gates_are_those_of_the_summary(cdnow, model):
    few = cdnow[cdnow["customer_id"] <= 100]
    gates = cv.value_customers(few, model=model).tables["data_gates"].set_index("gate")
    assert not gates.loc["buyers", "passed"]
    assert gates.loc["buyers", "got"] == 100


def test_all_are_in_the_library_of_the_log(cdnow, model, library):
    few = cdnow[cdnow["customer_id"] <= 100]
    found = cv.value_customers(library(few), model=model)
    expected = cv.value_customers(few, model=model)
    for name in SCHEMAS:
        assert type(found.tables[name]) is type(found.customers)
        left, right = to_pandas(found.tables[name]), expected.tables[name]
        assert list(left) == list(right)
        for column in right:
            if pd.api.types.is_float_dtype(right[column]):
                np.testing.assert_allclose(left[column].astype(float), right[column], rtol=1e-12)
            else:
                assert left[column].astype(str).tolist() == right[column].astype(str).tolist()


def test_nobody_is_gold_where_nobody_has_value(cdnow, model):
    """A free product: the tables are there, and nothing is at risk."""
    few = cdnow[cdnow["customer_id"] <= 50].assign(amount=0.0)
    found = cv.value_customers(few, model=model, tier_by=None)
    assert found.tables["gold_at_risk"]["value_at_risk"].notna().all()
    assert len(found.tables["gold_gap"]) == (found.customers["tier"] == "steel").sum()
