"""Opportunities to come of customers who are still there: how many are taken, and when the first.

A customer takes each with probability p ~ Beta(a, b) and leaves before each with θ ~ Beta(c, d).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.lifetimes import (
    Shapes,
    first_whole,
    living_periods,
    log_staying,
    log_survival,
    parts,
    shapes_of,
    steps,
)
from crmvalue.lifetime._mathematics.special import beta_nodes

_LONG = 512  # opportunities whose chances are summed one by one
_TIE = 1e-12
_REACH = 40.0  # in ln θ and ln p, for sums without end
_GRID = 1 << 16  # nodes of a double quadrature, about


def count_pmf(shapes: Shapes, count: FloatArray, size: FloatArray) -> FloatArray:
    """P(`count` of the next `size` opportunities are taken).

    A sum over the number i of opportunities that the customer is there for, of which any `count`
    are taken (Fader, Hardie and Shang 2010).
    """
    result = np.zeros(len(count))
    possible = np.flatnonzero(count <= size)
    a, b, c, d = shapes_of(shapes, possible)
    count, size = count[possible], size[possible]
    front = log_survival(b, a, count) + log_survival(c, d, count)  # there and taken each time
    for rows, step in steps(size - count):
        i, last = count[rows, None] + step, size[rows, None]
        p, q, r, s = shapes_of((a, b, c, d), np.s_[rows, None])
        ratio = (i + 1) / (step + 1) * ((q + step) / (p + q + i)) * ((s + i) / (r + s + i))
        log_term = np.zeros(i.shape)
        np.cumsum(np.log(ratio[:, :-1]), axis=1, out=log_term[:, 1:])
        # After i < size opportunities the customer leaves; after all of them there is no need to.
        log_term += np.where(i < last, np.log(r / (r + s + i)), 0.0)
        log_term[i > last] = -np.inf
        result[possible[rows]] = np.exp(front[rows] + special.logsumexp(log_term, axis=1))
    return result


def gone_by(c: FloatArray, d: FloatArray, periods: FloatArray) -> FloatArray:
    """1 - S(periods), as a sum of positive terms."""
    gone: FloatArray = c / (c + d) * living_periods(c + 1, d, periods, 0.0)
    return gone


def purchase_by(shapes: Shapes, horizon: FloatArray) -> FloatArray:
    """P(at least one of the next opportunities is taken), as a sum over the first that is."""
    result = np.zeros(len(horizon))
    near = np.flatnonzero((horizon > 0) & (horizon <= _LONG))
    for rows, step in steps(horizon[near] - 1):
        at = near[rows]
        chance = np.where(step < horizon[at, None], _first_taken(shapes_of(shapes, at), step), 0.0)
        result[at] = chance.sum(axis=1)
    far = np.flatnonzero(horizon > _LONG)
    for part in parts(len(far), _GRID):
        at = far[part]
        result[at] = _ever_taken(shapes_of(shapes, at), horizon[at])
    return result


def purchase_quantile(shapes: Shapes, wanted: FloatArray) -> FloatArray:
    """Opportunities after which one is taken with probability `wanted`; NaN where never."""
    result = np.full(len(wanted), np.nan)
    step = np.arange(_LONG, dtype=np.float64)
    for part in parts(len(wanted), _LONG):
        chances = np.cumsum(_first_taken(shapes_of(shapes, part), step), axis=1)
        reached = chances >= wanted[part, None] * (1 - _TIE)
        result[part] = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.nan)
    later = np.flatnonzero(np.isnan(result) & (wanted < 1))
    ever = purchase_by(shapes_of(shapes, later), np.full(len(later), np.inf))
    later = later[ever > wanted[later]]

    def passed(rows: npt.NDArray[np.intp], k: FloatArray) -> FloatArray:
        at = later[rows]
        reached = purchase_by(shapes_of(shapes, at), np.maximum(k, 1.0))
        return np.log(reached) - np.log(wanted[at])

    result[later] = first_whole(passed, len(later))
    return result


def _first_taken(shapes: Shapes, step: FloatArray) -> FloatArray:
    """P(the first opportunity taken is that after `step` others), in rows of steps from 0 on."""
    a, b, c, d = shapes_of(shapes, np.s_[:, None])
    ratio = (b + step) / (a + b + 1 + step) * ((d + 1 + step) / (c + d + 1 + step))
    chance = np.empty(ratio.shape)
    chance[:, :1] = a / (a + b) * (d / (c + d))
    chance[:, 1:] = ratio[:, :-1]
    products: FloatArray = np.multiply.accumulate(chance, axis=1)
    return products


def _ever_taken(shapes: Shapes, horizon: FloatArray) -> FloatArray:
    """The sum of `_first_taken` over the horizon, as an expectation over p and θ.

    The factors p and 1 - θ are taken into the beta distributions, the rest is a geometric sum.
    """
    a, b, c, d = shapes
    reach = np.minimum(np.log(horizon), _REACH)
    p, p_weights = beta_nodes(a + 1, b, reach)
    theta, theta_weights = beta_nodes(c, d + 1, reach)
    log_q = log_staying(p)[:, :, None] + log_staying(theta)[:, None, :]
    sums = np.expm1(horizon[:, None, None] * log_q) / np.expm1(log_q)
    mean = (p_weights[:, :, None] * theta_weights[:, None, :] * sums).sum(axis=(1, 2))
    taken: FloatArray = a / (a + b) * (d / (c + d)) * mean
    return taken
