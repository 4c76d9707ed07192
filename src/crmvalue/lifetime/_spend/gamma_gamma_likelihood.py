"""The log-likelihood of mean spends under the gamma-gamma model, and its gradient."""

from __future__ import annotations

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising


class GammaGammaLikelihood:
    """Log-likelihood of all mean spends (eq. 1a), with its gamma functions on distinct x alone."""

    def __init__(self, x: FloatArray, mean: FloatArray, weights: FloatArray) -> None:
        self.weight = float(weights.sum())
        self.x, self.mean, self.weights = x, mean, weights
        self.purchases, place = np.unique(x, return_inverse=True)
        self.by_x = np.bincount(place, weights=weights)
        self.total = x * mean
        self.constant = float((weights * np.log(mean)).sum())

    def thinned(self, customers: int) -> GammaGammaLikelihood:
        """Some of the rows, evenly spaced; all of them where there are few."""
        if len(self.x) <= customers:
            return self
        rows = np.linspace(0, len(self.x) - 1, customers).astype(np.int64)
        return GammaGammaLikelihood(self.x[rows], self.mean[rows], self.weights[rows])

    def reweighted(self, weights: FloatArray) -> GammaGammaLikelihood:
        """The same mean spends with other weights."""
        return GammaGammaLikelihood(self.x, self.mean, weights)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        p, q, gamma = parameters.tolist()
        shapes = p * self.purchases
        below = self.weights * np.log1p(gamma / self.total)
        above = self.weights * np.log1p(self.total / gamma)
        x_below = (self.x * below).sum()
        value = (
            (self.by_x * log_beta_inverse(shapes, np.full_like(shapes, q))).sum()
            - self.constant
            - p * x_below
            - q * above.sum()
        )
        balance = (q * self.total - p * gamma * self.x) / (gamma + self.total)
        gradient = np.array(
            [
                (self.by_x * self.purchases * digamma_rise(shapes, q)).sum() - x_below,
                (self.by_x * digamma_rise(q, shapes)).sum() - above.sum(),
                (self.weights * balance).sum() / gamma,
            ]
        )
        return float(value), gradient


def log_beta_inverse(a: FloatArray, b: FloatArray) -> FloatArray:
    """-ln B(a, b) = ln Γ(a + b) - ln Γ(a) - ln Γ(b), the large one of a and b in the difference."""
    small: FloatArray = np.minimum(a, b)
    return log_rising(np.maximum(a, b), small) - special.gammaln(small)
