"""Break-even: every point and every lever, recomputed, leaves a contribution of zero."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import customer_statement
from crmvalue.costing.break_even import break_even
from crmvalue.errors import InputError

COSTS = ["cost_of_goods", "order_cost", "returns_cost", "service_cost", "customer_cost"]
COST = st.one_of(st.just(0.0), st.floats(0.01, 1e6))
REVENUE = st.floats(-1e4, 1e6).map(lambda value: round(value, 2))  # money has cents
POINTS = [
    *("customer_id", "revenue", "contribution", "break_even_revenue", "break_even_volume"),
    *("margin_of_safety", "price_change", "break_even_price", "break_even_orders"),
    "break_even_order_size",
]
PROFIT = "economic_profit"
LEVERS = ["price", "order size", "returns", "service level"]


@st.composite
def customers(draw):
    """Customers of every kind: refunds, no revenue, no orders, costs of 0."""
    size = draw(st.integers(1, 5))
    columns = {"customer_id": range(size)}
    columns["revenue"] = draw(st.lists(REVENUE, min_size=size, max_size=size))
    for name in COSTS:
        columns[name] = draw(st.lists(COST, min_size=size, max_size=size))
    columns["units"] = draw(st.lists(st.integers(0, 1000), min_size=size, max_size=size))
    columns["orders"] = draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    return pd.DataFrame(columns).astype(dict.fromkeys(["revenue", *COSTS], float))


def contribution(rows, **changed):
    """Contribution of each row with some of its figures scaled."""
    figures = {name: rows[name] * changed.get(name, 1.0) for name in ["revenue", *COSTS]}
    return figures["revenue"] - sum(figures[name] for name in COSTS)


def assert_zero(left, rows, **changed):
    """Zero to 1e-9 of the money that moved."""
    gross = rows["revenue"].abs() * changed.get("revenue", 1.0) + rows[COSTS].sum(axis=1)
    assert (left.abs() <= 1e-9 * gross).all()


@settings(max_examples=30)
@given(customers())
def test_every_point_leaves_a_contribution_of_zero(rows):
    """Law: at break-even contribution is 0. Catches fixed cost of service scaled with volume."""
    points = break_even(rows).customers
    found = contribution(rows)
    gross = rows["revenue"].abs() + rows[COSTS].sum(axis=1)
    assert ((points["contribution"] - found).abs() <= 1e-11 * gross).all()

    scale = 1 - points["margin_of_safety"]
    varying = ("revenue", "cost_of_goods", "order_cost", "returns_cost")
    margin = rows["revenue"] - rows["cost_of_goods"] - rows["order_cost"] - rows["returns_cost"]
    clear = margin.abs() > 1e-9 * gross
    assert (scale.notna() == (margin > 0))[clear].all()
    known = scale.notna() & (margin > 1e-3 * gross)  # elsewhere rounding outgrows what is left
    volume = dict.fromkeys(varying, scale[known])
    left = contribution(rows[known], **volume)
    assert (left.abs() <= 1e-9 * (1 + scale[known]) * gross[known]).all()
    assert np.allclose(points["break_even_volume"], rows["units"] * scale, equal_nan=True)
    assert np.allclose(points["break_even_revenue"], rows["revenue"] * scale, equal_nan=True)

    price = 1 + points["price_change"]
    known = rows["revenue"] > 0.01
    assert price[known].notna().all()
    assert_zero(contribution(rows[known], revenue=price[known]), rows[known])
    some = known & (rows["units"] > 0)
    spent = (points["break_even_price"] * rows["units"])[some]
    assert np.allclose(spent, rows[COSTS].sum(axis=1)[some])

    orders = points["break_even_orders"] / rows["orders"].where(rows["orders"] > 0)
    known = orders.notna() & (rows["order_cost"] > 1e-3 * gross)
    assert_zero(contribution(rows[known], order_cost=orders[known]), rows[known])
    assert (points["break_even_orders"].dropna() >= 0).all()


@settings(max_examples=30)
@given(customers())
def test_a_lever_that_is_enough_leaves_a_contribution_of_zero(rows):
    """Law: contribution after the change is 0 where the lever is enough, else higher by its money
    and still a loss. Catches a lever of order size that merges the last order away too.
    """
    levers = break_even(rows).levers
    losing = rows[contribution(rows) < -1e-11 * (rows["revenue"].abs() + rows[COSTS].sum(axis=1))]
    assert levers["customer_id"].tolist() == np.repeat(losing["customer_id"], 4).tolist()
    assert levers["lever"].tolist() == LEVERS * len(losing)
    moved = dict(
        zip(LEVERS, ["revenue", "order_cost", "returns_cost", "service_cost"], strict=True)
    )
    for lever, column in moved.items():
        mine = levers[levers["lever"] == lever].set_index("customer_id")
        base = rows.loc[mine.index]
        change = mine["change"].fillna(0.0)
        after = contribution(base, **{column: 1 + change})
        assert_zero(after + mine["loss"] - mine["money"], base)
        enough = mine["enough"]
        assert_zero(after[enough], base[enough])
        assert (mine["money"] <= mine["loss"]).all()
        assert (after[~enough] < 0).all()
        if column != "revenue":
            assert change.between(-1, 0).all()
        else:
            assert (enough == (base["revenue"] > 0)).all()
    orders = levers[levers["lever"] == "order size"]
    assert (orders["after"][orders["before"] >= 1] >= 1 - 1e-12).all()


@settings(max_examples=20)
@given(customers(), st.lists(st.sampled_from("xy"), min_size=5, max_size=5))
def test_a_class_is_the_sum_of_its_customers(rows, names):
    """Law: contributions of classes add up to those of customers. Catches amounts of the last
    customer that stand for the class.
    """
    rows["class"] = names[: len(rows)]
    single = break_even(rows).customers.set_index(rows["class"])
    classes = break_even(rows, by="class").customers.set_index("class")
    gross = rows["revenue"].abs().sum() + rows[COSTS].to_numpy().sum()
    for column in ("revenue", "contribution"):
        summed = single.groupby(level=0)[column].sum()
        assert np.allclose(classes[column], summed[classes.index], rtol=0, atol=1e-11 * gross)
    halves = pd.concat([rows, rows])
    halves[["revenue", *COSTS, "units", "orders"]] /= 2
    pd.testing.assert_frame_equal(
        break_even(halves).customers, break_even(rows).customers, rtol=1e-9, atol=1e-9 * gross
    )


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "class": ["small", "large", "small"],
            "revenue": [1000.0, 2000.0, 500.0],
            "cost_of_goods": [600.0, 1200.0, 350.0],
            "order_cost": [480.0, 300.0, 20.0],
            "returns_cost": [0.0, 50.0, 60.0],
            "service_cost": [20.0, 150.0, 100.0],
            "customer_cost": [0.0, 50.0, 10.0],
            "units": [100, 200, 50],
            "orders": [48, 30, 2],
        }
    )


def test_every_figure_by_hand(rows, library):
    found = break_even(library(rows))
    points = to_pandas(found.customers)
    assert list(points.columns) == POINTS
    points = points.set_index("customer_id")
    assert points["contribution"].tolist() == [-100, 250, -40]
    assert points["margin_of_safety"].tolist()[1:] == pytest.approx([1 - 200 / 450, 1 - 110 / 70])
    assert points["break_even_volume"].tolist()[1:] == pytest.approx([200 * 200 / 450, 50 * 11 / 7])
    assert np.isnan(points.loc["a", "break_even_volume"])
    assert points["price_change"].tolist() == pytest.approx([0.1, -0.125, 0.08])
    assert points["break_even_price"].tolist() == pytest.approx([11, 8.75, 10.8])
    assert points["break_even_orders"].tolist()[:2] == pytest.approx([38, 55])
    assert points["break_even_order_size"].tolist()[:2] == pytest.approx([100 / 38, 200 / 55])
    assert np.isnan(points.loc["c", "break_even_orders"])
    levers = to_pandas(found.levers)
    assert list(levers.columns) == [
        *("customer_id", "loss", "lever", "before", "after", "change", "money", "enough"),
    ]
    mine = levers[levers["customer_id"] == "c"].set_index("lever")
    assert mine["before"].tolist() == [10, 2, 60, 100]
    assert mine["after"].tolist() == pytest.approx([10.8, 1, 20, 60])
    assert mine["change"].tolist() == pytest.approx([0.08, -0.5, -2 / 3, -0.4])
    assert mine["money"].tolist() == [40, 10, 40, 40]
    assert mine["enough"].tolist() == [True, False, True, True]
    assert repr(found) == "BreakEven(3 rows by customer_id, 2 at a loss of 140.00 together)"
    with pytest.raises(FrozenInstanceError):
        found.by = "class"


def test_a_class_keeps_one_order_of_each_customer(rows, library):
    rows.loc[0, "order_cost"] = 900.0
    found = break_even(library(rows), by="class")
    points = to_pandas(found.customers)
    assert points["class"].tolist() == ["large", "small"]
    assert points["contribution"].tolist() == [250, -560]
    orders = to_pandas(found.levers).iloc[1]
    assert (orders["class"], orders["before"], orders["money"]) == ("small", 50, 560)
    rows[["customer_cost", "orders"]] = [[0, 20], [0, 1], [1000, 0]]
    orders = to_pandas(break_even(library(rows), by="class").levers).iloc[1]
    assert orders["after"] == pytest.approx(1)  # one of the two has no orders
    rows["orders"] = [20, 1, 20]
    orders = to_pandas(break_even(library(rows), by="class").levers).iloc[1]
    assert orders["after"] == pytest.approx(2)
    assert orders["money"] == pytest.approx(920 * 38 / 40)
    orders = to_pandas(break_even(library(rows.drop(columns="customer_id")), by="class").levers)
    assert orders["after"][1] == pytest.approx(1)


def test_without_units_and_orders_money_is_still_told(rows, library):
    found = break_even(library(rows.drop(columns=["units", "orders"])))
    points, levers = to_pandas(found.customers), to_pandas(found.levers)
    unknown = ["break_even_volume", "break_even_price", "break_even_orders"]
    assert points[[*unknown, "break_even_order_size"]].isna().all(axis=None)
    assert points["break_even_revenue"].notna().tolist() == [False, True, True]
    orders = levers[levers["lever"] == "order size"]
    assert orders["before"].isna().all()
    assert orders["money"].tolist() == [100, 20]
    assert orders["enough"].tolist() == [True, False]


def test_nobody_at_a_loss_needs_no_lever(rows, library):
    levers = to_pandas(break_even(library(rows.iloc[[1]])).levers)
    assert len(levers) == 0
    assert "lever" in levers
    even = pd.DataFrame({"customer_id": [1], "revenue": [30.3], "cost_of_goods": [10.1]})
    found = break_even(even.assign(order_cost=20.2))  # 7e-15 in binary
    assert len(found.levers) == 0
    assert found.customers["contribution"].tolist() == [0]
    assert found.customers["price_change"].tolist() == [0]


@pytest.fixture
def statement():
    sales = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "list_revenue": [1000.0, 500.0],
            "rebate": [50.0, 0.0],
            "returns": [30.0, 60.0],
            "cost_of_goods": [600.0, 250.0],
            "customer_sustaining": [20.0, 30.0],
        }
    )
    costs = pd.DataFrame(
        {
            "customer_id": [1, 2, 2, 2],
            "activity": ["handling", "handling", "visits", "return desk"],
            "cost": [40.0, 100.0, 80.0, 25.0],
        }
    )
    return customer_statement(sales, costs=costs)


def test_a_statement_is_read_by_its_lines(statement, library):
    lines = {"order_cost": "handling", "returns_cost": ["returns", "return desk"]}
    given = library(statement.assign(orders=[4, 10]))
    points = to_pandas(break_even(given, lines=lines).customers)
    assert points["contribution"].tolist() == statement["contribution"].tolist() == [280, -15]
    assert points["revenue"].tolist() == [950, 500]
    assert points["margin_of_safety"].tolist() == pytest.approx([1, 1 - 80 / 65])
    found = break_even(library(statement.assign(orders=[4, 10])), lines=lines, subtotal=PROFIT)
    points = to_pandas(found.customers)
    assert points["contribution"].tolist() == statement[PROFIT].tolist() == [260, -45]
    assert points["margin_of_safety"].tolist() == pytest.approx([1 - 20 / 280, 1 - 110 / 65])
    assert to_pandas(found.levers)["money"].tolist() == pytest.approx([45, 45, 45, 0])
    given, lines = library(statement), {"service_cost": ["visits", "customer_sustaining"]}
    served = to_pandas(break_even(given, lines=lines, subtotal=PROFIT).levers)
    assert served["money"].tolist() == pytest.approx([45, 0, 0, 45])
    assert served["before"].tolist()[3] == 110


@pytest.mark.parametrize(
    "lines",
    [
        {"order_cost": "unknown"},
        {"orders": "handling"},
        {"order_cost": ["handling", "handling"]},
        {"order_cost": "handling", "service_cost": "handling"},
        {"order_cost": "cost_of_goods"},
        {"order_cost": "gross_margin"},
        {"order_cost": "customer_sustaining"},
    ],
)
def test_lines_that_are_none_are_an_error(statement, lines):
    with pytest.raises(InputError, match="lines maps order_cost, returns_cost, service_cost"):
        break_even(statement, lines=lines)
    with pytest.raises(InputError, match="'pocket_revenue'"):
        break_even(statement, lines={}, subtotal="pocket_revenue")


def test_every_fault_is_named_at_once(rows, statement, library):
    rows["customer_id"] = ["a", None, "c"]
    rows.loc[0, "order_cost"] = -1
    rows.loc[1, "revenue"] = np.nan
    rows["orders"] = [-3, 2, 1]
    with pytest.raises(InputError) as caught:
        break_even(library(rows))
    assert [(fault.fault, fault.column) for fault in caught.value.faults] == [
        ("missing_id", "customers.customer_id"),
        ("too_small", "customers.order_cost"),
        ("missing_or_not_finite", "customers.revenue"),
        ("too_small", "customers.orders"),
    ]
    with pytest.raises(InputError, match="empty"):
        break_even(library(rows.head(0)))
    with pytest.raises(InputError, match="is an amount"):
        break_even(library(rows), by="revenue")
    with pytest.raises(InputError, match="lacks the column 'revenue'"):
        break_even(library(rows.drop(columns="revenue")))
    wrong = statement.assign(handling=[40.0, 100.0], contribution=[np.inf, 1.0])
    with pytest.raises(InputError) as caught:
        break_even(library(wrong), lines={"order_cost": "handling", "service_cost": "visits"})
    assert {fault.fault for fault in caught.value.faults} >= {
        "positive_cost",
        "missing_or_not_finite",
    }
    more = statement.assign(visits=[0.0, -1e6])
    with pytest.raises(InputError, match="lines_exceed_cost in 1 row"):
        break_even(library(more), lines={"service_cost": "visits"})
