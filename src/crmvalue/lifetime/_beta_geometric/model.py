"""The mathematics that BG/NBD and MBG/NBD share.

A customer buys at a Poisson rate λ ~ Gamma(r, α) and after a purchase leaves for good with
probability p ~ Beta(a, b). Under BG/NBD only repeat purchases are such chances to leave, under
MBG/NBD the first purchase is one, too. With n chances in x repeat purchases (n = x, or x + 1)

    L = Γ(r+x)/Γ(r) α^r B(a,b+n)/B(a,b) [(α+T)^-(r+x) + 1{n>0} a/(b+n-1) (α+t_x)^-(r+x)]

and the two terms are to the odds of being alive. Given that the customer is alive at T, λ is
Gamma(r+x, α+T) and p is Beta(a, b+n), independent of each other: all of the future follows from
these posteriors, where λ p is the rate of leaving.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.lifetime._beta_geometric.averages import discounted, over_beta, pmf_after_wait
from crmvalue.lifetime._beta_geometric.curvature import CurvedLikelihood
from crmvalue.lifetime._beta_geometric.likelihood import BetaGeometricLikelihood
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._mathematics.special import (
    digamma_rise,
    log_nb_pmf,
    log_rising,
    nb_tail,
)
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._purchases.model import PurchaseModel


class BetaGeometric(PurchaseModel):
    """Base of BG/NBD and MBG/NBD."""

    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    _parameters: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    _probabilities: ClassVar[tuple[str, ...]] = (*PurchaseModel._probabilities, "posterior_dropout")
    _processes: ClassVar[Mapping[str, tuple[str, int]]] = {
        "purchase": ("alpha", -1),
        "dropout": ("a", 1),
    }
    _first_chance: ClassVar[int]  # chances to leave at the first purchase: 0 or 1

    @classmethod
    def _likelihood(cls, histories: Histories) -> BetaGeometricLikelihood:
        return CurvedLikelihood(histories, cls._first_chance)

    @classmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]:
        """Shapes that real data have, with alpha from the mean rate of purchases."""
        w = histories.weights
        rate = float((w * histories.x).sum() / max(float((w * histories.T).sum()), 1e-9))
        return [
            np.array([r, r / (rate * (1 + a / b)), a, b])
            for r in (0.3, 1.0, 5.0)
            for a, b in ((0.8, 2.5), (1.0, 20.0), (3.0, 3.0))
        ]

    def _log_likelihood(self, history: History) -> FloatArray:
        x, T = history.x, history.T
        n = x + self._first_chance
        chances = log_rising(self.b, n) - log_rising(np.add(self.a, self.b), n)
        purchases = log_rising(self.r, x) - x * np.log(self.alpha + T)
        quiet = -self.r * np.log1p(T / self.alpha)
        odds = self._log_odds_gone(history)
        return chances + purchases + quiet + np.logaddexp(0.0, odds)

    def _log_odds_gone(self, history: History) -> FloatArray:
        x, recency, T = history
        n = x + self._first_chance
        silence = np.log1p((T - recency) / (self.alpha + recency))
        # Without a chance to leave so far (n = 0) the odds are 0.
        prior = np.log(self.a) - np.log(np.maximum(self.b + n - 1, np.minimum(self.b, 1.0)))
        return np.where(n > 0, prior + (self.r + x) * silence, -np.inf)

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        """Log-likelihood of each history with its derivatives by r, alpha, a and b."""
        x, recency, T = history
        n = x + self._first_chance
        gone = special.expit(self._log_odds_gone(history))
        rho, end, last = self.r + x, self.alpha + T, self.alpha + recency
        both = digamma_rise(np.add(self.a, self.b), n)
        scores = (
            digamma_rise(self.r, x) - np.log1p(T / self.alpha) + gone * np.log(end / last),
            (self.r * T / self.alpha - x) / end - gone * rho * (T - recency) / (end * last),
            gone / self.a - both,
            digamma_rise(self.b, n) - both - gone / np.where(n > 0, self.b + n - 1, 1.0),
        )
        return self._log_likelihood(history), np.stack(scores, axis=1)

    def _posterior(self, history: History) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Posterior r + x and alpha + T of the rate, a and b + n of p, given alive at T."""
        n = history.x + self._first_chance
        a = np.broadcast_to(np.asarray(self.a, dtype=np.float64), n.shape)
        return self.r + history.x, self.alpha + history.T, a, self.b + n

    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        rho, A, a, b = self._posterior(history)
        z = horizon / A

        def after(rows: slice, p: FloatArray) -> FloatArray:
            return np.exp(-rho[rows, None] * np.log1p(p * z[rows, None]))

        finite = np.where(np.isinf(z), 0.0, z)
        alive = np.minimum(over_beta(after, a, b, rho * finite), 1.0)
        return np.where(np.isinf(z), 0.0, alive)

    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        rho, A, a, b = self._posterior(history)
        return rho * discounted(rho + 1, a, b, horizon / A, rate * A)

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        rho, A, a, b = self._posterior(history)
        return A * discounted(rho, a, b, horizon / A, rate * A)

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        rho, A, _, _ = self._posterior(history)
        return -np.expm1(-rho * np.log1p(horizon / A))

    def _posterior_rate(self, history: History) -> FloatArray:
        gone = special.expit(self._log_odds_gone(history))
        rho = self.r + history.x
        # Who has left was watched until t_x only.
        rate: FloatArray = (1 - gone) * rho / (self.alpha + history.T) + gone * rho / (
            self.alpha + history.recency
        )
        return rate

    def _posterior_dropout(self, history: History) -> FloatArray:
        gone = special.expit(self._log_odds_gone(history))
        p: FloatArray = (self.a + gone) / (self.a + self.b + history.x + self._first_chance)
        return p

    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        """Fader, Hardie and Lee (2005), eq. 8, under the posteriors; averaged over a wait.

        Either the customer stays for all n purchases, or leaves with the n-th of them.
        """
        rho, A, a, b = self._posterior(history)
        before = np.maximum(n - 1, 0)
        stays = log_rising(b, n) - log_rising(a + b, n)
        leaves = np.log(a / (a + b)) + log_rising(b, before) - log_rising(a + b + 1, before)
        length = end - start
        alive = np.exp(stays + log_nb_pmf(n, rho, A, length))
        last = np.where(n > 0, np.exp(leaves) * nb_tail(n, rho, A, length), 0.0)
        wait = np.flatnonzero(start > 0)
        if not len(wait):
            return alive + last
        columns = (rho, A, a, b, n, start, length, stays, leaves)
        values = alive + last
        values[wait] = pmf_after_wait(*(column[wait] for column in columns))
        return values

    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        rate = rng.gamma(self.r, 1.0, size) / self.alpha
        p = np.maximum(rng.beta(self.a, self.b, size), 1e-300)
        with np.errstate(divide="ignore"):  # p = 1: leaves at the first chance
            chance = np.ceil(-rng.standard_exponential(size) / np.log1p(-p))
        stays = np.maximum(chance, 1.0) - self._first_chance
        would = rng.poisson(np.minimum(rate * T, 1e15)).astype(np.float64)
        x = np.minimum(would, stays)
        # The x-th of `would` purchases spread evenly over (0, T).
        order = np.where(x > 0, x, 1.0)
        share = rng.beta(order, np.where(x > 0, would - x, 0.0) + 1.0)
        return x, np.where(x > 0, T * share, 0.0)

    def _limits(self) -> list[Limit]:
        r, alpha, a, b = (float(np.mean(getattr(self, name))) for name in self._parameters)
        return [
            Limit(
                {"b": 1e7},
                ("a", "b"),
                "there is no sign of dropout: the data are about as likely if nobody ever "
                f"leaves (b without bound, or a = 0; here a / (a + b) = {a / (a + b):.2g}), so "
                "that P(alive) rests on the model alone",
            ),
            Limit(
                {"r": 1e4, "alpha": 1e4},
                ("r", "alpha"),
                "customers hardly differ in how often they buy: the data are about as likely if r "
                f"and alpha grow without bound along r / alpha = {r / alpha:.4g}, and only this "
                "ratio is estimated",
            ),
            Limit(
                {"a": 1e4, "b": 1e4},
                ("a", "b"),
                "customers hardly differ in how readily they leave: the data are about as likely "
                f"if a and b grow without bound along a / (a + b) = {a / (a + b):.4g}, and only "
                "this ratio is estimated",
            ),
        ]
