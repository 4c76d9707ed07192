"""NBD (Ehrenberg 1959): nobody ever leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._independent_dropout.model import draw_purchases, equal_buyers
from crmvalue.lifetime._independent_dropout.nbd_likelihood import NBDLikelihood
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._mathematics.special import digamma_rise, growth, log_nb_pmf, log_rising
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._purchases.model import PurchaseModel


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBD(PurchaseModel):
    """Negative binomial model of repeat purchases, without dropout.

    A customer buys at a Poisson rate λ ~ Gamma(r, alpha) for ever. It is the benchmark that says
    what a dropout process adds: everybody is alive, and undiscounted sums without end are infinite.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time, in the model's unit.
    unit : {"W", "D", "M", "Y"}
        What ages and horizons are measured in.

    References
    ----------
    Ehrenberg, A. S. C. (1959). The pattern of consumer purchases. Applied Statistics 8(1), 26-41.

    Examples
    --------
    >>> model = NBD(r=0.385, alpha=12.07)
    >>> print(model.expected_purchases([0, 4], [0, 20], 39, horizon=52).round(3).tolist())
    [0.392, 4.465]
    >>> print(model.purchase_pmf([0, 1, 2], 52).round(4).tolist())
    [0.5259, 0.1643, 0.0924]
    """

    r: Parameter
    alpha: Parameter
    unit: str = "W"
    _parameters: ClassVar[tuple[str, ...]] = ("r", "alpha")

    @classmethod
    def _likelihood(cls, histories: Histories) -> NBDLikelihood:
        return NBDLikelihood(histories)

    @classmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]:
        rate = float(dot(histories.weights, histories.x)) / max(
            float(dot(histories.weights, histories.T)), 1e-9
        )
        return [np.array([r, r / rate]) for r in (0.3, 1.0, 5.0)]

    def _log_likelihood(self, history: History) -> FloatArray:
        x, T = history.x, history.T
        return (
            log_rising(self.r, x) - x * np.log(self.alpha + T) - self.r * np.log1p(T / self.alpha)
        )

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        """Log-likelihood of each history with its derivatives by r and alpha."""
        x, T = history.x, history.T
        scores = (
            digamma_rise(self.r, x) - np.log1p(T / self.alpha),
            (self.r * T / self.alpha - x) / (self.alpha + T),
        )
        return self._log_likelihood(history), np.stack(scores, axis=1)

    def _log_odds_gone(self, history: History) -> FloatArray:
        return np.full_like(history.x, -np.inf)

    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        return np.ones(np.broadcast_shapes(history.T.shape, horizon.shape))

    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        return self._posterior_rate(history) * self._future_time(history, horizon, rate)

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        ahead = np.broadcast_to(horizon, history.T.shape)
        if rate == 0:
            return ahead
        endless = np.isinf(ahead)
        finite = np.where(endless, 0.0, ahead)
        return np.where(endless, 1 / rate, finite * growth(-rate * finite))

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        rho = self.r + history.x
        return -np.expm1(-rho * np.log1p(horizon / (self.alpha + history.T)))

    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        pmf: FloatArray = np.exp(
            log_nb_pmf(n, self.r + history.x, self.alpha + history.T, end - start)
        )
        return pmf

    def _posterior_rate(self, history: History) -> FloatArray:
        rate: FloatArray = (self.r + history.x) / (self.alpha + history.T)
        return rate

    def _posterior_dropout(self, history: History) -> FloatArray:
        return np.zeros_like(history.x)

    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        return draw_purchases(self, np.broadcast_to(T, (size,)), rng)

    def _limits(self) -> list[Limit]:
        return [equal_buyers(self)]
