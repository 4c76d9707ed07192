"""Migration: who moved between the tiers from one date to the next, and the value they took."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._keys import take
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    exact_group_sum,
    is_number,
    safe_sum,
)
from crmvalue.errors import DataWarning, FaultList, InputError
from crmvalue.tiers._migration_result import Migration
from crmvalue.tiers._snapshot import Scale, Snapshot, scale_of
from crmvalue.tiers._values import amounts
from crmvalue.transactions.dates import read_days, to_date, to_day

FIRST, LAST = "first_purchase", "last_purchase"


def migration(
    before: IntoFrame,
    after: IntoFrame,
    *,
    by: str | None = None,
    tier: str = "tier",
    order: Sequence[str] | None = None,
    period_start: object = None,
    level: float = 0.95,
) -> Migration:
    """Compare the tiers of the same customers at two dates.

    Parameters
    ----------
    before, after : frame
        One row per customer at each date: ``customer_id`` and their tier.
    by : str, optional
        The column of both frames with the value (money) that flows between the tiers; by default
        ``value`` where both have it. Without one the columns of value are null.
    tier : str, default "tier"
        The column of tiers: text or categorical. Any partition will do, segments too.
    order : sequence of str, optional
        All tiers, the best first. By default the order of an ordered categorical (an enum in
        polars and DuckDB), else by name: gold, steel, lead; VIP, main, ordinary, small; A, B, C.
        Tiers of any other names have no rank: they come in alphabetical order, and what needs a
        rank (upgraded, downgraded) is null. Tiers that nobody is in at either date are left out,
        unless `order` names them.
    period_start : date, datetime or ISO 8601 text, optional
        The first day of the period that `before` is about. Who is in `after` only and has a
        ``first_purchase`` there before this day has returned; all others are new. By default the
        earliest ``first_purchase`` of `before`: exact where its history begins with the period,
        and where it begins earlier, customers can only be new who have returned. Without that
        column in both frames everybody who is in `after` only is new. Where `before` has a
        ``last_purchase``, the day is not after the latest of them.
    level : float, default 0.95
        The level of the Wilson intervals.

    Returns
    -------
    Migration
        Its tables are in the library of `before`.

    Raises
    ------
    InputError
        With every fault of both frames at once: no rows, customers that are missing or stand
        twice, missing tiers, tiers that differ between the frames or outside `order`, values that
        are missing or not finite, dates that are none, a period that begins after its end.

    Warns
    -----
    DataWarning
        Where the latest ``last_purchase`` of `before` comes after that of `after`, as with frames
        that were swapped.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.DataFrame({"customer_id": [1, 2, 3, 4], "value": [90.0, 60.0, 20.0, 5.0],
    ...                        "tier": ["gold", "gold", "steel", "lead"]})
    >>> after = pd.DataFrame({"customer_id": [1, 2, 3, 5], "value": [95.0, 30.0, 80.0, 8.0],
    ...                       "tier": ["gold", "steel", "gold", "lead"]})
    >>> moved = migration(before, after)
    >>> moved
    Migration(4 customers before, 4 after: 1 stayed, 1 upgraded, 1 downgraded, 1 lost, 1 new)
    >>> print(moved.matrix("counts").to_string(index=False))
    from_tier  gold  steel  lead  lost
         gold     1      1     0     0
        steel     1      0     0     0
         lead     0      0     0     1
          new     0      0     1     0
     returned     0      0     0     0
    >>> round(moved.mobility, 3)
    1.5
    """
    if not (is_number(level) and 0 < level < 1):
        raise InputError(f"level must be above 0 and below 1, such as 0.95; got {level!r}")
    given_start = None if period_start is None else to_day(period_start, "period_start")
    faults = FaultList()
    columns = [] if by is None else [by]
    old, new = (
        Snapshot(frame, name, tier, faults, columns=columns, optional=["value", FIRST, LAST])
        for frame, name in ((before, "before"), (after, "after"))
    )
    if by is None and "value" in old.table and "value" in new.table:
        by = "value"
    worth = [None if by is None else amounts(snapshot.table, by) for snapshot in (old, new)]
    period = _period(old, new, given_start, faults)
    scale = scale_of([old, new], order, faults)
    faults.raise_if_any("the frames of migration")
    _warn_of_swapped_frames(period)
    cells, sums = _cells(old, new, scale, _entrants(new, period), worth)
    return Migration(
        tiers=scale.names,
        ranked=scale.ranked,
        customers=cells,
        before_value=sums[0],
        after_value=sums[1],
        by=by,
        period_start=None if period.start is None else to_date(period.start),
        level=float(level),
        like=old.table.frame.head(0),
    )


class _Period(NamedTuple):
    """The days of before's period that are known: when it starts, and when both frames end."""

    start: int | None
    first: FloatArray | None  # of each row of after, the first purchase
    ends: tuple[int | None, int | None]


def _period(old: Snapshot, new: Snapshot, given: int | None, faults: FaultList) -> _Period:
    """Read the dates; a given start that comes after the period is a fault."""
    start, first = _first_days(old, new, given, faults)
    ends = _last_day(old), _last_day(new)
    if given is not None and ends[0] is not None and given > ends[0]:
        faults.add(
            "period_start",
            examples=f"{to_date(given)}; the latest {LAST} of before is {to_date(ends[0])}",
            expected="expected the first day of the period that before is about",
        )
    return _Period(start, first, ends)


def _first_days(
    old: Snapshot, new: Snapshot, start: int | None, faults: FaultList
) -> tuple[int | None, FloatArray | None]:
    """The first day of before's period, and each row of after's first purchase; None: not known."""
    if FIRST not in new.table:
        if start is not None:
            expected = f"period_start needs a column {FIRST!r} there, to tell who has returned"
            faults.add("no_column", column=f"after.{FIRST}", expected=expected)
        return None, None
    if start is None and FIRST in old.table:
        known = _days(old.table.frame[FIRST], f"before.{FIRST}", faults)
        start = None if np.isnan(known).all() else int(np.nanmin(known))
    if start is None:
        return None, None
    return start, _days(new.table.frame[FIRST], f"after.{FIRST}", faults)


def _last_day(snapshot: Snapshot) -> int | None:
    """The day of the latest purchase of a frame; None where it has no such dates."""
    if LAST not in snapshot.table or not len(snapshot.table):
        return None
    odd = FaultList()  # nothing here needs these dates, so that odd ones are no fault
    days = _days(snapshot.table.frame[LAST], LAST, odd)
    return None if odd or np.isnan(days).all() else int(np.nanmax(days))


def _days(series: nw.Series[Any], column: str, faults: FaultList) -> FloatArray:
    """Day numbers of a column of dates, NaN where one is missing."""
    missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    if missing.all():
        return np.full(len(series), np.nan)
    read = read_days(series, column, None)
    for fault, mask in read.faults.items():
        rows = int((mask & ~missing).sum())
        if rows:
            expected = "expected dates or ISO 8601 text; mend those rows"
            faults.add(fault, column=column, rows=rows, expected=expected)
    return np.where(missing, np.nan, read.days.astype(np.float64))


def _warn_of_swapped_frames(period: _Period) -> None:
    old, new = period.ends
    if old is not None and new is not None and old > new:
        warnings.warn(
            f"before ends later than after: its latest {LAST} is {to_date(old)}, that of after "
            f"{to_date(new)}; if the two are swapped, gains are told as losses",
            DataWarning,
            stacklevel=3,
        )


def _entrants(new: Snapshot, period: _Period) -> IntArray:
    """By rising id of `after`: 0 for who would be new, 1 for who would have returned."""
    if period.first is None or period.start is None:
        return np.zeros(len(new), dtype=np.int64)
    returned = period.first < period.start  # False where not known
    return new.by_id(returned.astype(np.int64))


def _cells(
    old: Snapshot,
    new: Snapshot,
    scale: Scale,
    kind: IntArray,
    worth: Sequence[FloatArray | None],
) -> tuple[IntArray, list[FloatArray]]:
    """Customers and the values before and after, by where they were (rows) and are (columns)."""
    n = len(scale.names)
    size, shape = (n + 2) * (n + 1), (n + 2, n + 1)
    here = old.ids.find(new.ids.values)  # each of after's customers among before's, or -1
    stayed = here >= 0
    source = np.where(stayed, take(old.tiers(scale), here, 0), n + kind)
    target = np.full(len(old), n, dtype=np.int64)  # lost, unless found
    target[here[stayed]] = new.tiers(scale)[stayed]
    leaving = old.tiers(scale) * (n + 1) + target
    arriving = source * (n + 1) + new.tiers(scale)
    lost = leaving[target == n]
    counts = np.bincount(arriving, minlength=size) + np.bincount(lost, minlength=size)
    sums = []
    for snapshot, cells, values in ((old, leaving, worth[0]), (new, arriving, worth[1])):
        if values is None:
            sums.append(np.full(shape, np.nan))
            continue
        parts = exact_group_sum(cells, snapshot.by_id(values), size)
        check_conserved(f"the value of {snapshot.table.name}", safe_sum(values), parts)
        sums.append(parts.reshape(shape))
    return counts.reshape(shape).astype(np.int64), sums
