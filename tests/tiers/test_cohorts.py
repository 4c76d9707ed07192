"""Cohorts: every customer in one, every line's money in one cell."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers.cohorts import cohort_table, cohorts_of_log
from crmvalue.transactions import check_transactions, read_log

PANDAS = {"W": "W-SUN", "M": "M", "Q": "Q", "Y": "Y"}

lines = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 500), st.integers(-80, 200).map(lambda k: k / 4)),
    min_size=1,
    max_size=30,
).filter(lambda rows: any(amount >= 0 for _, _, amount in rows))
periods = st.sampled_from(sorted(PANDAS))


def log_of(rows: list[tuple[int, int, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["date"] = pd.Timestamp("2023-11-20") + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame.assign(margin=frame["amount"] / 2)


@settings(max_examples=8)
@given(lines, periods)
def test_cells_are_those_of_a_slow_count(rows, period) -> None:
    """Catches a refund as a purchase, an age from the first line, and weeks from Sunday."""
    log = log_of(rows)
    found = cohort_table(log, period=period, amount="amount", profit="margin")
    end = log["date"].max()
    log["period"] = log["date"].dt.to_period(PANDAS[period])
    bought = log[log["amount"] >= 0]
    first = bought.groupby("customer_id")["period"].min()
    log = log[log["customer_id"].isin(first.index)]
    last = end.to_period(PANDAS[period])
    table = found.cohorts
    assert len(table) == sum((last - start).n + 1 for start in first.unique())
    for row in table.itertuples():
        start = row.cohort.to_period(PANDAS[period])
        assert row.cohort == start.start_time
        assert row.period == (start + row.age).start_time
        members = first.index[first == start]
        mine = log[log["customer_id"].isin(members)]
        now = mine["period"] == start + row.age
        if row.age == 0:
            now |= mine["period"] < start
        assert row.customers == len(members)
        assert row.kept == mine[now & (mine["amount"] >= 0)]["customer_id"].nunique()
        assert row.share_kept == row.kept / row.customers
        assert row.revenue == mine[now]["amount"].sum()
        assert row.profit == mine[now]["margin"].sum()
        until = now | (mine["period"] <= start + row.age)
        assert row.cumulative_revenue == mine[until]["amount"].sum()
        assert row.cumulative_profit_per_customer == pytest.approx(
            mine[until]["margin"].sum() / len(members)
        )
        assert row.complete == ((start + row.age).end_time.normalize() <= end)


@settings(max_examples=12)
@given(lines, periods)
def test_the_money_of_the_log_is_in_the_cohorts(rows, period) -> None:
    """Catches money before the first purchase dropped, and refunds of non-buyers unreported."""
    log = log_of(rows)
    found = cohort_table(log, period=period, amount="amount")
    money = check_transactions(log, amount="amount").money
    assert dict(found.money) == dict(money)
    assert math.isclose(found.cohorts["revenue"].sum(), money["valued"], abs_tol=1e-9)
    assert math.isclose(found.left_out["money"].sum(), money["left_out"], abs_tol=1e-9)
    last = found.cohorts.groupby("cohort")["cumulative_revenue"].last().sum()
    assert math.isclose(last, money["valued"], abs_tol=1e-9)
    start = found.cohorts.query("age == 0")
    assert (start["kept"] == start["customers"]).all()
    assert start["customers"].sum() == log[log["amount"] >= 0]["customer_id"].nunique()


@settings(max_examples=10)
@given(lines, periods, st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(rows, period, random) -> None:
    """Catches the first line of a customer taken for the earliest."""
    found = cohort_table(log_of(rows), period=period, amount="amount").cohorts
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = cohort_table(log_of(shuffled), period=period, amount="amount").cohorts
    pd.testing.assert_frame_equal(found, again)


def small_log() -> pd.DataFrame:
    rows = [
        ("a", "2024-01-31", 10.0, 4.0),
        ("a", "2024-02-01", 30.0, 12.0),
        ("a", "2024-04-02", 5.0, 1.0),
        ("b", "2024-01-02", 0.0, -1.0),
        ("b", "2024-03-10", -6.0, -2.5),
        ("c", "2024-03-05", 100.0, 50.0),
        ("c", "2024-02-20", -7.0, -3.0),
        ("d", "2024-02-02", -9.0, -4.0),
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount", "margin"])


def test_a_triangle(library) -> None:
    log = library(small_log())
    found = cohort_table(log, period="M", amount="amount", profit="margin")
    assert repr(found) == "CohortTable(2 cohorts by months, 3 customers, ages to 3)"
    table = to_pandas(found.cohorts)
    assert list(table.columns) == [
        "cohort",
        "age",
        "period",
        "customers",
        "kept",
        "share_kept",
        "revenue",
        "profit",
        "cumulative_revenue",
        "cumulative_profit",
        "cumulative_revenue_per_customer",
        "cumulative_profit_per_customer",
        "complete",
    ]
    assert pd.to_datetime(table["cohort"]).dt.month.tolist() == [1, 1, 1, 1, 3, 3]
    assert pd.to_datetime(table["period"]).dt.month.tolist() == [1, 2, 3, 4, 3, 4]
    assert table["kept"].tolist() == [2, 1, 0, 1, 1, 0]
    assert table["revenue"].tolist() == [10, 30, -6, 5, 93, 0]
    assert table["profit"].tolist() == [3, 12, -2.5, 1, 47, 0]
    assert table["cumulative_revenue_per_customer"].tolist() == [5, 20, 17, 19.5, 93, 93]
    assert table["complete"].tolist() == [True, True, True, False, True, False]
    left = to_pandas(found.left_out)
    assert left["reason"].tolist() == ["customer with refunds only"]
    assert (left["customers"].item(), left["money"].item()) == (1, -9)
    assert dict(found.money) == {"in": 123, "valued": 132, "left_out": -9}
    wide = to_pandas(found.matrix("share_kept"))
    assert list(wide.columns) == ["cohort", "customers", "0", "1", "2", "3"]
    assert wide["customers"].tolist() == [2, 1]
    figures = wide[["0", "1", "2", "3"]].to_numpy(dtype=float, na_value=np.nan)
    assert np.array_equal(figures, [[1, 0.5, 0, 0.5], [1, 0, np.nan, np.nan]], equal_nan=True)
    whole = to_pandas(found.matrix("share_kept", incomplete=False))
    assert whole["1"].isna().tolist() == [False, True]
    assert whole["3"].isna().all()


def test_tables_leave_in_the_library_of_the_log() -> None:
    log = pl.from_pandas(small_log())
    found = cohort_table(log.lazy(), amount="amount")
    assert isinstance(found.cohorts, pl.DataFrame)
    assert found.cohorts.schema["cohort"] == pl.Date
    assert found.cohorts["age"].dtype == pl.Int64


def test_without_money_the_columns_are_null(library) -> None:
    found = cohort_table(library(small_log()[["customer_id", "date"]]), period="Q")
    table = to_pandas(found.cohorts)
    assert table.filter(regex="revenue|profit").isna().all(axis=None)
    assert table["kept"].tolist() == [4, 1]
    assert dict(found.money) == {"in": None, "valued": None, "left_out": None}


def test_one_line_and_quiet_periods() -> None:
    log = pd.DataFrame({"customer_id": [7], "date": ["2020-12-31"], "amount": [0.0]})
    found = cohort_table(log, period="Y", amount="amount", as_of="2023-12-31")
    assert found.cohorts["kept"].tolist() == [1, 0, 0, 0]
    assert found.cohorts["complete"].all()
    assert found.cohorts["revenue"].sum() == 0
    assert found.cohorts["cohort"].iloc[0] == pd.Timestamp(dt.date(2020, 1, 1))


def test_rows_of_the_profit_that_are_left_out_need_none() -> None:
    log = small_log().assign(why=[None] * 7 + ["test"])
    log.loc[7, "margin"] = np.nan
    found = cohort_table(log, amount="amount", profit="margin", left_out="why")
    assert found.cohorts["profit"].sum() == 60.5
    log.loc[0, "margin"] = np.nan
    with pytest.raises(InputError, match="missing_or_not_finite in 1 row"):
        cohort_table(log, amount="amount", profit="margin", left_out="why")


def test_a_log_that_was_read_gives_the_same_table() -> None:
    log = log_of([(1, 0, 10.0), (1, 40, -5.0), (2, 50, 7.5), (3, 9, -2.0), (1, 80, 1.0)])
    read = read_log(log, amount="amount")
    earned = read.column("margin").to_numpy()
    for period in PANDAS:
        expected = cohort_table(log, period=period, amount="amount", profit="margin")
        found = cohorts_of_log(read, period, earned)
        pd.testing.assert_frame_equal(found.cohorts, expected.cohorts)
        pd.testing.assert_frame_equal(found.left_out, expected.left_out)
        assert dict(found.money) == dict(expected.money)
        assert found.period == expected.period
    assert cohorts_of_log(read).cohorts["profit"].isna().all()


def test_what_is_refused() -> None:
    log = small_log()
    for period in ("D", "month", 3, None):
        with pytest.raises(InputError, match="period must be one of 'W', 'M', 'Q', 'Y'"):
            cohort_table(log, period=period)
    with pytest.raises(InputError, match="lacks the column 'profit'"):
        cohort_table(log, profit="profit")
    with pytest.raises(InputError, match="the log has no rows"):
        cohort_table(log.head(0))
    with pytest.raises(InputError, match="missing_amount in 1 row"):
        cohort_table(log.assign(amount=[np.nan, *log["amount"][1:]]), amount="amount")
    with pytest.raises(InputError, match="matrix gives 'kept'"):
        cohort_table(log).matrix("customers")
