"""Pareto/NBD (Schmittlein, Morrison and Colombo 1987)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._independent_dropout.model import IndependentDropout, equal_buyers
from crmvalue.lifetime._independent_dropout.pareto_likelihood import (
    Departure,
    ParetoLikelihood,
    departure,
    pareto_scores,
    rise,
)
from crmvalue.lifetime._independent_dropout.two_powers import two_powers_integral
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._mathematics.quadrature import DEPTH, concave_integral, log_peaked_integral
from crmvalue.lifetime._mathematics.special import discounted_power, log_rising
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ParetoNBD(IndependentDropout):
    """Pareto/NBD model of repeat purchases.

    While alive a customer buys at a Poisson rate λ ~ Gamma(r, alpha), and leaves for good at a rate
    μ ~ Gamma(s, beta) that has nothing to do with the purchases, so that the lifetime is Pareto:
    P(alive at t) = (beta / (beta + t))^s.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time, in the model's unit.
    s, beta : float
        Shape and rate of the dropout rates; beta is a time. The mean lifetime, beta / (s - 1), is
        infinite for s <= 1.
    unit : {"W", "D", "M", "Y"}
        What ages and horizons are measured in.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987). Counting your customers: who are
    they and what will they do next? Management Science 33(1), 1-24: the probability alive is eq. 11
    to 13, E[X(t)] eq. 17, the conditional expectation eq. 22.
    Fader, P. S. and Hardie, B. G. S. (2005). A note on deriving the Pareto/NBD model and related
    expressions: the likelihood, as an integral over the time of leaving.
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). RFM and CLV: using iso-value curves for
    customer base analysis. Journal of Marketing Research 42(4), 415-430: discounted expected
    transactions. All of them stand here as integrals of positive terms.

    Examples
    --------
    >>> model = ParetoNBD(r=0.55, alpha=10.56, s=0.61, beta=11.64)
    >>> print(model.expected_purchases_new_customer([1, 9]).round(5).tolist())
    [0.05078, 0.38909]
    >>> print(model.probability_alive([0, 2, 2], [0, 30.43, 5], 38.86).round(3).tolist())
    [0.293, 0.868, 0.129]
    """

    r: Parameter
    alpha: Parameter
    s: Parameter
    beta: Parameter
    unit: str = "W"
    _parameters: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    _times: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    _processes: ClassVar[Mapping[str, tuple[str, int]]] = {
        "purchase": ("alpha", -1),
        "dropout": ("beta", -1),
    }

    @classmethod
    def _likelihood(cls, histories: Histories) -> ParetoLikelihood:
        return ParetoLikelihood(histories)

    @classmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]:
        """Shapes that real data have, with alpha from the mean number of purchases."""
        w = histories.weights
        age = max(float(dot(w, histories.T) / w.sum()), 1e-9)
        purchases = float(dot(w, histories.x) / w.sum())
        return [
            np.array([r, r * float(active) / purchases, s, beta * age])
            for r in (0.3, 1.0, 5.0)
            for s, beta in ((0.6, 0.4), (0.3, 2.0), (3.0, 3.0))
            for active in [discounted_power(np.array(age), np.array(s), np.array(1 / beta / age))]
        ]

    def _left(self, history: History) -> Departure:
        rho = self.r + history.x
        return departure(rho, self.alpha, self.s, self.beta, history.recency, history.T)

    def _log_likelihood(self, history: History) -> FloatArray:
        return self._scores(history)[0]

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        """Log-likelihood of each history with its derivatives by r, alpha, s and beta."""
        value, scores = pareto_scores(
            self.r, self.alpha, self.s, self.beta, *history, rise(self.r, history.x)
        )
        return value, np.stack(scores, axis=1)

    def _log_odds_gone(self, history: History) -> FloatArray:
        return self._left(history).log_odds

    def _scales(self, history: History) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Posterior shape and rate of λ, and of μ, given alive at T."""
        rho, A, B = self.r + history.x, self.alpha + history.T, self.beta + history.T
        return rho, A, np.broadcast_to(np.asarray(self.s, dtype=np.float64), rho.shape), B

    def _log_survival(self, history: History, ahead: FloatArray) -> FloatArray:
        survival: FloatArray = -self.s * np.log1p(ahead / (self.beta + history.T))
        return survival

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        _, _, s, B = self._scales(history)
        if rate == 0:
            endless = np.isinf(horizon)
            finite = np.where(endless, 0.0, horizon)
            mean = np.where(s > 1, B / np.where(s > 1, s - 1, 1.0), np.inf)
            return np.where(endless, mean, discounted_power(finite, s, 1 / B))
        loss = rate * B  # beyond a discount of exp(-40) nothing counts
        reach = np.log1p(np.minimum(horizon, (DEPTH + 3) / rate) / B)

        def log_density(y: FloatArray, rows: slice) -> FloatArray:
            density: FloatArray = (1 - s[rows]) * y - loss[rows] * np.expm1(y)
            return density

        return B * concave_integral(log_density, s - 1 + loss, reach)

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        """The first purchase comes at v, and the customer lives to see it."""
        rho, A, s, B = self._scales(history)
        reach = np.log1p(horizon / np.minimum(A, B))
        return rho / A * two_powers_integral(rho + 1, A, s, B, reach)

    def _departing_pmf(
        self, history: History, n: FloatArray, start: FloatArray, length: FloatArray
    ) -> FloatArray:
        rho, A, s, B = self._scales(history)
        B = B + start
        result = np.zeros(len(n))
        none = n == 0
        reach = np.log1p(length / np.minimum(A, B))
        result[none] = two_powers_integral(*(v[none] for v in (rho, A, s + 1, B, reach)))
        some = ~none & (length > 0)
        result[some] = _integral_of_pmf(*(v[some] for v in (n, rho, A, s, B, length)))
        return s / B * result

    def _posterior_rate(self, history: History) -> FloatArray:
        left = self._left(history)
        gone = special.expit(left.log_odds)
        stays = 1 / (self.alpha + history.T)
        leaves = (1 - left.share_alpha) / (self.alpha + history.recency)
        rate: FloatArray = (self.r + history.x) * ((1 - gone) * stays + gone * leaves)
        return rate

    def _posterior_dropout(self, history: History) -> FloatArray:
        left = self._left(history)
        gone = special.expit(left.log_odds)
        stays = self.s / (self.beta + history.T)
        leaves = (self.s + 1) * (1 - left.share_beta) / (self.beta + history.recency)
        rate: FloatArray = (1 - gone) * stays + gone * leaves
        return rate

    def _draw_lifetime(self, size: int, rng: np.random.Generator) -> FloatArray:
        with np.errstate(divide="ignore", over="ignore"):
            lifetime: FloatArray = self.beta * np.expm1(rng.standard_exponential(size) / self.s)
        return lifetime

    def _limits(self) -> list[Limit]:
        s, beta = float(np.mean(self.s)), float(np.mean(self.beta))
        return [
            Limit(
                {"s": 1e-7},
                ("s", "beta"),
                "there is no sign of dropout: the data are about as likely if nobody ever leaves "
                f"(s = 0, or beta without bound; here s / beta = {s / beta:.2g}), so that "
                "P(alive) rests on the model alone",
            ),
            equal_buyers(self),
            Limit(
                {"s": 1e4, "beta": 1e4},
                ("s", "beta"),
                "customers hardly differ in how readily they leave: the data are about as likely "
                f"if s and beta grow without bound along s / beta = {s / beta:.4g}, and only this "
                "ratio is estimated",
            ),
        ]


def _integral_of_pmf(
    n: FloatArray,
    rho: FloatArray,
    A: FloatArray,
    s: FloatArray,
    B: FloatArray,
    length: FloatArray,
) -> FloatArray:
    """Integral over t from 0 to `length` of P(n > 0 purchases in t) (1 + t/B)^-(s+1), in ln t."""
    log_A = np.log(A)

    def log_density(v: FloatArray, rows: slice) -> FloatArray:
        t = np.exp(v)
        by_A = np.log1p(t / A[rows])
        purchases = n[rows] * (v - log_A[rows] - by_A) - rho[rows] * by_A
        density: FloatArray = v + purchases - (s[rows] + 1) * np.log1p(t / B[rows])
        return density

    high = np.log(length)
    scale = np.minimum(log_A - np.log1p(rho), np.log(B) - np.log1p(s))
    ways = log_rising(rho, n) - special.gammaln(n + 1)
    return np.exp(ways + log_peaked_integral(log_density, np.minimum(high, scale) - DEPTH, high))
