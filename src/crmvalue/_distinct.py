"""Distinct rows of columns of numbers, found by sorting one packed integer for each row."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, IntArray
from crmvalue._threads import BLOCK, side_by_side


def sorted_numbers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sort an array in place and return it.

    A long one is sorted by halves on two threads (NumPy lets others run meanwhile); the stable sort
    sees the two runs and only merges them.
    """
    if len(values) < BLOCK:
        values.sort()
        return values
    side_by_side(np.ndarray.sort, np.split(values, [len(values) // 2]), rows=len(values))
    values.sort(kind="stable")
    return values


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

    Whole numbers, and whole days divided by `days_per_unit` (ages), are packed as they are. Where
    other numbers make nearly every row a row of its own, their leading digits are packed; where
    they repeat, they are ranked first, which is slower.
    """
    steps = [_axis(column, days_per_unit) for column in columns]
    if not all(steps):
        order = _order_by_digits(columns, steps)
        if order is not None:
            return _distinct_by_order(columns, order, inverse)
    axes = [axis or _ranked(column) for axis, column in zip(steps, columns, strict=True)]
    size = math.prod(axis.span for axis in axes)
    if size >= 1 << 62:
        return _distinct_by_order(columns, np.lexsort(columns[::-1]), inverse)
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
_LARGEST = float(1 << 53)  # whole numbers up to here are exact
_DIGITS = 1 << 48  # how finely a fraction is told apart
_NONE: IntArray = np.empty(0, dtype=np.int64)


def _axis(column: npt.NDArray[Any], days_per_unit: float) -> _Axis | None:
    """Whole numbers or days as they are; None for any other numbers."""
    if not len(column):
        return _Axis(np.zeros(0, dtype=np.int32), 1, column, 0.0, 0.0)
    low, high = column.min(), column.max()
    if column.dtype.kind in "iu" and int(high) - int(low) < _WIDEST:
        return _Axis((column - low).astype(np.int32), int(high) - int(low) + 1, None, low, 0.0)
    grids = column.dtype.kind == "f" and np.isfinite(low) and np.isfinite(high)
    for scale in dict.fromkeys((float(days_per_unit), 1.0)) if grids else ():
        first = np.rint(low * scale)
        if np.rint(high * scale) - first < _WIDEST and abs(first) < _LARGEST:
            codes = _grid_codes(column, scale, float(first))
            if codes is not None:
                span = int(np.rint(high * scale) - first) + 1
                return _Axis(codes, span, None, float(first), scale)
    return None


def _ranked(column: npt.NDArray[Any]) -> _Axis:
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
    rising = key[order] if inverse else sorted_numbers(key)
    starts = _starts(rising[1:] != rising[:-1])
    counts = np.diff(np.append(starts, len(key)))
    places = _places(order, starts) if inverse else _NONE
    return rising[starts].astype(np.int64), counts, places


def _order_by_digits(
    columns: tuple[npt.NDArray[Any], ...], steps: list[_Axis | None]
) -> IntArray | None:
    """The rising order of rows, by a number that rises with them; None where it tells too little.

    The number is a fraction whose leading digits are the first column, and so on; rows that share
    it to the last digit are put in order by their columns.
    """
    fraction = np.zeros(len(columns[0]))
    for column, axis in zip(columns[::-1], steps[::-1], strict=True):
        if axis:
            fraction += axis.codes
            fraction /= axis.span
        else:  # the lowest value alone (a recency of 0) is likely to be shared by many rows
            low, high = float(column.min()), float(column.max())
            if not np.isfinite(high - low):
                return None
            if low < high:
                above = 1 + (column - low) / (high - low)
                fraction = np.where(column > low, above, fraction) / 2
    digits = np.minimum(fraction * _DIGITS, _DIGITS - 1).astype(np.int64)
    order = np.argsort((digits & 0xFFFF).astype(np.uint16), kind="stable")  # a radix sort
    for shift in range(16, _DIGITS.bit_length() - 1, 16):
        place = (digits >> shift & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(place[order], kind="stable")]
    rising = digits[order]
    same = rising[1:] == rising[:-1]
    tied = np.append(same, False) | np.append(False, same)
    rows = order[tied]
    if len(rows) > len(order) // 8:
        return None
    order[tied] = rows[np.lexsort([column[rows] for column in columns[::-1]])]
    return order


def _distinct_by_order(
    columns: tuple[npt.NDArray[Any], ...], order: IntArray, inverse: bool
) -> DistinctRows:
    """The same for rows whose rising order is known."""
    rising = [column[order] for column in columns]
    changes = np.zeros(max(0, len(order) - 1), dtype=bool)
    for column in rising:
        changes |= column[1:] != column[:-1]
    if changes.all():
        starts, counts = np.arange(len(order)), np.ones(len(order), dtype=np.int64)
    else:
        starts = _starts(changes)
        counts = np.diff(np.append(starts, len(order)))
        rising = [column[starts] for column in rising]
    places = _places(order, starts) if inverse else _NONE
    return DistinctRows(tuple(rising), counts, places)


def _starts(changes: npt.NDArray[np.bool_]) -> IntArray:
    return np.append(0, np.flatnonzero(changes) + 1)


def _places(order: IntArray, starts: IntArray) -> IntArray:
    marks = np.zeros(len(order), dtype=np.int64)
    marks[starts[1:]] = 1
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.cumsum(marks)
    return places
