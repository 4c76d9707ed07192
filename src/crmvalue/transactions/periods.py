"""Calendar periods: weeks from Monday, months, quarters and years, as whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._stats import IntArray

_TO_MONDAY = 3  # days from a Monday to 1970-01-01, day 0
_MONTHS = {"M": 1, "Q": 3, "Y": 12}


def period_numbers(days: npt.NDArray[Any], period: str) -> IntArray:
    """Number of the calendar period ("D", "W", "M", "Q", "Y") of each day since 1970-01-01."""
    numbers = days.astype(np.int64)
    if period == "D":
        return numbers
    if period == "W":
        return (numbers + _TO_MONDAY) // 7
    months = numbers.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months // _MONTHS[period]


def first_days(numbers: npt.NDArray[Any], period: str) -> IntArray:
    """Day number of the first day of each of these periods."""
    if period == "D":
        return numbers.astype(np.int64)
    if period == "W":
        return numbers.astype(np.int64) * 7 - _TO_MONDAY
    months = (numbers.astype(np.int64) * _MONTHS[period]).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)
