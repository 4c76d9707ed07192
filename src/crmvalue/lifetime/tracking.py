"""`tracking`: repeat purchases period by period, as they came and as the model expected them."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import UNITS, FloatArray, IntArray, dot
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.summary import histories
from crmvalue.transactions import Log, LogKeywords, read_log
from crmvalue.transactions.dates import to_day


def tracking(
    fit: Any,
    transactions: IntoFrame,
    *,
    calibration_end: object = None,
    period: int = 7,
    **log: Unpack[LogKeywords],
) -> Any:
    """Compare the repeat purchases of a log with what a model expects, period by period.

    The first period begins on the first purchase day of the log; a period that the log does not
    cover to its last day is left out.

    Parameters
    ----------
    fit : Fit or model
        Of purchases.
    transactions : frame
        The log, with calibration and holdout period.
    calibration_end : date, datetime or ISO 8601 text, optional
        Last day that the model has seen. Only customers who had bought by then are followed;
        everybody by default.
    period : int
        Length of a period in days, 7 for weeks.
    **log
        The keywords of `check_transactions`.

    Returns
    -------
    frame
        In the library of `transactions`: period (1, 2, ...), end_date (its last day), actual and
        expected repeat purchases in it, cumulative_actual, cumulative_expected, and holdout,
        whether the period ends after `calibration_end` (null without one).

        expected is the sum over customers of E[X(t)], t the time since their first purchase.

    Raises
    ------
    InputError
        As `check_transactions`, or where the log is shorter than a period.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> model = cv.BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> weeks = cv.tracking(model, log, calibration_end="1997-09-30")
    >>> weeks.loc[weeks["period"] == 39, "cumulative_actual"].item()
    2457
    """
    model = getattr(fit, "model", fit)
    if period < 1:
        raise InputError(f"period must be a whole number of days, 1 or more; got {period!r}")
    read = read_log(transactions, **log)
    found = histories(read)
    followed = np.ones(len(found.first), dtype=bool)
    last_seen = None
    if calibration_end is not None:
        last_seen = to_day(calibration_end, "calibration_end")
        followed = found.first <= last_seen
    if not followed.any():
        raise InputError("nobody had bought by calibration_end; choose a later one")
    births = found.first[followed]
    origin = int(births.min())
    periods = (read.as_of - origin + 1) // period
    if periods < 1:
        raise InputError(
            f"the log covers {read.as_of - origin + 1} days, less than one period of {period}; "
            "give a shorter period"
        )
    ends = origin + period * np.arange(periods + 1)  # the day after each period
    actual = _actual(read, found.first, followed, ends)
    expected = _expected(model, births, ends)
    holdout = None if last_seen is None else ends[1:] - 1 > last_seen
    return table(
        {
            "period": np.arange(1, periods + 1),
            "end_date": (ends[1:] - 1).astype("datetime64[D]"),
            "actual": np.diff(actual),
            "expected": np.diff(expected),
            "cumulative_actual": actual[1:],
            "cumulative_expected": expected[1:],
            "holdout": [None] * periods if holdout is None else holdout,
        },
        read.frame,
    )


def _actual(log: Log, first: IntArray, followed: np.ndarray[Any, Any], ends: IntArray) -> IntArray:
    """Repeat purchase days before each of `ends`."""
    codes, days = log.customers.codes, log.days
    if (bought := log.purchases) is not None:
        codes, days = codes[bought], days[bought]
    repeat = followed[codes] & (days > first[codes])
    low, span = int(days.min()), int(days.max()) - int(days.min()) + 1
    pairs = np.unique(codes[repeat].astype(np.int64) * span + (days[repeat] - low))
    counts: IntArray = np.searchsorted(np.sort(pairs % span + low), ends, side="left")
    return counts.astype(np.int64)


def _expected(model: Any, births: IntArray, ends: IntArray) -> FloatArray:
    """Sum over customers of E[X(t)] at each of `ends`; t is the same for equal differences."""
    days, customers = np.unique(births, return_counts=True)
    age = np.maximum(ends[:, None] - days[None, :], 0)
    distinct, place = np.unique(age, return_inverse=True)
    each = model.expected_purchases_new_customer(distinct / UNITS[model.unit])
    total: FloatArray = dot(each[place.reshape(age.shape)], customers.astype(np.float64))
    return total
