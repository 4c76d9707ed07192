"""A log as opportunities: hand-made cases, a plain loop, and every library."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.summary.opportunities import opportunity_summary

LOG = pd.DataFrame(
    {
        "customer_id": [1, 1, 1, 1, 2, 3, 4, 4],
        "date": [
            *("2019-11-02", "2020-03-01", "2020-12-01", "2022-05-05"),
            *("2021-06-06", "2023-02-02", "2020-01-01", "2023-12-31"),
        ],
        "amount": [10.0, 0.0, 5.0, 5.0, 8.0, 9.0, 7.0, -7.0],
    }
)


def rows(summary):
    return summary[["customer_id", "frequency", "recency", "n"]].to_numpy().tolist()


def test_years_by_hand():
    whole = opportunity_summary(LOG, period="Y", amount="amount", as_of="2023-12-31")
    # A free order counts, a refund doesn't; two purchases in a year are one opportunity taken.
    assert rows(whole) == [[1, 2, 3, 4], [2, 0, 0, 2], [3, 0, 0, 0], [4, 0, 0, 3]]


def test_a_period_cut_short_is_no_opportunity():
    cut = opportunity_summary(LOG, period="Y", amount="amount", as_of="2022-12-30")
    assert rows(cut) == [[1, 1, 1, 2], [2, 0, 0, 0], [4, 0, 0, 1]]
    # Customer 3 came in the year that isn't complete.
    late = opportunity_summary(LOG, period="Y", amount="amount", as_of="2023-06-30")
    assert rows(late) == [[1, 2, 3, 3], [2, 0, 0, 1], [3, 0, 0, 0], [4, 0, 0, 2]]


@pytest.mark.parametrize(
    ("period", "ends", "n"),
    [
        ("D", "2024-01-08", 7),
        ("W", "2024-01-21", 2),  # a Sunday; 2024-01-01 is a Monday
        ("W", "2024-01-20", 1),
        ("M", "2024-02-29", 1),
        ("M", "2024-02-28", 0),
        ("Q", "2024-06-30", 1),
        ("Q", "2024-06-29", 0),
        ("Y", "2025-12-31", 1),
    ],
)
def test_calendar_periods_end_where_the_calendar_says(period, ends, n):
    log = pd.DataFrame({"customer_id": [1], "date": ["2024-01-01"]})
    assert opportunity_summary(log, period=period, as_of=ends)["n"].tolist() == [n]


def test_days_before_1970_fall_into_their_own_periods():
    log = pd.DataFrame({"customer_id": [1, 1], "date": ["1969-12-31", "1970-01-01"]})
    for period in "MQY":
        found = opportunity_summary(log, period=period, as_of="1970-12-31")
        assert found["recency"].tolist() == [1]


def test_customers_with_refunds_only_get_no_row():
    log = pd.DataFrame(
        {"customer_id": [1, 2], "date": ["2024-01-01", "2024-01-02"], "amount": [3.0, -3.0]}
    )
    found = opportunity_summary(log, period="D", amount="amount")
    assert found["customer_id"].tolist() == [1]


def test_refusals():
    with pytest.raises(InputError, match="period must be one of 'D', 'W', 'M', 'Y', 'Q'"):
        opportunity_summary(LOG, period="year")
    with pytest.raises(InputError, match="lacks the column 'paid'"):
        opportunity_summary(LOG, period="Y", amount="paid")
    with pytest.raises(InputError, match="missing_date"):
        opportunity_summary(LOG.assign(date=[None, *LOG["date"][1:]]), period="Y")


START = dt.date(2023, 12, 25)
LINES = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(0, 500).map(lambda n: START + dt.timedelta(days=n)),
        st.sampled_from([0.0, 1.0, 2.5, -1.0]),
    ),
    min_size=1,
    max_size=25,
)
NEXT = {
    "D": lambda d: d + dt.timedelta(days=1),
    "W": lambda d: d + dt.timedelta(days=7 - d.weekday()),
    "M": lambda d: (d.replace(day=28) + dt.timedelta(days=4)).replace(day=1),
    "Q": lambda d: (d.replace(month=(d.month - 1) // 3 * 3 + 3, day=28) + dt.timedelta(4)).replace(
        day=1
    ),
    "Y": lambda d: dt.date(d.year + 1, 1, 1),
}


@settings(max_examples=60)
@given(LINES, st.sampled_from(sorted(NEXT)), st.integers(0, 500))
def test_the_summary_is_that_of_a_plain_loop(lines, period, until):
    """Catches `as_of` in place of `as_of + 1` in the last complete period."""
    end = START + dt.timedelta(days=until)
    log = pd.DataFrame(lines, columns=["customer_id", "date", "amount"])
    log = pd.concat([log, pd.DataFrame({"customer_id": [9], "date": [START], "amount": [1.0]})])
    found = opportunity_summary(
        log.assign(date=pd.to_datetime(log["date"])), period=period, amount="amount", as_of=end
    )
    expected = []
    for customer, group in log.groupby("customer_id"):
        bought = group.loc[(group["amount"] >= 0) & (group["date"] <= end), "date"]
        days = sorted(set(bought))
        if not days:
            continue
        taken = []
        start = NEXT[period](days[0])
        while (stop := NEXT[period](start)) <= end + dt.timedelta(days=1):
            taken.append(any(start <= day < stop for day in days))
            start = stop
        last = max((i + 1 for i, bought in enumerate(taken) if bought), default=0)
        expected.append([customer, sum(taken), last, len(taken)])
    assert rows(found) == expected


@settings(max_examples=40)
@given(LINES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(lines, random):
    """Catches the first row's period taken for that of the first purchase."""
    shuffled = list(lines)
    random.shuffle(shuffled)

    def summary(lines):
        log = pd.DataFrame([*lines, (9, START, 1.0)], columns=["customer_id", "date", "amount"])
        log["date"] = pd.to_datetime(log["date"])
        return opportunity_summary(log, period="M", amount="amount")

    pd.testing.assert_frame_equal(summary(lines), summary(shuffled))


def test_every_library_gives_the_same_opportunities(library):
    log = cv.datasets.simulate_transactions(300, rng=np.random.default_rng(5), refund_share=0.2)
    options = {"period": "M", "amount": "amount", "as_of": "2024-06-30"}
    expected = opportunity_summary(log, **options)
    assert expected["n"].max() == 17
    native = library(log)
    found = opportunity_summary(native, **options)
    kinds = {pd.DataFrame: pd.DataFrame, pl.DataFrame: pl.DataFrame, pl.LazyFrame: pl.DataFrame}
    assert type(found) is kinds.get(type(native), pa.Table)
    pd.testing.assert_frame_equal(to_pandas(found), expected)
    assert (expected.dtypes == np.int64).all()
