"""Tiers as the states of a Markov chain: mobility, steady state, and counts k steps ahead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, IntArray


def shares_of_rows(counts: IntArray) -> FloatArray:
    """Each row over its sum; NaN where nobody is in the row."""
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares: FloatArray = counts / np.where(totals > 0, totals, np.nan)
    return shares


def mobility(counts: IntArray) -> float:
    """Shorrocks' (n - trace P)/(n - 1) of those who stayed customers.

    n counts the tiers that one of them is in at either date. The trace is n times the mean share
    of stayers: a tier that nobody came from has no row in P, and the mean of the others stands in.
    Among one tier nobody can move: 0; NaN where nobody stayed a customer.
    """
    held = counts.sum(axis=0) + counts.sum(axis=1) > 0
    n = int(held.sum())
    if n < 2:
        return 0.0 if n else float("nan")
    left = 1 - np.diag(shares_of_rows(counts))
    return float(n / (n - 1) * np.nanmean(left[held]))


def steady_state(counts: IntArray, names: Sequence[str]) -> tuple[FloatArray | None, str]:
    """The shares that the chain tends to from any start, or None with the reason.

    It exists where every tier can be reached from every other (irreducible) and returns come at
    no fixed rhythm (aperiodic): where some power of the matrix is positive throughout, the
    (n - 1)^2 + 1st at the latest (Wielandt 1950).
    """
    held = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    if not len(held):
        return None, "nobody stayed a customer"
    own = counts[np.ix_(held, held)]
    empty = own.sum(axis=1) == 0
    if empty.any():
        tier = names[held[np.flatnonzero(empty)[0]]]
        return None, f"nobody who was in {tier!r} before stayed a customer: its row is not known"
    n = len(held)
    reached = _power((own > 0) | np.eye(n, dtype=bool), n)
    if not reached.all():
        start, end = (names[held[i[0]]] for i in np.nonzero(~reached))
        return None, f"no way leads from {start!r} to {end!r}: the chain is reducible"
    if not _power(own > 0, (n - 1) ** 2 + 1).all():
        return None, "customers return to a tier in a fixed rhythm only: the chain is periodic"
    shares = np.zeros(len(names))
    shares[held] = _stationary(shares_of_rows(own))
    return shares, ""


def _power(step: npt.NDArray[np.bool_], times: int) -> npt.NDArray[np.bool_]:
    """Which states are reached in exactly `times` steps, by squaring."""
    result = np.eye(len(step), dtype=bool)
    while times:
        if times & 1:
            result = result @ step
        step = step @ step
        times >>= 1
    return result


def _stationary(chain: FloatArray) -> FloatArray:
    """The left eigenvector to 1, without subtractions (Grassmann, Taksar and Heyman 1985)."""
    p = chain.copy()
    for k in range(len(p) - 1, 0, -1):
        p[:k, k] /= p[k, :k].sum()
        p[:k, :k] += np.outer(p[:k, k], p[k, :k])
    shares = np.ones(len(p))
    for k in range(1, len(p)):
        shares[k] = shares[:k] @ p[:k, k]
    normed: FloatArray = shares / shares.sum()
    return normed


def steps_ahead(
    now: FloatArray, shares: FloatArray, arriving: FloatArray, periods: int
) -> FloatArray:
    """Customers per state (tiers, then lost, which nobody leaves) after 0..periods steps."""
    n = len(shares)
    moves = np.vstack([np.nan_to_num(shares), np.eye(n + 1)[n]])
    rows = [np.append(now, 0.0)]
    for _ in range(periods):
        rows.append(rows[-1] @ moves + np.append(arriving, 0.0))
    return np.array(rows)
