"""Log-likelihood of the NBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crmvalue._stats import FloatArray, dot, group_sum
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising
from crmvalue.lifetime._model.histories import Histories


class NBDLikelihood:
    """Log-likelihood of all histories, on the distinct x and the distinct T."""

    def __init__(self, histories: Histories) -> None:
        self.histories, self.weights = histories, histories.weights
        self.weight = float(histories.weights.sum())
        self.x, place = np.unique(histories.x, return_inverse=True)
        self.T, place_T = np.unique(histories.T, return_inverse=True)
        self.w_x = group_sum(place, self.weights, len(self.x))
        self.w_T = group_sum(place_T, self.weights, len(self.T))
        self.wx_T = group_sum(place_T, self.weights * histories.x, len(self.T))

    def reweighted(self, weights: FloatArray) -> NBDLikelihood:
        return type(self)(replace(self.histories, weights=weights))

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        r, alpha = parameters.tolist()
        end, quiet = alpha + self.T, dot(self.w_T, np.log1p(self.T / alpha))
        value = dot(self.w_x, log_rising(r, self.x)) - dot(self.wx_T, np.log(end)) - r * quiet
        return float(value), np.array(
            [
                dot(self.w_x, digamma_rise(r, self.x)) - quiet,
                ((self.w_T * self.T * (r / alpha) - self.wx_T) / end).sum(),
            ]
        )
