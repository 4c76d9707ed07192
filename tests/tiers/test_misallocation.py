"""Effort against value: shares by group, what would have to move, and the curve."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import compare_costing
from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers.concentration import gini
from crmvalue.tiers.misallocation import misallocation

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [1, 2, 3, 4, 5],
        "profit": [60.0, 20.0, 15.0, 5.0, 0.0],
        "visits": [5, 5, 5, 5, 0],
        "hours": [10.0, 0.0, 0.0, 20.0, 10.0],
        "tier": ["gold", "steel", "steel", "lead", "lead"],
    }
)
rows = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from("abc")),
    min_size=1,
    max_size=30,
).filter(lambda rows: sum(r[0] for r in rows) > 0 and sum(r[1] for r in rows) > 0)


def frame_of(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["value", "hours", "group"])


def test_a_table_by_hand() -> None:
    found = misallocation(CUSTOMERS, "profit", ["visits", "hours"], by_group="tier")
    groups = found.groups
    assert groups["effort"].tolist() == ["visits"] * 3 + ["hours"] * 3
    assert groups["group"].tolist() == ["gold", "steel", "lead"] * 2
    visits = groups.iloc[:3]
    assert visits["customers"].tolist() == [1, 2, 2]
    assert visits["share_of_customers"].tolist() == [0.2, 0.4, 0.4]
    assert visits["value"].tolist() == [60.0, 35.0, 5.0]
    assert visits["amount"].tolist() == [5.0, 10.0, 5.0]
    assert np.allclose(visits["share_of_value"], [0.6, 0.35, 0.05])
    assert np.allclose(visits["share_of_effort"], [0.25, 0.5, 0.25])
    assert np.allclose(visits["ratio"], [0.25 / 0.6, 0.5 / 0.35, 5.0])
    assert np.allclose(visits["difference"], [-0.35, 0.15, 0.2])
    assert np.allclose(found.summary["misallocated_share"], [0.35, 0.7])
    assert np.allclose(found.summary["misallocated"], [7.0, 28.0])
    assert np.allclose(found.summary["misallocated_between_groups"], [0.35, 0.7])
    assert repr(
        found
    ) == "Misallocation(5 customers: visits 35.0% misallocated, hours 70.0% misall" + ("ocated)")


@settings(max_examples=25)
@given(rows)
def test_groups_add_up_and_hide_but_never_add_misallocation(rows) -> None:
    """Catches a sum of absolute differences that isn't halved, and groups in place of customers."""
    frame = frame_of(rows)
    found = misallocation(frame, "value", "hours", by_group="group")
    groups, line = found.groups, found.summary.iloc[0]
    assert math.fsum(groups["amount"]) == frame["hours"].sum() == line["total"]
    assert math.isclose(groups["share_of_effort"].sum(), 1)
    assert math.isclose(groups["share_of_value"].sum(), 1)
    assert math.isclose(groups["difference"].sum(), 0, abs_tol=1e-12)
    moved = groups["difference"].clip(lower=0).sum()
    assert math.isclose(line["misallocated_between_groups"], moved, abs_tol=1e-12)
    assert line["misallocated_between_groups"] <= line["misallocated_share"] + 1e-12
    assert 0 <= line["misallocated_share"] <= 1 + 1e-12
    means = groups["value"] / groups["customers"]
    assert (means.diff().dropna() <= 0).all()


@settings(max_examples=25)
@given(rows)
def test_effort_in_proportion_to_value_is_not_misallocated(rows) -> None:
    """Catches shares of customers in place of shares of value."""
    frame = frame_of(rows).assign(hours=lambda f: f["value"] * 0.5)
    assert misallocation(frame, "value", "hours").summary["misallocated_share"][0] == 0


@settings(max_examples=25)
@given(rows)
def test_it_is_the_misallocated_share_of_two_costings(rows) -> None:
    """Catches a definition that isn't that of the costing room: the sum of positive parts twice."""
    frame = frame_of(rows).assign(customer_id=range(len(rows)))
    ratio = frame["hours"].sum() / frame["value"].sum()
    proportional = pd.DataFrame({"customer_id": frame["customer_id"]})
    costing = compare_costing(
        proportional.assign(cost=frame["hours"].astype(float)),
        proportional.assign(cost=frame["value"] * ratio),
    )
    line = misallocation(frame, "value", "hours").summary.iloc[0]
    assert math.isclose(line["misallocated_share"], costing.misallocated_share, abs_tol=1e-9)


@settings(max_examples=15)
@given(rows, st.randoms(use_true_random=False), st.integers(-20, 20))
def test_row_order_and_units_change_nothing(rows, random, power) -> None:
    """Catches a curve with a row for each customer in place of each value."""
    frame = frame_of(rows)
    random.shuffle(rows)
    scale = 2.0**power
    other = frame_of(rows).assign(value=lambda f: f["value"] * scale)
    for by_group in (None, "group"):
        one = misallocation(frame, "value", "hours", by_group)
        two = misallocation(other, "value", "hours", by_group)
        pd.testing.assert_frame_equal(one.summary, two.summary, check_exact=True)
        pd.testing.assert_frame_equal(one.curve, two.curve, check_exact=True)
        scaled = one.groups.assign(value=lambda f: f["value"] * scale)
        pd.testing.assert_frame_equal(scaled, two.groups, check_exact=True)


@settings(max_examples=25)
@given(rows)
def test_the_curve_of_value_as_effort_gives_its_gini(rows) -> None:
    """Catches customers by rising value."""
    frame = frame_of(rows)
    curve = misallocation(frame, "value", "hours").curve
    assert curve.iloc[0, 1:].tolist() == [0, 0, 0]
    assert np.allclose(curve.iloc[-1, 1:].astype(float), 1)
    x, y = curve["share_of_customers"], curve["cumulative_share_of_value"]
    area = float((np.diff(x) * (y.to_numpy()[1:] + y.to_numpy()[:-1])).sum()) / 2
    assert math.isclose(2 * area - 1, gini(frame["value"]), abs_tol=1e-9)


def test_tenths_keep_equals_together_and_may_be_empty() -> None:
    frame = pd.DataFrame({"value": [*range(1, 101)], "hours": 1})
    groups = misallocation(frame, "value", "hours").groups
    assert groups["group"].tolist() == list(range(1, 11))
    assert groups["customers"].tolist() == [10] * 10
    assert groups["value"].iloc[0] == sum(range(91, 101))
    # 80 % have one purchase: they are one group, and the tenths that they fill are empty.
    heavy = pd.DataFrame({"value": [1.0] * 80 + [*range(2, 22)], "hours": 1})
    groups = misallocation(heavy, "value", "hours").groups
    assert groups["customers"].tolist() == [10, 10, 0, 0, 0, 0, 0, 0, 0, 80]
    assert groups["share_of_value"].iloc[2] == 0
    assert groups["ratio"].isna().tolist() == [False] * 2 + [True] * 7 + [False]
    one = misallocation(frame.head(1), "value", "hours")
    assert one.groups["customers"].tolist() == [0] * 9 + [1]
    assert one.summary["misallocated_share"].tolist() == [0]


def test_every_library_gives_the_same(library) -> None:
    frame = CUSTOMERS.assign(region=[3, 1, 3, 1, 2])
    for by_group in (None, "tier", "region"):
        expected = misallocation(frame, "profit", ["visits", "hours"], by_group)
        found = misallocation(library(frame), "profit", ["visits", "hours"], by_group)
        for name in ("groups", "curve"):
            got, wanted = to_pandas(getattr(found, name)), getattr(expected, name)
            pd.testing.assert_frame_equal(got, wanted, check_exact=True)
        pd.testing.assert_frame_equal(found.summary, expected.summary)
    lazy = misallocation(pl.from_pandas(frame).lazy(), "profit", "visits")
    assert isinstance(lazy.groups, pl.DataFrame)


def test_losses_and_totals_that_are_not_positive() -> None:
    frame = pd.DataFrame({"profit": [30.0, 10.0, -20.0], "visits": [1, 1, 2]})
    with pytest.raises(InputError, match=r"frame\.profit.*negative_value in 1 row"):
        misallocation(frame, "profit", "visits")
    with pytest.warns(DataWarning, match="together -20.00, count as 0") as caught:
        clipped = misallocation(frame, "profit", "visits", negative="clip")
    assert caught[0].filename == __file__
    # All effort for the loss is misallocated.
    assert clipped.summary["misallocated_share"].tolist() == [0.5]
    allowed = misallocation(frame, "profit", "visits", negative="allow")
    assert allowed.summary["misallocated_share"].tolist() == [1.5]
    assert allowed.groups["ratio"].isna().sum() == 8
    for losing in (frame.assign(profit=[10.1, 20.2, -30.3]), frame.assign(profit=0.0)):
        nothing = misallocation(losing, "profit", "visits", negative="allow")
        assert nothing.summary["misallocated_share"].isna().all()
        shares = ["share_of_value", "ratio", "difference"]
        assert nothing.groups[shares].isna().all(axis=None)
        assert nothing.groups["share_of_effort"].notna().all()
        assert nothing.curve["cumulative_share_of_value"].iloc[1:].isna().all()
    idle = misallocation(frame.assign(visits=0), "profit", "visits", negative="allow")
    assert idle.summary["misallocated_share"].isna().all()
    assert idle.groups["share_of_effort"].isna().all()


def test_every_fault_is_named(library) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "profit": [1.0, np.nan, -1.0],
            "visits": [1, -1, 2],
            "tier": ["a", None, "b"],
        }
    )
    with pytest.raises(InputError) as caught:
        misallocation(library(frame), "profit", "visits", by_group="tier")
    assert {(f.column, f.fault) for f in caught.value.faults} == {
        ("frame.profit", "missing_or_not_finite"),
        ("frame.profit", "negative_value"),
        ("frame.visits", "too_small"),
        ("frame.tier", "missing_id"),
        ("frame.customer_id", "repeated_id"),
    }
    with pytest.raises(InputError, match="at least one customer"):
        misallocation(library(CUSTOMERS.head(0)), "profit", "visits")
    with pytest.raises(InputError, match="lacks the column 'calls'"):
        misallocation(library(CUSTOMERS), "profit", "calls")
    for effort in ([], ["visits", "visits"]):
        with pytest.raises(InputError, match="one or more different columns"):
            misallocation(CUSTOMERS, "profit", effort)
    with pytest.raises(InputError, match="negative must be"):
        misallocation(CUSTOMERS, "profit", "visits", negative="drop")
