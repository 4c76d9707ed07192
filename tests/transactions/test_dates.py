"""Calendar days: as written, in their own zone unless another is named."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.transactions.dates import civil_day, day_expressions


def first_day(log, **keywords):
    found = cv.customer_summary(log, **keywords)
    found = found.collect() if isinstance(found, pl.LazyFrame) else found
    return to_pandas(found).sort_values("customer_id")["first_purchase"].dt.date.tolist()


NIGHT = pd.Series(pd.to_datetime(["2024-01-01T03:30", "2024-06-30T22:30"])).dt.tz_localize("UTC")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_aware_dates_count_by_their_own_calendar(zone):
    stamps = NIGHT.dt.tz_convert(zone)
    expected = [stamp.date() for stamp in stamps]
    log = pd.DataFrame({"customer_id": [1, 2], "date": stamps})
    for make in (lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).lazy(), pa.table):
        assert first_day(make(log)) == expected


@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).lazy()])
def test_another_zone_can_be_named(make):
    log = make(pd.DataFrame({"customer_id": [1, 2], "date": NIGHT}))
    days = first_day(log, time_zone="America/New_York")
    assert days == [dt.date(2023, 12, 31), dt.date(2024, 6, 30)]


def test_duckdb_says_how_to_set_its_zone():
    log = duckdb.from_df(pd.DataFrame({"customer_id": [1, 2], "date": NIGHT}))
    with pytest.raises(InputError, match="set the zone in its connection"):
        cv.customer_summary(log, time_zone="America/New_York")


def test_text_with_an_offset_counts_as_written_or_in_the_zone_named():
    log = pd.DataFrame({"customer_id": [1], "date": ["2024-01-01T00:30:00+02:00"]})
    assert first_day(log) == [dt.date(2024, 1, 1)]
    assert first_day(log, time_zone="UTC") == [dt.date(2023, 12, 31)]
    with pytest.raises(InputError, match="inside a query"):
        cv.customer_summary(pl.from_pandas(log).lazy(), time_zone="UTC")


def test_python_dates_of_one_kind_are_read_and_mixed_zones_are_a_fault():
    berlin, tokyo = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
    aware = [dt.datetime(2024, 1, 1, 0, 30, tzinfo=z) for z in (berlin, tokyo)]
    log = pd.DataFrame({"customer_id": [1, 2, 3]}).assign(
        date=pd.Series([*aware, dt.datetime(2024, 1, 2)], dtype="object")
    )
    assert first_day(log.head(2)) == [dt.date(2024, 1, 1)] * 2
    assert first_day(log.head(2), time_zone="UTC") == [dt.date(2023, 12, 31)] * 2
    with pytest.raises(InputError, match="mixed_time_zones in 1 row"):
        first_day(log)
    mixed = log.assign(date=["2024-01-01T00:30Z", "2024-01-01", "2024-01-02"])
    for make in (lambda f: f, pl.from_pandas, duckdb.from_df):
        with pytest.raises(InputError, match="mixed_time_zones in 1 row"):
            cv.customer_summary(make(mixed))


def test_objects_that_are_no_dates_are_refused():
    log = pd.DataFrame({"customer_id": [1, 2]}).assign(
        date=pd.Series([dt.date(2024, 1, 1), 7], dtype="object")
    )
    with pytest.raises(InputError, match="holds int values; expected dates"):
        first_day(log)


@given(st.lists(st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)), min_size=1, max_size=50))
def test_civil_days_are_those_of_the_calendar(days):
    """Catches `y // 100` added instead of subtracted in `civil_day`."""
    frame = nw.from_native(pl.DataFrame({"date": days}))
    date = nw.col("date")
    found = frame.select(civil_day(date.dt.year(), date.dt.month(), date.dt.day()).alias("day"))
    assert found["day"].to_list() == [(day - dt.date(1970, 1, 1)).days for day in days]


TEXTS = [
    *("2024-02-29", "2023-02-29", "2000-02-29", "1900-02-29", "2024-04-31", "2024-00-10"),
    *("2024-12-32", "2024-12-31T23:59", "2024-12-31 23:59:59.123", "2024-12-31T23:59Z"),
    *("2024-1-1", "20240101", "0000-01-01", "x", "", "2024-01-01T", "1850-06-15", " 2024-01-01"),
]


@pytest.mark.parametrize("make", [lambda f: f.lazy(), lambda f: duckdb.from_arrow(f.to_arrow())])
def test_text_dates_follow_one_rule_in_memory_and_in_a_query(make):
    frame = pl.DataFrame({"date": TEXTS, "row": np.arange(len(TEXTS))})
    lazy = nw.from_native(make(frame))
    rules = day_expressions("date", nw.String(), None)
    rows = lazy.select("row", day=rules.day, date=rules.date, **rules.faults).collect("polars")
    found = rows.sort("row").to_native()
    for text, row in zip(TEXTS, found.iter_rows(named=True), strict=True):
        try:
            day = dt.date.fromisoformat(text[:10]) if len(text) >= 10 and text[4] == "-" else None
        except ValueError:
            day = None
        well_formed = day is not None and text[10:] in ("", "T23:59", " 23:59:59.123", "T23:59Z")
        assert row["not_an_iso_date"] == (not well_formed), text
        if well_formed:
            assert row["day"] == (day - dt.date(1970, 1, 1)).days
            assert row["date"] == day
            assert row["implausible_date"] == (not 1900 <= day.year <= 2200)
