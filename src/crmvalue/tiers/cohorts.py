"""Cohorts: what became of the customers acquired in one period, period by period."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, enter
from crmvalue._numbers import numbers
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    group_sum,
    running_sum,
    safe_sum,
)
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._cohort_table import PERIODS, CohortTable
from crmvalue.transactions import Log, LogKeywords, read_log, report_log
from crmvalue.transactions.periods import first_days, period_numbers

Period: TypeAlias = Literal["W", "M", "Q", "Y"]


def cohort_table(
    transactions: IntoFrame,
    *,
    period: Period = "M",
    profit: str | None = None,
    **log: Unpack[LogKeywords],
) -> CohortTable:
    """Follow customers by the period of their first purchase: who was kept, and what they brought.

    Parameters
    ----------
    transactions : frame
        The log, a row per line. A lazy frame is collected.
    period : {"W", "M", "Q", "Y"}, default "M"
        Calendar weeks (from Monday), months, quarters or years.
    profit : str, optional
        Column of the log with the profit or margin of each line (money), refunds with theirs.
        Without it the columns of profit are null.
    **log
        customer, date, amount, as_of, refunds, faults, left_out and time_zone, as in
        `check_transactions`. Without ``amount`` the columns of revenue are null. Where the log ends
        before the last day of a period although nothing is missing, name that day as ``as_of``.

    Returns
    -------
    CohortTable
        Its tables are in the library of `transactions`.

    Raises
    ------
    InputError
        As `check_transactions`, for an unknown period, or where a profit is missing, not finite or
        not a number.

    Notes
    -----
    The first cohort of a log also holds customers who bought before the log began. Refunds count
    in the period of their date; what is dated before the first purchase of its customer counts at
    age 0. The revenue of all cohorts is the money of the log that is valued.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "b", "a", "c", "a", "b"],
    ...     "date": ["2024-01-05", "2024-01-20", "2024-02-02", "2024-02-10", "2024-03-01",
    ...              "2024-03-09"],
    ...     "amount": [10.0, 20.0, 15.0, 40.0, 5.0, -20.0]})
    >>> cohorts = cohort_table(log, period="M", amount="amount", as_of="2024-03-31")
    >>> cohorts
    CohortTable(2 cohorts by months, 3 customers, ages to 2)
    >>> print(cohorts.matrix("share_kept").to_string(index=False))
        cohort  customers   0   1   2
    2024-01-01          2 1.0 0.5 0.5
    2024-02-01          1 1.0 0.0 NaN
    >>> print(cohorts.matrix("cumulative_revenue_per_customer").to_string(index=False))
        cohort  customers    0    1    2
    2024-01-01          2 15.0 22.5 15.0
    2024-02-01          1 40.0 40.0  NaN
    """
    if not isinstance(period, str) or period not in PERIODS:
        raise InputError(
            f"period must be one of {', '.join(map(repr, PERIODS))} (calendar weeks, months, "
            f"quarters, years); got {period!r}"
        )
    wanted = [] if profit is None else [profit]
    read = read_log(enter(transactions, "transactions", wanted).to_native(), **log)
    return cohorts_of_log(read, period, None if profit is None else _profits(read, profit))


def cohorts_of_log(
    read: Log, period: Period = "M", earned: FloatArray | None = None
) -> CohortTable:
    """`cohort_table` for a log that has been read and checked already.

    Parameters
    ----------
    read : Log
        From `read_log`.
    period : {"W", "M", "Q", "Y"}, default "M"
        As in `cohort_table`.
    earned : ndarray, shape (lines of the log,), optional
        The profit of each line that was read (money).

    Returns
    -------
    CohortTable
        Its tables are in the library of the log.
    """
    checked = report_log(read.tally, 0, read.frame)
    columns = _triangle(read, period, earned)
    return CohortTable(period, checked.left_out, checked.money, columns, read.frame.head(0))


def _profits(log: Log, column: str) -> FloatArray:
    faults = FaultList()
    series: nw.Series[Any] = log.column(column)
    values = numbers(series, faults, column=column)
    faults.raise_if_any("the transactions")
    return values


def _triangle(log: Log, period: str, earned: FloatArray | None) -> dict[str, npt.NDArray[Any]]:
    """Every column of the long table: cells lie cohort after cohort, each by age."""
    codes, periods = log.customers.codes, period_numbers(log.days, period)
    bought = log.purchases
    pairs = (codes, periods) if bought is None else (codes[bought], periods[bought])
    customer, active = distinct_rows(*pairs).columns
    joined = active[np.append(True, customer[1:] != customer[:-1])]  # each one's first period
    last, complete = period_numbers(np.array([log.as_of, log.as_of + 1]), period)
    cohorts, place, sizes = np.unique(joined, return_inverse=True, return_counts=True)
    lengths = last - cohorts + 1
    ends = np.cumsum(lengths)
    base = (ends - lengths)[place]  # of each customer: the cell of age 0
    total = int(ends[-1])

    def cells(who: IntArray, when: IntArray) -> IntArray:
        found: IntArray = base[who] + np.maximum(when - joined[who], 0)
        return found

    kept = np.bincount(cells(customer, active), minlength=total)
    age = np.arange(total) - np.repeat(ends - lengths, lengths)
    cohort, size = np.repeat(cohorts, lengths), np.repeat(sizes, lengths)
    columns: dict[str, npt.NDArray[Any]] = {
        "cohort": _dates(cohort, period),
        "age": age,
        "period": _dates(cohort + age, period),
        "customers": size,
        "kept": kept,
        "share_kept": kept / size,
    }
    lines = cells(codes, periods)
    money = {
        "revenue": _by_cell("the revenue of the cohorts", lines, log.amounts, total),
        "profit": _by_cell("the profit of the cohorts", lines, earned, total),
    }
    running = {name: _cumulative(values, ends[:-1]) for name, values in money.items()}
    columns |= money
    columns |= {f"cumulative_{name}": values for name, values in running.items()}
    columns |= {f"cumulative_{name}_per_customer": v / size for name, v in running.items()}
    return columns | {"complete": cohort + age < complete}


def _by_cell(stage: str, cells: IntArray, values: FloatArray | None, size: int) -> FloatArray:
    if values is None:
        return np.full(size, np.nan)
    sums = group_sum(cells, values, size)
    check_conserved(stage, safe_sum(values), sums)
    return sums


def _cumulative(values: FloatArray, starts: IntArray) -> FloatArray:
    """Running sums that begin anew with each cohort."""
    return np.concatenate([running_sum(part) for part in np.split(values, starts)])


def _dates(numbers: IntArray, period: str) -> npt.NDArray[np.datetime64]:
    days: npt.NDArray[np.datetime64] = first_days(numbers, period).astype("datetime64[D]")
    return days
