"""How many account managers pay: the best number against every other, and its edges."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers.account_managers import account_managers
from crmvalue.tiers.gold_at_risk import gold_at_risk

at_risk = st.lists(
    st.one_of(st.none(), st.just(0.0), st.integers(0, 4000).map(lambda k: k / 4)),
    min_size=1,
    max_size=25,
)
capacities = st.integers(1, 8)
costs = st.sampled_from([0.0, 25.0, 100.0, 400.0, 5000.0])
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


def frame_of(values) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": range(len(values)), "value_at_risk": pl.Series(values, dtype=pl.Float64)}
    )


@settings(max_examples=80)
@given(at_risk, capacities, costs, shares)
def test_no_other_number_of_managers_leaves_more(values, capacity, cost, share) -> None:
    """Catches ``>=`` for ``>`` under a cost of 0, and a half-full last book charged in part."""
    staff = account_managers(frame_of(values), capacity=capacity, cost=cost, protected_share=share)
    falling = sorted((v for v in values if v), reverse=True)
    nets = [share * math.fsum(falling[: n * capacity]) - n * cost for n in range(len(values) + 1)]
    assert staff.net == pytest.approx(max(nets), abs=1e-9)
    assert staff.best == nets.index(max(nets))
    table = staff.managers
    assert table["customers"].sum() == len(falling)
    assert table["value_at_risk"].sum() == math.fsum(falling)
    assert table["pays"].sum() == staff.best
    if staff.best:
        assert table["cumulative_net"][staff.best - 1] == pytest.approx(staff.net)
        assert share > staff.break_even_share
    elif len(table):
        assert share <= staff.break_even_share


@settings(max_examples=30)
@given(at_risk, capacities, costs, st.randoms(use_true_random=False))
def test_customers_are_those_most_at_risk_in_any_order_of_rows(
    values, capacity, cost, random
) -> None:
    """Catches managers numbered by rows and ties broken by them."""
    frame = frame_of(values)
    places = list(range(len(values)))
    random.shuffle(places)
    call = {"capacity": capacity, "cost": cost, "protected_share": 0.5}
    staff, shuffled = account_managers(frame, **call), account_managers(frame[places], **call)
    listed = staff.customers
    assert shuffled.customers.equals(listed)
    managed = listed.filter(pl.col("manager").is_not_null())
    sizes = managed["manager"].value_counts(sort=False).sort("manager")["count"].to_list()
    assert all(size == capacity for size in sizes[:-1])
    assert len(sizes) == staff.best
    assert managed["value_protected"].sum() == pytest.approx(staff.value_protected)
    assert (managed["value_at_risk"] > 0).all()
    rest = listed.filter(pl.col("manager").is_null())["value_at_risk"].drop_nulls()
    if len(rest) and len(managed):
        assert rest.max() <= managed["value_at_risk"].min()
    assert listed["value_protected"].sum() == pytest.approx(staff.value_protected)


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(4)
    values = np.where(rng.random(90) < 0.1, np.nan, np.round(rng.gamma(1, 900, 90)))
    frame = pd.DataFrame(
        {"customer_id": [f"c{i:02d}" for i in rng.permutation(90)], "value_at_risk": values}
    )
    call = {"capacity": 8, "cost": 1500.0, "protected_share": 0.25}
    expected, got = account_managers(frame, **call), account_managers(library(frame), **call)
    for name in ("customers", "managers"):
        pd.testing.assert_frame_equal(
            to_pandas(getattr(got, name)), getattr(expected, name), check_dtype=False
        )
    assert repr(got) == repr(expected)
    assert 0 < expected.best < len(expected.managers)


def test_from_gold_at_risk_to_managers(library) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "tier": ["gold", "gold", "steel"],
            "profit": [900.0, 600.0, 9000.0],
            "probability_alive": [0.9, 0.5, 0.0],
        }
    )
    risk = gold_at_risk(library(frame), value="profit")
    staff = account_managers(risk.customers, capacity=50, cost=100.0, protected_share=0.5)
    assert (staff.best, staff.cost) == (1, 100.0)
    assert staff.net == pytest.approx(0.5 * 390 - 100)
    assert staff.break_even_share == pytest.approx(100 / 390)
    assert to_pandas(staff.managers)["customers"].tolist() == [2]


def test_nothing_at_risk_and_extremes() -> None:
    call = {"capacity": 2, "protected_share": 0.5}
    nothing = account_managers(frame_of([0.0, None]), cost=0.0, **call)
    assert (nothing.best, nothing.net, nothing.break_even_share) == (0, 0.0, None)
    assert len(nothing.managers) == 0
    assert nothing.customers["manager"].null_count() == 2
    assert repr(nothing) == "AccountManagers(0 pay for 0 customers: 0.00 protected, 0.00 net)"
    even = account_managers(frame_of([100.0, 100.0]), cost=100.0, **call)
    assert (even.best, even.break_even_share) == (0, 0.5)
    tiny = account_managers(frame_of([1e-320]), cost=1e9, **call)
    assert tiny.managers["break_even_share"].to_list() == [None]
    assert tiny.break_even_share is None


def test_what_cannot_be_staffed_is_named(library) -> None:
    frame = pd.DataFrame({"customer_id": [1, 1], "value_at_risk": [-1.0, math.inf]})
    with pytest.raises(InputError) as caught:
        account_managers(library(frame), capacity=0, cost=-1, protected_share=1.5)
    text = str(caught.value)
    for part in (
        "capacity (0)", "cost (-1)", "protected_share (1.5)", "repeated_id in 2 rows",
        "too_small in 1 row", "not_finite in 1 row",
    ):  # fmt: skip
        assert part in text, part
    for capacity in (2.5, True, "many"):
        with pytest.raises(InputError, match="whole number"):
            account_managers(frame.head(1), capacity=capacity, cost=1, protected_share=0.5)
    with pytest.raises(InputError, match="empty"):
        account_managers(library(frame.head(0)), capacity=1, cost=1, protected_share=0.5)


@pytest.mark.parametrize("wrong", ["x", [1], None, True, math.nan])
def test_options_that_are_no_numbers_are_refused_together(wrong) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "value_at_risk": [1.0]})
    options = dict.fromkeys(["capacity", "cost", "protected_share"], wrong)
    with pytest.raises(InputError) as caught:
        account_managers(frame, **options)
    assert [fault.fault for fault in caught.value.faults] == list(options)


def test_numbers_of_numpy_are_numbers() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "value_at_risk": [9.0]})
    staff = account_managers(
        frame, capacity=np.int64(2), cost=np.int32(1), protected_share=np.float32(0.5)
    )
    assert (staff.best, staff.net) == (1, 3.5)
