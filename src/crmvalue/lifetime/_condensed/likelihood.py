"""Log-likelihood of BG/CNBD and MBG/CNBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._beta_geometric.likelihood import BetaGeometricLikelihood
from crmvalue.lifetime._model.histories import Ages, Histories

_BLOCK = 1 << 14  # histories that stay in cache through a few passes
_FACTORS = 16  # of up to 1e17 each that may be multiplied before a logarithm is due


def running_gap(
    rho: FloatArray, share: FloatArray, k: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The sum over stages j < k of Γ(ρ+j)/Γ(ρ) share^j / j!, all terms positive.

    Parameters
    ----------
    rho, share : ndarray of one shape
        ρ = r + k x, and the part of α + T that passed since the last purchase.
    k : int

    Returns
    -------
    log_sum, stage, by_rho : ndarray
        Its logarithm, the mean of j under these weights, and the derivative of the logarithm by ρ.
    """
    log_sum, product, last = np.zeros_like(rho), np.ones_like(rho), np.ones_like(rho)
    stage, by_rho, rise = np.zeros_like(rho), np.zeros_like(rho), np.zeros_like(rho)
    for j in range(1, k):
        above = rho + (j - 1)
        rise += 1 / above
        term = last * share * above / j  # over the sum so far
        product *= 1 + term
        last = term / (1 + term)  # the newest term over the sum
        stage += last * (j - stage)
        by_rho += last * (rise - by_rho)
        if j % _FACTORS == 0:
            log_sum += np.log(product)
            product[:] = 1.0
    return log_sum + np.log(product), stage, by_rho


class CondensedLikelihood(BetaGeometricLikelihood):
    """That of BG/NBD with k x in place of x, and the k stages that the running gap may be at."""

    def __init__(self, histories: Histories, first_chance: int, k: int) -> None:
        super().__init__(histories, first_chance)
        self.k = k
        self.x = self.x * k
        self.wx_T = self.wx_T * k
        x = histories.x
        self.shape, self.silent = k * x, histories.T - histories.recency
        starts = np.flatnonzero(np.append(True, x[1:] != x[:-1]))
        self.at_n = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(x))))
        self.all_ends = Ages(histories.T, histories.step)
        self.all_lasts = Ages(histories.recency, histories.step)

    def reweighted(self, weights: FloatArray) -> CondensedLikelihood:
        return type(self)(replace(self.histories, weights=weights), self.first_chance, self.k)

    def _gone(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        """What the running gap and the odds of having left add."""
        chances = np.where(self.n > 0, b + self.n - 1, 1.0)
        prior = np.where(self.n > 0, np.log(a) - np.log(chances), -np.inf)
        ages = (self.all_ends, self.all_lasts)
        log_end, log_last = (age.each(lambda t: np.log1p(t / alpha)) for age in ages)
        by_end, by_last = (age.each(lambda t: 1 / (alpha + t)) for age in ages)
        value, by_r, by_alpha = 0.0, 0.0, 0.0
        gone = np.empty_like(self.weights)  # weight x P(gone)
        for start in range(0, len(gone), _BLOCK):
            rows = slice(start, start + _BLOCK)
            w, rho = self.weights[rows], r + self.shape[rows]
            end, last = by_end(rows), by_last(rows)
            alive, stage, by_rho = running_gap(rho, self.silent[rows] * end, self.k)
            silence = log_end(rows) - log_last(rows)
            odds = rho * silence + prior[self.at_n[rows]] - alive
            above = np.exp(-np.abs(odds))
            part = np.minimum(odds, 0)
            gone[rows] = w * np.exp(part) / (1 + above)
            stays = w - gone[rows]
            value += float(dot(w, alive + np.maximum(odds, 0) + np.log1p(above)))
            by_r += float(dot(gone[rows], silence) + dot(stays, by_rho))
            by_alpha += float(dot(gone[rows] * rho, end - last) - dot(stays * stage, end))
        by_b = np.bincount(self.at_n, weights=gone, minlength=len(chances)) / chances
        return value, np.array([by_r, by_alpha, gone.sum() / a, -by_b.sum()])
