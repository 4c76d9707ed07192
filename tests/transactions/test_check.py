"""What a log must be, and that nothing is left out of it unseen."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
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

FAULTY = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", None, "c", "d", "d", "e", "a", "a"],
        "date": [
            *("2024-01-05", "2024-02-01", "2024-01-09", "2024-13-01", "2024-01-01", "2024-01-03"),
            *("2024-03-01", "2024-01-02", None, "2024-01-05", "2024-01-05"),
        ],
        "amount": [10.0, 5.0, None, 3.0, 4.0, -3.0, 5.0, -1.0, np.inf, 10.0, 10.0],
        "why": [None] * 9 + ["test", None],
    }
)


def left_out(check: cv.LogCheck) -> dict[str, tuple[int, int, float]]:
    frame = to_pandas(check.left_out)
    columns = (frame["rows"], frame["customers"], frame["money"])
    return {
        reason: (int(rows), int(customers), float(money))
        for reason, rows, customers, money in zip(frame["reason"], *columns, strict=True)
    }


def test_all_faults_are_listed_at_once(library):
    with pytest.raises(InputError) as caught:
        cv.check_transactions(library(FAULTY), amount="amount", left_out="why")
    assert {(f.fault, f.column, f.rows) for f in caught.value.faults} == {
        ("missing_customer", "customer_id", 1),
        ("missing_amount", "amount", 1),
        ("infinite_amount", "amount", 1),
        ("missing_date", "date", 1),
        ("not_an_iso_date", "date", 1),
    }
    message = str(caught.value)
    for fault in caught.value.faults:
        assert fault.fault in message
        assert fault.expected in message
    assert "2024-13-01" in message


def test_faulty_rows_are_left_out_by_reason_with_their_money(library):
    check = cv.check_transactions(
        library(FAULTY), amount="amount", left_out="why", faults="leave_out"
    )
    assert left_out(check) == {
        "test": (1, 1, 10.0),
        "missing_customer": (1, 0, 4.0),
        "missing_amount": (1, 1, 0.0),
        "infinite_amount": (1, 1, 0.0),
        "not_an_iso_date": (1, 1, 3.0),
        "customer with refunds only": (1, 1, -3.0),
    }
    assert list(to_pandas(check.left_out)["reason"]) == list(left_out(check)), "in one order"
    assert check.money["in"] == pytest.approx(43.0)
    assert check.money["valued"] == pytest.approx(29.0)
    assert check.money["left_out"] == pytest.approx(14.0)
    assert check.rows == 11
    assert check.duplicates == 1
    assert check.as_of == dt.date(2024, 3, 1)


def test_rows_after_as_of_and_dropped_refunds_are_counted(library):
    check = cv.check_transactions(
        library(FAULTY),
        amount="amount",
        left_out="why",
        faults="leave_out",
        as_of="2024-02-15",
        refunds="drop",
    )
    found = left_out(check)
    assert found["after as_of"] == (1, 1, 5.0)
    assert found["refund dropped"] == (2, 2, -4.0)
    assert "customer with refunds only" not in found


def test_refunds_can_be_refused(library):
    log = pd.DataFrame({"customer_id": [1, 1], "date": ["2024-01-01"] * 2, "amount": [5.0, -2.0]})
    with pytest.raises(InputError, match="refund in 1 row"):
        cv.check_transactions(library(log), amount="amount", refunds="refuse")


def test_a_sound_log_has_no_faults_and_keeps_all_money(library):
    log = pd.DataFrame({"customer_id": [1, 2], "date": ["2024-01-01"] * 2, "amount": [5.0, 0.0]})
    check = cv.check_transactions(library(log), amount="amount")
    assert len(to_pandas(check.faults)) == 0
    assert len(to_pandas(check.left_out)) == 0
    assert dict(check.money) == {"in": 5.0, "valued": 5.0, "left_out": 0.0}
    assert "2 rows" in repr(check)


def test_without_amounts_there_is_no_money(library):
    log = pd.DataFrame({"customer_id": [1, 2], "date": ["2024-01-01"] * 2})
    check = cv.check_transactions(library(log))
    assert dict(check.money) == {"in": None, "valued": None, "left_out": None}


ONE = pd.DataFrame({"customer_id": [1], "date": ["2024-01-01"], "amount": [1.0]})


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"customer_id": [1]}, "must be a pandas, polars"),
        (None, "NoneType"),
        (ONE.head(0), "the log has no rows"),
        (ONE.drop(columns="date"), "lacks the column 'date'; it has 'customer_id', 'amount'"),
        (ONE.set_axis(["date", "date", "amount"], axis=1), "more than one column called 'date'"),
        (ONE.set_axis([0, 1, 2], axis=1), "not text"),
        (ONE.assign(date=[20240101]), "column 'date' holds Int64; expected dates"),
        (ONE.assign(amount=["1.00"]), "column 'amount': not_a_number"),
        (ONE.assign(amount=[True]), "column 'amount': not_a_number"),
        (ONE.assign(customer_id=[True]), "column 'customer_id': not_an_id"),
        (
            ONE.assign(customer_id=pd.to_datetime(["2024-01-01"])),
            "column 'customer_id': not_an_id",
        ),
        (ONE.assign(date=["01.02.2024"]), "not_an_iso_date in 1 row (row 0: '01.02.2024')"),
        (ONE.assign(date=["20024-01-01"]), "not_an_iso_date"),
        (
            ONE.assign(date=np.array(["20024-01-01"], dtype="datetime64[s]")),
            "implausible_date in 1 row",
        ),
        (ONE.assign(customer_id=[np.nan]), "missing_customer in 1 row"),
        (ONE.assign(date=[None]), "missing_date"),
        (ONE.assign(amount=[np.nan]), "missing_amount in 1 row"),
    ],
)
def test_bad_logs_are_refused_in_words(log, words):
    with pytest.raises(InputError) as caught:
        cv.check_transactions(log, amount="amount")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"refunds": "nett"}, "expected one of 'net', 'drop', 'refuse'"),
        ({"faults": "ignore"}, "expected one of 'raise', 'leave_out'"),
        ({"as_of": "31/12/2024"}, "as_of must be a date"),
        ({"as_of": "2024-02-30"}, "as_of must be a date"),
        ({"as_of": "2023-12-31"}, "no purchase is left at as_of 2023-12-31"),
        ({"time_zone": "Middle/Earth"}, "time_zone must be the name of a zone"),
        ({"time_zone": "Europe/Berlin"}, "carry no time zone"),
    ],
)
@pytest.mark.parametrize("make", [lambda f: f, duckdb.from_df], ids=["pandas", "duckdb"])
def test_bad_keywords_are_refused_in_words(make, keywords, words):
    log = make(ONE.assign(date=pd.to_datetime(ONE["date"])))
    with pytest.raises(InputError) as caught:
        cv.check_transactions(log, amount="amount", **keywords)
    assert words in str(caught.value)


def test_the_callers_frame_is_left_as_it_was():
    log = FAULTY.copy()
    cv.check_transactions(log, amount="amount", faults="leave_out")
    pd.testing.assert_frame_equal(log, FAULTY)


def test_decimal_amounts_are_money():
    log = ONE.assign(amount=[Decimal("12.30")])
    assert cv.check_transactions(log, amount="amount").money["in"] == 12.3
    assert cv.check_transactions(pl.from_pandas(log), amount="amount").money["in"] == 12.3


@pytest.mark.parametrize("as_of", ["2024-01-31", dt.date(2024, 1, 31), pd.Timestamp("2024-01-31")])
def test_as_of_may_be_a_date_a_datetime_or_text(as_of):
    assert cv.check_transactions(ONE, as_of=as_of).as_of == dt.date(2024, 1, 31)


def test_a_row_with_two_faults_is_left_out_for_the_same_one_everywhere(library):
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2],
            "date": pd.to_datetime(["2024-01-01", None, "2024-01-05", "2024-01-06"]),
            "amount": [5.0, -2.0, 3.0, 1e16],
        }
    )
    check = cv.check_transactions(
        library(log), amount="amount", refunds="refuse", faults="leave_out"
    )
    assert left_out(check) == {"infinite_amount": (1, 1, 0.0), "refund": (1, 1, -2.0)}
    assert isinstance(check.duplicates, int)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas, duckdb.from_df])
def test_dates_beyond_pythons_calendar_are_a_fault_in_every_library(make):
    far = np.array(["2024-01-01", "20024-01-01"], dtype="datetime64[s]")
    with pytest.raises(InputError, match="implausible_date in 1 row"):
        cv.check_transactions(make(pd.DataFrame({"customer_id": [1, 2], "date": far})))


ROW = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["2024-01-01", "2024-02-01", "2024-03-01", "1.2.24", None]),
    st.sampled_from([1.0, 2.25, 0.0, -1.5, np.nan, np.inf]),
    st.sampled_from([None, None, "fee", "test"]),
)


@given(
    st.lists(ROW, min_size=1, max_size=12),
    st.sampled_from(["net", "drop"]),
    st.sampled_from([None, "2024-02-15"]),
)
def test_money_in_is_money_valued_plus_money_left_out(rows, refunds, as_of):
    """Catches leaving `keep` unchanged in `leave_out`: a row is counted under two reasons."""
    columns = ["customer_id", "date", "amount", "why"]
    log = pd.DataFrame([*rows, ("a", "2024-01-01", 1.0, None)], columns=columns)
    log["why"] = log["why"].astype("object")
    log = log.astype({"customer_id": "object", "date": "object"})
    check = cv.check_transactions(
        log, amount="amount", left_out="why", faults="leave_out", refunds=refunds, as_of=as_of
    )
    finite = log["amount"][np.isfinite(log["amount"])]
    parts = to_pandas(check.left_out)
    assert check.money["in"] == pytest.approx(finite.sum(), abs=1e-9)
    assert check.money["in"] == pytest.approx(
        check.money["valued"] + parts["money"].sum(), abs=1e-9
    )
    summary = cv.customer_summary(
        log, amount="amount", left_out="why", faults="leave_out", refunds=refunds, as_of=as_of
    )
    assert summary["total_spend"].sum() == pytest.approx(check.money["valued"], abs=1e-9)
