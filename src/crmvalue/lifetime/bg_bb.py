"""BG/BB (Fader, Hardie and Shang 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._inference.search import FAR, WALL, Objective, Scale, descend
from crmvalue.lifetime._mathematics.lifetimes import Shapes, living_periods, log_survival
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._opportunities.likelihood import OpportunityLikelihood, fates, scores
from crmvalue.lifetime._opportunities.model import OpportunityModel
from crmvalue.lifetime._opportunities.to_come import (
    count_pmf,
    gone_by,
    purchase_by,
    purchase_quantile,
)

_SCOUTS = 500  # histories on which the search is tried from many starts


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BGBB(OpportunityModel):
    """Beta-geometric/beta-Bernoulli model of opportunities taken or not.

    Before each opportunity a living customer leaves for good with probability θ ~ Beta(gamma,
    delta); who is still there takes it with probability p ~ Beta(alpha, beta). Time is counted in
    opportunities: n of them lie behind a customer, and alive means alive at the next one, n + 1.

    Parameters
    ----------
    alpha, beta : float
        Shapes of the purchase probabilities; their mean is alpha / (alpha + beta).
    gamma, delta : float
        Shapes of the dropout probabilities; their mean is gamma / (gamma + delta).
    unit : {"Y", "D", "W", "M", "Q"}
        Time from one opportunity to the next, for discounting.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010). Customer-base analysis in a discrete-time
    noncontractual setting. Marketing Science 29(6), 1086-1108: the likelihood, P(X(n) = x),
    E[X(n)], P(alive), the conditional expectation and the discounted transactions, here as sums
    and integrals of positive terms.

    Examples
    --------
    >>> model = BGBB(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> print(model.expected_purchases_new_customer([1, 6, 11]).round(3).tolist())
    [0.498, 2.22, 3.388]
    >>> print(model.probability_alive([0, 2, 6], [0, 4, 6], 6).round(3).tolist())
    [0.108, 0.59, 0.93]
    """

    alpha: Parameter
    beta: Parameter
    gamma: Parameter
    delta: Parameter
    unit: str = "Y"
    _parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")

    @classmethod
    def _likelihood(cls, histories: Histories) -> OpportunityLikelihood:
        return OpportunityLikelihood(histories)

    @classmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]:
        """Where the search leads from shapes of all kinds, on a small sample of the histories.

        There may be several maxima: customers who leave at once look like customers who never buy.
        """
        w = histories.weights
        taken = float((w * histories.x).sum() / (w * histories.recency).sum())
        mean = min(max(0.9 * taken, 0.02), 0.95)
        scale = Scale(np.zeros(len(cls._parameters), dtype=bool))
        scout = Objective(cls._likelihood(histories.thinned(_SCOUTS)), scale)
        points = [
            descend(scout, np.log([size * mean, size * (1 - mean), gamma, delta]), None)
            for size in (0.5, 2.0, 8.0)
            for gamma, delta in ((0.7, 3.0), (1.0, 15.0), (3.0, 3.0), (0.2, 0.3))
        ]
        return [np.exp(np.clip(point, -WALL, WALL)) for point in points]

    def _shapes(self, history: History) -> Shapes:
        rows = len(history.x)
        alpha, beta, gamma, delta = (
            np.broadcast_to(np.asarray(getattr(self, name), dtype=np.float64), (rows,))
            for name in self._parameters
        )
        return alpha, beta, gamma, delta

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        return scores(self._shapes(history), history)

    def _log_likelihood(self, history: History) -> FloatArray:
        return self._scores(history)[0]

    def _log_odds_gone(self, history: History) -> FloatArray:
        """Gone by opportunity n, against having been there for it."""
        alpha, beta, gamma, delta = shapes = self._shapes(history)
        x, recency, n = history
        gone = np.zeros(len(x))
        for rows, _, left, chance in fates(shapes, history):
            gone[rows] = np.where(left, chance, 0.0).sum(axis=1)
        quiet = n - recency
        there = log_survival(alpha + x, beta + recency - x, quiet)
        there += log_survival(gamma, delta + recency, quiet)
        with np.errstate(divide="ignore"):  # no time to leave: -inf
            odds: FloatArray = np.log(gone) - there
        return odds

    def _posterior_rate(self, history: History) -> FloatArray:
        alpha, beta, _, _ = shapes = self._shapes(history)
        mean = np.empty(len(alpha))
        for rows, silence, _, chance in fates(shapes, history):
            seen = history.recency[rows, None] + silence
            p = (alpha + history.x)[rows, None] / ((alpha + beta)[rows, None] + seen)
            mean[rows] = (chance * p).sum(axis=1) / chance.sum(axis=1)
        return mean

    def _posterior_dropout(self, history: History) -> FloatArray:
        _, _, gamma, delta = shapes = self._shapes(history)
        mean = np.empty(len(gamma))
        for rows, silence, left, chance in fates(shapes, history):
            survived = history.recency[rows, None] + silence
            c, d = gamma[rows, None], delta[rows, None]
            theta = (c + left) / (c + d + survived + left)
            mean[rows] = (chance * theta).sum(axis=1) / chance.sum(axis=1)
        return mean

    def _posterior(self, history: History) -> Shapes:
        """Shapes of p and θ, given that the customer was there for all n opportunities."""
        alpha, beta, gamma, delta = self._shapes(history)
        return alpha + history.x, beta + history.T - history.x, gamma, delta + history.T

    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        _, _, c, d = self._posterior(history)
        return np.exp(log_survival(c, d, horizon))

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        _, _, c, d = self._posterior(history)
        first = np.exp(-rate) * d / (c + d)
        time: FloatArray = first * living_periods(c, d + 1, horizon, rate)
        return time

    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        a, b, _, _ = self._posterior(history)
        return a / (a + b) * self._future_time(history, horizon, rate)

    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        a, b, c, d = self._posterior(history)
        alive = np.exp(log_survival(c, d, start)) * count_pmf((a, b, c, d + start), n, end - start)
        total: FloatArray = alive + np.where(n == 0, gone_by(c, d, start), 0.0)
        return total

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        return purchase_by(self._posterior(history), horizon)

    def _next_purchase(self, history: History, wanted: FloatArray) -> FloatArray:
        return purchase_quantile(self._posterior(history), wanted)

    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        p = rng.beta(self.alpha, self.beta, size)
        theta = rng.beta(self.gamma, self.delta, size)
        x, recency = np.zeros(size), np.zeros(size)
        alive = np.ones(size, dtype=bool)
        for opportunity in range(1, int(T.max(initial=0)) + 1):
            alive &= (rng.random(size) >= theta) & (opportunity <= T)
            taken = alive & (rng.random(size) < p)
            x[taken] += 1
            recency[taken] = opportunity
        return x, recency

    def _limits(self) -> list[Limit]:
        alpha, beta, gamma, delta = (float(np.mean(getattr(self, n))) for n in self._parameters)
        return [
            Limit(
                {"gamma": 1 / FAR},
                ("gamma", "delta"),
                "there is no sign of dropout: the data are about as likely if nobody ever leaves "
                "(gamma = 0, or delta without bound; here gamma / (gamma + delta) = "
                f"{gamma / (gamma + delta):.2g}), so that P(alive) rests on the model alone",
            ),
            Limit(
                {"alpha": FAR, "beta": FAR},
                ("alpha", "beta"),
                "customers hardly differ in how readily they buy: the data are about as likely if "
                "alpha and beta grow without bound along alpha / (alpha + beta) = "
                f"{alpha / (alpha + beta):.4g}, and only this ratio is estimated",
            ),
            Limit(
                {"gamma": FAR, "delta": FAR},
                ("gamma", "delta"),
                "customers hardly differ in how readily they leave: the data are about as likely "
                "if gamma and delta grow without bound along gamma / (gamma + delta) = "
                f"{gamma / (gamma + delta):.4g}, and only this ratio is estimated",
            ),
        ]
