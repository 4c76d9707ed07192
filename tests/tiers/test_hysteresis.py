"""Hysteresis: who keeps an earlier tier, and earlier tiers from a column or another frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers.abc_classes import ABCClasses
from crmvalue.tiers.fixed import FixedTiers
from crmvalue.tiers.pareto import ParetoTiers
from crmvalue.tiers.pyramid import ValuePyramid

FAMILY: dict[str, Callable[[Any], Any]] = {
    "pareto": lambda frame: ParetoTiers.fit(frame, by="profit", lead_share=0.1),
    "pyramid": lambda frame: ValuePyramid.fit(frame, by="profit", shares=(0.1, 0.2, 0.3)),
    "abc": lambda frame: ABCClasses.fit(frame, by="profit"),
    "computed": lambda frame: ABCClasses.fit(frame, by="profit", limits="computed"),
    "fixed": lambda _: FixedTiers("profit", ("a", "b", "c", "d"), (500.0, 20.0, -20.0)),
}
every = pytest.mark.parametrize("kind", FAMILY)

# Quarters add up exactly in binary.
values = st.lists(st.integers(-400, 4000).map(lambda k: k / 4), min_size=1, max_size=40)
# Few different values and many customers: heavy ties, as with counts of purchases.
tied = st.lists(st.sampled_from([0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 7.0, -3.0]), min_size=1, max_size=60)
either = st.one_of(values, tied)
few = settings(max_examples=15)  # for each of the five tierings
bands = st.sampled_from([0.0, 0.05, 0.25, 0.5, 0.9])


def frame_of(numbers: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": range(len(numbers)), "profit": numbers}, strict=False)


def places(tiers: Any, frame: pl.DataFrame, **options: Any) -> list[int]:
    """The place of each customer's tier, 0 the highest."""
    return [tiers.tiers.index(tier) for tier in tiers.assign(frame, **options)["tier"]]


def thresholds(tiers: Any) -> list[float | None]:
    """From the highest to the lowest, None where it is out of reach."""
    return [step.value for step in tiers._steps()]


def by_the_words(tiers: Any, value: float, before: int | None, band: float) -> int:
    """The highest tier that is reached: from below past the band, from above down to it."""
    for place, step in enumerate(tiers._steps()):
        if step.value is not None:
            side = 0 if before is None else 1 if before > place else -1
            bound = step.value + side * band * abs(step.value)
            if value > bound or (step.closed and value == bound):
                return place
    return len(tiers.tiers) - 1


@every
@few
@given(either, either, bands, st.data())
def test_only_a_value_inside_the_band_of_a_threshold_between_keeps_its_tier(
    kind, numbers, fitted_on, band, data
) -> None:
    """Catches a band on one side only, ``threshold * band`` for its absolute value, and a band
    that is centred on the wrong threshold (``rank < rank`` for ``<=``)."""
    tiers = FAMILY[kind](frame_of(fitted_on))
    size = len(tiers.tiers)
    earlier = data.draw(
        st.lists(
            st.one_of(st.none(), st.integers(0, size - 1)),
            min_size=len(numbers),
            max_size=len(numbers),
        )
    )
    frame = frame_of(numbers).with_columns(
        before=pl.Series([None if e is None else tiers.tiers[e] for e in earlier], dtype=pl.String)
    )
    plain = places(tiers, frame)
    kept = places(tiers, frame, previous="before", band=band)
    for value, was, now, before in zip(numbers, plain, kept, earlier, strict=True):
        assert now == by_the_words(tiers, value, before, band)
        if now != was:
            between = thresholds(tiers)[min(now, was) : max(now, was)]
            assert before is not None
            assert any(t is not None and abs(value - t) <= band * abs(t) for t in between)
    assert places(tiers, frame, previous="before") == plain
    assert places(tiers, frame, band=band) == plain


def test_a_customer_must_cross_the_band_to_change_tiers() -> None:
    tiers = FixedTiers("profit", ("A", "B", "C"), (100.0, 50.0))
    before = ["A", "A", "B", "B", "C", "C", "C", None]
    now = [90.0, 89.9, 109.9, 110.0, 54.9, 55.0, 200.0, 100.0]
    frame = frame_of(now).with_columns(tier=pl.Series(before))
    found = tiers.assign(frame, previous="tier", band=0.1)
    assert found["tier"].to_list() == ["A", "B", "B", "A", "C", "B", "A", "A"]


def test_below_zero_the_band_lies_on_both_sides_and_zero_has_none() -> None:
    tiers = FixedTiers("profit", ("A", "B", "C"), (0.0, -100.0))
    before = ["B", "A", "C", "C", "B", "B"]
    now = [0.0, -0.01, -95.0, -90.0, -110.0, -110.1]
    frame = frame_of(now).with_columns(tier=pl.Series(before))
    found = tiers.assign(frame, previous="tier", band=0.1)
    assert found["tier"].to_list() == ["A", "B", "C", "B", "B", "C"]


def plainly(frame: Any) -> list[str | None]:
    table = to_pandas(frame).sort_values("customer_id", ignore_index=True)
    return [tier if isinstance(tier, str) else None for tier in table["tier"]]


@every
def test_earlier_tiers_from_a_column_or_a_frame_give_the_same(kind, library, customers) -> None:
    tiers = FAMILY[kind](customers.dropna())
    earlier = customers.assign(profit=np.roll(customers["profit"], 1))
    before = tiers.assign(earlier)[["customer_id", "tier"]]
    beside = customers.assign(was=before["tier"].astype(object).where(before["tier"].notna(), None))
    expected = plainly(tiers.assign(beside, previous="was", band=0.3))
    assert expected != plainly(tiers.assign(customers))
    query = tiers.assign(library(beside), previous="was", band=0.3)
    assert type(query) is type(library(beside))
    assert plainly(query) == expected
    shuffled = before.sample(frac=1, random_state=2)
    joined = tiers.assign(library(customers), previous=library(shuffled), band=0.3)
    assert type(joined) is type(library(customers))
    assert list(to_pandas(joined).columns) == ["customer_id", "profit", "revenue", "tier"]
    assert plainly(joined) == expected


@pytest.mark.parametrize("frame", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).lazy()])
def test_earlier_tiers_may_come_in_another_library(frame, library, customers) -> None:
    tiers = FAMILY["fixed"](customers)
    before = tiers.assign(customers.assign(profit=np.roll(customers["profit"], 1)))
    before = before[["customer_id", "tier"]]
    expected = plainly(tiers.assign(customers, previous=before, band=0.3))
    result = tiers.assign(frame(customers), previous=library(before), band=0.3)
    assert type(result) is type(frame(customers))  # a query of polars stays one
    assert plainly(result) == expected
    turned = tiers.assign(library(customers), previous=frame(before), band=0.3)
    assert plainly(turned) == expected


def test_an_earlier_frame_leaves_rows_and_columns_as_they_are() -> None:
    frame = pd.DataFrame(
        {"customer_id": [3, 1, 2, 1], "profit": [95.0, 95.0, 1.0, 101.0], "_earlier_rank": "x"},
        index=[7, 3, 5, 3],
    )
    before = pd.DataFrame({"customer_id": [1, 2, 9], "tier": ["A", None, "A"]})
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    found = tiers.assign(frame, previous=before, band=0.1)
    assert found["tier"].tolist() == ["B", "A", "B", "A"]
    pd.testing.assert_frame_equal(found.drop(columns="tier"), frame)
    query = tiers.assign(pl.from_pandas(frame).lazy(), previous=before, band=0.1)
    assert query.collect()["_earlier_rank"].to_list() == ["x"] * 4


def test_ids_match_by_value_whatever_their_width() -> None:
    frame = pl.DataFrame({"customer_id": pl.Series([1, 2], dtype=pl.Int32), "profit": [95.0, 95.0]})
    before = pl.DataFrame({"customer_id": pl.Series([2], dtype=pl.UInt64), "tier": ["A"]})
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    for values in (frame, frame.lazy()):
        found = tiers.assign(values, previous=before, band=0.1).lazy().collect()
        assert found["tier"].to_list() == ["B", "A"]
        with pytest.raises(InputError, match="ids of different types"):
            tiers.assign(values, previous=before.with_columns(customer_id=pl.lit("2")))


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_query_of_polars_joined_with_earlier_tiers_keeps_its_rows_in_order(engine) -> None:
    """Without `maintain_order` in the join, the streaming engine shuffles these rows."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 50_000, 200_000)  # each customer several times, far apart
    rows = pl.DataFrame({"customer_id": ids, "profit": rng.uniform(80, 120, len(ids))})
    rows = rows.with_row_index("row")
    rows = pl.concat([rows[start : start + 9_000] for start in range(0, len(rows), 9_000)])
    before = pl.DataFrame({"customer_id": rng.permutation(50_000)[:25_000]})
    before = before.with_columns(tier=pl.when(pl.col("customer_id") % 3 > 0).then(pl.lit("A")))
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    expected = tiers.assign(rows, previous=before, band=0.1)  # in memory no join is made
    assert rows.n_chunks() > 20
    assert not expected["tier"].equals(tiers.assign(rows)["tier"])
    for previous in (before, before.lazy(), before.to_pandas()):
        query = tiers.assign(rows.lazy(), previous=previous, band=0.1)
        found = query.collect(engine=engine)
        assert found.equals(expected)


def test_what_no_earlier_tier_can_be_is_named(library) -> None:
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    frame = pd.DataFrame({"customer_id": [1, 2], "profit": [5.0, 6.0], "was": [1.0, 2.0]})
    before = pd.DataFrame({"customer_id": [1, 2, 1], "tier": ["A", "gold", "B"]})
    with pytest.raises(InputError) as error:
        tiers.assign(library(frame), previous=library(before))
    assert {fault.fault for fault in error.value.faults} == {"repeated_id", "unknown_tier"}
    assert "'gold'" in str(error.value)
    with pytest.raises(InputError, match="lacks the column 'tier'"):
        tiers.assign(library(frame), previous=library(before[["customer_id"]]))
    with pytest.raises(InputError, match="values lacks the column 'customer_id'"):
        tiers.assign(library(frame[["profit"]]), previous=library(before.head(1)))
    with pytest.raises(InputError, match="lacks the column 'before'"):
        tiers.assign(library(frame), previous="before")
    with pytest.raises(InputError, match=r"values\.was.*not_a_tier"):
        tiers.assign(library(frame), previous="was")
    for band in (-0.1, 1.0, math.nan):
        with pytest.raises(InputError, match="band must be a share of the thresholds"):
            tiers.assign(library(frame), band=band)


def test_an_unknown_earlier_tier_is_found_in_memory_and_counts_as_none_in_a_query() -> None:
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    frame = frame_of([95.0, 95.0]).with_columns(was=pl.Series(["A", "gold"]))
    with pytest.raises(InputError, match=r"values\.was.*unknown_tier \('gold'\)"):
        tiers.assign(frame, previous="was", band=0.1)
    found = tiers.assign(frame.lazy(), previous="was", band=0.1).collect()
    assert found["tier"].to_list() == ["A", "B"]


def test_a_column_of_nulls_is_no_earlier_tier_of_whatever_type() -> None:
    tiers = FixedTiers("profit", ("A", "B"), (100.0,))
    frame = pd.DataFrame({"customer_id": [1, 2], "profit": [105.0, 95.0], "was": [np.nan] * 2})
    for empty in (frame, frame.assign(was=None)):
        assert tiers.assign(empty, previous="was", band=0.1)["tier"].tolist() == ["A", "B"]
    nobody = pd.DataFrame({"customer_id": [], "tier": []})
    assert tiers.assign(frame, previous=nobody, band=0.1)["tier"].tolist() == ["A", "B"]
    assert tiers.assign(frame.head(0))["tier"].tolist() == []


@pytest.mark.parametrize("band", ["x", [0.1], None, True, math.nan])
def test_a_band_that_is_no_number_is_refused(band) -> None:
    tiers = FixedTiers("value", ("high", "low"), (10.0,))
    with pytest.raises(InputError, match="band must be a share of the thresholds"):
        tiers.assign(pd.DataFrame({"value": [1.0]}), band=band)
