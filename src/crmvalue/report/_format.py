"""Figures as text: one way to write each kind, and a dash for what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmvalue._print import DASH, LARGE, MINUS, SPACE, money_digits, percent, plain
from crmvalue._stats import FloatArray, round_to_cents

LONGEST = 300
"""Characters of a text that are shown."""


def column_floats(values: pd.Series[Any]) -> FloatArray:
    """A column as floats, NaN where it is null or not a number."""
    found = pd.to_numeric(values, errors="coerce")
    array: FloatArray = found.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def column_texts(values: pd.Series[Any], kind: str, *, add_up: bool = False) -> list[str]:
    """Write a column; with `add_up` its rounded figures add up to the rounded total."""
    if kind in ("text", "id", "date"):
        return [text(value) for value in values]
    numbers = column_floats(values)
    digits = None
    if kind in ("money", "cents"):
        digits = money_digits(numbers) if kind == "money" else 2
        if add_up and np.isfinite(numbers).all():
            numbers = round_to_cents(numbers, digits)
    return [number(value, kind, digits) for value in numbers.tolist()]


def number(value: float | None, kind: str, digits: int | None = None) -> str:
    """Write one figure of a kind: count, money, cents, share, years, decimal, number, error."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "without end" if value > 0 else MINUS + "\N{INFINITY}"
    if kind == "error":
        return error(value)
    if kind == "share":
        return percent(value)
    if kind == "years":
        return f"{plain(value, 1)} years"
    if kind == "number":
        return _significant(value)
    if digits is None:
        digits = {"count": 0, "money": 0 if abs(value) >= LARGE else 2}.get(kind, 2)
    return plain(value, digits)


def error(value: float) -> str:
    """How far an expectation is from what happened, in words."""
    if abs(value) < 0.005:
        return f"is right to within 1{SPACE}%"
    verb = "overstates" if value > 0 else "understates"
    return f"{verb} by {number(abs(value), 'share')}"


def text(value: Any) -> str:
    """Write a label or a date; a very long one is cut."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return DASH
    if isinstance(value, pd.Timestamp):
        return str(value.date())
    written = str(value)
    if len(written) > LONGEST:
        written = written[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return written or DASH


def join(parts: Sequence[str], last: str = "and") -> str:
    """A list in a sentence: "a, b and c"."""
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def _significant(value: float) -> str:
    """Four digits at least, and no decimals that say nothing."""
    size = abs(value)
    if size >= 1000 or value == int(value):
        return plain(value, 0)
    digits = min(max(3 - math.floor(math.log10(size)), 0), 8)
    return plain(value, digits).rstrip("0").rstrip(".")
