"""Where rising functions of time reach 0, for many customers at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray

_EARLIEST, _LATEST = 1e-300, 1e300  # times looked at
_STEPS = 200


def first_reached(
    function: Callable[[npt.NDArray[np.intp], FloatArray], FloatArray], size: int
) -> FloatArray:
    """Time at which function(rows, times), rising in time, reaches 0, row by row.

    Parameters
    ----------
    function : callable
        Of the numbers of some rows and a time for each of them; it may be infinite.
    size : int
        Number of rows.

    Returns
    -------
    ndarray, shape (size,)
        0 where it is reached from the start, NaN where not by 1e300.
    """
    low, high = np.zeros(size), np.zeros(size)  # logarithms of time that enclose the root
    below, above = np.zeros(size), np.zeros(size)  # the function there
    _bracket(function, low, below, rising=False)
    _bracket(function, high, above, rising=True)
    result = np.exp(high)
    result[above < 0] = np.nan
    result[below >= 0] = 0.0
    open_rows = np.flatnonzero((below < 0) & (above >= 0))
    # Regula falsi; an end that stays has its value halved (Illinois), and where that does not
    # shrink the bracket by half in two steps, its middle is tried.
    width = high - low
    side = np.zeros(size, dtype=np.int8)
    for step in range(_STEPS):
        width_now = high[open_rows] - low[open_rows]
        open_rows = open_rows[width_now > 4e-15 * np.maximum(1.0, np.abs(high[open_rows]))]
        if not len(open_rows):
            break
        lo, hi, f_lo, f_hi = (v[open_rows] for v in (low, high, below, above))
        with np.errstate(invalid="ignore"):
            guess = hi - f_hi * (hi - lo) / (f_hi - f_lo)
        middle = (lo + hi) / 2
        slow = (step % 3 == 2) & (hi - lo > width[open_rows] / 4)
        inside = np.isfinite(guess) & (guess > lo) & (guess < hi) & ~slow
        at = np.where(inside, guess, middle)
        if step % 3 == 2:
            width[open_rows] = hi - lo
        value = function(open_rows, np.exp(at))
        up = value >= 0
        twice = side[open_rows] == np.where(up, 1, -1)
        side[open_rows] = np.where(up, 1, -1)
        high[open_rows] = np.where(up, at, hi)
        low[open_rows] = np.where(up, lo, at)
        above[open_rows] = np.where(up, value, np.where(twice, f_hi / 2, f_hi))
        below[open_rows] = np.where(up, np.where(twice, f_lo / 2, f_lo), value)
    solved = (result > 0) & np.isfinite(result)
    result[solved] = np.exp((low[solved] + high[solved]) / 2)
    return result


def _bracket(
    function: Callable[[npt.NDArray[np.intp], FloatArray], FloatArray],
    log_time: FloatArray,
    value: FloatArray,
    *,
    rising: bool,
) -> None:
    """Move log_time away from 0, ever faster, until the function is above (below) 0 there."""
    edge = np.log(_LATEST if rising else _EARLIEST)
    rows = np.arange(len(log_time))
    stride = 0.0
    while len(rows):
        value[rows] = function(rows, np.exp(log_time[rows]))
        short = (value[rows] < 0) if rising else (value[rows] >= 0)
        rows = rows[short & (np.abs(log_time[rows]) < abs(edge))]
        stride = 2 * stride + 2
        log_time[rows] = np.clip(log_time[rows] + np.copysign(stride, edge), -abs(edge), abs(edge))
