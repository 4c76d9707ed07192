"""Volume-based costing, and what a comparison with costs by activity says about it."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs
from crmvalue.costing.comparison import compare_costing
from crmvalue.costing.volume import volume_costs
from crmvalue.errors import InputError

MONEY = st.floats(0, 1e9, allow_nan=False)
COLUMNS = [
    *("customer_id", "volume_cost", "activity_cost", "difference", "ratio", "costed"),
    *("volume_profit", "activity_profit", "sign_flip", "flips_to"),
    *("volume_rank", "activity_rank", "rank_change"),
    *("volume_profit_rank", "activity_profit_rank", "profit_rank_change"),
]


def costs(amounts, column="cost"):
    return pd.DataFrame(
        {"customer_id": list(amounts), column: np.array([*amounts.values()], dtype=float)}
    )


def near(whole):
    """Half a cent, or what a double can hold."""
    return max(0.005, 1e-12 * abs(whole))


def some(amounts, **sizes):
    return st.dictionaries(st.integers(1, 8), amounts, **sizes)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 5), MONEY), min_size=1).filter(lambda r: any(v for _, v in r))
)
def test_the_total_is_spread_whole_and_in_proportion(rows):
    """Law: costs add up to the total and are proportional to volume. Catches rows of one customer
    of which the last one wins.
    """
    frame = pd.DataFrame(rows, columns=["customer_id", "hours"])
    found = volume_costs(1e6, frame, by="hours")
    assert list(found.columns) == ["customer_id", "volume", "cost"]
    volume = frame.groupby("customer_id")["hours"].sum()
    assert found["customer_id"].tolist() == volume.index.tolist()
    assert found["volume"].tolist() == pytest.approx(volume.tolist())
    assert math.isclose(found["cost"].sum(), 1e6, rel_tol=1e-12)
    expected = 1e6 * (volume / volume.max()) / (volume / volume.max()).sum()
    assert found["cost"].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_smallest_and_the_largest_volumes_are_spread_too():
    assert volume_costs(8.0, costs({1: 5e-324, 2: 5e-324}, "volume"))["cost"].tolist() == [4, 4]
    assert volume_costs(8.0, costs({1: 1e308, 2: 1e308}, "volume"))["cost"].tolist() == [4, 4]
    assert volume_costs(0.0, costs({1: 1, 2: 3}, "volume"))["cost"].tolist() == [0, 0]


def test_every_fault_of_volumes_is_named_at_once(library):
    bad = pd.DataFrame({"customer_id": ["a", None, "c"], "volume": [1.0, -2.0, np.nan]})
    with pytest.raises(InputError) as caught:
        volume_costs(-5.0, library(bad))
    faults = {(fault.fault, fault.column) for fault in caught.value.faults}
    assert faults == {
        ("not_a_total", "total"),
        ("missing_id", "volumes.customer_id"),
        ("too_small", "volumes.volume"),
        ("missing_or_not_finite", "volumes.volume"),
    }
    for total in (math.nan, math.inf):
        with pytest.raises(InputError, match="not_a_total"):
            volume_costs(total, costs({1: 1}, "volume"))
    with pytest.raises(InputError, match="no_volume in 2 rows"):
        volume_costs(5.0, library(costs({1: 0, 2: 0}, "volume")))
    with pytest.raises(InputError, match="empty"):
        volume_costs(5.0, library(costs({1: 1}, "volume").head(0)))
    with pytest.raises(InputError, match="lacks the column 'units'"):
        volume_costs(5.0, library(costs({1: 1}, "volume")), by="units")


@settings(max_examples=30)
@given(some(MONEY, min_size=1), some(MONEY), some(st.floats(-1e9, 1e9)))
def test_no_money_is_lost_on_the_way(by_volume, by_activity, margins):
    """Law: both costs, the margin and the cross-subsidy add up. Catches customers of one table that
    are dropped, and an unmatched rest that is taken from the larger side only.
    """
    found = compare_costing(costs(by_volume), costs(by_activity), costs(margins, "margin"))
    table = found.customers
    ids = sorted(by_volume.keys() | by_activity.keys() | margins.keys())
    assert table["customer_id"].tolist() == ids
    for name, given_costs in [("volume", by_volume), ("activity", by_activity)]:
        assert table[f"{name}_cost"].tolist() == [given_costs.get(i, 0.0) for i in ids]
        profit = [margins.get(i, 0.0) - given_costs.get(i, 0.0) for i in ids]
        assert np.allclose(table[f"{name}_profit"], profit, rtol=1e-9, atol=1e-3)
    whole = math.fsum(by_volume.values()) - math.fsum(by_activity.values())
    assert math.isclose(table["difference"].sum(), whole, abs_tol=near(2e9))
    flows = found.cross_subsidy
    assert math.isclose(flows["pays"].sum(), flows["receives"].sum(), abs_tol=near(1e9))
    assert math.isclose(flows["unmatched"].sum(), whole, abs_tol=near(1e9))
    differing = table[table["difference"] != 0]
    assert flows["customer_id"].tolist() == differing["customer_id"].tolist()
    split = flows["pays"] - flows["receives"] + flows["unmatched"]
    assert np.allclose(split, differing["difference"], rtol=1e-9, atol=1e-6)
    assert (flows[["pays", "receives"]] >= 0).all(axis=None)
    assert not ((flows["pays"] > 0) & (flows["receives"] > 0)).any()
    assert (np.sign(flows["unmatched"]) * np.sign(whole) >= 0).all()


@settings(max_examples=30)
@given(some(MONEY, min_size=1).filter(lambda c: sum(c.values()) > 0), some(MONEY, min_size=1))
def test_the_misallocated_share_is_a_share(by_volume, weights):
    """Law: in [0, 1] where the totals agree, 0 where both agree, the same from both sides. Catches
    the sum of the absolute differences that isn't halved.
    """
    total = math.fsum(by_volume.values())
    if not any(weights.values()):
        return
    by_activity = volume_costs(total, costs(weights, "volume"))
    found = compare_costing(costs(by_volume), by_activity)
    assert 0 <= found.misallocated_share <= 1 + 1e-12
    swapped = compare_costing(by_activity, costs(by_volume))
    assert math.isclose(found.misallocated_share, swapped.misallocated_share, abs_tol=1e-15)
    pairs = found.customers[["volume_cost", "activity_cost"]]
    gap = (pairs["volume_cost"] - pairs["activity_cost"]).abs().sum()
    assert math.isclose(found.misallocated_share, gap / 2 / total, abs_tol=1e-9)
    same = compare_costing(costs(by_volume), costs(by_volume))
    assert same.misallocated_share == 0
    assert len(same.cross_subsidy) == 0


def test_the_misallocated_share_at_its_ends():
    apart = compare_costing(costs({1: 100, 2: 0}), costs({1: 0, 2: 100}))
    assert apart.misallocated_share == 1
    assert compare_costing(costs({1: 0}), costs({1: 0})).misallocated_share == 0
    assert compare_costing(costs({1: 100}), costs({1: 0})).misallocated_share == 0.5


QUANTITY = st.floats(1e-3, 1e6)


@settings(max_examples=20)
@given(
    some(QUANTITY, min_size=1),
    st.lists(st.tuples(MONEY, QUANTITY), min_size=1, max_size=4),
)
def test_activities_driven_by_volume_cost_what_volume_costs(volumes, pools):
    """Law: costing by activity is costing by volume where every driver is proportional to volume
    and nothing is idle. Catches a total spread over the number of customers.
    """
    names = [f"pool {i}" for i in range(len(pools))]
    by_activity = activity_costs(
        pd.DataFrame({"resource": names, "cost": [cost for cost, _ in pools]}),
        pd.DataFrame({"resource": names, "activity": names, "share": 1.0}),
        pd.DataFrame(
            [
                (customer, name, volume * factor)
                for name, (_, factor) in zip(names, pools, strict=True)
                for customer, volume in volumes.items()
            ],
            columns=["customer_id", "activity", "quantity"],
        ),
    )
    by_volume = volume_costs(math.fsum(cost for cost, _ in pools), costs(volumes, "volume"))
    found = compare_costing(by_volume, by_activity)
    assert found.misallocated_share == 0
    assert (found.customers["costed"] == "equal").all()
    spent = found.customers["activity_cost"]
    assert by_volume["cost"].tolist() == pytest.approx(spent.tolist(), rel=1e-9)


@pytest.fixture
def tables():
    return {
        "volume": costs({"a": 500, "b": 300, "c": 200, "d": 0}),
        "activity": costs({"a": 350, "b": 300, "c": 240, "e": 10}),
        "margin": costs({"a": 400, "b": 310, "c": 230, "f": 7}, "margin"),
    }


def test_every_column_by_hand(tables, library):
    found = compare_costing(**{name: library(frame) for name, frame in tables.items()})
    table = to_pandas(found.customers)
    assert list(table.columns) == COLUMNS
    rows = table.set_index("customer_id")
    assert rows.index.tolist() == list("abcdef")
    assert rows["difference"].tolist() == [150, 0, -40, 0, -10, 0]
    assert rows["ratio"].tolist()[:3] == pytest.approx([500 / 350, 1, 200 / 240])
    assert rows["ratio"].isna().tolist() == [False, False, False, True, False, True]
    assert rows["costed"].tolist() == ["over", "equal", "under", "equal", "under", "equal"]
    assert rows["volume_profit"].tolist() == [-100, 10, 30, 0, 0, 7]
    assert rows["activity_profit"].tolist() == [50, 10, -10, 0, -10, 7]
    assert rows["sign_flip"].tolist() == [False, False, True, False, False, False]
    flips = [value if isinstance(value, str) else None for value in rows["flips_to"]]
    assert flips == ["profit", None, "loss", None, None, None]
    assert rows["volume_rank"].tolist() == [1, 2, 3, 5, 5, 5]
    assert rows["activity_rank"].tolist() == [1, 2, 3, 5.5, 4, 5.5]
    assert rows["rank_change"].tolist() == [0, 0, 0, -0.5, 1, -0.5]
    assert rows["profit_rank_change"].tolist() == [5, 0, -4.5, 0.5, -1, 0]
    assert found.misallocated_share == 0.1  # half of 200, over the larger total

    flows = to_pandas(found.cross_subsidy).set_index("customer_id")
    assert list(flows.columns) == ["pays", "receives", "unmatched"]
    assert flows.to_numpy().tolist() == [[50, 0, 100], [0, 40, 0], [0, 10, 0]]
    summary = to_pandas(found.summary).set_index("line")
    assert summary["customers"].to_dict() == {
        "volume_total": 4,
        "activity_total": 4,
        "total_difference": 6,
        "over_costed": 1,
        "under_costed": 2,
        "equal": 3,
        "misallocated": 3,
        "volume_only": 1,
        "activity_only": 1,
        "flips_to_loss": 1,
        "flips_to_profit": 1,
        "without_margin": 2,
        "margin_only": 1,
    }
    assert summary["amount"].tolist() == [1000, 900, 100, 150, -50, 0, 100, 0, 10, -10, 50, 0, 7]
    assert repr(found) == (
        "CostComparison(6 customers: 1,000.00 by volume, 900.00 by activity, 10.0% misallocated)"
    )
    with pytest.raises(FrozenInstanceError):
        found.margin = None


def test_without_margins_there_are_no_profits(tables, library):
    found = compare_costing(library(tables["volume"]), library(tables["activity"]))
    table = to_pandas(found.customers)
    assert list(table.columns) == COLUMNS
    unknown = [c for c in COLUMNS if "profit" in c or "flip" in c]
    assert table[unknown].isna().all(axis=None)
    assert len(to_pandas(found.summary)) == 9


@pytest.mark.parametrize("costed", ["over", "under", "equal"])
def test_the_difference_of_the_totals_is_matched_to_nobody(costed):
    extra = {"over": 40.0, "under": -40.0, "equal": 0.0}[costed]
    found = compare_costing(costs({1: 100 + extra, 2: 50, 3: 70}), costs({1: 80, 2: 60, 3: 80}))
    flows = found.cross_subsidy
    assert flows["unmatched"].sum() == pytest.approx(extra)
    summary = found.summary.set_index("line")["amount"]
    assert summary["total_difference"] == pytest.approx(extra)


@settings(max_examples=30)
@given(
    some(MONEY, min_size=1),
    some(MONEY),
    st.lists(st.sampled_from(["gold", "steel", "lead"]), min_size=8, max_size=8),
)
def test_groups_pay_what_their_members_pay(by_volume, by_activity, names):
    """Law: a payer's rows add up to its over-costing and a receiver's to its under-costing. Catches
    the unmatched rest that is left out of the groups.
    """
    found = compare_costing(costs(by_volume), costs(by_activity))
    tiers = pd.DataFrame({"customer_id": range(1, 9), "tier": names})
    flows = found.cross_subsidy_by(tiers, "tier")
    customers = found.customers.merge(tiers, on="customer_id")
    for column, sign in [("payer", 1), ("receiver", -1)]:
        due = (sign * customers["difference"]).clip(lower=0).groupby(customers["tier"]).sum()
        got = flows.groupby(column)["amount"].sum()
        for tier, amount in due.items():
            assert math.isclose(got.get(tier, 0.0), amount, abs_tol=near(1e9))
    assert (flows["amount"] > 0).all()
    assert not flows[["payer", "receiver"]].duplicated().any()


def test_groups_keep_their_type_and_library(tables, library):
    found = compare_costing(library(tables["volume"]), library(tables["activity"]))
    groups = pd.DataFrame({"customer_id": list("abcde"), "region": [2, 2, 1, 1, 2]})
    flows = to_pandas(found.cross_subsidy_by(library(groups), "region"))
    assert flows["payer"].tolist() == [2, 2, 2]
    assert flows["receiver"].tolist()[:2] == [1, 2]
    assert pd.isna(flows["receiver"].iloc[2])
    assert flows["amount"].tolist() == pytest.approx([40, 10, 100])
    with pytest.raises(InputError, match=r"no_group.*2 customers: 'a', 'e'"):
        found.cross_subsidy_by(library(groups.iloc[1:4]), "region")
    twice = pd.concat([groups, groups.head(1)])
    with pytest.raises(InputError, match="repeated_id in 2 rows"):
        found.cross_subsidy_by(library(twice), "region")


def test_every_fault_of_a_comparison_is_named_at_once(tables, library):
    tables["volume"].loc[0, "cost"] = -1
    tables["activity"].loc[1, "cost"] = np.inf
    tables["margin"].loc[2, "margin"] = np.nan
    with pytest.raises(InputError) as caught:
        compare_costing(**{name: library(frame) for name, frame in tables.items()})
    assert [(fault.fault, fault.column) for fault in caught.value.faults] == [
        ("too_small", "volume.cost"),
        ("missing_or_not_finite", "activity.cost"),
        ("missing_or_not_finite", "margin.margin"),
    ]
    with pytest.raises(InputError, match="empty"):
        compare_costing(tables["volume"].head(0), tables["activity"])


@settings(max_examples=20)
@given(some(MONEY, min_size=1), some(MONEY), st.randoms(use_true_random=False))
def test_ranks_only_change_places(by_volume, by_activity, random):
    """Law: rank changes add up to 0, and the order of the rows changes nothing. Catches the lowest
    of equal ranks for their mean.
    """
    one, two = costs(by_volume), costs(by_activity)
    found = compare_costing(one, two, one.rename(columns={"cost": "margin"}))
    assert math.isclose(found.customers["rank_change"].sum(), 0, abs_tol=1e-9)
    assert math.isclose(found.customers["profit_rank_change"].sum(), 0, abs_tol=1e-9)
    shuffled = one.iloc[random.sample(range(len(one)), len(one))]
    again = compare_costing(shuffled, two, one.rename(columns={"cost": "margin"}))
    pd.testing.assert_frame_equal(again.customers, found.customers)
