"""Log-likelihood of BG/NBD and MBG/NBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray
from crmvalue.lifetime._histories import Histories
from crmvalue.lifetime._special import digamma_rise, log_rising


class BetaGeometricLikelihood:
    """Log-likelihood of all histories, with all but one term on distinct x, T or t_x alone."""

    def __init__(self, histories: Histories, first_chance: int) -> None:
        self.histories, self.first_chance = histories, first_chance
        w, x = histories.weights, histories.x
        self.weights = w
        self.weight = float(w.sum())
        self.x, place = np.unique(x, return_inverse=True)
        self.n = self.x + first_chance
        self.w_x = np.bincount(place, weights=w)
        self.T, place_T = _shared(histories.T)
        self.w_T = np.bincount(place_T, weights=w)
        self.wx_T = np.bincount(place_T, weights=w * x)
        # Only a customer with a chance to leave behind them may have left.
        chance = x + first_chance > 0
        self.w = w[chance]
        self.at_x = place[chance].astype(np.int32)
        self.at_T = place_T[chance].astype(np.int32)
        self.recency, at = _shared(histories.recency[chance])
        self.at_recency = at.astype(np.int32)

    def reweighted(self, weights: FloatArray) -> BetaGeometricLikelihood:
        return type(self)(replace(self.histories, weights=weights), self.first_chance)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        r, alpha, a, b = parameters.tolist()
        end, last = alpha + self.T, alpha + self.recency
        log_end, log_last = np.log(end), np.log(last)
        quiet = np.log1p(self.T / alpha)
        chances = np.where(self.n > 0, b + self.n - 1, 1.0)
        rho = (r + self.x)[self.at_x]
        silence = log_end[self.at_T] - log_last[self.at_recency]
        odds = rho * silence + (np.log(a) - np.log(chances))[self.at_x]
        small = np.exp(-np.abs(odds))
        gone = self.w * np.where(odds >= 0, 1.0, small) / (1 + small)  # weight x P(gone)
        value = (
            (self.w_x * (log_rising(r, self.x) + log_rising(b, self.n))).sum()
            - (self.w_x * log_rising(a + b, self.n)).sum()
            - r * (self.w_T * quiet).sum()
            - (self.wx_T * log_end).sum()
            + (self.w * (np.maximum(odds, 0) + np.log1p(small))).sum()
        )
        gone_rho = gone * rho
        gone_x = np.bincount(self.at_x, weights=gone, minlength=len(self.x))
        gone_T = np.bincount(self.at_T, weights=gone_rho, minlength=len(self.T))
        gone_recency = np.bincount(self.at_recency, weights=gone_rho, minlength=len(self.recency))
        both = (self.w_x * digamma_rise(a + b, self.n)).sum()
        gradient = np.array(
            [
                (self.w_x * digamma_rise(r, self.x)).sum()
                - (self.w_T * quiet).sum()
                + (gone * silence).sum(),
                ((self.w_T * self.T * (r / alpha) - self.wx_T + gone_T) / end).sum()
                - (gone_recency / last).sum(),
                gone.sum() / a - both,
                (self.w_x * digamma_rise(b, self.n)).sum() - both - (gone_x / chances).sum(),
            ]
        )
        return float(value), gradient


def _shared(ages: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Distinct ages and where each row has its own; ages that hardly repeat stay as they are."""
    probe = ages[:: max(1, len(ages) // 1000)]
    if len(ages) > 10_000 and len(np.unique(probe)) > 0.9 * len(probe):
        return ages, np.arange(len(ages))
    return np.unique(ages, return_inverse=True)
