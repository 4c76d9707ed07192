"""`opportunity_summary`: a log as chances to buy, taken or not, for BG/BB."""

from __future__ import annotations

import dataclasses
from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import PERIODS
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.summary.memory import histories
from crmvalue.transactions import LogKeywords, read_log
from crmvalue.transactions.periods import period_numbers


def opportunity_summary(transactions: IntoFrame, *, period: str, **log: Unpack[LogKeywords]) -> Any:
    """Count for each customer the calendar periods that brought a purchase.

    Some customers can buy, or what they buy is counted, once in a period: a donation a year, a
    festival each summer, a magazine ordered month by month. Each complete calendar period after
    that of the first purchase, the acquisition, is then an opportunity, and whether it was taken
    is all that counts.

    Parameters
    ----------
    transactions : frame
        The log, a row per line. A lazy frame is collected.
    period : {"D", "W", "M", "Q", "Y"}
        Calendar days, weeks (from Monday), months, quarters or years. It is the ``unit`` of the
        model.
    **log
        customer, date, amount, as_of, refunds, faults, left_out and time_zone, as in
        `check_transactions`. A period that `as_of` cuts short is no opportunity and its purchases
        don't count: where the log ends before the last day of a period although nothing is
        missing, name that day as `as_of`.

    Returns
    -------
    table in the library of `transactions`, rows by rising customer_id
        - customer_id
        - frequency: opportunities with a purchase (one at least, free or paid), x
        - recency: number of the last such opportunity, t_x; 0 where there is none
        - n: opportunities so far; 0 for who came in the last complete period or after it

        All counts are int64. Customers with refunds only get no row.

    Raises
    ------
    InputError
        As `check_transactions`, or for an unknown period.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 1, 1, 2],
    ...         "date": ["2019-11-02", "2020-03-01", "2020-12-01", "2022-05-05", "2021-06-06"],
    ...     }
    ... )
    >>> print(cv.opportunity_summary(log, period="Y", as_of="2023-12-31").to_string(index=False))
     customer_id  frequency  recency  n
               1          2        3  4
               2          0        0  2
    """
    if not isinstance(period, str) or period not in PERIODS:
        raise InputError(
            f"period must be one of {', '.join(map(repr, PERIODS))} (calendar days, weeks, months, "
            f"years, quarters); got {period!r}"
        )
    read = read_log(transactions, **log)
    by_period = dataclasses.replace(read, days=period_numbers(read.days, period))
    last = int(period_numbers(np.array([read.as_of + 1]), period)[0]) - 1  # that is complete
    every, complete = histories(by_period), histories(by_period, until=last)
    known = every.purchases > 0
    first, bought = every.first[known], complete.purchases[known] > 0
    return table(
        {
            "customer_id": read.customers.values.filter(known.tolist()),
            "frequency": np.where(bought, complete.purchases[known] - 1, 0),
            "recency": np.where(bought, complete.last[known] - first, 0),
            "n": np.maximum(last - first, 0),
        },
        read.frame,
    )
