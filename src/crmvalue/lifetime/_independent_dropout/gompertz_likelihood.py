"""Log-likelihood of GGompertz/NBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.lifetime._independent_dropout.gompertz import Leaving, later, steps, tau, together
from crmvalue.lifetime._independent_dropout.pareto_likelihood import Rise, rise
from crmvalue.lifetime._mathematics.quadrature import blocks, over_blocks
from crmvalue.lifetime._model.histories import Histories


class Departure(NamedTuple):
    """When a customer who has left by T did so: at u = t_x + w between t_x and T.

    Attributes
    ----------
    log_odds : ndarray
        Log odds of having left; -inf where t_x = T.
    log_alpha, share_alpha : ndarray
        Means of ln(1 + w/A) and w/(A + w), where A = alpha + t_x.
    log_beta, share_beta : ndarray
        Means of G(w) and 1 - exp(-G(w)).
    u, pace : ndarray
        Means of u, and of u / B(u).
    """

    log_odds: FloatArray
    log_alpha: FloatArray
    share_alpha: FloatArray
    log_beta: FloatArray
    share_beta: FloatArray
    u: FloatArray
    pace: FloatArray


def departure(
    rho: FloatArray,
    alpha: FloatArray,
    b: FloatArray,
    s: FloatArray,
    beta: FloatArray,
    recency: FloatArray,
    T: FloatArray,
) -> Departure:
    """The departure of customers with the posterior shape `rho` = r + x, from its density.

    It is proportional to (alpha + u)^-rho f(u), f the density of the lifetime; the odds are its
    integral over (alpha + T)^-rho S(T).
    """
    A, B = alpha + recency, later(beta, b * recency)
    integrand = Leaving(rho, A, b, B, s + 1, 1.0)
    sums = np.zeros((7, len(rho)))

    def fill(block: slice) -> None:
        total, last = sums[:, block], recency[block]
        some, growing, start = integrand.of(block), b[block], beta[block]
        for rows, w, log, mass in together(steps(some, (T - recency)[block])):
            u = last[rows] + w
            pace = u / later(start[rows], growing[rows] * u)
            A = some.A[rows]
            means = np.log1p(w / A), w / (A + w), log, -np.expm1(-log), u, pace
            total[0] += np.bincount(rows, mass.sum(axis=0), len(last))
            for i, value in enumerate(means, 1):
                total[i] += np.bincount(rows, (mass * value).sum(axis=0), len(last))

    over_blocks(fill, len(rho))
    ahead = T - recency
    with np.errstate(divide="ignore"):
        log_odds = np.log(sums[0] * (s * b / B))
    log_odds = log_odds + rho * np.log1p(ahead / A) + s * tau(b * ahead, B)
    return Departure(log_odds, *(sums[1:] / np.where(sums[0] > 0, sums[0], 1.0)))


def gompertz_scores(
    r: FloatArray,
    alpha: FloatArray,
    b: FloatArray,
    s: FloatArray,
    beta: FloatArray,
    x: FloatArray,
    recency: FloatArray,
    T: FloatArray,
    purchases: Rise,
) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Log-likelihood of each history, and its derivatives by r, alpha, b, s and beta."""
    rho, ahead = r + x, T - recency
    left = departure(rho, alpha, b, s, beta, recency, T)
    gone = special.expit(left.log_odds)
    A, B = alpha + recency, later(beta, b * recency)
    quiet, stays, rest = np.log1p(T / alpha), tau(b * T, beta), tau(b * ahead, B)
    value = (
        purchases.log - x * np.log(alpha + T) - r * quiet - s * stays
        + np.logaddexp(0.0, left.log_odds)
    )  # fmt: skip
    later_A = (ahead / (alpha + T) - left.share_alpha) / A
    # (1/(beta + τ(u)) - 1/(beta + τ(T))) e^(b t_x) B
    later_B = -np.expm1(-rest) - left.share_beta
    pace = T / later(beta, b * T)
    scale = np.exp(-b * recency) / B
    return value, (
        purchases.slope - quiet + gone * (np.log1p(ahead / A) - left.log_alpha),
        (r * T / alpha - x) / (alpha + T) - gone * rho * later_A,
        gone * (1 / b + left.u + s * pace - (s + 1) * left.pace) - s * pace,
        gone * (1 / s + rest - left.log_beta) - stays,
        -s * np.expm1(-stays) / beta - gone * scale * (s * later_B + (1 - left.share_beta)),
    )


class GompertzLikelihood:
    """Log-likelihood of all histories; gamma functions are evaluated once for each distinct x."""

    def __init__(self, histories: Histories) -> None:
        self.histories, self.weights = histories, histories.weights
        self.weight = float(histories.weights.sum())
        self.x, self.at_x = np.unique(histories.x, return_inverse=True)

    def reweighted(self, weights: FloatArray) -> GompertzLikelihood:
        return type(self)(replace(self.histories, weights=weights))

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        known = self.histories
        each = rise(parameters[0], self.x)
        sums = np.empty((6, len(known.x)))

        def fill(rows: slice) -> None:
            x, at_x = known.x[rows], self.at_x[rows]
            r, alpha, b, s, beta = np.broadcast_to(parameters[:, None], (5, len(x)))
            value, slopes = gompertz_scores(
                r, alpha, b, s, beta, x, known.recency[rows], known.T[rows],
                Rise(each.log[at_x], each.slope[at_x]),
            )  # fmt: skip
            part = self.weights[rows]
            sums[:, rows.start] = part @ value, *(part @ slope for slope in slopes)

        over_blocks(fill, len(known.x))
        total = np.array([sums[:, block.start] for block in blocks(len(known.x))]).sum(axis=0)
        return float(total[0]), total[1:]
