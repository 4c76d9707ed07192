"""Second derivatives of the log-likelihood of BG/NBD and MBG/NBD, in one pass over the data."""

from __future__ import annotations

import numpy as np

from crmvalue._stats import FloatArray, dot, group_sum
from crmvalue.lifetime._beta_geometric.likelihood import BLOCK, BetaGeometricLikelihood
from crmvalue.lifetime._mathematics.special import trigamma_rise


class CurvedLikelihood(BetaGeometricLikelihood):
    """The likelihood with its Hessian, which takes as long as one or two evaluations."""

    def hessian(self, parameters: FloatArray) -> FloatArray:
        """Second derivatives by r, alpha, a and b."""
        r, alpha, a, b = parameters.tolist()
        end, w_T, wx_T = 1 / (alpha + self.T), self.w_T, self.wx_T
        aging = w_T * self.T / alpha * end
        both = (self.w_x * trigamma_rise(a + b, self.n)).sum()
        upper = self._gone_curvature(r, alpha, a, b)
        upper[0, 0] += (self.w_x * trigamma_rise(r, self.x)).sum()
        upper[0, 1] += aging.sum()
        upper[1, 1] += dot(wx_T * end - aging * r, end) - aging.sum() * r / alpha
        upper[2, 2] -= both
        upper[2, 3] -= both
        upper[3, 3] += (self.w_x * trigamma_rise(b, self.n)).sum() - both
        matrix: FloatArray = upper + np.triu(upper, 1).T
        return matrix

    def _gone_curvature(self, r: float, alpha: float, a: float, b: float) -> FloatArray:
        """Upper triangle of what the odds of having left add.

        With P(gone) = p, ln(1 + odds) bends by p (log odds)'' + p (1 - p) (log odds)' (log odds)'.
        """
        chances = b + self.n_chances - 1
        prior = np.log(a) - np.log(chances)
        ages = (self.ends, self.lasts)
        log_end, log_last = (age.each(lambda t: np.log1p(t / alpha)) for age in ages)
        by_end, by_last = (age.each(lambda t: 1 / (alpha + t)) for age in ages)
        upper = np.zeros((4, 4))
        # Of each x: weight x p; and weight x p (1 - p), alone and times the slopes by r and alpha.
        sums = np.zeros((4, len(chances)))
        for start in range(0, len(self.w), BLOCK):
            rows = slice(start, start + BLOCK)
            rho, w, at_x = r + self.x_each[rows], self.w[rows], self.at_x[rows]
            silence, end, last = log_end(rows) - log_last(rows), by_end(rows), by_last(rows)
            odds = rho * silence + prior[at_x]
            above = np.exp(-np.abs(odds))
            less = w / (1 + above)
            gone = np.where(odds > 0, 1.0, above) * less
            either = above * less / (1 + above)
            slope = end - last
            by_alpha = rho * slope
            silent, later = either * silence, either * by_alpha
            some = sums[:, at_x[0] : at_x[-1] + 1]
            for part, values in zip(some, (gone, either, silent, later), strict=True):
                part += group_sum(at_x - at_x[0], values, len(part))
            upper[0, 0] += dot(silent, silence)
            upper[0, 1] += dot(silent, by_alpha) + dot(gone, slope)
            upper[1, 1] += dot(later, by_alpha) - dot(gone * by_alpha, end + last)
        gone, either, silent, later = sums
        upper[0, 2] = silent.sum() / a
        upper[0, 3] = -(silent / chances).sum()
        upper[1, 2] = later.sum() / a
        upper[1, 3] = -(later / chances).sum()
        upper[2, 2] = (either - gone).sum() / a**2
        upper[2, 3] = -(either / chances).sum() / a
        upper[3, 3] = ((either + gone) / chances**2).sum()
        return upper
