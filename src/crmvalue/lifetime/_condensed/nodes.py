"""The future of customers who buy at regular gaps where a sum over stages would be long.

Given λ and p, the stages are a chain that keeps (1 - p) of the customers at every k-th step. Its
eigenvalues are λ (y - 1), where y runs over the k-th roots of 1 - p, so that within any horizon all
is elementary. Over λ this gives complex powers, or with discounting a sum over nodes; over p a sum
over nodes. The terms of the roots cancel where the result is small, which it isn't where many
stages pass. For ever, discounted, each term is positive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray
from crmvalue.lifetime._condensed.sums import Customers, Quantity
from crmvalue.lifetime._mathematics.special import beta_nodes, gamma_ladder_nodes

ComplexArray = npt.NDArray[np.complex128]

_BLOCK = 1 << 18
_LEAST = 1e-4  # of 1 - p, below which the roots cancel: a quartic goes on from there


def by_roots(
    customers: Customers, horizon: FloatArray, quantity: Quantity, rate: float, k: int
) -> FloatArray:
    """A quantity within a finite horizon at each stage, shape (rows, k)."""
    rho, A, a, b = customers
    result = np.empty((len(rho), k))
    z = horizon / A
    if rate and quantity != "alive":
        flat = np.maximum(rate * A, 1 / z)  # no feature of the function of λ lies below
        g, weights = gamma_ladder_nodes(rho, k, np.log(4 / flat))
        nodes = g.shape[1]
    else:
        flat, nodes = 1 / np.maximum(z, 1e-300), k
    for rows, p in _over_dropout(a, b, np.log1p((rho + k) / flat), nodes * (k // 2 + 1)):
        root = _Roots.of(p, k)
        if quantity == "purchases":
            share = root.y[..., None] ** np.arange(1 - k, 1)
        else:
            share = (root.y[..., None] ** -np.arange(k)).sum(axis=-1, keepdims=True)
            share = share * root.y[..., None] ** np.arange(k)
        share = share * (root.times / k)[:, None] * p.weights[:, :, None, None]
        if rate and quantity != "alive":
            rates = g[rows] / A[rows, None]  # (rows, nodes)
            leaving = rate + rates[:, :, None, None] * root.eta[:, None]
            value = -_expm1(-leaving * horizon[rows, None, None, None]) / leaving
            if quantity == "purchases":
                value *= rates[:, :, None, None]
            flat_share = share.reshape(len(rates), -1, k)
            by_rate = (value.reshape(*rates.shape, -1) @ flat_share).real
            result[rows] = (by_rate * weights[rows]).sum(axis=1)
        else:
            log = _log1p(z[rows, None, None] * root.eta)[..., None]
            power = (rho[rows, None] + np.arange(k))[:, None, None, :]
            if quantity == "alive":
                value = np.exp(-power * log)
            else:
                ahead = np.broadcast_to(z[rows, None, None] + 0j, root.eta.shape).copy()
                np.divide(log[..., 0], root.eta, out=ahead, where=root.eta != 0)
                power, size = (
                    (power, power)
                    if quantity == "purchases"
                    else (power - 1, A[rows, None, None, None])
                )
                value = size * ahead[..., None] * _growth(-power * log)
            result[rows] = (share * value).real.sum(axis=(1, 2))
    return np.minimum(result, 1.0) if quantity == "alive" else result


def for_ever(customers: Customers, quantity: Quantity, rate: float, k: int) -> FloatArray:
    """Purchases or time over an infinite horizon at each stage, shape (rows, k)."""
    rho, A, a, b = customers
    stages = np.arange(k)
    if not rate:
        chances = np.where(a > 1, (a + b - 1) / np.where(a > 1, a - 1, 1.0), np.inf)  # E[1 / p]
        if quantity == "purchases":
            return np.repeat(chances[:, None], k, axis=1)
        above = rho[:, None] + stages - 1
        left = k - stages + k * (chances[:, None] - 1)  # stages until the customer leaves
        exists = (above > 0) & (rho[:, None] > 1)
        return np.where(exists, A[:, None] / np.where(exists, above, 1.0) * left, np.inf)
    scaled = rate * A
    g, weights = gamma_ladder_nodes(rho, k, np.log(4 / scaled))
    result = np.empty((len(rho), k))
    reach = np.log1p((rho + k) / scaled)
    for rows, p in _over_dropout(a, b, reach, g.shape[1]):
        step = np.log1p(scaled[rows, None] / g[rows])  # -log φ, φ = λ / (λ + δ)
        lost = -np.expm1(-k * step)  # 1 - φ^k
        kept = np.exp(-k * step)
        ever = p.weights[:, None] / (lost[..., None] + p.p[:, None] * kept[..., None])
        passes = np.exp(-step[..., None] * (k - stages))  # φ^(k - j)
        if quantity == "purchases":
            value = passes * ever.sum(axis=2)[..., None]
        else:
            goes = (ever * p.p[:, None]).sum(axis=2)[..., None]
            stays = (ever * p.q[:, None]).sum(axis=2)[..., None]
            value = -np.expm1(-step[..., None] * (k - stages)) * goes + lost[..., None] * stays
            value /= rate
        result[rows] = (value * weights[rows]).sum(axis=1)
    return result


class _Dropout(NamedTuple):
    """Nodes of the dropout probability: p, 1 - p and weights, shape (rows, nodes)."""

    p: FloatArray
    q: FloatArray
    weights: FloatArray


def _over_dropout(
    a: FloatArray, b: FloatArray, reach: FloatArray, width: int
) -> Iterator[tuple[slice, _Dropout]]:
    """Blocks of rows with their nodes of p ~ Beta(a, b); rows of equal (a, b) share them."""
    groups = distinct_rows(a, b, inverse=True)
    at = groups.inverse
    widest = np.full(len(groups.counts), -np.inf)
    np.maximum.at(widest, at, reach)
    p, weights = beta_nodes(groups.columns[0], groups.columns[1], widest)
    q = 1 - p
    # Nodes with next to no chance of staying are moved onto five by Lagrange's quartic in q.
    low = q < _LEAST
    part, share = np.where(low, q, 0.0) / _LEAST, np.where(low, weights, 0.0)
    five = np.arange(1.0, 6.0)
    extra = np.empty((len(p), 5))
    for i, node in enumerate(five):
        others = np.delete(five, i)
        factor = np.prod((part[..., None] - others) / (node - others), axis=-1)
        extra[:, i] = (factor * share).sum(axis=1)
    q_five = np.broadcast_to(_LEAST * five, extra.shape)
    nodes = _Dropout(
        np.concatenate([np.where(low, 0.5, p), 1 - q_five], axis=1),
        np.concatenate([np.where(low, 0.5, q), q_five], axis=1),
        np.concatenate([weights - share, extra], axis=1),
    )
    step = max(1, _BLOCK // (nodes.p.shape[1] * width))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        yield rows, _Dropout(*(column[at[rows]] for column in nodes))


class _Roots(NamedTuple):
    """The k-th roots y of 1 - p in the upper half plane, η = 1 - y, and how often each counts."""

    y: ComplexArray
    eta: ComplexArray
    times: FloatArray

    @classmethod
    def of(cls, p: _Dropout, k: int) -> _Roots:
        angle = 2 * np.pi * np.arange(k // 2 + 1) / k
        log = np.where(p.q > 0.5, np.log1p(-np.minimum(p.p, 0.5)), np.log(p.q))[..., None] / k
        size, lost = np.exp(log), -np.expm1(log)
        y = size * np.exp(1j * angle)
        eta = lost + 2 * size * np.sin(angle / 2) ** 2 - 1j * size * np.sin(angle)
        times = np.full(len(angle), 2.0)
        times[0] = 1.0
        if k % 2 == 0:
            times[-1] = 1.0
        return cls(y, eta, times)


def _log1p(z: ComplexArray) -> ComplexArray:
    near = np.abs(z.real) < 0.5
    real = np.where(near, z.real, 0.0)
    imag = np.where(near, z.imag, 0.0)
    close = 0.5 * np.log1p(real * (2 + real) + imag * imag)
    size: FloatArray = np.where(near, close, np.log(np.hypot(1 + z.real, z.imag)))
    result: ComplexArray = size + 1j * np.arctan2(z.imag, 1 + z.real)
    return result


def _expm1(z: ComplexArray) -> ComplexArray:
    grown = np.expm1(z.real)
    half = np.sin(z.imag / 2)
    result: ComplexArray = (
        grown * np.cos(z.imag) - 2 * half * half + 1j * (grown + 1) * np.sin(z.imag)
    )
    return result


def _growth(z: ComplexArray) -> ComplexArray:
    """(e^z - 1) / z, 1 at z = 0."""
    return np.divide(_expm1(z), z, out=np.ones_like(z), where=z != 0)


def discounted_to_nothing(rate: float, horizon: FloatArray, k: int) -> npt.NDArray[np.bool_]:
    """Whether what comes after the horizon is worth nothing, to the last digit."""
    after = rate * np.where(np.isinf(horizon), 1.0, horizon)
    return after > 1.1 * float(special.gammainccinv(k, 1e-18)) + 10
