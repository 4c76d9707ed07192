"""`split_holdout`: the log up to a date to fit on, and what came after to judge by."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.summary.memory import histories
from crmvalue.summary.table import mean_spend, summary_columns, unit_days
from crmvalue.transactions import LogKeywords, read_log
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
    if log.get("as_of") is not None:
        raise InputError("split_holdout takes holdout_end, the last day of the log, and not as_of")
    days_per_unit = unit_days(unit)
    end = to_day(calibration_end, "calibration_end")
    log["as_of"] = holdout_end
    read = read_log(transactions, **log)
    if read.as_of <= end:
        raise InputError(
            f"the holdout period must end after calibration_end {to_date(end)}; "
            f"it ends {to_date(read.as_of)}. Cure: choose an earlier calibration_end"
        )
    before = histories(read, until=end, gaps=regularity)
    known = before.purchases > 0
    if not known.any():
        raise InputError(f"nobody had bought by calibration_end {to_date(end)}; choose a later one")
    later = histories(read, after=end)
    bought = later.purchases[known]
    spend = np.full(len(bought), np.nan) if later.spend is None else later.spend[known]
    columns = summary_columns(read, before, end, days_per_unit)
    columns["holdout_frequency"] = bought
    columns["holdout_monetary_value"] = mean_spend(spend, bought)
    columns["holdout_duration"] = np.full(len(bought), (read.as_of - end) / days_per_unit)
    return table(columns, read.frame)
