"""Averages over the chance to leave after a purchase, p ~ Beta(a, b)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.special import (
    beta_nodes,
    discounted_power,
    gamma_nodes,
    growth,
    log_nb_pmf,
    nb_tail,
)

_BLOCK = 1 << 18  # numbers in a block of a quadrature, to stay in cache


def pmf_after_wait(
    rho: FloatArray,
    A: FloatArray,
    a: FloatArray,
    b: FloatArray,
    n: FloatArray,
    start: FloatArray,
    length: FloatArray,
    stays: FloatArray,
    leaves: FloatArray,
) -> FloatArray:
    """P(n purchases in (start, start + length]): given p, the wait leaves Gamma(rho, A + p start).

    The powers of p and 1 - p are taken into the beta distribution that is averaged over.
    """
    z, before = start / A, np.maximum(n - 1, 0)
    reach = (rho + n) * z

    def waited(rows: slice, p: FloatArray) -> FloatArray:
        return -rho[rows, None] * np.log1p(p * z[rows, None])

    def counted(rows: slice, p: FloatArray) -> FloatArray:
        rate = A[rows, None] + p * start[rows, None]
        pmf = log_nb_pmf(n[rows, None], rho[rows, None], rate, length[rows, None])
        return np.exp(waited(rows, p) + pmf + stays[rows, None])

    def exceeded(rows: slice, p: FloatArray) -> FloatArray:
        rate = A[rows, None] + p * start[rows, None]
        tail = nb_tail(n[rows, None], rho[rows, None], rate, length[rows, None])
        return np.exp(waited(rows, p) + leaves[rows, None]) * tail

    alive = over_beta(counted, a, b + n, reach)
    last = np.where(n > 0, over_beta(exceeded, a + 1, b + before, reach), 0.0)
    gone = over_beta(lambda rows, p: -np.expm1(waited(rows, p)), a, b, reach)
    return alive + last + np.where(n == 0, gone, 0.0)


def over_beta(
    function: Callable[[slice, FloatArray], FloatArray],
    a: FloatArray,
    b: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """Expectation of function(rows, p) over p ~ Beta(a, b), row by row.

    `scale` is how fast the function changes with p; rows of equal (a, b) share their nodes.
    """
    reach = np.log1p(scale)
    groups = distinct_rows(a, b, inverse=True)
    which = groups.inverse
    widest = np.full(len(groups.counts), -np.inf)
    np.maximum.at(widest, which, reach)
    p, weights = beta_nodes(groups.columns[0], groups.columns[1], widest)
    result = np.empty(len(a))
    for rows in _blocks(len(a), p.shape[1]):
        at = which[rows]
        result[rows] = (weights[at] * function(rows, p[at])).sum(axis=1)
    return result


def discounted(
    nu: FloatArray, a: FloatArray, b: FloatArray, z: FloatArray, c: FloatArray
) -> FloatArray:
    """Integral over y from 0 to z of exp(-c y) E[(1 + p y)^-nu], p ~ Beta(a, b).

    Without discounting the inner integral is elementary. With it, (1 + p y)^-nu is itself an
    expectation of exp(-g p y) over g ~ Gamma(nu), which leaves two smooth positive sums.
    """
    if not c.any():
        endless = np.isinf(z)
        finite = np.where(endless, 0.0, z)

        def plain(rows: slice, p: FloatArray) -> FloatArray:
            return discounted_power(finite[rows, None], nu[rows, None], p)

        values = over_beta(plain, a, b, np.maximum(nu, 1) * finite)
        exists = (a > 1) & (nu > 1)
        with np.errstate(divide="ignore"):
            limit = np.where(exists, (a + b - 1) / np.where(exists, (a - 1) * (nu - 1), 1), np.inf)
        return np.where(endless, limit, values)
    z = np.minimum(z, 800 / np.maximum(c, 1e-300))  # beyond, the discount is 0 to the last digit
    flat = np.maximum(c, 1 / np.maximum(z, 1e-300))  # no feature of the kernel lies below

    def discounted(rows: slice, p: FloatArray) -> FloatArray:
        result = np.empty_like(p)
        g, weights = gamma_nodes(nu[rows], -np.log(flat[rows]))
        start = rows.start
        for part in _blocks(len(p), p.shape[1] * g.shape[1]):
            at = slice(start + part.start, start + part.stop)
            leaving = c[at, None, None] + g[part, None, :] * p[part, :, None]
            kernel = z[at, None, None] * growth(-leaving * z[at, None, None])
            result[part] = (kernel * weights[part, None, :]).sum(axis=2)
        return result

    return over_beta(discounted, a, b, np.maximum(nu, 1) / flat)


def _blocks(rows: int, width: int) -> list[slice]:
    step = max(1, _BLOCK // width)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
