"""Whether forecasts are right on the whole for customers of each kind."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue._table import Column, table
from crmvalue.errors import FaultList
from crmvalue.evaluation.contenders import contender, showing
from crmvalue.evaluation.holdout import Holdout
from crmvalue.evaluation.metrics import Levels
from crmvalue.lifetime.frequency import MOST_SHOWN, frequency_classes
from crmvalue.summary.holdout import read_split
from crmvalue.transactions import LogKeywords


def calibration_by_decile(
    fit: Any,
    transactions: IntoFrame,
    *,
    calibration_end: object,
    holdout_end: object = None,
    unit: str | None = None,
    attributes: IntoFrame | None = None,
    **log: Unpack[LogKeywords],
) -> Any:
    """Compare forecast and actual purchases in each tenth of the customers by forecast.

    Parameters
    ----------
    fit : Fit, model, class of models, or name of a baseline
        As in `compare_models`: a class is fitted to the log up to `calibration_end`.
    transactions : frame
        The log, with calibration and holdout period.
    calibration_end, holdout_end : date, datetime or ISO 8601 text
        Last days of the two periods; the holdout period ends with the log by default.
    unit : {"W", "D", "M", "Y"}, optional
        That of the model by default, else weeks.
    attributes : frame, optional
        customer_id and the covariates of fits that have any.
    **log
        The keywords of `check_transactions`, but for `as_of`.

    Returns
    -------
    frame
        In the library of `transactions`, ten rows: decile (10 = most purchases forecast),
        customers, and their mean purchases in the holdout period, actual and expected (null where
        there is nobody). Customers with equal forecasts are in one decile.

    Raises
    ------
    InputError, MissingExtraError
        As `compare_models`.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> model = cv.BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> deciles = calibration_by_decile(model, log, calibration_end="1997-09-30")
    >>> print(deciles.tail(2).round(2).to_string(index=False))
     decile  customers  actual  expected
          9        235    1.30      1.11
         10        236    3.75      3.65
    """
    holdout, expected = _forecast(
        fit, transactions, calibration_end, holdout_end, unit, attributes, log
    )
    levels = Levels.of(expected)
    _, ranks = levels.ranks(np.ones(len(expected)))
    place = (ranks[levels.codes] / len(expected) + 0.5) * 10
    means = _means(np.floor(place).astype(np.int64), 10, holdout.purchases, expected)
    return table({"decile": np.arange(1, 11), **means}, holdout.log.frame)


def calibration_by_frequency(
    fit: Any,
    transactions: IntoFrame,
    *,
    calibration_end: object,
    holdout_end: object = None,
    unit: str | None = None,
    attributes: IntoFrame | None = None,
    most: int = MOST_SHOWN,
    **log: Unpack[LogKeywords],
) -> Any:
    """Compare forecast and actual purchases by the repeat purchases of the calibration period.

    Parameters
    ----------
    fit, transactions, calibration_end, holdout_end, unit, attributes, **log
        As in `calibration_by_decile`.
    most : int
        Customers with this many repeat purchases or more are taken together.

    Returns
    -------
    frame
        In the library of `transactions`: frequency ("0", "1", ..., "7+"), customers, and their mean
        purchases in the holdout period, actual and expected (null where there is nobody).

    Raises
    ------
    InputError, MissingExtraError
        As `compare_models`.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> model = cv.BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> found = calibration_by_frequency(model, log, calibration_end="1997-09-30", most=2)
    >>> print(found.round(3).to_string(index=False))
    frequency  customers  actual  expected
            0       1411   0.237     0.225
            1        439   0.697     0.523
           2+        507   2.450     2.182
    """
    holdout, expected = _forecast(
        fit, transactions, calibration_end, holdout_end, unit, attributes, log
    )
    names, codes = frequency_classes(holdout.column("frequency"), most)
    means = _means(codes, len(names), holdout.purchases, expected)
    return table({"frequency": names, **means}, holdout.log.frame)


def _forecast(
    fit: Any,
    transactions: IntoFrame,
    calibration_end: object,
    holdout_end: object,
    unit: str | None,
    attributes: IntoFrame | None,
    log: LogKeywords,
) -> tuple[Holdout, FloatArray]:
    """The split log, and the purchases in the holdout period that are forecast for it."""
    faults = FaultList()
    own = "W" if isinstance(fit, type) else getattr(getattr(fit, "model", fit), "unit", "W")
    unit = own if unit is None else unit
    entered = contender(fit, unit, faults)
    faults.raise_if_any("fit")
    assert entered is not None
    read, end = read_split(transactions, calibration_end, holdout_end, log)
    holdout = Holdout.of(read, end, unit=unit, attributes=attributes)
    return holdout, showing(entered, holdout).purchases


def _means(codes: IntArray, size: int, actual: FloatArray, expected: FloatArray) -> dict[str, Any]:
    customers = np.bincount(codes, minlength=size)
    columns: dict[str, Column] = {"customers": customers}
    for name, values in (("actual", actual), ("expected", expected)):
        means = np.full(size, np.nan)
        np.divide(group_sum(codes, values, size), customers, out=means, where=customers > 0)
        columns[name] = means
    return columns
