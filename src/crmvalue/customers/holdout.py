"""The holdout check: fit on the first part of a log, and see how the rest came out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.evaluation.holdout import Holdout
from crmvalue.lifetime.tracking import tracking
from crmvalue.transactions import Log
from crmvalue.transactions.dates import to_date, to_day


@dataclass(frozen=True, eq=False)
class HoldoutCheck:
    """How a model that had seen only part of the log foretold the rest.

    Attributes
    ----------
    calibration_end, holdout_end : datetime.date
        Last days of the two periods.
    tracking : frame
        Week by week, as of `crmvalue.tracking`.
    totals : frame
        measure, actual, expected and error = expected / actual - 1.
    messages : tuple of str
        What the fit on the calibration period says of itself.

    Examples
    --------
    >>> import crmvalue as cv
    >>> found = cv.value_customers(cv.datasets.load_cdnow(sample=True)).holdout
    >>> print(found.calibration_end, found.holdout_end)
    1997-09-30 1998-06-30
    >>> print(found.totals.round(2).to_string(index=False))
                                measure  actual  expected  error
        repeat purchases in the holdout  1882.0   1576.73  -0.16
    customers who bought in the holdout   684.0    565.74  -0.17
    """

    calibration_end: dt.date
    holdout_end: dt.date
    tracking: Any
    totals: Any
    messages: tuple[str, ...]


def middle(log: Log) -> dt.date:
    """The day in the middle of a log, the end of calibration where the caller names none."""
    return to_date((int(log.days.min()) + log.as_of) // 2)


def check_holdout(
    transactions: Any, log: Log, model: type[Any], end: dt.date, unit: str, keywords: Any
) -> HoldoutCheck | str:
    """Fit a model on the log up to `end` and hold it against the rest.

    Returns the reason in words where the log does not allow it, so that it can be reported.
    """
    try:
        holdout = Holdout.of(log, to_day(end, "calibration_end"), unit=unit)
        fit = model.fit(holdout.summary, unit=unit)
    except InputError as error:
        return f"the holdout check was not possible: {error}"
    weeks = tracking(fit, transactions, calibration_end=end, **keywords)
    actual, expected = holdout.purchases, holdout.expected(fit.model)
    buys = fit.model.probability_of_purchase(*holdout.history, horizon=holdout.horizon)
    measures = {
        "repeat purchases in the holdout": (actual.sum(), expected.sum()),
        "customers who bought in the holdout": ((actual > 0).sum(), buys.sum()),
    }
    found = np.array(list(measures.values()), dtype=np.float64)
    off = np.full(len(found), np.nan)
    np.divide(found[:, 1] - found[:, 0], found[:, 0], out=off, where=found[:, 0] > 0)
    totals = table(
        {
            "measure": list(measures),
            "actual": found[:, 0],
            "expected": found[:, 1],
            "error": off,
        },
        log.frame,
    )
    return HoldoutCheck(end, to_date(log.as_of), weeks, totals, fit.messages)
