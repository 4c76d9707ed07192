"""GGompertz/NBD (Bemmaor and Glady 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._independent_dropout.gompertz import (
    Leaving,
    later,
    leaving_integral,
    log_integral_of_pmf,
    tau,
)
from crmvalue.lifetime._independent_dropout.gompertz_likelihood import (
    Departure,
    GompertzLikelihood,
    departure,
    gompertz_scores,
)
from crmvalue.lifetime._independent_dropout.model import IndependentDropout, equal_buyers
from crmvalue.lifetime._independent_dropout.pareto_likelihood import rise
from crmvalue.lifetime._independent_dropout.two_powers import two_powers_integral
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GGompertzNBD(IndependentDropout):
    """Gamma/Gompertz/NBD model of repeat purchases.

    While alive a customer buys at a Poisson rate λ ~ Gamma(r, alpha). The rate of leaving is
    η b exp(b t) at age t, with η ~ Gamma(s, beta): it speeds up with age, so that the lifetime may
    have a mode: P(alive at t) = (beta / (beta + exp(b t) - 1))^s. Where b goes to 0 along beta / b
    this is Pareto/NBD with that beta.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time, in the model's unit.
    b : float
        How fast leaving speeds up, per unit of time.
    s, beta : float
        Shape and rate of the propensities to leave η, both without a unit.
    unit : {"W", "D", "M", "Y"}
        What ages and horizons are measured in.

    Notes
    -----
    `posterior_dropout` is the mean of the customer's own η b: the rate of leaving at age 0.

    References
    ----------
    Bemmaor, A. C. and Glady, N. (2012). Modeling purchasing behavior with sudden "death": a
    flexible customer lifetime model. Management Science 58(5), 1012-1021; here with the likelihood
    and the expectations as integrals of positive terms over the time of leaving.

    Examples
    --------
    >>> model = GGompertzNBD(r=0.55, alpha=10.6, b=0.02, s=0.5, beta=0.2)
    >>> print(model.expected_purchases_new_customer([9, 52]).round(4).tolist())
    [0.3896, 1.4177]
    >>> print(model.probability_alive([0, 2, 2], [0, 30.43, 5], 38.86).round(3).tolist())
    [0.274, 0.837, 0.118]
    """

    r: Parameter
    alpha: Parameter
    b: Parameter
    s: Parameter
    beta: Parameter
    unit: str = "W"
    _parameters: ClassVar[tuple[str, ...]] = ("r", "alpha", "b", "s", "beta")
    _rates: ClassVar[tuple[str, ...]] = ("b",)

    @classmethod
    def _likelihood(cls, histories: Histories) -> GompertzLikelihood:
        return GompertzLikelihood(histories)

    @classmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]:
        """Leaving that slows down or speeds up, with alpha from the mean number of purchases."""
        w = histories.weights
        age = max(float(dot(w, histories.T) / w.sum()), 1e-9)
        purchases = float(dot(w, histories.x) / w.sum())
        one = np.ones(1)
        return [
            np.array([r, r * float(active[0]) / b * age / purchases, b / age, s, beta])
            for r in (0.3, 1.0, 5.0)
            for b, s, beta in ((0.1, 0.6, 0.04), (1.0, 0.6, 0.8), (4.0, 0.5, 10.0))
            for active in [
                two_powers_integral(one, one, s * one, beta * one, tau(b * one, min(1, beta) * one))
            ]
        ]

    def _columns(self, history: History) -> list[FloatArray]:
        """The parameters, one number for each history."""
        shape = history.T.shape
        return [
            np.broadcast_to(np.asarray(getattr(self, name), dtype=np.float64), shape)
            for name in self._parameters
        ]

    def _left(self, history: History) -> Departure:
        r, alpha, b, s, beta = self._columns(history)
        return departure(r + history.x, alpha, b, s, beta, history.recency, history.T)

    def _log_likelihood(self, history: History) -> FloatArray:
        return self._scores(history)[0]

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        """Log-likelihood of each history with its derivatives by the parameters."""
        r, alpha, b, s, beta = self._columns(history)
        value, scores = gompertz_scores(
            r, alpha, b, s, beta, history.x, history.recency, history.T, rise(self.r, history.x)
        )
        return value, np.stack(scores, axis=1)

    def _log_odds_gone(self, history: History) -> FloatArray:
        return self._left(history).log_odds

    def _alive(self, history: History) -> tuple[FloatArray, ...]:
        """Posterior shape and rate of λ, and the b, s and B of the lifetime, given alive at T."""
        r, alpha, b, s, beta = self._columns(history)
        return r + history.x, alpha + history.T, b, s, later(beta, b * history.T)

    def _log_survival(self, history: History, ahead: FloatArray) -> FloatArray:
        _, _, b, s, B = self._alive(history)
        return -s * tau(b * ahead, B)

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        """In τ, discounting and survival are two powers."""
        _, _, b, s, B = self._alive(history)
        reach = tau(b * horizon, np.minimum(B, 1.0))
        return two_powers_integral(1 + rate / b, np.ones_like(B), s, B, reach) / b

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        """The first purchase comes at v, and the customer lives to see it."""
        rho, A, b, s, B = self._alive(history)
        return rho / A * leaving_integral(Leaving(rho + 1, A, b, B, s, 0.0), horizon)

    def _departing_pmf(
        self, history: History, n: FloatArray, start: FloatArray, length: FloatArray
    ) -> FloatArray:
        rho, A, b, s, B = self._alive(history)
        B = later(B, b * start)
        leaving = Leaving(rho, A, b, B, s + 1, 1.0)
        result = np.zeros(len(n))
        none = np.flatnonzero(n == 0)
        result[none] = leaving_integral(leaving.of(none), length[none])
        some = np.flatnonzero((n > 0) & (length > 0))
        result[some] = np.exp(log_integral_of_pmf(leaving.of(some), n[some], length[some]))
        return s * b / B * result

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
        _, _, b, s, beta = self._columns(history)
        bT, bt = b * history.T, b * history.recency
        stays = s * np.exp(-bT) / later(beta, bT)
        leaves = (s + 1) * (1 - left.share_beta) * np.exp(-bt) / later(beta, bt)
        return b * ((1 - gone) * stays + gone * leaves)

    def _draw_lifetime(self, size: int, rng: np.random.Generator) -> FloatArray:
        # β / (β + τ) is a uniform number to the power of 1 / s.
        wait = rng.standard_exponential(size) / self.s
        log = np.where(
            wait > 600,
            wait + np.log(self.beta),
            np.log1p(self.beta * np.expm1(np.minimum(wait, 600))),
        )
        lifetime: FloatArray = np.maximum(log, 0.0) / self.b
        return lifetime

    def _limits(self) -> list[Limit]:
        b, s, beta = (float(np.mean(getattr(self, name))) for name in ("b", "s", "beta"))
        return [
            Limit(
                {"s": 1e-7},
                ("b", "s", "beta"),
                "there is no sign of dropout: the data are about as likely if nobody ever leaves "
                f"(s = 0; here s / beta = {s / beta:.2g}), so that P(alive) rests on the model "
                "alone",
            ),
            Limit(
                {"b": 1e-6, "beta": 1e-6},
                ("b", "beta"),
                "there is no sign that leaving speeds up with age: the data are about as likely if "
                f"b and beta go to 0 along beta / b = {beta / b:.4g}, which is Pareto/NBD with "
                "that beta",
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
