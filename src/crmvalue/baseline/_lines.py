"""One line of a check: what was expected, what came, and how far apart they are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray

ROUNDING = 1e-12
"""Relative difference that is rounding: files hold decimal text, and sums have an order."""


class Line(NamedTuple):
    """A line of a check, before its tolerance is known."""

    line: str
    expected: float | str
    got: float | str
    drift: float


def difference(expected: float, got: float, gross: float = 0.0) -> float:
    """Absolute difference; 0 for rounding and for two unknowns, NaN where one is not known.

    `gross` is the sum of the absolute terms of either figure, which its rounding goes with.
    """
    if math.isnan(expected) and math.isnan(got):
        return 0.0
    apart = abs(got - expected)
    scale = max(abs(expected), abs(got), gross)
    return 0.0 if apart <= ROUNDING * scale else apart


def relative(expected: float, got: float) -> float:
    """Difference over the expected figure; infinite where that is 0 and the other isn't."""
    apart = difference(expected, got)
    if expected == 0:
        return math.inf if apart else 0.0
    return apart / abs(expected) if apart else 0.0


def absolute_line(line: str, expected: float, got: float, gross: float = 0.0) -> Line:
    """A line that drifts by the difference of its figures."""
    return Line(line, expected, got, difference(expected, got, gross))


def text_line(line: str, expected: str, got: str) -> Line:
    """A line of text, which either is the same or isn't."""
    return Line(line, expected, got, 0.0 if expected == got else 1.0)


def wrong_line(line: str, rows: npt.NDArray[np.bool_]) -> Line:
    """A line that drifts by the number of rows that are wrong."""
    found = float(np.count_nonzero(rows))
    return Line(line, 0.0, found, found)


def unknown_line(line: str, why: str = "") -> Line:
    """A line that can't be told from what is there: it fails, and says why."""
    return Line(line, 0.0, why or math.nan, math.nan)


def worst_line(line: str, expected: dict[str, float], got: dict[str, float]) -> Line:
    """The pair of figures of the same name that is furthest apart; a missing one counts as 0.

    Where there is no pair at all the table is empty, and the line fails.
    """
    lines = [
        absolute_line(f"{line} ({name})", expected.get(name, 0.0), got.get(name, 0.0))
        for name in dict.fromkeys((*expected, *got))
    ]
    if not lines:
        return Line(line, math.nan, math.nan, math.nan)
    furthest = max(lines, key=lambda one: math.inf if math.isnan(one.drift) else one.drift)
    return furthest._replace(line=line)


def row_line(line: str, whole: FloatArray, parts: list[FloatArray]) -> Line:
    """Parts of each row against its whole: the totals, and the largest difference of a row."""
    together, gross = np.zeros(len(whole)), np.abs(whole)
    for part in parts:
        together = together + part
        gross = gross + np.abs(part)
    apart = np.abs(together - whole)
    apart = np.where(apart <= ROUNDING * gross, 0.0, apart)
    apart = np.where(np.isnan(whole) & np.isnan(together), 0.0, apart)
    drift = float(apart.max()) if len(apart) else 0.0
    return Line(line, float(whole.sum()), float(together.sum()), drift)
