"""Drivers counted in a log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs, transaction_drivers
from crmvalue.errors import InputError

COLUMNS = {
    "amount": "amount",
    "order": "invoice",
    "quantity": "units",
    "product": "sku",
    "foreign": "abroad",
}


@pytest.fixture
def log():
    return pd.DataFrame(
        [
            ("b", "2024-01-30", 11, "pen", 2.0, 4.0, False),
            ("b", "2024-01-30", 11, "ink", 1.0, 0.0, True),
            ("b", "2024-01-30", 12, "pen", 5.0, 9.0, False),
            ("b", "2024-02-01", 13, "pen", -2.0, -4.0, True),
            ("a", "2024-01-02", 14, "ink", 1.0, 3.0, False),
            ("a", "2024-03-02", 15, "ink", -3.0, 3.0, True),
        ],
        columns=["customer_id", "date", "invoice", "sku", "units", "amount", "abroad"],
    )


def counted(log, **keywords):
    found = to_pandas(transaction_drivers(log, **keywords))
    assert list(found.columns) == ["customer_id", "activity", "quantity"]
    return found.set_index(["customer_id", "activity"])["quantity"].to_dict()


def test_every_driver_by_hand(log, library):
    assert counted(library(log), **COLUMNS) == {
        ("a", "active_months"): 2,
        ("a", "foreign"): 1,
        ("a", "lines"): 2,
        ("a", "new_customers"): 1,
        ("a", "orders"): 2,
        ("a", "products"): 1,
        ("a", "units"): 1,
        ("b", "active_months"): 1,
        ("b", "foreign"): 1,
        ("b", "lines"): 3,
        ("b", "new_customers"): 1,
        ("b", "orders"): 2,
        ("b", "products"): 2,
        ("b", "units"): 8,
        ("b", "returns"): 1,
    }


def test_purchase_days_stand_for_orders_and_lines_without_amounts_are_purchases(log):
    found = counted(log, foreign="abroad")
    assert {name: n for (who, name), n in found.items() if who == "b"} == {
        "active_months": 2,
        "foreign": 2,
        "lines": 4,
        "new_customers": 1,
        "orders": 2,
    }


def test_small_urgent_and_foreign_orders_by_hand(log, library):
    log["country"] = ["UK", "FR", "UK", "FR", "UK", "US"]
    log["lead"] = [5.0, 1.0, 2.0, np.nan, 3.0, 9.0]  # a return has no delivery
    found = counted(
        library(log),
        amount="amount",
        order="invoice",
        small_order=4.0,
        rush="lead",
        rush_within=2,
        foreign="country",
        home="UK",
        drivers={name: name for name in ("small_orders", "rush_orders", "foreign")},
    )
    assert found == {
        ("a", "foreign"): 1,
        ("a", "small_orders"): 2,
        ("b", "foreign"): 1,
        ("b", "rush_orders"): 2,
    }
    assert counted(log, rush="abroad", drivers={"x": "rush_orders"}) == {
        ("a", "x"): 1,
        ("b", "x"): 2,
    }


def test_an_order_of_exactly_the_limit_is_not_small():
    log = pd.DataFrame({"customer_id": 1, "date": "2024-01-01", "amount": [0.1, 0.2, 0.3]})
    small = {"amount": "amount", "drivers": {"x": "small_orders", "y": "orders"}}
    assert counted(log, small_order=0.6, **small) == {(1, "y"): 1}
    assert counted(log, small_order=0.61, **small) == {(1, "x"): 1, (1, "y"): 1}


def test_a_home_that_nobody_has_makes_everybody_foreign(log):
    assert counted(log, foreign="sku", home="UK", drivers={"x": "foreign"}) == {
        ("a", "x"): 2,
        ("b", "x"): 2,
    }


def test_activities_of_the_ledger_take_their_drivers(log):
    mapping = {"order handling": "orders", "invoicing": "orders", "returns desk": "returns"}
    drivers = transaction_drivers(log, amount="amount", drivers=mapping)
    assert drivers.to_numpy().tolist() == [
        *(["a", "invoicing", 2], ["a", "order handling", 2], ["b", "invoicing", 1]),
        *(["b", "order handling", 1], ["b", "returns desk", 1]),
    ]
    pools = pd.DataFrame({"resource": list(mapping), "cost": [30.0, 60.0, 90.0]})
    direct = pd.DataFrame({"resource": list(mapping), "activity": list(mapping), "share": 1})
    totals = activity_costs(pools, direct, drivers).totals
    assert totals["cost"].tolist() == pytest.approx([60, 120])


def test_rows_left_out_drive_nothing(log):
    log["why"] = [None, None, "test", None, None, None]
    found = counted(log, order="invoice", amount="amount", as_of="2024-01-31", left_out="why")
    assert found["b", "orders"] == 1
    assert found["a", "lines"] == 1
    assert ("b", "returns") not in found


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"drivers": {"x": "units"}}, "doesn't give the drivers 'units'; it gives orders, lines"),
        ({"drivers": {"x": "calls", "y": "returns"}}, "'calls', 'returns'"),
        ({"drivers": {}}, "none named"),
        ({"order": "no"}, "transactions lacks the column 'no'"),
        ({"foreign": "units"}, r"'units': not_a_flag in 5 rows \(row 0: 2.0"),
        ({"quantity": "sku"}, "'sku': not_a_number"),
        ({"foreign": "sku"}, r"'sku': not_a_flag .*'pen', 'ink', 'pen'.*for countries give home"),
        ({"rush": "no"}, "transactions lacks the column 'no'"),
        ({"rush": "units", "rush_within": -1}, "'rush_within': no_limit"),
        ({"amount": "amount", "small_order": np.nan}, "'small_order': no_limit"),
        ({"home": "UK", "rush_within": 2, "small_order": 5}, "(?s)'home': no_col.*rush_w.*small"),
        ({"drivers": {"x": "rush_orders"}}, "'rush_orders' rush="),
        ({"date": "no"}, "lacks the column 'no'"),
    ],
)
def test_what_a_log_cannot_give_is_told(log, keywords, message):
    log.loc[4, "units"] = 3.0
    with pytest.raises(InputError, match=message):
        transaction_drivers(log, **keywords)


def test_gaps_in_the_columns_are_faults_told_at_once(log):
    log["sku"] = ["pen", None, "pen", None, "ink", "ink"]
    log["units"] = [np.nan] * 6
    log["abroad"] = [1.0, 0.0, np.nan, 1.0, 0.0, 1.0]
    with pytest.raises(InputError) as error:
        transaction_drivers(log, product="sku", quantity="units", foreign="abroad")
    assert [fault.column for fault in error.value.faults] == ["units", "sku", "abroad"]


LINE = st.tuples(
    st.integers(1, 4), st.integers(0, 90), st.integers(1, 6), st.integers(-3, 9), st.booleans()
)


@settings(max_examples=40)
@given(st.lists(LINE, min_size=1, max_size=20), st.booleans())
def test_counts_equal_those_of_a_group_by(lines, numbered):
    """Law: a driver is a plain count. Catches an order number counted once though two customers
    have it, refund lines counted among the lines, and an order that is small by its smallest line.
    """
    log = pd.DataFrame(lines, columns=["customer_id", "day", "invoice", "amount", "abroad"])
    log["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(log["day"], unit="D")
    log["lead"] = log["invoice"]
    bought = log[log["amount"] >= 0]
    if bought.empty:
        return
    kept = log[log["customer_id"].isin(bought["customer_id"])]
    order = "invoice" if numbered else "day"
    expected = {
        "orders": bought.groupby("customer_id")[order].nunique(),
        "lines": bought.groupby("customer_id").size(),
        "returns": kept[kept["amount"] < 0].groupby("customer_id").size(),
        "active_months": bought.groupby("customer_id")["date"].agg(
            lambda dates: dates.dt.to_period("M").nunique()
        ),
        "foreign": bought[bought["abroad"]].groupby("customer_id")[order].nunique(),
        "new_customers": bought.groupby("customer_id").size().clip(upper=1),
        "small_orders": (bought.groupby(["customer_id", order])["amount"].sum() < 5)
        .groupby("customer_id")
        .sum(),
        "rush_orders": bought[bought["lead"] <= 3].groupby("customer_id")[order].nunique(),
    }
    found = counted(
        log,
        amount="amount",
        order="invoice" if numbered else None,
        foreign="abroad",
        small_order=5,
        rush="lead",
        rush_within=3,
    )
    wanted = {(who, name): n for name, counts in expected.items() for who, n in counts.items() if n}
    assert found == {key: wanted[key] for key in sorted(wanted)}
