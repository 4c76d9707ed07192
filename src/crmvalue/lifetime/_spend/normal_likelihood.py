"""The log-likelihood of mean spends under the normal-normal model, and its gradient."""

from __future__ import annotations

import numpy as np

from crmvalue._stats import FloatArray


class NormalSpendLikelihood:
    """Log-likelihood of all mean spends; it depends on their moments for each x alone."""

    def __init__(self, x: FloatArray, mean: FloatArray, weights: FloatArray) -> None:
        self.weight = float(weights.sum())
        self.x, self.mean, self.weights = x, mean, weights
        self.purchases, place = np.unique(x, return_inverse=True)
        self.by_x = np.bincount(place, weights=weights)
        self.means = np.bincount(place, weights=weights * mean) / np.maximum(self.by_x, 1e-300)
        self.squares = np.bincount(place, weights=weights * (mean - self.means[place]) ** 2)

    def cautions(self) -> list[str]:
        """Say so where all repeat buyers bought equally often, which leaves parameters open."""
        if len(self.purchases) > 1:
            return []
        x = f"{self.purchases[0]:,.0f}"
        return [
            f"every repeat buyer has the frequency {x}: only tau^2 + sigma^2 / {x} is estimated of "
            f"tau and sigma, and only the mean at frequency {x} of mu and slope, if there is one"
        ]

    def reweighted(self, weights: FloatArray) -> NormalSpendLikelihood:
        """The same mean spends with other weights."""
        return NormalSpendLikelihood(self.x, self.mean, weights)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """The weighted sum and its gradient by mu, tau, sigma and slope where it is given."""
        mu, tau, sigma, *slope = parameters.tolist()
        log_x = np.log1p(self.purchases)
        variance = tau**2 + sigma**2 / self.purchases
        away = self.means - mu - (slope[0] * log_x if slope else 0.0)
        squares = self.squares + self.by_x * away**2
        value = -0.5 * (self.by_x * np.log(2 * np.pi * variance) + squares / variance).sum()
        by_mean = self.by_x * away / variance
        by_variance = 0.5 * (squares / variance - self.by_x) / variance
        gradient = [
            by_mean.sum(),
            2 * tau * by_variance.sum(),
            2 * sigma * (by_variance / self.purchases).sum(),
        ]
        if slope:
            gradient.append((by_mean * log_x).sum())
        return float(value), np.array(gradient)
