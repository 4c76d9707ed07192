"""The list of who could become gold: its arithmetic, its order, and its edges."""

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
from crmvalue.tiers import ParetoTiers
from crmvalue.tiers.gold_gap import gold_gap


def customers_of(size: int, seed: int) -> pl.DataFrame:
    """Customers with cents, ties, losses, and some of unknown probability."""
    rng = np.random.default_rng(seed)
    alive = pl.Series(np.where(rng.random(size) < 0.1, np.nan, rng.integers(0, 9, size) / 8))
    return pl.DataFrame(
        {
            "customer_id": np.arange(size),
            "profit": np.round(rng.normal(60, 50, size) + rng.integers(0, 3, size) * 0.01, 2),
            "probability_alive": alive.fill_nan(None),
        }
    ).with_columns(
        pl.when(pl.col("customer_id") % 3 > 0).then("profit").otherwise(40.0).alias("profit")
    )


customers = st.builds(customers_of, st.integers(1, 30), st.integers(0, 2**32 - 1))


@settings(max_examples=30)
@given(customers, st.sampled_from([0.3, 0.5, 0.8]))
def test_the_gap_makes_gold(frame, share) -> None:
    """Catches ``gold - value`` as it is: in floats, value + gap then stays below gold at times."""
    tiers = ParetoTiers.fit(frame, by="profit", gold_share=share)
    listed = gold_gap(frame, tiers)
    steel = tiers.assign(frame).filter(pl.col("tier") == "steel")
    assert sorted(listed["customer_id"]) == sorted(steel["customer_id"])
    lifted = tiers.assign(listed.select(profit=pl.col("value") + pl.col("gap")))["tier"]
    assert set(lifted.to_list()) <= {"gold"}
    assert (listed["gap"] > 0).all()
    got = listed["expected_gain"].to_list()
    pairs = zip(listed["likelihood"].to_list(), listed["gap"].to_list(), strict=True)
    assert got == [None if p is None else p * gap for p, gap in pairs]


@settings(max_examples=30)
@given(customers)
def test_a_customer_who_is_nearer_and_likelier_ranks_higher(frame) -> None:
    """Catches ranks by expected gain, which prefers who is farthest away."""
    listed = gold_gap(frame, ParetoTiers.fit(frame, by="profit", gold_share=0.4))
    found = listed.select("value", "likelihood", "customer_id").rows()
    for at, (value, chance, name) in enumerate(found):
        for later, other, later_name in found[at + 1 :]:
            if chance is None:
                assert other is None
                assert (-value, name) < (-later, later_name)
            elif other is not None:
                better = later >= value > 0 and other >= chance > 0
                assert not better or (later, other) == (value, chance)
                if (later, other) == (value, chance):
                    assert name < later_name
    assert listed["rank"].to_list() == list(range(1, len(found) + 1))


@settings(max_examples=20)
@given(customers, st.integers(-60, 60), st.randoms(use_true_random=False))
def test_neither_the_unit_of_money_nor_the_order_of_rows_matters(frame, power, random) -> None:
    """Catches likelihoods left in the order of the rows."""
    tiers = ParetoTiers.fit(frame, by="profit", gold_share=0.5)
    expected = gold_gap(frame, tiers)
    places = list(range(len(frame)))
    random.shuffle(places)
    scaled = frame.with_columns(profit=pl.col("profit") * 2.0**power)[places]
    got = gold_gap(scaled, ParetoTiers.fit(scaled, by="profit", gold_share=0.5))
    money = pl.col("value", "gap", "expected_gain")
    assert got.with_columns(money / 2.0**power).equals(expected)


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in rng.permutation(200)],
            "profit": np.round(rng.normal(60, 60, 200), 1),
            "alive": np.where(rng.random(200) < 0.1, np.nan, np.round(rng.random(200), 2)),
            "order": np.where(rng.random(200) < 0.1, np.nan, np.round(rng.gamma(2, 9, 200), 2)),
        }
    )
    tiers = ParetoTiers.fit(frame, by="profit")
    call = {"likelihood": "alive", "per_order": "order"}
    expected = gold_gap(frame, tiers, **call)
    got = to_pandas(gold_gap(library(frame), tiers, **call))
    labels = {"tier": str}
    pd.testing.assert_frame_equal(got.astype(labels), expected.astype(labels))
    assert list(expected.columns) == [
        "customer_id", "tier", "value", "gap", "gap_share", "orders", "likelihood",
        "expected_gain", "nearness", "priority", "rank",
    ]  # fmt: skip
    # A plain column of the same tiers has the same threshold: the least value of gold.
    column = tiers.assign(frame).astype({"tier": str})
    plain = to_pandas(gold_gap(library(column), value="profit", **call))
    pd.testing.assert_frame_equal(plain.astype(labels), expected.astype(labels))


def test_shares_and_orders_are_null_where_they_have_no_meaning() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "tier": ["gold", *["steel"] * 5],
            "profit": [100.0, 80.0, 0.0, -20.0, 150.0, 1e-310],
            "per_order": [9.0, 10.0, 0.0, np.nan, 10.0, 1e-310],
            "probability_alive": [1.0, 0.5, 0.5, 0.5, 0.5, 0.5],
        }
    )
    listed = gold_gap(frame, value="profit", per_order="per_order").set_index("customer_id")
    assert listed.index.tolist() == ["e", "b", "f", "c", "d"]
    assert listed["gap"].tolist() == [0.0, 20.0, 100.0, 100.0, 120.0]
    np.testing.assert_array_equal(listed["gap_share"], [0.0, 0.25, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(listed["orders"], [0.0, 2.0, np.nan, np.nan, np.nan])
    assert listed["nearness"].round(9).tolist() == [1.0, 0.8, 0.0, 0.0, 0.0]
    one = gold_gap(frame, value="profit", per_order=4, likelihood=None, threshold=160)
    assert one["customer_id"].tolist() == ["e", "b", "f", "c", "d"]
    assert one["orders"].tolist()[:2] == [2.5, 20.0]
    assert one["priority"].isna().all()


def test_nobody_gold_all_gold_one_customer(library) -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 2], "profit": [5.0, 7.0], "probability_alive": [0.9, 0.1]}
    )
    equal = frame.assign(profit=5.0)
    assert len(to_pandas(gold_gap(library(equal), ParetoTiers.fit(equal, by="profit")))) == 0
    lost = frame.assign(profit=-1.0)
    assert len(to_pandas(gold_gap(library(lost), ParetoTiers.fit(lost, by="profit")))) == 0
    steel = to_pandas(gold_gap(library(frame.assign(tier="steel")), value="profit"))
    assert steel["customer_id"].tolist() == [2, 1]
    for column in ("gap", "gap_share", "expected_gain", "nearness", "priority"):
        assert steel[column].isna().all(), column
    one = gold_gap(frame.head(1).assign(tier="steel"), value="profit", threshold=8.0)
    assert one["gap"].tolist() == [3.0]


def test_other_tiers_have_gaps_too() -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 2, 3], "class": ["A", "B", "C"], "profit": [9.0, 6.0, 1.0]}
    )
    call = {"value": "profit", "likelihood": None, "top": "A"}
    listed = gold_gap(frame, "class", candidates=["B", "C"], **call)
    assert listed["gap"].tolist() == [3.0, 8.0]
    assert gold_gap(frame, "class", candidates="C", **call)["gap"].tolist() == [8.0]
    with pytest.raises(InputError, match=r"column 'candidates': unknown_tier \('steel'\)"):
        gold_gap(frame, "class", **call)


def test_what_cannot_be_listed_is_named(library) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "tier": ["gold", "steel", None],
            "profit": [1.0, np.nan, 2.0],
            "probability_alive": [1.5, -0.5, 0.5],
        }
    )
    with pytest.raises(InputError) as caught:
        gold_gap(library(frame), value="profit")
    text = str(caught.value)
    for part in (
        "customer_id", "missing_tier", "values.profit': missing_or_not_finite in 1 row",
        "probability_alive': too_small in 1 row", "not_a_probability in 1 row",
    ):  # fmt: skip
        assert part in text, part
    with pytest.raises(InputError, match="value= must name the column of values"):
        gold_gap(library(frame))
    with pytest.raises(InputError, match="values lacks the column 'probability_alive'"):
        gold_gap(library(frame.drop(columns="probability_alive")), value="profit")
    with pytest.raises(InputError, match="the tiers are by 'profit'"):
        gold_gap(library(frame), ParetoTiers("profit", 0.8, 0.0, 1.0, 0.0), value="revenue")
    with pytest.raises(InputError, match="tiers must be the name of the column of tiers, or"):
        gold_gap(library(frame), 3, value="profit")
    with pytest.raises(InputError, match=r"threshold \(inf\); expected a finite amount"):
        gold_gap(library(frame), value="profit", threshold=math.inf)
    with pytest.raises(InputError, match="empty"):
        gold_gap(library(frame.head(0)), value="profit")


@pytest.mark.parametrize("option", ["threshold", "per_order"])
@pytest.mark.parametrize("wrong", [[1], True, math.nan, math.inf, 10**400])
def test_options_that_are_no_numbers_are_refused(option, wrong) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "tier": ["gold"], "value": [1.0]})
    with pytest.raises(InputError, match=option):
        gold_gap(frame, value="value", likelihood=None, candidates="gold", **{option: wrong})
    with pytest.raises(InputError, match=r"(?s)threshold.*'x'.*per_order.*\[1\].*unknown_tier"):
        gold_gap(frame, value="value", likelihood=None, threshold="x", per_order=[1], top="iron")


def test_numbers_of_numpy_are_options() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "tier": ["gold"], "value": [1.0]})
    for kind in (np.float32, np.float64, np.int8):
        listed = gold_gap(
            frame,
            value="value",
            likelihood=None,
            candidates="gold",
            threshold=kind(5),
            per_order=kind(2),
        )
        assert listed[["gap", "orders"]].values.tolist() == [[4.0, 2.0]]
