"""`check_transactions`: what a log must be, what is wrong with this one, what is left out of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from crmvalue._frame import Frame, IntoFrame, enter, is_lazy
from crmvalue._stats import FloatArray, IntArray, check_conserved
from crmvalue._table import table
from crmvalue.transactions import dates
from crmvalue.transactions.memory import read_log
from crmvalue.transactions.options import Faults, LogOptions, Refunds
from crmvalue.transactions.query import count_duplicates, tally_query
from crmvalue.transactions.tally import Tally


@dataclass(frozen=True, eq=False)
class LogCheck:
    """What was found in a log.

    Attributes
    ----------
    faults : frame
        A row per fault: fault, column, rows, examples. Empty for a sound log.
    left_out : frame
        A row per reason: reason, rows, customers, money. Each row of the log has one reason at
        most, the first that applies: the caller's own, a fault, after `as_of`, a dropped refund,
        a customer with refunds only.
    money : mapping
        ``in``, ``valued`` and ``left_out``: the first is the sum of the other two. None where the
        log was read without amounts. Amounts that are missing or infinite count as nothing.
    rows : int
        Rows of the log.
    duplicates : int
        Rows that repeat an earlier one in every column. They are counted and kept: two equal lines
        of one basket look the same as one line sent twice.
    as_of : datetime.date
        The day up to which the log was read.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> found = cv.check_transactions(log, amount="amount")
    >>> found
    LogCheck(6,919 rows to 1998-06-30: 0 kinds of fault, 0 rows left out, 21 duplicates kept)
    >>> len(found.faults), dict(found.money)
    (0, {'in': 244091.94, 'valued': 244091.94, 'left_out': 0.0})
    """

    faults: Any
    left_out: Any
    money: MappingProxyType[str, float | None]
    rows: int
    duplicates: int
    as_of: dt.date

    def __repr__(self) -> str:
        left = sum(int(n) for n in list(self.left_out["rows"].to_numpy()))
        return (
            f"LogCheck({self.rows:,} rows to {self.as_of}: {len(self.faults)} kinds of fault, "
            f"{left:,} rows left out, {self.duplicates:,} duplicates kept)"
        )


def check_transactions(
    transactions: IntoFrame,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str | None = None,
    as_of: object = None,
    refunds: Refunds = "net",
    faults: Faults = "raise",
    left_out: str | None = None,
    time_zone: str | None = None,
) -> LogCheck:
    """Find every fault of a transaction log, and count what will not be valued.

    On a lazy frame this is one aggregate query.

    Parameters
    ----------
    transactions : frame
        The log, a row per line: pandas, polars (eager or lazy), pyarrow, DuckDB or Spark.
    customer, date, amount : str
        Its columns. Dates are dates, datetimes or ISO 8601 text. Amounts are money, net of
        discount; a negative one is a refund, 0 a free order. Without `amount` only purchases are
        known.
    as_of : date, datetime or ISO 8601 text, optional
        Last day that counts; later rows are cut and counted. The last date in the log by default.
    refunds : {"net", "drop", "refuse"}
        Subtract refunds from spend, leave them out, or take them for faults. A refund makes no
        purchase day in any case.
    faults : {"raise", "leave_out"}
        Raise one error that lists every fault, or leave those rows out and count them.
    left_out : str, optional
        A column whose non-null text is your reason to leave that row out (carriage, fee, test).
    time_zone : str, optional
        Zone whose calendar day counts for aware dates; their own zone by default.

    Returns
    -------
    LogCheck

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, if the log is empty or nothing is left of it,
        or, under ``faults="raise"``, for any faulty row.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "a", "b"],
    ...         "date": ["2024-01-05", "2024-02-01", "2024-01-09"],
    ...         "amount": [10.0, 5.0, None],
    ...     }
    ... )
    >>> check = cv.check_transactions(log, amount="amount", faults="leave_out")
    >>> print(check.left_out.to_string(index=False))
            reason  rows  customers  money
    missing_amount     1          1    0.0
    >>> dict(check.money)
    {'in': 15.0, 'valued': 15.0, 'left_out': 0.0}
    """
    options = LogOptions(customer, date, amount, as_of, refunds, faults, left_out, time_zone)
    frame = enter(transactions, "transactions", options.columns)
    if is_lazy(frame):
        tally, duplicates, _ = tally_query(frame, options, duplicates=True)
        return report_log(tally, duplicates, frame)
    log = read_log(
        frame.to_native(),
        customer=customer,
        date=date,
        amount=amount,
        as_of=as_of,
        refunds=refunds,
        faults=faults,
        left_out=left_out,
        time_zone=time_zone,
    )
    return report_log(log.tally, count_duplicates(log.frame), frame)


def report_log(tally: Tally, duplicates: int, like: Frame) -> LogCheck:
    """The tally of a log as tables in the library of `like`, checked to add up."""
    parts = [part.money for part in tally.left_out if part.money is not None]
    left_out: float | None = None
    if tally.money_in is not None and tally.money_valued is not None:
        left_out = float(sum(parts))
        check_conserved(
            "the log (money in = valued + left out)", tally.money_in, [tally.money_valued, *parts]
        )
    return LogCheck(
        faults=table(
            {
                "fault": [f.fault for f in tally.faults],
                "column": [f.column for f in tally.faults],
                "rows": _counts([f.rows for f in tally.faults]),
                "examples": [f.examples for f in tally.faults],
            },
            like,
        ),
        left_out=table(
            {
                "reason": [part.reason for part in tally.left_out],
                "rows": _counts([part.rows for part in tally.left_out]),
                "customers": _counts([part.customers for part in tally.left_out]),
                "money": _money([part.money for part in tally.left_out]),
            },
            like,
        ),
        money=MappingProxyType(
            {"in": tally.money_in, "valued": tally.money_valued, "left_out": left_out}
        ),
        rows=tally.rows,
        duplicates=duplicates,
        as_of=dates.to_date(tally.as_of),
    )


def _counts(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _money(values: list[float | None]) -> FloatArray:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
