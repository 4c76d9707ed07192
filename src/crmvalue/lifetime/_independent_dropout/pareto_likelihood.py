"""Log-likelihood of Pareto/NBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.lifetime._independent_dropout.two_powers import two_powers
from crmvalue.lifetime._mathematics.quadrature import blocks, over_blocks
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising, logistic
from crmvalue.lifetime._model.histories import Histories

_TYPICAL = 0.3  # alpha or beta of most data, in units of the mean age


class Departure(NamedTuple):
    """When a customer who has left by T did so: at u between t_x and T.

    Attributes
    ----------
    log_odds : ndarray
        Log odds of having left; -inf where t_x = T.
    log_alpha, log_beta : ndarray
        Means of ln((alpha + T)/(alpha + u)) and ln((beta + T)/(beta + u)).
    share_alpha, share_beta : ndarray
        Means of (u - t_x)/(alpha + u) and (u - t_x)/(beta + u).
    """

    log_odds: FloatArray
    log_alpha: FloatArray
    log_beta: FloatArray
    share_alpha: FloatArray
    share_beta: FloatArray


def departure(
    rho: FloatArray,
    alpha: FloatArray | float,
    s: FloatArray | float,
    beta: FloatArray | float,
    recency: FloatArray,
    T: FloatArray,
) -> Departure:
    """The departure of customers with the posterior shape `rho` = r + x, from its density.

    It is proportional to (alpha + u)^-rho (beta + u)^-(s+1); the odds are its integral times s over
    (alpha + T)^-rho (beta + T)^-s.
    """
    A, B = alpha + recency, beta + recency
    ahead = T - recency
    left = two_powers(rho, A, np.add(s, 1.0), B, ahead)
    quiet_A, quiet_B = np.log1p(ahead / A), np.log1p(ahead / B)
    with np.errstate(divide="ignore"):
        log_odds = np.log(left.integral * (s / B)) + rho * quiet_A + s * quiet_B
    return Departure(
        log_odds,
        quiet_A - left.log_first,
        quiet_B - left.log_second,
        left.share_first,
        left.share_second,
    )


class Rise(NamedTuple):
    """ln Γ(r + x) - ln Γ(r), and its derivative by r."""

    log: FloatArray
    slope: FloatArray


def rise(r: FloatArray | float, x: FloatArray) -> Rise:
    return Rise(log_rising(r, x), digamma_rise(r, x))


def pareto_scores(
    r: FloatArray | float,
    alpha: FloatArray | float,
    s: FloatArray | float,
    beta: FloatArray | float,
    x: FloatArray,
    recency: FloatArray,
    T: FloatArray,
    purchases: Rise,
) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Log-likelihood of each history, and its derivatives by r, alpha, s and beta."""
    rho, ahead = r + x, T - recency
    left = departure(rho, alpha, s, beta, recency, T)
    gone, log_either = logistic(left.log_odds)
    A, B = alpha + recency, beta + recency
    quiet, stays = np.log1p(T / alpha), np.log1p(T / beta)
    value = (
        purchases.log - x * np.log(alpha + T) - r * quiet - s * stays + log_either
    )  # fmt: skip
    # 1/(alpha + u) - 1/(alpha + T), and likewise for beta, without cancellation
    later_A = (ahead / (alpha + T) - left.share_alpha) / A
    later_B = (ahead / (beta + T) - left.share_beta) / B
    return value, (
        purchases.slope - quiet + gone * left.log_alpha,
        (r * T / alpha - x) / (alpha + T) - gone * rho * later_A,
        gone * (1 / s + left.log_beta) - stays,
        s * T / (beta * (beta + T)) - gone * (s * later_B + (1 - left.share_beta) / B),
    )


class ParetoLikelihood:
    """Log-likelihood of all histories; gamma functions are evaluated once for each distinct x.

    Histories with a silence that is about as long, relative to age, take about as many nodes: they
    stand together, so that few are evaluated with more than they need.
    """

    def __init__(self, histories: Histories) -> None:
        self.histories, self.weights = histories, histories.weights
        self.weight = float(histories.weights.sum())
        self.x, place = np.unique(histories.x, return_inverse=True)
        silence = (histories.T - histories.recency) / (histories.recency + _TYPICAL)
        self.order = np.argsort(silence, kind="stable")
        self.at_x = place[self.order]
        self.rows = [
            column[self.order]
            for column in (histories.x, histories.recency, histories.T, histories.weights)
        ]

    def reweighted(self, weights: FloatArray) -> ParetoLikelihood:
        return type(self)(replace(self.histories, weights=weights))

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        r, alpha, s, beta = parameters.tolist()
        each = rise(r, self.x)
        x, recency, T, weights = self.rows
        sums = np.empty((5, len(x)))

        def fill(rows: slice) -> None:
            at_x = self.at_x[rows]
            value, slopes = pareto_scores(
                r, alpha, s, beta, x[rows], recency[rows], T[rows],
                Rise(each.log[at_x], each.slope[at_x]),
            )  # fmt: skip
            part = weights[rows]
            sums[:, rows.start] = part @ value, *(part @ slope for slope in slopes)

        over_blocks(fill, len(x))
        total = np.array([sums[:, block.start] for block in blocks(len(x))]).sum(axis=0)
        return float(total[0]), total[1:]
