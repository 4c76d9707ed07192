"""The summary in memory: a sort of packed (customer, day) keys, and no grouping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._distinct import sorted_numbers
from crmvalue._stats import FloatArray, IntArray, group_sum, snap_zero
from crmvalue.transactions import Log
from crmvalue.transactions.sums import NOISE, coarse_and_fine, grid_of

LOG_GAPS = grid_of(2.0**20)
"""On this grid logs of days are added up: they are at most 15, of a customer with 70,000 gaps."""


@dataclass(frozen=True)
class Histories:
    """What each customer of a log did, in days: arrays of one length, by rising customer id.

    Attributes
    ----------
    purchases : ndarray of int64
        Number of purchase days; 0 for a customer with none in the time looked at.
    first, last : ndarray of int64
        Day numbers of the first and the last purchase; meaningless where there is none.
    spend, repeat_spend : ndarray of float64 or None
        Net amount in all, and net amount off the first purchase day.
    log_gaps : ndarray of float64 or None
        Sum of the logarithms of the days between purchases, where it was asked for.
    """

    purchases: IntArray
    first: IntArray
    last: IntArray
    spend: FloatArray | None
    repeat_spend: FloatArray | None
    log_gaps: FloatArray | None


def histories(
    log: Log, *, after: int | None = None, until: int | None = None, gaps: bool = False
) -> Histories:
    """Summarise the lines of a log, or those from the day `after` (exclusive) to `until`."""
    codes, days, amounts, bought = log.customers.codes, log.days, log.amounts, log.purchases
    if after is not None or until is not None:
        window = np.ones(len(days), dtype=bool)
        window &= True if after is None else days > after
        window &= True if until is None else days <= until
        codes, days = codes[window], days[window]
        amounts = None if amounts is None else amounts[window]
        bought = None if bought is None else bought[window]
    size = len(log.customers)
    if bought is None:
        distinct, low, span = _distinct_days(codes, days)
    else:
        distinct, low, span = _distinct_days(codes[bought], days[bought])
    customer = distinct // span
    starts = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    who = customer[starts]
    ends = np.append(starts[1:], len(customer))[: len(starts)]

    def placed(values: npt.NDArray[Any]) -> IntArray:
        every = np.zeros(size, dtype=np.int64)
        every[who] = values
        return every

    purchases = placed(ends - starts)
    first = placed(distinct[starts] - who * span + low)
    last = placed(distinct[ends - 1] - who * span + low)
    spend = repeat = None
    if amounts is not None:
        spend, repeat = _spend(codes, days, amounts, first, size, refunds=bought is not None)
    log_gaps = _log_gaps(customer, distinct, size) if gaps else None
    return Histories(purchases, first, last, spend, repeat, log_gaps)


def _distinct_days(
    codes: IntArray, days: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.integer], int, int]:
    """Distinct (customer, day) pairs in order, packed as customer * span + (day - low)."""
    if not len(days):
        return np.zeros(0, dtype=np.int64), 0, 1
    low = int(days.min())
    span = int(days.max()) - low + 1
    small = (int(codes.max()) + 1) * span < 2**31  # half the width sorts in half the time
    kind: Any = np.int32 if small else np.int64
    packed: npt.NDArray[Any] = codes.astype(kind)
    packed *= kind(span)
    packed += (days - low).astype(kind, copy=False)
    packed = sorted_numbers(packed)
    new = np.empty(len(packed), dtype=bool)
    new[0] = True
    np.not_equal(packed[1:], packed[:-1], out=new[1:])
    return packed[new], low, span


def _spend(
    codes: IntArray,
    days: npt.NDArray[Any],
    amounts: FloatArray,
    first: IntArray,
    size: int,
    *,
    refunds: bool,
) -> tuple[FloatArray, FloatArray]:
    opening = np.flatnonzero(days == first.astype(days.dtype)[codes])
    first_codes = codes[opening]
    spend, repeat = np.zeros(size), np.zeros(size)
    sizes = np.abs(amounts)
    for part in coarse_and_fine(amounts, grid_of(float(sizes.sum()))):
        whole = group_sum(codes, part, size)
        spend += whole
        repeat += whole - group_sum(first_codes, part[opening], size)
    gross = group_sum(codes, sizes, size) if refunds else spend
    return snap_zero(spend, gross, NOISE), snap_zero(repeat, gross, NOISE)


def _log_gaps(
    customer: npt.NDArray[np.integer], distinct: npt.NDArray[np.integer], size: int
) -> FloatArray:
    same = customer[1:] == customer[:-1]
    gap = np.diff(distinct)[same].astype(np.float64)  # within a customer, packed days differ so
    parts = coarse_and_fine(np.log(gap), LOG_GAPS)
    coarse, fine = (group_sum(customer[1:][same], part, size) for part in parts)
    return coarse + fine
