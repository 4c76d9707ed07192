"""Data gates: what they measure, at which day, and what fails them."""

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
from crmvalue._stats import UNITS
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.rfm.gates import rfm_gates

GATES = ["buyers", "history_days", "recent_days", "regulars"]


def log() -> pd.DataFrame:
    """600 customers in 2023: the first purchase on 1 January, the last one on 1 July."""
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(600) % 182, unit="D")
    once = pd.DataFrame({"customer_id": np.arange(600), "date": days, "amount": 10.0})
    more = once.head(1).assign(date=[pd.Timestamp("2023-02-01")])
    third = more.assign(date=[pd.Timestamp("2023-03-01")])
    return pd.concat([once, more, third, third], ignore_index=True)


def got(gates: object) -> dict[str, float]:
    frame = to_pandas(gates)
    return dict(zip(frame["gate"], frame["got"], strict=True))


def passed(gates: object) -> list[bool]:
    return to_pandas(gates)["passed"].tolist()


@pytest.mark.parametrize("unit", ["D", "W", "M", "Y"])
def test_each_gate_by_hand(library, unit: str) -> None:
    summary = cv.customer_summary(library(log()), amount="amount", as_of="2023-07-31", unit=unit)
    gates = rfm_gates(summary, unit=unit)
    frame = to_pandas(gates)
    assert list(frame.columns) == ["gate", "meaning", "rule", "required", "got", "passed"]
    assert frame["gate"].tolist() == GATES
    assert frame["required"].tolist() == [500, 180, 30, 1]
    assert frame["rule"].tolist() == ["at least", "at least", "at most", "at least"]
    # 1 January to 1 July are 181 days, 1 to 31 July 30; one customer has three purchase days.
    assert frame["got"].tolist() == [600, 181, 30, 1]
    assert frame["passed"].tolist() == [True] * 4
    eager = type(summary.collect() if isinstance(summary, pl.LazyFrame) else summary)
    assert type(gates) is (eager if eager in (pd.DataFrame, pl.DataFrame) else pa.Table)


def test_each_gate_fails_alone() -> None:
    summary = cv.customer_summary(log(), amount="amount", as_of="2023-08-01")
    keywords = {"recent_days": 31}
    assert passed(rfm_gates(summary, **keywords)) == [True] * 4
    for gate, value in {"buyers": 601, "history_days": 182, "recent_days": 30}.items():
        found = passed(rfm_gates(summary, **{**keywords, gate: value}))
        assert found == [name != gate for name in GATES]
    assert passed(rfm_gates(summary, recent_days=31, regulars=2)) == [True, True, True, False]
    assert passed(rfm_gates(summary, recent_days=31, orders=4)) == [True, True, True, False]
    assert rfm_gates(summary, orders=4)["meaning"].iloc[3] == "customers with 4 or more orders"


def test_as_of_is_the_day_of_use(library) -> None:
    summary = library(cv.customer_summary(log(), amount="amount"))
    assert got(rfm_gates(summary))["recent_days"] == 0
    for day in ("2023-08-01", dt.date(2023, 8, 1), pd.Timestamp("2023-08-01 12:00")):
        found = rfm_gates(summary, as_of=day)
        assert got(found) == {"buyers": 600, "history_days": 181, "recent_days": 31, "regulars": 1}
        assert passed(found) == [True, True, False, True]
    with pytest.raises(InputError, match=r"lies before the last purchase.* 2023-07-01"):
        rfm_gates(summary, as_of="2023-06-30")
    with pytest.raises(InputError, match="as_of must be a date"):
        rfm_gates(summary, as_of="1.8.2023")


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 400), st.integers(0, 400)), max_size=20),
    st.sampled_from(["D", "W", "M", "Y"]),
)
def test_the_unit_of_the_ages_changes_nothing_and_more_customers_fail_no_gate(
    customers: list[tuple[int, int, int]], unit: str
) -> None:
    """Catches days that are not rounded to what ages hold (180/7*7 < 180), and a history that is
    measured from one customer's first purchase to the same customer's last.
    """
    days = UNITS[unit]
    rows = pd.DataFrame(customers, columns=["n_purchases", "T", "inactive"], dtype=float)
    rows["T"] += rows["inactive"]
    ages = rows.assign(T=rows["T"] / days, inactive=rows["inactive"] / days)
    limits = {"buyers": 3, "history_days": 180, "recent_days": 30}
    found = rfm_gates(ages, unit=unit, **limits)
    pd.testing.assert_frame_equal(found, rfm_gates(rows, unit="D", **limits))
    if len(rows):
        history = rows["T"].max() - rows["inactive"].min()
        assert found["got"].tolist()[:3] == [len(rows), history, rows["inactive"].min()]
    more = pd.concat([ages, ages.tail(1).assign(T=1000.0, inactive=0.0, n_purchases=3)])
    after = np.array(passed(rfm_gates(more, unit=unit, **limits)))
    assert (after >= np.array(passed(found))).all()


def test_without_buyers_every_gate_fails(library) -> None:
    columns = {"n_purchases": [0.0, None], "T": [None, 3.0], "inactive": [None, 3.0]}
    nobody = pd.DataFrame(columns).assign(last_purchase=pd.Series([pd.NaT] * 2))
    for frame in (nobody, nobody.head(0)):
        for as_of in (None, "2024-01-01"):
            gates = to_pandas(rfm_gates(library(frame), as_of=as_of))
            assert gates["passed"].tolist() == [False] * 4
            assert gates["got"].fillna(-1).tolist() == [0, -1, -1, 0]


def test_one_customer_and_customers_without_a_purchase() -> None:
    one = {"n_purchases": [3, 0, None], "T": [9.0, None, None], "inactive": [2.0, None, None]}
    gates = rfm_gates(pd.DataFrame(one), buyers=1)
    assert gates["got"].tolist() == [1, 49, 14, 1]
    assert gates["passed"].tolist() == [True, False, True, True]


def test_every_fault_is_named() -> None:
    summary = cv.customer_summary(log(), amount="amount")
    with pytest.raises(InputError, match=r"of at least 0; got \{'buyers': -1, 'orders': nan"):
        rfm_gates(summary, buyers=-1, orders=float("nan"))
    with pytest.raises(InputError, match=r"orders a whole one, .* got \{'orders': 2.5\}"):
        rfm_gates(summary, orders=2.5)  # type: ignore[arg-type]  # no number of purchase days
    with pytest.raises(InputError, match="pass unit='W'"):
        rfm_gates(summary, unit="D")
    with pytest.raises(InputError, match="unit must be one of"):
        rfm_gates(summary, unit="Q")
    with pytest.raises(InputError, match="lacks the columns 'n_purchases', 'T'"):
        rfm_gates(summary[["customer_id", "inactive"]])
    with pytest.raises(InputError, match="lacks the column 'last_purchase'"):
        rfm_gates(summary.drop(columns="last_purchase"), as_of="2024-01-01")
    with pytest.raises(InputError, match=r"summary\.T.*not_a_number"):
        rfm_gates(summary.assign(T="old"))


def test_numbers_of_numpy_are_requirements() -> None:
    frame = pd.DataFrame({"n_purchases": [3], "T": [2.0], "inactive": [1.0]})
    plain = rfm_gates(frame, buyers=5, history_days=0.5, orders=2)
    numpy = rfm_gates(frame, buyers=np.int64(5), history_days=np.float32(0.5), orders=np.int8(2))
    pd.testing.assert_frame_equal(numpy, plain)
    with pytest.raises(InputError, match=r"buyers.*orders"):
        rfm_gates(frame, buyers="x", orders=[1])
