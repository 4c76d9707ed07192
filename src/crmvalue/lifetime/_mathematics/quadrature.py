"""Quadrature of functions whose logarithm is concave, for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray

LogDensity: TypeAlias = Callable[[FloatArray, slice], FloatArray]
"""Logarithm of an integrand at nodes of shape (nodes, rows), for a slice of the rows."""

DEPTH = 37.0  # what lies below exp(-37) of the rest is lost in rounding
_SOFTEN = 12.0  # k is the decay over this: a pure exponential becomes a polynomial of degree 11
_WIDTHS = (0.25, 0.4, 0.9, 1.6, 2.0, 2.4)  # of a panel,
_COUNTS = (6, 8, 10, 12, 14, 16)  # and the nodes that it takes
_DECAYS = (3.0, 15.0)  # from the first to the last node; beyond, the first counts don't do
_RULES = {
    count: ((node + 1) / 2, weight / 2)
    for count in _COUNTS
    for node, weight in [np.polynomial.legendre.leggauss(count)]
}
FINE = _RULES[_COUNTS[-1]]  # nodes and weights on (0, 1)
_FEWEST = 4  # panels that a peak takes, however narrow
_BLOCK = 2048  # rows, so that arrays of their nodes stay in cache
_GOLDEN = (5**0.5 - 1) / 2


def panels(slope: FloatArray, reach: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Nodes y and their weights dy, panel by panel, of an integral from 0 to `reach` < inf.

    Parameters
    ----------
    slope : ndarray, shape (rows,)
        Decay of the integrand where it begins; it must not slow down later on.
    reach : ndarray, shape (rows,)

    Yields
    ------
    y, dy : ndarray, shape (nodes, rows)
    """
    end = np.minimum(reach, DEPTH / np.maximum(slope, 1e-300))
    widest = float(end.max(initial=0.0))
    count = max(1, int(np.ceil(widest / _WIDTHS[-1])))
    width = end / count
    steepest = float((slope * end).max(initial=0.0))
    least = max(np.searchsorted(_WIDTHS, widest / count), np.searchsorted(_DECAYS, steepest))
    nodes, weights = _RULES[_COUNTS[least]]
    k = np.maximum(slope, 1e-3 / np.maximum(width, 1e-290)) / _SOFTEN
    mass = -np.expm1(-k * width)
    left = nodes[:, None] * -mass  # 1 - p is taken from p, which may be tiny
    y = np.log1p(left)
    y /= -k
    left += 1
    dy = np.divide(weights[:, None] * (mass / k), left, out=left)
    for panel in range(count):
        yield y + panel * width if panel else y, dy


def over_blocks(fill: Callable[[slice], None], rows: int) -> None:
    """Call `fill` for blocks of rows.

    One after the other: a second thread took longer than it saved, by waiting for the interpreter
    between operations that take some microseconds each.
    """
    for block in blocks(rows):
        fill(block)


def blocks(rows: int) -> list[slice]:
    return [slice(start, min(start + _BLOCK, rows)) for start in range(0, rows, _BLOCK)]


def concave_integral(log_density: LogDensity, slope: FloatArray, reach: FloatArray) -> FloatArray:
    """Integral over y from 0 to `reach` < inf; the arguments as in `panels`.

    Examples
    --------
    >>> found = concave_integral(lambda y, rows: -2 * y, 2 * np.ones(1), np.ones(1))
    >>> print(found.round(12).tolist())
    [0.432332358382]
    """
    result = np.empty(len(reach))

    def fill(rows: slice) -> None:
        result[rows] = sum(
            (np.exp(log_density(y, rows)) * dy).sum(axis=0)
            for y, dy in panels(slope[rows], reach[rows])
        )

    over_blocks(fill, len(reach))
    return result


def log_peaked_integral(log_density: LogDensity, low: FloatArray, high: FloatArray) -> FloatArray:
    """Logarithm of the integral from `low` to `high` of a density with a peak, however narrow.

    Examples
    --------
    >>> found = log_peaked_integral(lambda y, rows: -5e5 * y**2, -np.ones(1), np.ones(1))
    >>> print(np.exp(2 * found).round(12).tolist())
    [6.283185e-06]
    """
    result = np.empty(len(low))
    nodes, weights = (part[:, None] for part in FINE)

    def fill(rows: slice) -> None:
        def log(y: FloatArray) -> FloatArray:
            values: FloatArray = log_density(y[None, :], rows)[0]
            return values

        peak = _peak(log, low[rows], high[rows])
        top = log(peak)
        start = _edge(lambda y: log(y) > top - DEPTH, low[rows], peak)
        end = _edge(lambda y: log(y) > top - DEPTH, high[rows], peak)
        count = max(_FEWEST, int(np.ceil((end - start).max() / _WIDTHS[-1])))
        width = (end - start) / count
        result[rows] = top + np.log(
            sum(
                (np.exp(log_density(start + width * (panel + nodes), rows) - top) * weights).sum(0)
                for panel in range(count)
            )
            * width
        )

    over_blocks(fill, len(low))
    return result


def _peak(function: Callable[[FloatArray], FloatArray], a: FloatArray, b: FloatArray) -> FloatArray:
    """Where a concave function is largest, by golden sections; near enough to stand on the peak."""
    one, other = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    at_one, at_other = function(one), function(other)
    for _ in range(60):
        left = at_one >= at_other
        a, b = np.where(left, a, one), np.where(left, other, b)
        kept, at_kept = np.where(left, one, other), np.where(left, at_one, at_other)
        new = np.where(left, b - _GOLDEN * (b - a), a + _GOLDEN * (b - a))
        at_new = function(new)
        one, at_one = np.where(left, new, kept), np.where(left, at_new, at_kept)
        other, at_other = np.where(left, kept, new), np.where(left, at_kept, at_new)
    return np.where(at_one >= at_other, one, other)


def _edge(
    holds: Callable[[FloatArray], npt.NDArray[np.bool_]], outside: FloatArray, inside: FloatArray
) -> FloatArray:
    """A point between the two just outside of where a condition holds; `outside` if it does."""
    for _ in range(40):
        middle = (outside + inside) / 2
        true = holds(middle)
        inside, outside = np.where(true, middle, inside), np.where(true, outside, middle)
    return outside
