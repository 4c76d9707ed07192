"""Lifetimes counted in periods: each one ends with probability θ ~ Beta(a, b), for good.

S(k) = E[(1 - θ)^k] = Γ(b + k) Γ(a + b) / (Γ(b) Γ(a + b + k)) is the chance to outlive k periods,
and whoever has outlived them has θ ~ Beta(a, b + k): lifetimes to come are of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.roots import first_reached
from crmvalue.lifetime._mathematics.special import beta_nodes, log_rising

Shapes: TypeAlias = "tuple[FloatArray, FloatArray, FloatArray, FloatArray]"
"""Shapes of two beta distributions, one for each row: a, b of p and c, d of θ."""

_BLOCK = 1 << 18  # numbers in a block, to stay in cache
_NODES = 256  # of a quadrature, about
_TIE = 1e-12  # a whole number this close to a quantile is the quantile
_TINY = 1e-300


def log_survival(a: FloatArray, b: FloatArray, k: FloatArray) -> FloatArray:
    """Logarithm of S(k), which is the same with a and k exchanged: the smaller one is raised."""
    endless = np.isinf(k)
    k = np.where(endless, 0.0, k)
    less, more = np.minimum(a, k), np.maximum(a, k)
    return np.where(endless, -np.inf, log_rising(b, less) - log_rising(b + more, less))


def living_periods(a: FloatArray, b: FloatArray, periods: FloatArray, rate: float) -> FloatArray:
    """Sum over k < periods of e^(-rate k) S(k); inf where it is.

    It is the expectation of the geometric sum (1 - q^periods) / (1 - q), q = e^-rate (1 - θ).
    """
    rows = distinct_rows(a, b, periods, inverse=True)
    a, b, periods = rows.columns
    result = np.empty(len(a))
    for part in parts(len(a), _NODES):
        result[part] = _living(a[part], b[part], periods[part], rate)
    return result[rows.inverse]


def _living(a: FloatArray, b: FloatArray, periods: FloatArray, rate: float) -> FloatArray:
    if rate == 0:
        endless = np.isinf(periods)
        mean = np.where(a > 1, (a + b - 1) / np.where(a > 1, a - 1, 1.0), np.inf)
        finite = np.where(endless, 0.0, periods)
        return np.where(endless, mean, _geometric(a, b, finite, rate))
    return _geometric(a, b, periods, rate)


def _geometric(a: FloatArray, b: FloatArray, periods: FloatArray, rate: float) -> FloatArray:
    flat = np.maximum(-np.expm1(-rate), 1 / np.maximum(periods, 1.0))  # no change below this θ
    theta, weights = beta_nodes(a, b, -np.log(flat))
    log_q = log_staying(theta) - rate
    sums = np.expm1(periods[:, None] * log_q) / np.expm1(log_q)
    result: FloatArray = (weights * sums).sum(axis=1)
    return result


def log_staying(theta: FloatArray) -> FloatArray:
    """Logarithm of 1 - θ at the nodes of a quadrature, whose ends may have rounded to 0 and 1."""
    return np.log1p(-np.clip(theta, _TINY, 1 - 2.0**-53))


def first_whole(
    passed: Callable[[npt.NDArray[np.intp], FloatArray], FloatArray], size: int
) -> FloatArray:
    """The whole number, 0 or more, from which on a rising function(rows, k) isn't below 0.

    NaN where it is below 0 at 1e300. Ties count as reached, whichever way they round.
    """
    root = first_reached(passed, size)
    found = np.ceil(root)
    rows = np.flatnonzero(np.isfinite(root))
    below = np.rint(root[rows])
    found[rows] = np.where(passed(rows, below) >= -_TIE, below, found[rows])
    return found


def steps(
    counts: FloatArray,
) -> Iterator[tuple[npt.NDArray[np.intp], FloatArray]]:
    """Blocks of rows of about as many steps, each with the numbers 0 to the most of its steps."""
    order = np.argsort(-counts, kind="stable")
    start = 0
    while start < len(order):
        most = int(counts[order[start]]) + 1
        rows = order[start : start + max(1, _BLOCK // most)]
        yield rows, np.arange(most, dtype=np.float64)
        start += len(rows)


def parts(rows: int, width: int) -> list[slice]:
    """Blocks of rows of `width` numbers each."""
    size = max(1, _BLOCK // width)
    return [slice(start, start + size) for start in range(0, rows, size)]


def shapes_of(shapes: Shapes, rows: Any) -> Shapes:
    """The shapes of some rows, by any index."""
    a, b, c, d = shapes
    return a[rows], b[rows], c[rows], d[rows]
