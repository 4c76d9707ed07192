"""`split_holdout`: the log up to a date to fit on, and what came after to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, IntArray
from crmvalue._table import Column, table
from crmvalue.errors import InputError
from crmvalue.summary.memory import histories
from crmvalue.summary.table import mean_spend, summary_columns, unit_days
from crmvalue.transactions import Log, LogKeywords, read_log
from crmvalue.transactions.dates import to_date, to_day


def split_holdout(
    transactions: IntoFrame,
    *,
    calibration_end: object,
    holdout_end: object = None,
    unit: str = "W",
    regularity: bool = False,
    **log: Unpack[LogKeywords],
) -> Any:
    """Summarise a log up to a date, with what each customer did after it.

    Parameters
    ----------
    transactions : frame
        The log, a row per line.
    calibration_end : date, datetime or ISO 8601 text
        Last day of the calibration period.
    holdout_end : date, datetime or ISO 8601 text, optional
        Last day of the holdout period; the last date in the log by default.
    unit, regularity, **log
        As in `customer_summary`. `as_of` has no place here: `holdout_end` ends the log.

    Returns
    -------
    frame
        The columns of `customer_summary` as of `calibration_end`, for the customers who had
        bought by then, and

        - holdout_frequency: purchase days in the holdout period
        - holdout_monetary_value: mean net spend per such day, null where there is none
        - holdout_duration: length of the holdout period in `unit`

    Raises
    ------
    InputError
        As `customer_summary`, or where no customer had bought by `calibration_end`, or the holdout
        period does not end after it.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> log = pd.DataFrame(
    ...     {"customer_id": [1, 1, 1, 2], "date": ["2024-01-01", "2024-01-15", "2024-02-26",
    ...      "2024-01-08"], "amount": [30.0, 10.0, 20.0, 5.0]}
    ... )
    >>> split = cv.split_holdout(log, calibration_end="2024-01-29", amount="amount")
    >>> columns = ["customer_id", "frequency", "T", "holdout_frequency", "holdout_duration"]
    >>> print(split[columns].to_string(index=False))
     customer_id  frequency   T  holdout_frequency  holdout_duration
               1          1 4.0                  1               4.0
               2          0 3.0                  0               4.0
    """
    days_per_unit = unit_days(unit)
    read, end = read_split(transactions, calibration_end, holdout_end, log)
    split = split_log(read, end, read.as_of, days_per_unit, gaps=regularity)
    return table(split.columns, read.frame)


@dataclass(frozen=True, eq=False)
class Split:
    """A log summarised up to a day, and what each of its customers did after it.

    Attributes
    ----------
    columns : dict
        Those of `split_holdout`.
    known : ndarray of bool, shape (customers of the log,)
        Who had bought by then: the customers of the columns.
    purchases : ndarray of int64, shape (customers,)
        Purchase days in the holdout period.
    spend : ndarray of float64, shape (customers,), or None
        Net amount in the holdout period, also of those who only sent something back.
    """

    columns: dict[str, Column]
    known: npt.NDArray[np.bool_]
    purchases: IntArray
    spend: FloatArray | None


def read_split(
    transactions: IntoFrame, calibration_end: object, holdout_end: object, log: LogKeywords
) -> tuple[Log, int]:
    """Read a log up to `holdout_end`, and the last day of the calibration period."""
    if log.get("as_of") is not None:
        raise InputError(
            "a log that is split takes holdout_end, the last day of the log, and not as_of"
        )
    end = to_day(calibration_end, "calibration_end")
    keywords = log.copy()
    keywords["as_of"] = holdout_end
    return read_log(transactions, **keywords), end


def split_log(log: Log, end: int, until: int, days_per_unit: float, *, gaps: bool) -> Split:
    """Split a log after the day `end`; the holdout period goes on to the day `until`."""
    if until <= end:
        raise InputError(
            f"the holdout period must end after calibration_end {to_date(end)}; "
            f"it ends {to_date(until)}. Cure: choose an earlier calibration_end"
        )
    before = histories(log, until=end, gaps=gaps)
    known = before.purchases > 0
    if not known.any():
        raise InputError(f"nobody had bought by calibration_end {to_date(end)}; choose a later one")
    later = histories(log, after=end, until=until)
    bought = later.purchases[known]
    spend = None if later.spend is None else later.spend[known]
    columns = summary_columns(log, before, end, days_per_unit)
    columns["holdout_frequency"] = bought
    columns["holdout_monetary_value"] = mean_spend(
        np.full(len(bought), np.nan) if spend is None else spend, bought
    )
    columns["holdout_duration"] = np.full(len(bought), (until - end) / days_per_unit)
    return Split(columns, known, bought, spend)
