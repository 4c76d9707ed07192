"""Log-likelihood of BG/NBD and MBG/NBD over all histories, with its gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._histories import Ages, Histories
from crmvalue.lifetime._special import digamma_rise, log_rising

_BLOCK = 1 << 15  # histories that stay in cache through a few passes


class BetaGeometricLikelihood:
    """Log-likelihood of all histories, with all but one term on distinct x, T or t_x alone."""

    def __init__(self, histories: Histories, first_chance: int) -> None:
        self.histories, self.first_chance = histories, first_chance
        w, x = histories.weights, histories.x
        self.weights = w
        self.weight = float(w.sum())
        starts = np.flatnonzero(np.append(True, x[1:] != x[:-1]))  # histories rise by x
        self.x = x[starts]
        self.n = self.x + first_chance
        self.w_x = np.add.reduceat(w, starts)
        ages = Ages(histories.T, histories.step)
        self.T, self.w_T, self.wx_T = ages.values, ages.total(w), ages.total(w * x)
        # Only a customer with a chance to leave behind them may have left: these come last.
        first = int(np.count_nonzero(self.n == 0))
        begin = int(starts[first]) if first < len(starts) else len(x)
        self.n_chances, self.starts = self.n[first:], starts[first:] - begin
        self.w, self.x_each = w[begin:], x[begin:]
        self.at_x = np.repeat(
            np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.w)))
        )
        self.ends = ages.after(begin)
        self.lasts = Ages(histories.recency[begin:], histories.step)

    def reweighted(self, weights: FloatArray) -> BetaGeometricLikelihood:
        return type(self)(replace(self.histories, weights=weights), self.first_chance)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        r, alpha, a, b = parameters.tolist()
        quiet = np.log1p(self.T / alpha)
        both = (self.w_x * digamma_rise(a + b, self.n)).sum()
        value = (
            (self.w_x * (log_rising(r, self.x) + log_rising(b, self.n))).sum()
            - (self.w_x * log_rising(a + b, self.n)).sum()
            - r * dot(self.w_T, quiet)
            - dot(self.wx_T, quiet + np.log(alpha))
        )
        gradient = np.array(
            [
                (self.w_x * digamma_rise(r, self.x)).sum() - dot(self.w_T, quiet),
                ((self.w_T * self.T * (r / alpha) - self.wx_T) / (alpha + self.T)).sum(),
                -both,
                (self.w_x * digamma_rise(b, self.n)).sum() - both,
            ]
        )
        gone, more = self._gone(r, alpha, a, b)
        return float(value + gone), gradient + more

    def _gone(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        """What the odds of having left add: the one term that each history has of its own."""
        chances = b + self.n_chances - 1
        prior = np.log(a) - np.log(chances)
        log_end, log_last = (
            ages.each(lambda t: np.log1p(t / alpha)) for ages in (self.ends, self.lasts)
        )
        by_end, by_last = (ages.each(lambda t: 1 / (alpha + t)) for ages in (self.ends, self.lasts))
        gone = np.empty_like(self.w)  # weight x P(gone)
        value, by_r, by_alpha = 0.0, 0.0, 0.0
        for start in range(0, len(gone), _BLOCK):
            rows = slice(start, start + _BLOCK)
            rho = r + self.x_each[rows]
            silence = log_end(rows) - log_last(rows)
            odds = rho * silence
            odds += prior[self.at_x[rows]]
            above = np.exp(-np.abs(odds))
            part = np.minimum(odds, 0)
            gone[rows] = self.w[rows] * np.exp(part) / (1 + above)
            value += float(dot(self.w[rows], odds - part + np.log1p(above)))
            by_r += float(dot(gone[rows], silence))
            by_alpha += float(dot(gone[rows] * rho, by_end(rows) - by_last(rows)))
        by_b = np.add.reduceat(gone, self.starts) / chances if len(gone) else chances
        return value, np.array([by_r, by_alpha, gone.sum() / a, -by_b.sum()])
