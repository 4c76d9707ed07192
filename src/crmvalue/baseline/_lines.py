"""One line of a check: what was expected, what came, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, safe_sum

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


def worst_line(
    line: str, expected: dict[str, float], got: dict[str, float], what: str = ""
) -> Line:
    """Figures of the same name against each other; drift = the largest difference of a pair.

    It shows the pair that is furthest apart, with its name. Where none is apart it shows both sums;
    figures that make no sum are counted instead, as so many of `what`. A missing one counts as 0.
    Where there is no pair at all the table is empty, and the line fails.
    """
    pairs = {
        name: (expected.get(name, 0.0), got.get(name, 0.0))
        for name in dict.fromkeys((*expected, *got))
    }
    if not pairs:
        return Line(line, math.nan, math.nan, math.nan)
    drifts = {name: difference(*pair) for name, pair in pairs.items()}
    worst = max(drifts, key=lambda name: math.inf if math.isnan(drifts[name]) else drifts[name])
    if drifts[worst] != 0:
        shown = [f"{worst}: {_written(figure)}" for figure in pairs[worst]]
        return Line(line, shown[0], shown[1], drifts[worst])
    if what:
        count = f"{len(pairs)} {what}"
        return Line(line, count, count, 0.0)
    sums = [_known_sum(side) for side in zip(*pairs.values(), strict=True)]
    return Line(line, sums[0], sums[1], 0.0)


def row_line(line: str, whole: FloatArray, parts: list[FloatArray]) -> Line:
    """Parts of each row against its whole; drift = the largest difference of a row.

    It shows the sums over all rows, and how many rows differ: never a single one, who is somebody.
    """
    together, gross = np.zeros(len(whole)), np.abs(whole)
    for part in parts:
        together = together + part
        gross = gross + np.abs(part)
    apart = np.abs(together - whole)
    apart = np.where(apart <= ROUNDING * gross, 0.0, apart)
    apart = np.where(np.isnan(whole) & np.isnan(together), 0.0, apart)
    drift = float(apart.max()) if len(apart) else 0.0
    wrong = np.count_nonzero(apart)
    total = _known_sum(together)
    if not wrong:
        return Line(line, _known_sum(whole), total, drift)
    told = f"{wrong:,} row{'s differ' if wrong > 1 else ' differs'}"
    return Line(line, _known_sum(whole), f"{_written(total)}; {told}", drift)


def _known_sum(values: Iterable[float]) -> float:
    """The sum of the figures that are known; NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return safe_sum(known) if known else math.nan


def _written(figure: float) -> str:
    """With all digits that could tell it from another one."""
    return "unknown" if math.isnan(figure) else f"{figure:,.12g}"
