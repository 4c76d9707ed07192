"""What the costs of a result say, joined from the rooms that say it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas

# What a small log leaves open about the models of purchases doesn't matter here.
pytestmark = pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")


@pytest.fixture(scope="module")
def business():
    return cv.datasets.simulate_business(rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def result(business):
    names = ("resources", "resource_drivers", "activity_drivers", "activities")
    lines = pd.DataFrame({"line": ["cost_of_goods"], "basis": ["revenue"], "rate": [0.6]})
    return cv.value_customers(
        business["transactions"], costs={n: business[n] for n in names}, cost_lines=lines
    )


def test_totals_end_at_revenue_less_goods_less_the_ledger(business, result):
    """Catches idle or facility cost forgotten on the way to operating profit."""
    totals = result.tables["statement_totals"].set_index("line")["amount"]
    spend, goods = (result.customers[c].sum() for c in ("total_spend", "cost_of_goods_sold"))
    expected = spend - goods - business["resources"]["cost"].sum()
    assert totals["operating_profit"] == pytest.approx(expected, abs=0.01)


def test_distortion_sets_the_same_money_twice(result):
    """Catches the ledger's total spread by volume, with what activities never charge."""
    lines = result.tables["distortion"].set_index("line")["amount"]
    assert lines["volume_total"] == pytest.approx(lines["activity_total"], abs=0.01)
    compared = result.tables["cost_comparison"].set_index("customer_id")
    customers = result.customers.set_index("customer_id")
    np.testing.assert_allclose(compared["activity_cost"], customers["activity_cost"], atol=1e-9)
    np.testing.assert_allclose(compared["activity_profit"], customers["profit"], atol=1e-6)
    share = customers["total_spend"] / customers["total_spend"].sum()
    np.testing.assert_allclose(compared["volume_cost"], share * lines["volume_total"], rtol=1e-9)


def test_tier_changes_are_those_of_the_two_profits(result):
    """Catches rows and columns of the table exchanged."""
    compared = result.tables["cost_comparison"]
    tiers = [
        cv.ParetoTiers.fit(compared, by=by).assign(compared)["tier"].astype(str)
        for by in ("volume_profit", "activity_profit")
    ]
    counted = pd.crosstab(*tiers)
    for row in result.tables["tier_changes"].to_dict("records"):
        one, other = str(row["tier_by_volume"]), str(row["tier_by_activity"])
        expected = counted.loc[one, other] if one in counted.index and other in counted else 0
        assert row["customers"] == expected
    assert result.tables["tier_changes"]["profit"].sum() == pytest.approx(
        result.customers["profit"].sum()
    )


def test_the_map_holds_every_customer(result):
    cells = result.tables["cost_to_serve"]
    assert cells["customers"].sum() == len(result.customers)
    left = cells["y_sum"].sum() - cells["x_sum"].sum()
    assert left == pytest.approx(result.customers["profit"].sum())


def test_levers_are_of_the_losing_customers(result):
    """Catches order levers that read the cost of another level."""
    levers = result.tables["levers"]
    losing = result.customers.loc[result.customers["profit"] < -1e-6]
    assert set(levers["customer_id"]) == set(losing["customer_id"])
    loss = levers.drop_duplicates("customer_id").set_index("customer_id")["loss"]
    found = losing.set_index("customer_id")["profit"]
    np.testing.assert_allclose(loss, -found.loc[loss.index], rtol=1e-9)
    orders = levers.loc[levers["lever"] == "order size"].set_index("customer_id")["before"]
    counted = result.customers.set_index("customer_id")["n_purchases"]
    assert (orders == counted.loc[orders.index]).all()


def test_peak_of_the_whale(result):
    (peak,) = result.tables["whale_peak"].to_dict("records")
    profit = result.customers["profit"]
    assert peak["value_created"] == pytest.approx(profit[profit > 0].sum())
    assert peak["destroyers"] == (profit < 0).sum()


def test_without_a_ledger_there_are_none_of_these_tables():
    result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    assert not {"statement_totals", "distortion", "levers", "cost_to_serve"} & set(result.tables)


def test_customers_of_the_ledger_who_never_bought_are_kept(library):
    log = cv.datasets.simulate_transactions(80, rng=np.random.default_rng(5))
    costs = cv.datasets.demo_costs(log)
    extra = costs["activity_drivers"].iloc[:1].assign(customer_id=10_000, quantity=3.0)
    costs["activity_drivers"] = pd.concat([costs["activity_drivers"], extra], ignore_index=True)
    result = cv.value_customers(library(log), costs=costs)
    compared = to_pandas(result.tables["cost_comparison"])
    assert 10_000 in compared["customer_id"].tolist()
    lines = to_pandas(result.tables["distortion"]).set_index("line")
    assert lines.loc["activity_only", "customers"] == 1
