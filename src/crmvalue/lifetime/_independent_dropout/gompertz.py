"""Integrals over the time of leaving under GGompertz/NBD.

With τ(t) = e^(bt) - 1 the lifetime has survival (β/(β + τ))^s, and who is alive at t goes on in the
same way with B(t) = β e^(-bt) + 1 - e^(-bt) in place of β. What is integrated here are products of

    (1 + w/A)^-a  exp(-c G(w))  e^(qbw),  G(w) = ln(1 + τ(w)/B), over w from 0 on.

Their logarithm may have two peaks (customers who leave at once, or much later as leaving speeds
up), and b may be anything from next to 0, which is Pareto/NBD, to a sharp end. So panels are laid
one after the other, each as wide as the singularities and the decay of the integrand let it be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.quadrature import DEPTH, FINE, over_blocks
from crmvalue.lifetime._mathematics.special import log_rising

_WIDTH = 1.5  # of a panel, in distances from the nearest singularity
_DECAY = 9.0  # the most by which the logarithm of the integrand falls over a panel
_SCAN, _PANELS = 512, 96  # points to find a mass by, and panels over it
_PIECE = 64  # rows from which on numpy is busy with numbers
_LARGE = 600.0  # where e^(bt) is the whole of τ


def tau(bt: FloatArray, B: FloatArray) -> FloatArray:
    """ln(1 + τ/B) for B > 0, however large b t is."""
    log: FloatArray = np.log1p(np.expm1(np.minimum(bt, _LARGE)) / B) + np.maximum(bt - _LARGE, 0.0)
    return log


def later(B: FloatArray, bt: FloatArray) -> FloatArray:
    """The parameter B of those who are alive t later."""
    left: FloatArray = B * np.exp(-bt) - np.expm1(-bt)
    return left


class Leaving(NamedTuple):
    """The integrand: one number for each row."""

    a: FloatArray
    A: FloatArray
    b: FloatArray
    B: FloatArray
    c: FloatArray
    q: float

    def of(self, rows: slice | npt.NDArray[np.intp]) -> Leaving:
        """That of some of the rows."""
        a, A, b, B, c = (column[rows] for column in self[:-1])
        return Leaving(a, A, b, B, c, self.q)


class Nodes(NamedTuple):
    """Nodes of a panel: the rows that still count, times w, G(w), and integrand times dw.

    A row stands there again for each panel where some are taken `together`.
    """

    rows: npt.NDArray[np.intp]
    w: FloatArray
    log: FloatArray
    mass: FloatArray


def steps(integrand: Leaving, end: FloatArray) -> Iterator[Nodes]:
    """Panels of the integral over w from 0 to `end`, which may be infinite."""
    nodes, weights = (part[:, None] for part in FINE)
    rows = np.flatnonzero(end > 0)
    q = integrand.q
    columns = [column[rows] for column in (*integrand[:-1], end)]
    start, top = np.zeros(len(rows)), np.full(len(rows), -np.inf)
    while len(rows):
        a, A, b, B, c, stop = columns
        width = np.minimum(_width(a, A, b, B, c, q, start), stop - start)
        w = start + width * nodes
        log = tau(b * w, B)
        value = q * b * w - a * np.log1p(w / A) - c * log
        yield Nodes(rows, w, log, np.exp(value) * (width * weights))
        # What counts is the mass in an e-fold of w: a tail may fall as slowly as a power of w.
        top = np.maximum(top, value[0] + np.log(A + w[0]))
        here = value[-1] + np.log(A + w[-1])
        start = start + width
        # The integrand may rise by no more than B(w)^q from here on.
        rise = q * np.log(np.maximum(later(B, b * start), 1.0))
        goes_on = (start < stop) & (here + rise > top - DEPTH)
        if not goes_on.all():
            rows, start, top = rows[goes_on], start[goes_on], top[goes_on]
            columns = [column[goes_on] for column in columns]


def together(panels: Iterator[Nodes]) -> Iterator[Nodes]:
    """The same nodes in fewer pieces, where panels have so few rows that each costs the same."""
    held: list[Nodes] = []
    size = 0
    for panel in panels:
        held.append(panel)
        size += len(panel.rows)
        if size >= _PIECE:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(panels: list[Nodes]) -> Nodes:
    if len(panels) == 1:
        return panels[0]
    rows, w, log, mass = zip(*panels, strict=True)
    return Nodes(np.concatenate(rows), *(np.hstack(part) for part in (w, log, mass)))


def _width(
    a: FloatArray,
    A: FloatArray,
    b: FloatArray,
    B: FloatArray,
    c: FloatArray,
    q: float,
    start: FloatArray,
) -> FloatArray:
    """Width of a panel that begins at `start`."""
    early = B > 1
    # The logarithm of G(w) is singular where e^(bw) is 1 - B, a distance of |ln(B(w) - 1)| / b.
    apart = np.log(np.maximum(np.abs(B - 1), 1e-300)) - b * start
    singular = np.where(early, np.hypot(apart, np.pi), np.abs(apart)) / b
    # The rate at which the logarithm falls, but for the first factor: now, and in the end.
    rate = c * b / later(B, b * start)
    slope, now, last = a / (A + start), np.abs(rate - q * b), np.abs(c - q) * b
    # Where B > 1 leaving speeds up, e-fold within 1/b at most.
    after = np.abs(np.e * rate - q * b)
    soon = np.minimum(1 / b, _DECAY / (slope + np.maximum(now, after)))
    steady = _DECAY / (slope + np.maximum(now, last))
    steady = np.where(early, np.maximum(soon, steady), steady)
    width: FloatArray = np.minimum(_WIDTH * np.minimum(A + start, singular), steady)
    return width


def leaving_integral(integrand: Leaving, end: FloatArray) -> FloatArray:
    """The integral alone.

    Examples
    --------
    >>> one = np.ones(1)
    >>> never = Leaving(a=1.5 * one, A=one, b=one, B=one, c=0 * one, q=0.0)
    >>> print(leaving_integral(never, np.inf * one).round(12).tolist())
    [2.0]
    """
    total = np.zeros(len(end))

    def fill(block: slice) -> None:
        part = total[block]
        for rows, _, _, mass in steps(integrand.of(block), end[block]):
            part[rows] += mass.sum(axis=0)

    over_blocks(fill, len(end))
    return total


def log_integral_of_pmf(leaving: Leaving, n: FloatArray, length: FloatArray) -> FloatArray:
    """Logarithm of the integral over w from 0 to `length` of the chance of n > 0 purchases in w.

    The chance of none, (1 + w/A)^-a, is in the integrand. In ln w the rest has its mass in one
    place or two: a scan finds where, and short panels take it up.
    """
    result = np.empty(len(n))
    high = np.log(length)
    slowest = np.log(leaving.A) - np.log1p(leaving.a)
    leaves = np.log(leaving.B) - np.log(leaving.b) - np.log(leaving.c)
    low = np.minimum(high, np.minimum(slowest, leaves)) - DEPTH
    nodes, weights = (part[:, None] for part in FINE)

    def fill(rows: slice) -> None:
        a, A, b, B, c, q = leaving.of(rows)
        count, start, end = n[rows], low[rows], high[rows]

        def log_density(v: FloatArray) -> FloatArray:
            w = np.exp(v)
            by_A = np.log1p(w / A)
            purchases = count * (v - np.log(A) - by_A) - a * by_A
            density: FloatArray = v + purchases + q * b * w - c * tau(b * w, B)
            return density

        grid = start + (end - start) * np.linspace(0, 1, _SCAN)[:, None]
        values = log_density(grid)
        top = values.max(axis=0)
        counts = values > top - DEPTH - 5
        each = np.arange(len(top))
        start = grid[np.maximum(np.argmax(counts, axis=0) - 1, 0), each]
        end = grid[np.minimum(_SCAN - np.argmax(counts[::-1], axis=0), _SCAN - 1), each]
        width = (end - start) / _PANELS
        total = np.zeros(len(top))
        for panel in range(_PANELS):
            v = start + width * (panel + nodes)
            total += (np.exp(log_density(v) - top) * weights).sum(axis=0)
        result[rows] = top + np.log(total * width)

    over_blocks(fill, len(n))
    return result + log_rising(leaving.a, n) - special.gammaln(n + 1)
