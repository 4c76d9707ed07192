"""`customer_summary`: a transaction log as one row per customer."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame, enter, is_lazy
from crmvalue._stats import UNITS, FloatArray
from crmvalue._table import Column, table
from crmvalue.errors import InputError
from crmvalue.summary.memory import Histories, histories
from crmvalue.summary.query import summary_query
from crmvalue.transactions import Log, LogKeywords, LogOptions, read_log


def customer_summary(
    transactions: IntoFrame,
    *,
    unit: str = "W",
    regularity: bool = False,
    **log: Unpack[LogKeywords],
) -> Any:
    """Summarise a transaction log: one row per customer, as every model and score needs it.

    Parameters
    ----------
    transactions : frame
        The log, a row per line. A lazy frame gives a lazy summary: only the check of the log runs.
    unit : {"W", "D", "M", "Y"}
        Unit of ages: 7 days, 1 day, 365.25/12 days or 365.25 days.
    regularity : bool
        Also give `log_interval_sum`, which the models of regular buying need.
    **log
        customer, date, amount, as_of, refunds, faults, left_out and time_zone, as in
        `check_transactions`.

    Returns
    -------
    frame
        In the library of `transactions`, in memory by rising `customer_id`:

        - customer_id
        - frequency: repeat purchase days, x
        - recency: age at the last purchase in `unit`, t_x (time since then is `inactive`)
        - T: age at `as_of` in `unit`
        - inactive: T - recency
        - n_purchases: purchase days
        - total_spend: all amounts up to `as_of`, refunds subtracted
        - monetary_value: mean spend per repeat purchase day, null where there is none
        - first_purchase, last_purchase: dates
        - log_interval_sum: with `regularity`, sum of ln(gap in `unit`) between purchases

        The money columns are null without `amount`. Customers with refunds only get no row.

    Raises
    ------
    InputError
        As `check_transactions`, or for an unknown unit.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1, 1, 2],
    ...         "date": ["2024-01-01", "2024-01-15", "2024-01-29", "2024-01-08"],
    ...         "amount": [30.0, 10.0, 20.0, 5.0],
    ...     }
    ... )
    >>> summary = cv.customer_summary(log, amount="amount")
    >>> columns = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    >>> print(summary[columns].to_string(index=False))
     customer_id  frequency  recency   T  monetary_value
               1          2      4.0 4.0            15.0
               2          0      0.0 3.0             NaN
    """
    days_per_unit = unit_days(unit)
    options = LogOptions(**log)
    frame = enter(transactions, "transactions", options.columns)
    if is_lazy(frame):
        return summary_query(frame, options, days_per_unit, gaps=regularity).to_native()
    read = read_log(transactions, **log)
    found = histories(read, gaps=regularity)
    return table(summary_columns(read, found, read.as_of, days_per_unit), read.frame)


def unit_days(unit: str) -> float:
    """Days in a unit of time, or an error that names the units there are."""
    if unit not in UNITS:
        raise InputError(f"unit must be one of {', '.join(map(repr, UNITS))}; got {unit!r}")
    return UNITS[unit]


def summary_columns(
    log: Log, found: Histories, as_of: int, days_per_unit: float
) -> dict[str, Column]:
    """The columns of a summary, for the customers that have a purchase in `found`."""
    present = found.purchases > 0
    every = bool(present.all())

    def kept(values: Any) -> Any:
        return values if every else values[present]

    first, last = kept(found.first), kept(found.last)
    purchases = kept(found.purchases)
    repeats = purchases - 1
    ids = log.customers.values
    missing = np.full(len(first), np.nan)
    columns: dict[str, Column] = {
        "customer_id": ids if every else ids.filter(present.tolist()),
        "frequency": repeats,
        "recency": (last - first) / days_per_unit,
        "T": (as_of - first) / days_per_unit,
        "inactive": (as_of - last) / days_per_unit,
        "n_purchases": purchases,
        "total_spend": missing if found.spend is None else kept(found.spend),
        "monetary_value": missing
        if found.repeat_spend is None
        else mean_spend(kept(found.repeat_spend), repeats),
        "first_purchase": first.astype("datetime64[D]"),
        "last_purchase": last.astype("datetime64[D]"),
    }
    if found.log_gaps is not None:
        columns["log_interval_sum"] = kept(found.log_gaps) - repeats * np.log(days_per_unit)
    return columns


def mean_spend(spend: FloatArray, purchases: Any) -> FloatArray:
    """Spend per purchase, NaN where there is none."""
    mean = np.full(len(spend), np.nan)
    np.divide(spend, purchases, out=mean, where=purchases > 0)
    return mean
