"""What the models share in which customers leave at a time that has nothing to do with buying.

While alive a customer buys at a Poisson rate λ ~ Gamma(r, alpha), and leaves after a lifetime with
survival S(t). Who is alive at T after x purchases has λ ~ Gamma(r+x, alpha+T) and survives another
u with probability S(T+u)/S(T), independently of λ: the future follows from these two.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._mathematics.special import log_nb_pmf
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._purchases.model import PurchaseModel


class IndependentDropout(PurchaseModel):
    """Base of Pareto/NBD and GGompertz/NBD."""

    r: Parameter
    alpha: Parameter

    @abstractmethod
    def _log_survival(self, history: History, ahead: FloatArray) -> FloatArray:
        """Logarithm of P(alive at T + ahead | alive at T)."""

    @abstractmethod
    def _departing_pmf(
        self, history: History, n: FloatArray, start: FloatArray, length: FloatArray
    ) -> FloatArray:
        """P(n purchases after T + start, then leaves within `length` | alive at T + start).

        The history says how often the customer bought until T; nothing is known of the time since.
        """

    @abstractmethod
    def _draw_lifetime(self, size: int, rng: np.random.Generator) -> FloatArray:
        """Lifetimes of new customers."""

    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        alive: FloatArray = np.exp(self._log_survival(history, horizon))
        return alive

    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        purchase_rate = (self.r + history.x) / (self.alpha + history.T)
        purchases: FloatArray = purchase_rate * self._future_time(history, horizon, rate)
        return purchases

    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        """The customer leaves before `start`, between, or after `end`; λ is the same for all."""
        rho, A = self.r + history.x, self.alpha + history.T
        stays = self._log_survival(history, end) + log_nb_pmf(n, rho, A, end - start)
        waits = self._log_survival(history, start)
        leaves = np.exp(waits) * self._departing_pmf(history, n, start, end - start)
        return np.exp(stays) + leaves + np.where(n == 0, -np.expm1(waits), 0.0)

    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        return draw_purchases(self, np.minimum(self._draw_lifetime(size, rng), T), rng)


def draw_purchases(
    model: Any, active: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw x and t_x of new customers of a model who were alive for the times `active`."""
    rate = rng.gamma(model.r, 1.0, len(active)) / model.alpha
    x = rng.poisson(np.minimum(rate * active, 1e15)).astype(np.float64)
    # The last of x purchases spread evenly over the time alive.
    return x, np.where(x > 0, active * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)


def equal_buyers(model: Any) -> Limit:
    """The limit in which all customers buy at the same rate."""
    ratio = float(np.mean(model.r)) / float(np.mean(model.alpha))
    return Limit(
        {"r": 1e4, "alpha": 1e4},
        ("r", "alpha"),
        "customers hardly differ in how often they buy: the data are about as likely if r and "
        f"alpha grow without bound along r / alpha = {ratio:.4g}, and only this ratio is estimated",
    )
