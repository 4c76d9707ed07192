"""Sums that must add up, and the arithmetic of shares: arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue.errors import ConservationError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TOLERANCE = 0.005
"""Half a cent: the most by which parts of money may differ from their whole."""

UNITS: dict[str, float] = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
"""Units of ages and horizons, in days."""


def safe_sum(values: Iterable[float] | FloatArray) -> float:
    """Correctly rounded sum, the same in any order of the values."""
    return math.fsum(np.asarray(values, dtype=np.float64).ravel().tolist())


def check_conserved(stage: str, whole: float, parts: Iterable[float] | FloatArray) -> None:
    """Raise `ConservationError` unless `parts` add up to `whole` within half a cent.

    Beyond about 10^12 a double can't hold half a cent after millions of additions, so the bound
    grows with the size of the parts there.
    """
    array = np.asarray(parts, dtype=np.float64).ravel()
    total = safe_sum(array)
    bound = max(TOLERANCE, 1e-13 * safe_sum(np.abs(array)))
    if not abs(total - whole) <= bound:
        raise ConservationError(
            f"{stage}: the parts add up to {total!r} but the whole is {whole!r} "
            f"(difference {total - whole:.6g}, allowed {bound:.3g})"
        )


def snap_zero(values: FloatArray, gross: FloatArray) -> FloatArray:
    """Set sums to exactly 0 that differ from it only by rounding.

    `gross` is the sum of the absolute terms: 10.10 + 20.20 - 30.30 leaves 4e-15 in binary, and a
    customer with that "spend" must not count as a buyer with a positive one.
    """
    return np.where(np.abs(values) <= 1e-12 * gross, 0.0, values)


def group_sum(codes: npt.NDArray[Any], weights: FloatArray, size: int) -> FloatArray:
    """Sum of `weights` for each code 0..size-1."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64, copy=False)


def running_sum(values: FloatArray) -> FloatArray:
    """Cumulative sums, each about as exact as if it were summed in twice the precision.

    A plain cumulative sum of ten million prices is off by up to 1e-10 of itself, more than a
    threshold on a share may be. What each addition rounds off is exact (Knuth's two-sum), so it is
    summed beside (Ogita, Rump and Oishi 2005, algorithm 4.4).
    """
    sums: FloatArray = np.cumsum(values, dtype=np.float64)
    before, term, after = sums[:-1], values[1:], sums[1:]
    part = after - before
    sums[1:] += np.cumsum((before - (after - part)) + (term - part))
    return sums


def round_to_cents(values: FloatArray, digits: int = 2) -> FloatArray:
    """Round to `digits` decimals so that the rounded figures add up to the rounded total.

    Largest-remainder rounding: floor every figure, then give the missing cents to the largest
    remainders, the first ones where remainders are equal.
    """
    scaled = np.asarray(values, dtype=np.float64) * 10.0**digits
    # A figure that is a whole number of cents but for binary noise keeps its cent.
    near = np.rint(scaled)
    scaled = np.where(np.abs(scaled - near) <= 1e-6 + 4e-16 * np.abs(near), near, scaled)
    floor = np.floor(scaled)
    missing = round(safe_sum(scaled)) - round(safe_sum(floor))
    order = np.argsort(floor - scaled, kind="stable")
    floor[order[:missing]] += 1.0
    return floor / 10.0**digits


class DistinctRows(NamedTuple):
    """What `distinct_rows` gives.

    Attributes
    ----------
    columns : tuple of ndarray, each of shape (distinct,)
        The distinct rows in rising order, by the first column, then the second, and so on.
    counts : ndarray of int64, shape (distinct,)
        How many rows each of them stands for.
    inverse : ndarray of int64, shape (rows,)
        Position of each row among the distinct ones; empty unless it was asked for.
    """

    columns: tuple[npt.NDArray[Any], ...]
    counts: IntArray
    inverse: IntArray


def distinct_rows(
    *columns: npt.NDArray[Any], days_per_unit: float = 1.0, inverse: bool = False
) -> DistinctRows:
    """Exact distinct combinations of columns of numbers, by sorting one packed integer.

    Whole numbers, and whole days divided by `days_per_unit` (ages), are packed as they are; the
    values of any other column are ranked first, which is slower.
    """
    axes = [_axis(column, days_per_unit) for column in columns]
    size = math.prod(axis.span for axis in axes)
    if size >= 1 << 62:
        return _distinct_by_order(columns, inverse)
    key: Any = axes[0].codes.astype(np.int32 if size < 1 << 31 else np.int64)
    for axis in axes[1:]:
        key *= axis.span
        key += axis.codes.astype(key.dtype, copy=False)
    found, counts, places = _distinct_keys(key, size, inverse)
    decoded = []
    for axis in reversed(axes):
        found, code = np.divmod(found, axis.span)
        decoded.append(axis.values(code))
    return DistinctRows(tuple(reversed(decoded)), counts, places)


class _Axis(NamedTuple):
    """A column as codes 0..span-1 in the order of its values."""

    codes: npt.NDArray[Any]
    span: int
    ranked: npt.NDArray[Any] | None
    low: float
    scale: float

    def values(self, codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        values: npt.NDArray[Any]
        if self.ranked is not None:
            values = self.ranked[codes]
        else:
            values = codes + int(self.low)
            values = values / self.scale if self.scale else values
        return values


_BLOCK = 1 << 15  # rows that stay in cache through several passes
_WIDEST = float(1 << 31)  # codes of a column fit in 32 bits
_NONE: IntArray = np.empty(0, dtype=np.int64)


def _axis(column: npt.NDArray[Any], days_per_unit: float) -> _Axis:
    if not len(column):
        return _Axis(np.zeros(0, dtype=np.int32), 1, column, 0.0, 0.0)
    low, high = column.min(), column.max()
    if column.dtype.kind in "iu" and int(high) - int(low) < _WIDEST:
        return _Axis((column - low).astype(np.int32), int(high) - int(low) + 1, None, low, 0.0)
    grids = column.dtype.kind == "f" and np.isfinite(low) and np.isfinite(high)
    for scale in dict.fromkeys((float(days_per_unit), 1.0)) if grids else ():
        first = np.rint(low * scale)
        if np.rint(high * scale) - first < _WIDEST:
            codes = _grid_codes(column, scale, float(first))
            if codes is not None:
                span = int(np.rint(high * scale) - first) + 1
                return _Axis(codes, span, None, float(first), scale)
    ranked, ranks = np.unique(column, return_inverse=True)
    return _Axis(ranks, len(ranked), ranked, 0.0, 0.0)


def _grid_codes(column: FloatArray, scale: float, low: float) -> npt.NDArray[np.int32] | None:
    """Steps of 1/scale above low/scale; None unless every value is such a step exactly."""
    codes = np.empty(len(column), dtype=np.int32)
    for start in range(0, len(column), _BLOCK):
        block = column[start : start + _BLOCK]
        steps = np.rint(block * scale)
        if not np.array_equal(steps / scale, block):
            return None
        codes[start : start + _BLOCK] = steps - low
    return codes


def _distinct_keys(
    key: npt.NDArray[Any], size: int, inverse: bool
) -> tuple[IntArray, IntArray, IntArray]:
    if size <= max(2 * len(key), 1 << 16):  # counting beats sorting
        table = np.bincount(key, minlength=size)
        found = np.flatnonzero(table)
        places = (np.cumsum(table > 0) - 1)[key] if inverse else _NONE
        return found, table[found], places
    order = np.argsort(key) if inverse else _NONE
    rising = key[order] if inverse else np.sort(key)
    starts = _starts(rising[1:] != rising[:-1])
    counts = np.diff(np.append(starts, len(key)))
    places = _places(order, starts) if inverse else _NONE
    return rising[starts].astype(np.int64), counts, places


def _distinct_by_order(columns: tuple[npt.NDArray[Any], ...], inverse: bool) -> DistinctRows:
    """The same for values too far apart to pack."""
    order = np.lexsort(columns[::-1])
    rising = [column[order] for column in columns]
    starts = _starts(np.any([column[1:] != column[:-1] for column in rising], axis=0))
    counts = np.diff(np.append(starts, len(order)))
    places = _places(order, starts) if inverse else _NONE
    return DistinctRows(tuple(column[starts] for column in rising), counts, places)


def _starts(changes: npt.NDArray[np.bool_]) -> IntArray:
    return np.append(0, np.flatnonzero(changes) + 1)


def _places(order: IntArray, starts: IntArray) -> IntArray:
    marks = np.zeros(len(order), dtype=np.int64)
    marks[starts[1:]] = 1
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.cumsum(marks)
    return places
