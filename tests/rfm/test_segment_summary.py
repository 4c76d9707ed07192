"""What each segment holds: figures that add up, in the order and words of the segment table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.rfm import RECENCY_FREQUENCY_GRID, RFMScorer, SegmentTable
from crmvalue.rfm.segment_summary import segment_summary
from crmvalue.rfm.segments import NEWER_SEGMENTS

TWO = SegmentTable(
    "two",
    5,
    [('It\'s "best"', (4, 5), None, None), ("Été", 3, None, None), ("Rest", (1, 2), None, None)],
    {"Rest": ("They are the rest.", None)},
)
COLUMNS = [
    *("segment", "customers", "share_of_customers", "orders", "revenue", "share_of_revenue"),
    *("average_order", "mean_inactive", "lifetime_value", "profit", "meaning", "action"),
]
MONEY = ["orders", "revenue", "lifetime_value", "profit"]


def scored(segments: list[str | None]) -> pd.DataFrame:
    ids = [f"c{i}" for i in range(len(segments))]
    return pd.DataFrame({"customer_id": ids, "segment": pd.Series(segments, dtype="object")})


def customers() -> pd.DataFrame:
    """Seven customers; one has not bought, one is in no segment, one's profit is not known."""
    segments = ["Rest", 'It\'s "best"', "Rest", "No purchase", None, 'It\'s "best"', "Rest"]
    return scored(segments).assign(
        n_purchases=[1, 3, 2, None, 1, 2, 1],
        total_spend=[10.0, 90.0, -20.0, None, 40.0, 60.0, 20.0],
        inactive=[9.0, 1.0, 6.0, None, 4.0, 2.0, 3.0],
        lifetime_value=[1.0, 40.0, -3.0, None, 5.0, 30.0, 2.0],
        profit=[2.0, None, -30.0, None, 8.0, None, 4.0],
    )


def rows(told: object) -> dict[str, dict[str, object]]:
    frame = to_pandas(told)
    assert list(frame.columns) == COLUMNS
    plain = frame.astype(object).where(frame.notna(), None)
    return {row["segment"]: row for row in plain.to_dict("records")}


def test_every_figure_by_hand(library) -> None:
    told = segment_summary(library(customers()), segments=TWO)
    found = rows(told)
    assert list(found) == ['It\'s "best"', "Été", "Rest", "No purchase", "No segment"]
    best, empty, rest, none, lost = found.values()
    assert best == {
        "segment": 'It\'s "best"',
        "customers": 2,
        "share_of_customers": 2 / 7,
        "orders": 5,
        "revenue": 150,
        "share_of_revenue": 0.75,
        "average_order": 30,
        "mean_inactive": 1.5,
        "lifetime_value": 70,
        "profit": None,  # nobody's is known
        "meaning": None,
        "action": None,
    }
    figures = ["customers", "share_of_customers", *MONEY, "average_order", "mean_inactive"]
    assert [empty[c] for c in figures] == [0, 0, 0, 0, 0, 0, None, None]
    assert [rest[c] for c in figures] == [3, 3 / 7, 4, 10, 0, -24, 2.5, 6]
    assert (rest["meaning"], rest["action"]) == ("They are the rest.", None)
    assert none["customers"] == 1
    assert [none[c] for c in (*MONEY, "average_order", "mean_inactive")] == [None] * 6
    assert none["meaning"].endswith(".")
    assert (lost["customers"], lost["revenue"], lost["average_order"]) == (1, 40, 40)
    assert lost["action"].startswith("Audit the segment table")
    native = library(customers())
    eager = native.collect() if isinstance(native, pl.LazyFrame) else native
    known = type(eager) if isinstance(eager, pd.DataFrame | pl.DataFrame) else pa.Table
    assert type(told) is known


def test_figures_come_from_further_tables_by_id(library) -> None:
    whole = customers()
    expected = to_pandas(segment_summary(whole, segments=TWO))
    parts = [
        whole[["customer_id", "segment"]],
        whole[["customer_id", "n_purchases", "inactive", "total_spend"]].iloc[::-1].dropna(),
        whole[["customer_id", "lifetime_value", "profit"]].iloc[[3, 0, 6, 2, 4, 1, 5]],
    ]
    found = to_pandas(segment_summary(*map(library, parts), segments=TWO))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_categorical=False)


def test_other_names_of_columns() -> None:
    renamed = customers().rename(columns={"profit": "margin", "lifetime_value": "clv"})
    told = segment_summary(renamed, segments=TWO, profit="margin", value="clv")
    pd.testing.assert_frame_equal(told, segment_summary(customers(), segments=TWO))
    assert (
        segment_summary(renamed, segments=TWO)[["profit", "lifetime_value"]].isna().all(axis=None)
    )
    # The table that comes first has the say.
    other = customers()[["customer_id"]].assign(profit=1.0)
    both = segment_summary(customers(), other, segments=TWO)
    pd.testing.assert_frame_equal(both, segment_summary(customers(), segments=TWO))


@st.composite
def random_customers(draw: st.DrawFn) -> pd.DataFrame:
    names = [*TWO.segments, "No purchase", None]
    frame = scored(draw(st.lists(st.sampled_from(names), max_size=25)))
    amounts = st.none() | st.floats(-1e9, 1e9) | st.sampled_from([0.0, 0.1, -0.3])
    for column in ("total_spend", "lifetime_value", "profit", "inactive"):
        values = draw(st.lists(amounts, min_size=len(frame), max_size=len(frame)))
        frame[column] = pd.Series(values, dtype="float64")
    counts = draw(st.lists(st.integers(0, 9), min_size=len(frame), max_size=len(frame)))
    return frame.assign(n_purchases=counts)


@settings(max_examples=12)
@given(random_customers(), st.integers(0, 99))
def test_the_segments_add_up_and_no_order_of_rows_matters(frame: pd.DataFrame, seed: int) -> None:
    """Catches a row that is dropped where the segment is null (``codes[known]`` for ``codes``),
    plain sums instead of exact ones, and values that are not put in the order of `scored`.
    """
    told = segment_summary(frame, segments=TWO)
    assert told["customers"].sum() == len(frame)
    for column, total in zip(
        MONEY, ("n_purchases", "total_spend", "lifetime_value", "profit"), strict=True
    ):
        whole = math.fsum(frame[total].dropna())
        assert math.fsum(told[column].dropna()) == pytest.approx(whole, rel=1e-12, abs=0.005)
    shares = told["share_of_revenue"].dropna()
    assert len(shares) == 0 or shares.sum() == pytest.approx(1)
    assert told["share_of_customers"].dropna().sum() == pytest.approx(1 if len(frame) else 0)
    shuffled = frame.sample(frac=1, random_state=seed)
    again = segment_summary(
        shuffled[["customer_id", "segment"]], frame.drop(columns="segment"), segments=TWO
    )
    pd.testing.assert_frame_equal(told, again, check_exact=True)


def test_the_whole_way(library) -> None:
    summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
    scores = RFMScorer.fit(summary).score(summary)
    told = to_pandas(segment_summary(library(scores), library(summary)))
    assert told["segment"].tolist() == list(RECENCY_FREQUENCY_GRID.segments)
    assert told["customers"].sum() == len(summary)
    assert told["revenue"].sum() == pytest.approx(summary["total_spend"].sum(), abs=0.005)
    assert told["orders"].sum() == summary["n_purchases"].sum()
    assert told[["meaning", "action"]].notna().all(axis=None)
    expected = segment_summary(scores, summary)
    pd.testing.assert_frame_equal(told, expected, check_dtype=False, check_categorical=False)
    with pytest.warns(DataWarning, match="not a partition"):
        newer = RFMScorer.fit(summary, segments=NEWER_SEGMENTS).score(summary)
    leaky = segment_summary(newer, summary, segments=NEWER_SEGMENTS)
    assert leaky["segment"].tolist() == [*NEWER_SEGMENTS.segments, "No segment"]
    assert leaky["revenue"].sum() == pytest.approx(summary["total_spend"].sum(), abs=0.005)


@pytest.mark.parametrize("segments", [TWO, None])
def test_nobody(library, segments: SegmentTable | None) -> None:
    told = to_pandas(segment_summary(library(customers().head(0)), segments=segments))
    assert list(told.columns) == COLUMNS
    assert told["customers"].tolist() == ([0, 0, 0] if segments else [])
    assert told[[*MONEY, "share_of_customers", "average_order"]].isna().all(axis=None)


def test_one_customer_zero_totals_and_constants() -> None:
    one = segment_summary(customers().iloc[[0]], segments=TWO)
    assert one.loc[2, ["customers", "share_of_revenue", "average_order"]].tolist() == [1, 1, 10]
    same = scored(["Rest"] * 4).assign(total_spend=0.0, n_purchases=2, inactive=5.0)
    told = segment_summary(same, segments=TWO)
    assert told.loc[2, ["revenue", "average_order", "mean_inactive"]].tolist() == [0, 0, 5]
    assert told["share_of_revenue"].isna().all()
    # 10.10 + 20.20 - 30.30 leaves 4e-15 in binary: no total to have a share of.
    noise = scored(["Rest"] * 3).assign(total_spend=[10.10, 20.20, -30.30])
    told = segment_summary(noise, segments=TWO)
    assert told["share_of_revenue"].isna().all()
    assert told[["orders", "average_order"]].isna().all(axis=None), "no counts of orders"


def test_an_average_order_is_one_whose_revenue_is_known() -> None:
    some = scored(["Rest"] * 3).assign(total_spend=[30.0, None, 5.0], n_purchases=[3, 7, None])
    told = segment_summary(some, segments=TWO)
    assert told.loc[2, ["orders", "revenue", "average_order"]].tolist() == [10, 35, 10]


def test_no_segment_at_all(library) -> None:
    summary = customers().drop(columns=["segment", "profit"]).dropna()
    scores = RFMScorer.fit(
        summary.assign(frequency=summary["n_purchases"] - 1), bins=3, segments=None
    ).score(library(summary.assign(frequency=summary["n_purchases"] - 1)))
    told = to_pandas(segment_summary(scores, library(summary), segments=None))
    assert told["segment"].tolist() == ["No segment"]
    assert told["revenue"].tolist() == [200]


def test_every_fault_is_named(library) -> None:
    twice = pd.concat([customers(), customers().iloc[[1]]])
    with pytest.raises(InputError, match=r"scored.customer_id': repeated_id in 2 rows .row 1"):
        segment_summary(library(twice), segments=TWO)
    stranger = pd.DataFrame({"customer_id": ["c1", "x"], "profit": [1.0, 2.0]})
    base = library(customers()[["customer_id", "segment"]])
    with pytest.raises(InputError, match=r"table 1.customer_id': not_scored in 1 row .*'x'"):
        segment_summary(base, library(stranger), segments=TWO)
    with pytest.raises(InputError, match=r"unknown_segment .*'Rest'.*recency-frequency grid"):
        segment_summary(base)
    with pytest.raises(InputError, match="'margin': no_such_column"):
        segment_summary(base, segments=TWO, profit="margin")
    odd = customers().assign(n_purchases=-1.0, inactive="long", total_spend=math.inf)
    with pytest.raises(InputError) as caught:
        segment_summary(library(odd), segments=TWO)
    assert {(fault.fault, fault.column) for fault in caught.value.faults} == {
        ("too_small", "scored.n_purchases"),
        ("not_a_number", "scored.inactive"),
        ("not_finite", "scored.total_spend"),
    }
    with pytest.raises(InputError, match="lacks the column 'segment'"):
        segment_summary(library(customers().drop(columns="segment")))
    with pytest.raises(InputError, match="missing_id"):
        segment_summary(customers().assign(customer_id=[None, *"abcdef"]), segments=TWO)
    with pytest.raises(InputError, match="ids of different types"):
        segment_summary(base, stranger.assign(customer_id=np.arange(2)), segments=TWO)


@pytest.mark.parametrize("seed", range(5))
def test_large_figures_that_cancel_add_up(seed: int) -> None:
    """Catches a whole that is added up less exactly than its parts."""
    rng = np.random.default_rng(seed)
    half = rng.uniform(0, 1e13, 600).round(2)
    values = rng.permutation(np.append(half, -half))
    frame = scored(["Champions"] * len(values)).assign(profit=values)
    assert to_pandas(segment_summary(frame))["profit"].sum() == 0.0
