"""The policy of tiers: data that a user overrides, and who is outside of it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers import ParetoTiers
from crmvalue.tiers.policy import check_policy, tier_policy

RULES = ["discount_cap", "credit_days", "contacts_per_year"]
TIERS = ["gold", "steel", "lead"]
customers = st.lists(
    st.tuples(
        st.sampled_from(TIERS),
        st.one_of(st.none(), st.sampled_from([0.0, 0.08, 0.15]), st.floats(0, 1)),
        st.one_of(st.none(), st.integers(0, 90).map(float)),
        st.integers(0, 9000).map(float),
    ),
    min_size=1,
    max_size=20,
)


def frame_of(rows) -> pl.DataFrame:
    tier, discount, days, revenue = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "customer_id": range(len(rows)),
            "tier": tier,
            "discount_rate": pl.Series(discount, dtype=pl.Float64),
            "credit_days": pl.Series(days, dtype=pl.Float64),
            "contacts_per_year": 0,
            "revenue": revenue,
        }
    )


@settings(max_examples=30)
@given(customers, st.randoms(use_true_random=False))
def test_tables_agree_with_the_words_of_the_rule(rows, random) -> None:
    """Catches ``>=`` for ``>``: who is at the limit is within it."""
    frame = frame_of(rows)
    places = list(range(len(rows)))
    random.shuffle(places)
    check = check_policy(frame[places])
    cap = {"gold": 0.15, "steel": 0.08, "lead": 0.0}
    over = [(i, r[0], (r[1] - cap[r[0]]) * r[3]) for i, r in enumerate(rows)
            if r[1] is not None and r[1] > cap[r[0]]]  # fmt: skip
    listed = check.customers.filter(pl.col("rule") == "discount_cap")
    assert listed["customer_id"].to_list() == [i for i, _, _ in over]
    assert listed["money"].to_list() == [money for _, _, money in over]
    table = check.summary
    assert table.select("tier", "rule").rows() == [(t, r) for t in TIERS for r in RULES]
    for rule in RULES:
        assert table.filter(pl.col("rule") == rule)["customers"].sum() == len(rows)
    for tier in TIERS:
        row = table.row(by_predicate=(pl.col("tier") == tier) & (pl.col("rule") == RULES[0]),
                        named=True)  # fmt: skip
        mine = [money for _, name, money in over if name == tier]
        assert row["outside"] == len(mine)
        assert math.isclose(row["money"], math.fsum(mine), abs_tol=1e-9)
        assert row["unknown"] == sum(r[0] == tier and r[1] is None for r in rows)
    assert table["outside"].sum() == len(check.customers)


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in rng.permutation(80)],
            "profit": rng.gamma(1, 900, 80),
            "revenue": np.round(rng.gamma(2, 900, 80)),
            "discount_rate": np.where(rng.random(80) < 0.2, np.nan, rng.random(80) / 4),
            "days": rng.integers(0, 90, 80),
            "contacts_per_year": rng.integers(0, 30, 80),
        }
    )
    tiers = ParetoTiers.fit(frame, by="profit", lead_share=0.1)
    call = {"tiers": tiers, "columns": {"credit_days": "days"}, "contact_cost": 80.0}
    policy = tier_policy({"gold": {"credit_days": None}})
    expected = check_policy(frame, policy, **call)
    got = check_policy(library(frame), library(policy), **call)
    pd.testing.assert_frame_equal(
        to_pandas(got.totals).astype({"rule": str, "kind": str}),
        expected.totals.astype({"rule": str, "kind": str}),
    )
    texts = {"tier": str, "rule": str}
    for name in ("summary", "customers"):
        pd.testing.assert_frame_equal(
            to_pandas(getattr(got, name)).astype(texts), getattr(expected, name).astype(texts)
        )
    assert repr(got) == repr(expected)
    assert len(expected.customers) > 20
    summary = expected.summary.set_index(["tier", "rule"])
    assert summary.loc[("gold", "credit_days"), "outside"] == 0
    assert math.isnan(summary.loc[("gold", "credit_days"), "limit"])


def test_money_is_added_up_by_rule_and_never_over_rules() -> None:
    frame = frame_of([("gold", 0.2, 90.0, 1461.0), ("lead", 0.1, 14.0, 100.0)])
    check = check_policy(frame)  # without the cost of a contact
    totals = check.totals
    assert totals["rule"].to_list() == RULES
    assert totals["outside"].to_list() == [2, 1, 0]
    assert totals["money"].to_list() == pytest.approx([0.05 * 1461 + 0.1 * 100, 30 * 4, 0])
    assert totals["kind"].to_list() == ["discount of a year", "receivables", "cost of a year"]
    assert repr(check) == (
        "PolicyCheck(2 of 2 customers outside; discount_cap 83.05, credit_days 120.00)"
    )
    called = frame.with_columns(contacts_per_year=pl.lit(25), discount_rate=pl.lit(None, float))
    free = check_policy(called).totals
    assert free["unknown"].to_list() == [2, 0, 0]
    assert free["outside"].to_list() == [0, 1, 2]
    assert free["money"].to_list() == pytest.approx([0, 120, None])


def test_what_is_not_known_is_said_to_be() -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "tier": ["gold", "lead"], "credit_days": [70, 9]})
    with pytest.warns(DataWarning, match=r"no column 'discount_rate' \(for discount_cap\)") as said:
        check = check_policy(frame)
    assert "'contacts_per_year'" in str(said[0].message)
    assert "all 2 customers are unknown" in str(said[0].message)
    assert "'credit_days'" not in str(said[0].message)
    assert said[0].filename == __file__
    assert (
        repr(check) == "PolicyCheck(1 of 2 customers outside, 1 unknown; credit_days money unknown)"
    )
    summary = check.summary.set_index(["tier", "rule"])
    assert summary["unknown"].tolist() == [1, 0, 1, 0, 0, 0, 1, 0, 1]
    assert summary.loc[("gold", "credit_days"), "outside"] == 1
    assert math.isnan(summary.loc[("gold", "credit_days"), "money"])
    assert summary.loc[("lead", "credit_days"), "money"] == 0
    assert math.isnan(summary.loc[("gold", "discount_cap"), "share_outside"])
    known = frame.assign(credit_days=0, discount_rate=0.0, contacts_per_year=[None, 1])
    everything_fine = check_policy(known.assign(contacts_per_year=1))
    assert len(everything_fine.customers) == 0
    assert repr(everything_fine) == "PolicyCheck(0 of 2 customers outside)"
    assert "(0 of 2 customers outside, 1 unknown)" in repr(check_policy(known))
    nothing_to_keep = tier_policy({"gold": {"contacts_per_year": None}})
    assert "unknown" not in repr(check_policy(known, nothing_to_keep))


def test_a_tier_that_is_added_under_almost_the_name_of_another_is_said() -> None:
    for slip in ("godl", "Gold"):
        with pytest.warns(DataWarning, match=rf"'{slip}' \(meant 'gold'\?\) beside gold, steel"):
            policy = tier_policy({slip: {"discount_cap": 0.3}})
        assert policy["tier"].tolist() == ["gold", "steel", "lead", slip]
    assert len(tier_policy({"platinum": {}, "VIP": {}, "silver": {}})) == 6


def test_a_policy_is_a_table_that_overrides_change() -> None:
    assert list(tier_policy().columns) == ["tier", "service_level", *RULES]
    changed = tier_policy({"steel": {"discount_cap": 0.1, "service_level": "shop"}})
    assert changed["discount_cap"].tolist() == [0.15, 0.1, 0.0]
    assert changed["service_level"].tolist()[1] == "shop"
    assert tier_policy()["discount_cap"].tolist() == [0.15, 0.08, 0.0]
    own = pd.DataFrame({"tier": ["B", "A"], "credit_days": [10.0, 20.0]})
    frame = pd.DataFrame({"customer_id": [1, 2], "tier": ["A", "B"], "credit_days": [15, 15]})
    assert check_policy(frame, own).customers["customer_id"].tolist() == [2]


def test_what_cannot_be_checked_is_named(library) -> None:
    with pytest.raises(InputError) as caught:
        tier_policy({"gold": {"discount": 1, "credit_days": -5}, "lead": 3})
    for part in ("unknown_column ('discount')", "not_a_limit (-5)", "not_a_level (3)"):
        assert part in str(caught.value), part
    frame = pd.DataFrame({"customer_id": [1], "tier": ["platinum"], "credit_days": [-3.0]})
    with pytest.raises(InputError, match=r"(?s)no_policy \('platinum'\).*too_small in 1 row"):
        check_policy(library(frame))
    with pytest.raises(InputError, match="values lacks the column 'days'"):
        check_policy(library(frame), columns={"credit_days": "days"})
    with pytest.raises(InputError, match="columns maps some of discount_cap"):
        check_policy(library(frame), columns={"service_level": "days"})
    with pytest.raises(InputError, match="contact_cost must be money"):
        check_policy(library(frame), contact_cost=-1.0)
    twice = pd.DataFrame({"tier": ["platinum", "platinum"], "other": [1, 2]})
    with pytest.raises(InputError, match=r"(?s)repeated_id.*no_rule"):
        check_policy(library(frame), twice)


@pytest.mark.parametrize("wrong", [[1], 3, "gold", [], [("gold", {})]])
def test_overrides_and_columns_are_mappings(wrong) -> None:
    with pytest.raises(InputError, match=r"overrides must be a mapping, such as {'gold'"):
        tier_policy(wrong)
    frame = pd.DataFrame({"customer_id": ["a"], "tier": ["gold"]})
    with pytest.raises(InputError, match=r"columns must be a mapping, such as {'credit_days'"):
        check_policy(frame, columns=wrong)


def test_tiers_and_service_levels_are_text() -> None:
    with pytest.raises(InputError) as caught:
        tier_policy({"gold": {"service_level": 5}, 1: {}, None: {"service_level": "shop"}})
    found = [(fault.fault, fault.column, fault.examples) for fault in caught.value.faults]
    assert found == [
        ("not_a_service_level", "gold.service_level", "5"),
        ("not_a_tier", "tier", "1"),
        ("not_a_tier", "tier", "None"),
    ]
    assert "text such as 'account manager', or None" in str(caught.value)
    assert tier_policy({"gold": {"service_level": None}})["service_level"].isna()[0]


@pytest.mark.parametrize("wrong", ["x", [1], True, math.nan, math.inf, -1])
def test_a_contact_cost_that_is_no_money_is_refused(wrong) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "tier": ["gold"]})
    with pytest.raises(InputError, match="contact_cost must be money, at least 0"):
        check_policy(frame, contact_cost=wrong)


def test_tiers_that_a_policy_has_twice_are_named() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "tier": ["gold"]})
    policy = pd.DataFrame({"tier": ["gold", "steel", "gold"], "credit_days": 1.0})
    with pytest.raises(InputError) as caught:
        check_policy(frame, policy)
    (fault,) = caught.value.faults
    assert (fault.fault, fault.column, fault.rows) == ("repeated_id", "policy.tier", 2)
    assert "gold" in fault.examples
    assert "steel" not in fault.examples


def test_a_discount_above_the_whole_price_is_no_cap() -> None:
    assert tier_policy({"gold": {"discount_cap": 1, "credit_days": 400}}) is not None
    with pytest.raises(InputError, match=r"gold.discount_cap.*1.5.*from 0 to 1"):
        tier_policy({"gold": {"discount_cap": 1.5}})
