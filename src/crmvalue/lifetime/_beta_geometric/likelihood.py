"""Log-likelihood of BG/NBD and MBG/NBD over all histories, with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising, logistic
from crmvalue.lifetime._model.histories import Ages, Histories

BLOCK = 1 << 13  # histories that stay in cache through many passes


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
        self.alike = self.ends.shared or self.lasts.shared
        self.silent = histories.T[begin:] - histories.recency[begin:]

    def reweighted(self, weights: FloatArray) -> BetaGeometricLikelihood:
        return type(self)(replace(self.histories, weights=weights), self.first_chance)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        r, alpha, a, b = parameters.tolist()
        w, x, n = self.w_x, self.x, self.n
        both = (w * digamma_rise(a + b, n)).sum()
        value = (w * (log_rising(r, x) + log_rising(b, n) - log_rising(a + b, n))).sum()
        by_r, by_b = (w * digamma_rise(r, x)).sum(), (w * digamma_rise(b, n)).sum() - both
        quiet, quiet_slopes = self._quiet(r, alpha)
        gone, gone_slopes = self._gone(r, alpha, a, b)
        slopes = np.array([by_r, 0.0, -both, by_b])
        return float(value + quiet + gone), slopes + quiet_slopes + gone_slopes

    def _quiet(self, r: float, alpha: float) -> tuple[float, FloatArray]:
        """What a gamma rate and T add: -r ln(1 + T/alpha) - x ln(alpha + T)."""
        value, by_r, by_alpha = 0.0, 0.0, 0.0
        for start in range(0, len(self.T), BLOCK):
            rows = slice(start, start + BLOCK)
            T, w, wx = self.T[rows], self.w_T[rows], self.wx_T[rows]
            quiet = np.log1p(T / alpha)
            by_r -= float(dot(w, quiet))
            value -= float(dot(wx, quiet + np.log(alpha)))
            by_alpha += float(((w * T * (r / alpha) - wx) / (alpha + T)).sum())
        return value + r * by_r, np.array([by_r, by_alpha, 0.0, 0.0])

    def _gone(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        """What the odds of having left add: the one term that each history has of its own."""
        chances = b + self.n_chances - 1
        prior = np.log(a) - np.log(chances)
        silences = self._silences(alpha)
        gone = np.empty_like(self.w)  # weight x P(gone)
        value, by_r, by_alpha = 0.0, 0.0, 0.0
        for start in range(0, len(gone), BLOCK):
            rows = slice(start, start + BLOCK)
            rho = r + self.x_each[rows]
            silence, slope = silences(rows)
            odds = rho * silence
            odds += prior[self.at_x[rows]]
            share, log = logistic(odds)
            gone[rows] = share * self.w[rows]
            value += float(dot(self.w[rows], log))
            by_r += float(dot(gone[rows], silence))
            by_alpha += float(dot(gone[rows] * rho, slope))
        by_b = np.add.reduceat(gone, self.starts) / chances if len(gone) else chances
        return value, np.array([by_r, by_alpha, gone.sum() / a, -by_b.sum()])

    def _silences(self, alpha: float) -> Callable[[slice], tuple[FloatArray, FloatArray]]:
        """ln((alpha + T)/(alpha + t_x)) and its derivative, for a block of histories."""

        def own(rows: slice) -> tuple[FloatArray, FloatArray]:
            last = self.lasts.values[rows] + alpha
            ratio = np.divide(self.silent[rows], last, out=last)
            return np.log1p(ratio), -ratio / (alpha + self.ends.values[rows])

        if not self.alike:
            return own
        ages = (self.ends, self.lasts)
        log_end, log_last = (age.each(lambda t: np.log1p(t / alpha)) for age in ages)
        by_end, by_last = (age.each(lambda t: 1 / (alpha + t)) for age in ages)
        return lambda rows: (log_end(rows) - log_last(rows), by_end(rows) - by_last(rows))
