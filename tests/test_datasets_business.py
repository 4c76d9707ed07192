"""The simulated manufacturer: its tables agree, and hide who earns and who loses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue.errors import InputError

LEDGER = ("resources", "resource_drivers", "activity_drivers", "activities")
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def simulate():
    def run(seed, customers=400):
        rng = np.random.default_rng(seed)
        business = cv.datasets.simulate_business(rng=rng, customers=customers)
        costs = cv.activity_costs(*(business[name] for name in LEDGER))
        statement = cv.customer_statement(
            business["sales"],
            costs=costs,
            receivables=business["receivables"],
            annual_capital_rate=0.08,
        )
        return business, costs, statement.merge(business["customers"])

    return run


def test_a_business_is_repeated_by_its_seed_alone():
    one, two, other = (
        cv.datasets.simulate_business(rng=np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, two[name])
    assert not one["transactions"].equals(other["transactions"])


@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_largest_lose_and_some_small_earn(simulate, seed):
    """Catches the demanding dealers ordering at list price (discount 0 in their profile)."""
    _, costs, customers = simulate(seed)
    tenth = len(customers) // 10
    largest = customers.nlargest(tenth, "pocket_revenue")
    losing = largest[largest["contribution"] < 0]
    assert len(losing) >= 5
    assert (losing["kind"] == "dealer").all()
    best = customers.nlargest(tenth, "contribution")
    gold = best[best["size"] == "small"]
    assert len(gold) >= 3
    assert not set(gold["customer_id"]) & set(largest["customer_id"][:20])
    outside = costs.idle.sum() + costs.at_level.sum() + costs.unassigned.sum()
    assert customers["economic_profit"].sum() > outside > 0


@settings(max_examples=5)
@given(seed=SEEDS, customers=st.integers(25, 200))
def test_the_log_is_the_revenue_of_the_sales(simulate, seed, customers):
    """Catches a return whose row in the log is positive."""
    business, costs, _ = simulate(seed, customers)
    sales = business["sales"].set_index("customer_id")
    assert sales.index.tolist() == list(range(1, customers + 1))
    net = sales["list_revenue"] - sales["on_invoice_discount"] - sales["returns"]
    amounts = business["transactions"].groupby("customer_id")["amount"].sum()
    np.testing.assert_allclose(amounts, net, atol=0.005)
    spent = business["resources"]["cost"].sum()
    parts = (costs.charged, costs.idle, costs.at_level, costs.unassigned)
    assert sum(part.sum() for part in parts) == pytest.approx(spent, abs=0.005)
    assert (business["receivables"]["days_outstanding"] >= 0).all()


@settings(max_examples=5)
@given(seed=SEEDS)
def test_the_drivers_are_those_of_the_log(simulate, seed):
    """Catches foreign orders that are counted by line."""
    business, _, _ = simulate(seed, 60)
    counted = cv.transaction_drivers(
        business["transactions"],
        amount="amount",
        order="order",
        rush="lead_days",
        rush_within=3,
        foreign="country",
        home="Germany",
        drivers={
            "order handling": "orders",
            "picking": "lines",
            "rush orders": "rush_orders",
            "export papers": "foreign",
            "returns desk": "returns",
        },
    )
    known = business["activity_drivers"]
    stated = known[known["activity"].isin(counted["activity"])]
    by = ["customer_id", "activity"]
    left, right = (
        frame.set_index(by)["quantity"].sort_index().astype(float) for frame in (counted, stated)
    )
    pd.testing.assert_series_equal(left, right, check_index_type=False)


def test_nobody_is_of_two_kinds_or_regions(simulate):
    business, _, _ = simulate(5)
    people, log = business["customers"], business["transactions"]
    assert people["customer_id"].is_unique
    assert people["salesperson"].nunique() == 10
    assert not log.drop_duplicates(["customer_id", "country"])["customer_id"].duplicated().any()
    check = cv.check_transactions(log, amount="amount")
    assert len(check.faults) == check.duplicates == 0
    assert log["date"].is_monotonic_increasing
    assert log["date"].dt.year.unique().tolist() == [2024]


def test_a_business_needs_every_kind_of_customer():
    with pytest.raises(InputError, match="at least 25 customers; got customers=24"):
        cv.datasets.simulate_business(rng=np.random.default_rng(1), customers=24)
    small = cv.datasets.simulate_business(rng=np.random.default_rng(1), customers=25)
    assert len(small["customers"].value_counts(["kind", "size"])) == 6
