"""Calendar days of a date column, as whole numbers of days since 1970-01-01.

In memory `read_days` gives an array and a mask for each thing that is wrong; on a lazy engine
`day_expressions` gives the same as expressions. Both follow one rule: the calendar day as written,
in the value's own time zone, unless the caller names another.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._keys import factorize, is_null
from crmvalue.errors import InputError

EARLIEST = dt.date(1900, 1, 1)
LATEST = dt.date(2200, 12, 31)
EPOCH = dt.date(1970, 1, 1)

MISSING = "missing_date"
NOT_ISO = "not_an_iso_date"
IMPLAUSIBLE = "implausible_date"
MIXED = "mixed_time_zones"
EXPECTED = {
    MISSING: "expected a date in every row; fill or drop those rows",
    NOT_ISO: "expected ISO 8601 text such as 2024-12-31 or 2024-12-31T23:59; parse the column",
    IMPLAUSIBLE: f"expected dates from {EARLIEST} to {LATEST}; mend those rows",
    MIXED: "expected all dates with a time zone or none; convert the column to one zone",
}
NOT_A_DATE = "expected dates, datetimes or ISO 8601 text; convert the column"

# [0-9] and not \d, which in some engines means the digits of every script.
_OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_TIME = rf"[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?{_OFFSET}?"
ISO_PATTERN = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_TIME})?$"
OFFSET_PATTERN = rf"[T ].*{_OFFSET}$"


class Days(NamedTuple):
    """Day numbers, and for each fault the rows that have it (their day number means nothing)."""

    days: npt.NDArray[Any]
    faults: dict[str, npt.NDArray[np.bool_]]


def to_day(value: object, name: str) -> int:
    """Day number of a single date that the caller gives: a date, a datetime or ISO text."""
    found: object = value
    if isinstance(value, np.datetime64):
        found = value.astype("datetime64[D]").item()
    if isinstance(found, str) and re.match(ISO_PATTERN, found):
        try:
            found = dt.date.fromisoformat(found[:10])
        except ValueError:
            found = value
    if isinstance(found, dt.datetime) and not is_null(found):
        found = found.date()
    if not isinstance(found, dt.date) or is_null(found):
        raise InputError(
            f"{name} must be a date or ISO 8601 text such as '2024-12-31'; got {value!r}"
        )
    return (found - EPOCH).days


def to_date(day: int) -> dt.date:
    """The date of a day number."""
    return EPOCH + dt.timedelta(days=int(day))


def check_zone(time_zone: str | None) -> None:
    """Refuse a time zone that doesn't exist, before any row is read."""
    if time_zone is None:
        return
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        raise InputError(
            f"time_zone must be the name of a zone such as 'Europe/Berlin'; got {time_zone!r}"
        ) from None


# --- in memory ---------------------------------------------------------------------------------
def read_days(series: nw.Series[Any], column: str, time_zone: str | None) -> Days:
    """Day numbers of a date column in memory."""
    dtype = series.dtype
    native: Any = series.to_native()
    if dtype == nw.String:
        found = _text_days(series, column, time_zone)
    elif dtype == nw.Object:
        found = _object_days(series, column, time_zone)
    elif dtype == nw.Date:
        _no_zone(time_zone, column)
        found = _native_days(series)
    elif isinstance(getattr(native, "dtype", None), pd.DatetimeTZDtype):
        # Not through narwhals, which takes "America/New_York" for an unknown type.
        wall = (native.dt.tz_convert(time_zone) if time_zone else native).dt.tz_localize(None)
        found = _array_days(wall.to_numpy().astype("datetime64[D]"))
    elif isinstance(dtype, nw.Datetime):
        if dtype.time_zone is None:
            _no_zone(time_zone, column)
        else:
            local = series.dt.convert_time_zone(time_zone) if time_zone else series
            series = local.dt.replace_time_zone(None)
        found = _native_days(series)
    else:
        raise InputError(f"column {column!r} holds {dtype}; {NOT_A_DATE}")
    low, high = (EARLIEST - EPOCH).days, (LATEST - EPOCH).days
    if not len(found.days) or (found.days.min() >= low and found.days.max() <= high):
        return found
    outside = (found.days < low) | (found.days > high)
    for mask in found.faults.values():
        outside &= ~mask
    return Days(found.days, {**found.faults, IMPLAUSIBLE: outside})


def _native_days(series: nw.Series[Any]) -> Days:
    """Days of dates or naive datetimes; the cast of polars uses every core."""
    if series.implementation.is_polars() and not series.null_count():
        return Days(series.cast(nw.Date).cast(nw.Int32).to_numpy(), {})
    return _array_days(np.asarray(series.to_numpy()).astype("datetime64[D]"))


def _array_days(dates: npt.NDArray[np.datetime64]) -> Days:
    return Days(dates.view(np.int64), {MISSING: np.isnat(dates)})


def _text_days(series: nw.Series[Any], column: str, time_zone: str | None) -> Days:
    missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    filled = series.fill_null("1970-01-01")
    shaped = np.asarray(filled.str.contains(ISO_PATTERN).to_numpy(), dtype=bool)
    aware = np.asarray(filled.str.contains(OFFSET_PATTERN).to_numpy(), dtype=bool)
    parts = factorize(filled.str.slice(0, 10))
    each = np.array([_iso_date(text) for text in parts.values.to_list()], dtype="datetime64[D]")
    dates = each[parts.codes]
    if time_zone is not None:
        if not aware.any():
            _no_zone(time_zone, column)
        stamps = pd.to_datetime(
            pd.Series(filled.filter((shaped & aware).tolist()).to_list(), dtype=object),
            utc=True,
            format="ISO8601",
            errors="coerce",
        )
        local = stamps.dt.tz_convert(time_zone).dt.tz_localize(None)
        dates[shaped & aware] = local.to_numpy().astype("datetime64[D]")
    wrong = ~missing & (~shaped | np.isnat(dates))
    return Days(
        dates.view(np.int64),
        {MISSING: missing, NOT_ISO: wrong, MIXED: _mixed(aware, ~missing & ~wrong)},
    )


def _iso_date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _object_days(series: nw.Series[Any], column: str, time_zone: str | None) -> Days:
    values = [None if is_null(v) else v for v in series.to_list()]
    odd = next((v for v in values if v is not None and not isinstance(v, dt.date)), None)
    if odd is not None:
        raise InputError(f"column {column!r} holds {type(odd).__name__} values; {NOT_A_DATE}")
    aware = np.array([isinstance(v, dt.datetime) and v.tzinfo is not None for v in values])
    missing = np.array([v is None for v in values])
    if time_zone is not None and not aware.any():
        _no_zone(time_zone, column)
    zone = None if time_zone is None else ZoneInfo(time_zone)
    dates = np.array([_object_date(v, zone) for v in values], dtype="datetime64[D]")
    return Days(
        dates.view(np.int64), {MISSING: missing, MIXED: _mixed(aware.astype(bool), ~missing)}
    )


def _object_date(value: Any, zone: ZoneInfo | None) -> dt.date | None:
    if not isinstance(value, dt.datetime):
        day: dt.date | None = value  # the caller has looked
        return day
    return (value.astimezone(zone) if zone and value.tzinfo else value).date()


def _mixed(aware: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The rows that are in the minority where some have a time zone and others don't."""
    with_zone, without = aware & known, ~aware & known
    if not with_zone.any() or not without.any():
        return np.zeros(len(aware), dtype=bool)
    return with_zone if with_zone.sum() < without.sum() else without


def _no_zone(time_zone: str | None, column: str) -> None:
    if time_zone is not None:
        raise InputError(
            f"time_zone={time_zone!r} was given, but the dates in column {column!r} carry no time "
            "zone to convert from; leave time_zone out, or make the column aware"
        )


# --- on a lazy engine --------------------------------------------------------------------------
@dataclass(frozen=True)
class DayExpressions:
    """A date column as expressions: its day number, its date, and a flag for each fault."""

    day: nw.Expr
    date: nw.Expr
    faults: dict[str, nw.Expr]


def day_expressions(column: str, dtype: Any, time_zone: str | None) -> DayExpressions:
    """The rules of `read_days` as expressions over a lazy frame."""
    source = nw.col(column)
    missing = source.is_null()
    if dtype == nw.String:
        if time_zone is not None:
            raise InputError(
                f"time_zone can't be applied to text dates inside a query; cast column {column!r} "
                "to a timestamp with time zone first, or collect the frame"
            )
        return _text_expressions(source)
    if dtype == nw.Date or (isinstance(dtype, nw.Datetime) and dtype.time_zone is None):
        _no_zone(time_zone, column)
    elif isinstance(dtype, nw.Datetime):
        local = source.dt.convert_time_zone(time_zone) if time_zone else source
        source = local.dt.replace_time_zone(None)
    else:
        raise InputError(f"column {column!r} holds {dtype}; {NOT_A_DATE}")
    year = source.dt.year().cast(nw.Int64)
    day = civil_day(year, source.dt.month(), source.dt.day())
    outside = ~missing & ((year < EARLIEST.year) | (year > LATEST.year))
    return DayExpressions(day, source.cast(nw.Date), {MISSING: missing, IMPLAUSIBLE: outside})


def _text_expressions(source: nw.Expr) -> DayExpressions:
    missing = source.is_null()
    shaped = source.fill_null("").str.contains(ISO_PATTERN)
    text = nw.when(shaped).then(source).otherwise(nw.lit("1970-01-01"))

    def part(start: int, length: int) -> nw.Expr:
        return text.str.slice(start, length).cast(nw.Int64)

    year, month, day = part(0, 4), part(5, 2), part(8, 2)
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    long = month.is_in([1, 3, 5, 7, 8, 10, 12])
    february = nw.when(leap).then(nw.lit(29)).otherwise(nw.lit(28))
    short = nw.when(month == 2).then(february).otherwise(nw.lit(30))
    last = nw.when(long).then(nw.lit(31)).otherwise(short)
    real = shaped & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last) & (year >= 1)
    outside = real & ((year < EARLIEST.year) | (year > LATEST.year))
    aware = real & source.fill_null("").str.contains(OFFSET_PATTERN)
    with_zone, without = aware.cast(nw.Int64).sum(), (real & ~aware).cast(nw.Int64).sum()
    mixed = (with_zone > 0) & (without > 0) & real & (aware == (with_zone < without))
    safe = nw.when(real).then(text.str.slice(0, 10)).otherwise(nw.lit("1970-01-01"))
    return DayExpressions(
        civil_day(year, month, day),
        safe.str.to_date("%Y-%m-%d"),
        {MISSING: missing, NOT_ISO: ~missing & ~real, MIXED: mixed, IMPLAUSIBLE: outside},
    )


def civil_day(year: nw.Expr, month: nw.Expr, day: nw.Expr) -> nw.Expr:
    """Days since 1970-01-01 of a Gregorian date, in whole-number arithmetic that every engine has.

    The year is taken to begin in March, so that the leap day is its last one.
    """
    y, m, d = year.cast(nw.Int64), month.cast(nw.Int64), day.cast(nw.Int64)
    early = nw.when(m <= 2).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
    y = y - early
    day_of_year = (153 * (m - 3 + 12 * early) + 2) // 5 + d - 1
    return y * 365 + y // 4 - y // 100 + y // 400 + day_of_year - 719468
