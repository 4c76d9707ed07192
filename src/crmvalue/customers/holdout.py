"""The holdout check: fit on the first part of a log, and see how the rest came out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmvalue._frame import Table
from crmvalue._stats import FloatArray
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime.tracking import tracking
from crmvalue.summary import split_holdout
from crmvalue.transactions import Log
from crmvalue.transactions.dates import to_date

MOST_SHOWN = 7
"""Customers with this many repeat purchases or more are counted together."""


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
    read = {name: value for name, value in keywords.items() if name != "as_of"}
    try:
        split = split_holdout(
            transactions,
            calibration_end=end,
            holdout_end=to_date(log.as_of),
            unit=unit,
            **read,
        )
        fit = model.fit(split, unit=unit)
    except InputError as error:
        return f"the holdout check was not possible: {error}"
    weeks = tracking(fit, transactions, calibration_end=end, **keywords)
    given = Table(split, "holdout")
    history = tuple(given.numbers(name) for name in ("frequency", "recency", "T"))
    actual = given.numbers("holdout_frequency")
    duration = float(given.numbers("holdout_duration")[0])
    expected = fit.model.expected_purchases(*history, horizon=duration)
    silent = fit.model.conditional_purchase_pmf(0, *history, horizon=duration)
    measures = {
        "repeat purchases in the holdout": (actual.sum(), expected.sum()),
        "customers who bought in the holdout": ((actual > 0).sum(), (1 - silent).sum()),
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
        given.frame,
    )
    return HoldoutCheck(end, to_date(log.as_of), weeks, totals, fit.messages)


def purchase_counts(model: Any, frequency: FloatArray, age: FloatArray, like: Any) -> Any:
    """Customers by number of repeat purchases, as they came and as the model expects them.

    Expected is the sum over customers of P(X(T) = n); T has few distinct values.
    """
    ages, customers = np.unique(age, return_counts=True)
    shown = np.arange(MOST_SHOWN)
    each = model.purchase_pmf(shown[:, None], ages[None, :]) * customers[None, :]
    expected = np.sum(each, axis=1)
    actual = np.bincount(np.minimum(frequency, MOST_SHOWN).astype(int), minlength=MOST_SHOWN + 1)
    return table(
        {
            "purchases": [*(str(n) for n in shown), f"{MOST_SHOWN}+"],
            "actual": actual,
            "expected": np.append(expected, len(age) - expected.sum()),
        },
        like,
    )
