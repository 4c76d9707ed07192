"""The customer statement: signed lines that add up, whatever is missing where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs, customer_statement, statement
from crmvalue.errors import ConservationError, InputError

LINES = [
    *("list_revenue", "on_invoice_discount", "rebate", "payment_terms", "freight", "promotion"),
    *("returns", "cost_of_goods", "customer_sustaining", "credit_loss"),
]
SUBTOTALS = ["pocket_revenue", "gross_margin", "contribution", "economic_profit"]


@pytest.fixture
def sales():
    rows = {
        "customer_id": [2, 1, 2],
        "tier": ["steel", "gold", "steel"],
        "list_revenue": [600.0, 1000.0, 400.0],
        "on_invoice_discount": [60.0, 0.0, 40.0],
        "rebate": [10.0, 0.0, 0.0],
        "payment_terms": [0.0, 20.0, 0.0],
        "freight": [5.0, 30.0, 5.0],
        "promotion": [0.0, 0.0, 15.0],
        "returns": [25.0, 0.0, 0.0],
        "cost_of_goods": [300.0, 500.0, 200.0],
        "customer_sustaining": [10.0, 50.0, 0.0],
        "credit_loss": [0.0, 0.0, 8.0],
    }
    return pd.DataFrame(rows)


@pytest.fixture
def costs():
    return pd.DataFrame(
        {
            "customer_id": [1, 2, 2, 3],
            "activity": ["orders", "orders", "visits", "visits"],
            "cost": [40.0, 100.0, 60.0, 7.0],
        }
    )


@pytest.fixture
def receivables():
    return pd.DataFrame({"customer_id": [1, 2], "average_receivable": [100.0, 250.0]})


def test_every_line_by_hand(sales, costs, receivables, library):
    found = customer_statement(
        library(sales),
        costs=library(costs),
        receivables=library(receivables),
        annual_capital_rate=0.1,
    )
    table = to_pandas(found)
    assert list(table.columns) == [
        "customer_id",
        *LINES[:7],
        "pocket_revenue",
        "cost_of_goods",
        "gross_margin",
        *("orders", "visits", "contribution", "customer_sustaining", "credit_loss"),
        *("capital_charge", "economic_profit"),
    ]
    assert table.loc[1].tolist() == [
        *(2, 1000, -100, -10, 0, -10, -15, -25, 840, -500, 340, -100, -60, 180, -10, -8, -25, 137),
    ]
    assert table["customer_id"].tolist() == [1, 2, 3]
    assert table["contribution"].tolist() == [410, 180, -7]
    assert table["economic_profit"].tolist() == [350, 137, -7]
    assert not (np.signbit(table) & (table == 0)).any(axis=None)


def test_by_another_column_sums_the_customers(sales, costs, receivables, library):
    whole = {"costs": library(costs), "receivables": library(receivables)}
    found = customer_statement(library(sales), by="tier", annual_capital_rate=0.1, **whole)
    table = to_pandas(found)
    assert table["tier"].tolist()[:2] == ["gold", "steel"]
    assert pd.isna(table["tier"][2])  # the customer with costs and without sales
    assert table["economic_profit"].tolist() == [350, 137, -7]


def test_by_a_number_with_gaps(sales, costs):
    table = customer_statement(sales.assign(region=[np.nan, 3.0, np.nan]), costs=costs, by="region")
    assert table["region"].isna().tolist() == [False, True]
    assert table["contribution"].tolist() == [410, 173]


def test_tables_with_the_column_are_joined_by_it(sales):
    sales["year"] = [2023, 2023, 2024]
    costs = pd.DataFrame({"year": [2024, 2025], "activity": "orders", "cost": [5.0, 6.0]})
    owed = pd.DataFrame({"year": [2023], "days_outstanding": [36.525]})
    table = customer_statement(
        sales, by="year", costs=costs, receivables=owed, annual_capital_rate=0.2
    )
    assert table["year"].tolist() == [2023, 2024, 2025]
    assert table["orders"].tolist() == [0, -5, -6]
    assert table["capital_charge"].tolist() == pytest.approx([-1540 * 0.1 * 0.2, 0, 0])


def test_days_outstanding_count_on_what_was_billed(sales):
    owed = pd.DataFrame({"customer_id": [2, 9], "days_outstanding": [73.05, 10.0]})
    table = customer_statement(sales, receivables=owed, annual_capital_rate=0.1)
    assert table["customer_id"].tolist() == [1, 2, 9]
    assert table["capital_charge"].tolist() == pytest.approx([0, -900 * 0.2 * 0.1, 0])
    by_tier = customer_statement(sales, receivables=owed, annual_capital_rate=0.1, by="tier")
    assert by_tier["capital_charge"].tolist() == pytest.approx([0, -18, 0])


def test_invoices_owe_for_as_long_as_they_are_open(sales, library):
    """A bill of 365.25 that is open for 10 days is 10 all year long."""
    owed = pd.DataFrame(
        {
            "customer_id": [1, 2, 1],
            "amount": [365.25, 36.525, 730.5],
            "days_outstanding": [10.0, 20.0, 5.0],
        }
    )
    found = customer_statement(library(sales), receivables=library(owed), annual_capital_rate=0.1)
    assert to_pandas(found)["capital_charge"].tolist() == pytest.approx([-2.0, -0.2])


@pytest.fixture
def ageing():
    return pd.DataFrame(
        {
            "customer_id": [1, 2, 1, 2, 9],
            "days_past_due": [-20.0, 0.0, 30.0, 31.0, 400.0],
            "balance": [500.0, 100.0, 40.0, 60.0, 10.0],
        }
    )


MATRIX = {0: 0.01, 31: 0.1, 91: 0.5}


def test_an_ageing_table_gives_the_receivable_and_the_expected_loss(sales, ageing, library):
    found = customer_statement(
        library(sales.drop(columns="credit_loss")),
        receivables=library(ageing),
        annual_capital_rate=0.1,
        loss_rates=MATRIX,
    )
    table = to_pandas(found)
    assert table["customer_id"].tolist() == [1, 2, 9]
    assert table["capital_charge"].tolist() == pytest.approx([-54, -16, -1])
    assert table["credit_loss"].tolist() == pytest.approx([-0.4, -7, -5])
    left = table["contribution"] + table["customer_sustaining"] + table["credit_loss"]
    assert np.allclose(table["economic_profit"], left + table["capital_charge"])
    without = customer_statement(sales, receivables=ageing, annual_capital_rate=0.1)
    assert without["capital_charge"].tolist() == pytest.approx([-54, -16, -1])
    assert without["credit_loss"].tolist() == [0, -8, 0]


def test_losses_of_a_tier_are_those_of_its_customers(sales, ageing):
    table = customer_statement(
        sales.drop(columns="credit_loss"),
        receivables=ageing,
        annual_capital_rate=0,
        loss_rates=MATRIX,
        by="tier",
    )
    assert table["credit_loss"].tolist() == pytest.approx([-0.4, -7, -5])
    assert table["capital_charge"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rates", "drop", "message"),
    [
        ({}, None, "no_loss_rate"),
        ({0: 1.5}, None, r"no_loss_rate \(0: 1.5\)"),
        ({0: -0.1}, None, "no_loss_rate"),
        ({0: float("nan")}, None, "no_loss_rate"),
        ({float("nan"): 0.1}, None, "no_loss_rate"),
        ({"31-60": 0.1}, None, "no_loss_rate"),
        (MATRIX, "days_past_due", r"no_ageing \(there is no days_past_due\)"),
        (MATRIX, "sales", "two_credit_losses"),
        (MATRIX, "receivables", "'loss_rates': no_receivables"),
    ],
)
def test_loss_rates_that_mean_nothing_are_told(sales, ageing, rates, drop, message):
    with pytest.raises(InputError, match=message):
        customer_statement(
            sales if drop == "sales" else sales.drop(columns="credit_loss"),
            receivables=None
            if drop == "receivables"
            else ageing.drop(columns=drop or "x", errors="ignore"),
            annual_capital_rate=None if drop == "receivables" else 0.1,
            loss_rates=rates,
        )


def test_a_negative_balance_or_a_missing_age_is_told(sales, ageing):
    ageing["balance"] = [1.0, -1.0, 1.0, np.nan, 1.0]
    ageing["days_past_due"] = [1.0, 1.0, np.nan, 1.0, 1.0]
    with pytest.raises(InputError) as error:
        customer_statement(
            sales.drop(columns="credit_loss"),
            receivables=ageing,
            annual_capital_rate=0.1,
            loss_rates=MATRIX,
        )
    assert sorted((fault.fault, fault.column) for fault in error.value.faults) == [
        ("missing_or_not_finite", "receivables.balance"),
        ("missing_or_not_finite", "receivables.days_past_due"),
        ("too_small", "receivables.balance"),
    ]


def test_activities_whose_names_meet_each_other_lose_no_money():
    sales = pd.DataFrame({"customer_id": [1], "list_revenue": [100.0]})
    names = ["returns", "returns (activity)", "returns (activity) (activity)"]
    costs = pd.DataFrame({"customer_id": 1, "activity": names, "cost": [1.0, 2.0, 4.0]})
    table = customer_statement(sales, costs=costs)
    assert table["contribution"].tolist() == [93]


def test_only_what_is_known_is_shown():
    sales = pd.DataFrame({"customer_id": ["b", "a"], "cost_of_goods": [4, 3]})
    table = customer_statement(sales)
    assert list(table.columns) == [
        *("customer_id", "list_revenue", "pocket_revenue", "cost_of_goods", "gross_margin"),
        *("contribution", "capital_charge", "economic_profit"),
    ]
    assert table["economic_profit"].tolist() == [-3, -4]


def test_costs_from_activity_costs_whose_names_meet_lines(sales):
    costs = activity_costs(
        pd.DataFrame({"resource": ["desk"], "cost": [90.0]}),
        pd.DataFrame(
            {"resource": "desk", "activity": ["returns", "tier"], "share": [2 / 3, 1 / 3]}
        ),
        pd.DataFrame(
            {"customer_id": [1, 2, 1], "activity": ["returns", "returns", "tier"], "quantity": 1}
        ),
    )
    table = customer_statement(sales, costs=costs, by="tier")
    assert table["returns"].tolist() == [0, -25]
    assert table["returns (activity)"].tolist() == pytest.approx([-30, -30])
    assert table["tier (activity)"].tolist() == pytest.approx([-30, 0])


AMOUNT = st.floats(0, 1e8, allow_nan=False)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 6), *[AMOUNT] * len(LINES)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("xyz"), AMOUNT), max_size=8),
    st.dictionaries(st.integers(1, 9), AMOUNT, max_size=5),
    st.sampled_from(["average_receivable", "balance"]),
    st.sampled_from(["customer_id", "parity"]),
)
def test_lines_add_up_and_no_money_is_lost(sales, costs, owed, form, by):
    """Law: every line of the output is the sum of its input, and the lines of a row make its
    profit. Catches customers without sales dropped from the costs, and credit losses added instead
    of subtracted.
    """
    sales = pd.DataFrame(sales, columns=["customer_id", *LINES]).assign(
        parity=lambda rows: rows["customer_id"] % 2
    )
    costs = pd.DataFrame(costs, columns=["customer_id", "activity", "cost"])
    receivables = pd.DataFrame(
        {"customer_id": list(owed), form: np.array(list(owed.values()), float)}
    )
    table = customer_statement(
        sales, costs=costs, receivables=receivables, annual_capital_rate=0.1, by=by
    )
    if by == "customer_id":
        everyone = {*sales["customer_id"], *costs["customer_id"], *owed}
        assert table["customer_id"].tolist() == sorted(everyone)
    assert table["list_revenue"].sum() == pytest.approx(sales["list_revenue"].sum())
    for line in LINES[1:]:
        assert -table[line].sum() == pytest.approx(sales[line].sum())
    for activity, cost in costs.groupby("activity")["cost"].sum().items():
        assert -table[activity].sum() == pytest.approx(cost)
    assert -table["capital_charge"].sum() == pytest.approx(0.1 * sum(owed.values()))
    parts = table.drop(columns=[by, *SUBTOTALS]).sum(axis=1)
    scale = 1e-12 * table.abs().sum(axis=1).max() + 1e-9
    assert np.allclose(parts, table["economic_profit"], rtol=0, atol=scale)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_row_order_changes_nothing(random):
    """Law: tables have no order. Catches customers without sales put after those with."""
    sales = pd.DataFrame({"customer_id": [3, 1, 3, 2], "list_revenue": [1.0, 2.0, 4.0, 8.0]})
    costs = pd.DataFrame({"customer_id": [2, 0, 3], "activity": ["x", "y", "x"], "cost": [1, 2, 4]})
    one = customer_statement(sales, costs=costs)
    assert one["customer_id"].is_monotonic_increasing

    def mixed(table):
        return table.iloc[random.sample(range(len(table)), len(table))]

    pd.testing.assert_frame_equal(one, customer_statement(mixed(sales), costs=mixed(costs)))


def test_a_lost_amount_is_caught(sales, monkeypatch):
    right = statement.group_sum
    monkeypatch.setattr(statement, "group_sum", lambda *args: right(*args) * 0.999)
    with pytest.raises(ConservationError, match="statement line 'list_revenue'"):
        customer_statement(sales)


def test_all_faults_are_told_at_once(sales, costs, receivables):
    sales["rebate"] = [-1.0, np.nan, np.inf]
    sales["list_revenue"] = [np.inf, -5.0, np.nan]
    costs["cost"] = [1.0, -1.0, np.inf, -np.inf]
    receivables["customer_id"] = [2, 2]
    with pytest.raises(InputError) as error:
        customer_statement(sales, costs=costs, receivables=receivables)
    assert sorted((fault.fault, fault.column, fault.rows) for fault in error.value.faults) == [
        ("missing_or_not_finite", "costs.cost", 2),
        ("missing_or_not_finite", "sales.list_revenue", 2),
        ("missing_or_not_finite", "sales.rebate", 2),
        ("no_capital_rate", "annual_capital_rate", 0),
        ("repeated_id", "receivables.customer_id", 2),
        ("too_small", "costs.cost", 2),
        ("too_small", "sales.rebate", 1),
    ]


@pytest.mark.parametrize("rate", [None, -0.1, np.nan, np.inf])
def test_the_capital_rate_is_a_number(sales, receivables, rate):
    with pytest.raises(InputError, match="no_capital_rate"):
        customer_statement(sales, receivables=receivables, annual_capital_rate=rate)


def test_a_rate_without_receivables_is_told(sales):
    with pytest.raises(InputError, match="no_receivables"):
        customer_statement(sales, annual_capital_rate=0.1)


@pytest.mark.parametrize("columns", [[], ["average_receivable", "days_outstanding"]])
def test_receivables_are_money_or_days(sales, columns):
    owed = pd.DataFrame({"customer_id": [1], **{column: [1.0] for column in columns}})
    with pytest.raises(InputError, match="receivables needs one of the columns"):
        customer_statement(sales, receivables=owed, annual_capital_rate=0.1)


@pytest.mark.parametrize("column", ["customer_id", "tier"])
def test_what_is_owed_by_nobody_is_told_once(sales, column):
    owed = pd.DataFrame({column: ["gold", None], "days_outstanding": [1.0, 2.0]})
    sales["customer_id"] = ["gold", "b", "c"]
    with pytest.raises(InputError, match=f"receivables.{column}.*missing_id in 1 row") as error:
        customer_statement(sales, receivables=owed, annual_capital_rate=0.1, by="tier")
    assert len(error.value.faults) == 1


def test_what_cannot_be_joined_is_told(sales, costs):
    with pytest.raises(InputError, match="sales has none of the lines"):
        customer_statement(sales[["customer_id", "tier"]])
    with pytest.raises(InputError, match="sales lacks the column 'region'"):
        customer_statement(sales, by="region")
    with pytest.raises(InputError, match="by='rebate' is a line"):
        customer_statement(sales, by="rebate")
    with pytest.raises(InputError, match="sales and costs need a column 'customer_id'"):
        customer_statement(sales.drop(columns="customer_id"), costs=costs, by="tier")
    with pytest.raises(InputError, match="several_groups in 1 row"):
        customer_statement(sales.assign(tier=["steel", "gold", "lead"]), costs=costs, by="tier")
    with pytest.raises(InputError, match=r"sales.customer_id.*missing_id"):
        customer_statement(sales.assign(customer_id=[1, np.nan, 2]))


def test_a_group_of_its_own_needs_no_customers(sales):
    table = customer_statement(sales.drop(columns="customer_id"), by="tier")
    assert table["contribution"].tolist() == [450, 340]


def test_empty_sales_with_costs(costs):
    sales = pd.DataFrame({"customer_id": [], "list_revenue": []})
    table = customer_statement(sales, costs=costs)
    assert table["customer_id"].tolist() == [1, 2, 3]
    assert table["economic_profit"].tolist() == [-40, -160, -7]
    assert len(customer_statement(sales)) == 0
