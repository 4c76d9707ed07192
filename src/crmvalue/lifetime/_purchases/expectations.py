"""Expectations that every model of purchases has, from the few quantities that it gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.errors import InputError
from crmvalue.lifetime._model.mechanism import Mechanism
from crmvalue.lifetime._model.model import plain


class Expectations(Mechanism):
    """What is known and expected of a customer: alive, purchases, time, the rates behind them."""

    def probability_alive(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        horizon: npt.ArrayLike = 0,
    ) -> FloatArray:
        """Probability that a customer with this history is alive at T + horizon.

        Parameters
        ----------
        frequency, recency, T, horizon : array_like
            Histories, and how far ahead in the model's unit; broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument isn't a history or a horizon.
        """
        history, (ahead,) = self._enter(frequency, recency, T, horizon=horizon)
        alive = special.expit(-self._gone(history))
        if not ahead.any():
            return plain(alive)
        return plain(alive * self._later(type(self)._survival, history, ahead))

    def expected_purchases(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """Expected purchases in (T, T + horizon] of a customer with this history.

        Parameters
        ----------
        frequency, recency, T, horizon : array_like
            Histories, and how far ahead in the model's unit (inf where the expectation is finite);
            broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument isn't a history or a horizon, or the expectation is infinite.
        """
        history, (ahead,) = self._enter(frequency, recency, T, horizon=horizon)
        return self._expected(type(self)._future_purchases, history, ahead, 0.0)

    def expected_purchases_new_customer(self, t: npt.ArrayLike) -> FloatArray:
        """Expected repeat purchases E[X(t)] of a new customer in (0, t] after the first purchase.

        Parameters
        ----------
        t : array_like
            Age, in the model's unit.

        Returns
        -------
        ndarray of the shape of `t`
        """
        history, (ahead,) = self._enter(0, 0, 0, t=t)
        return self._expected(type(self)._future_purchases, history, ahead, 0.0)

    def discounted_expected_transactions(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        annual_discount_rate: float,
        horizon: npt.ArrayLike = np.inf,
    ) -> FloatArray:
        """Expected purchases in (T, T + horizon], each discounted to T.

        Parameters
        ----------
        frequency, recency, T, horizon : array_like
            Histories, and how far ahead in the model's unit; broadcast against each other.
        annual_discount_rate : float
            i: a purchase d days ahead counts (1 + i)^-(d / 365.25).

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or the horizon is infinite at a rate of 0.
        """
        history, (ahead,) = self._enter(frequency, recency, T, horizon=horizon)
        rate = self._rate(annual_discount_rate)
        if not rate and np.isinf(ahead).any():
            raise InputError(
                "an infinite horizon at annual_discount_rate=0 has no finite value; "
                "give a horizon or a positive rate"
            )
        return self._expected(type(self)._future_purchases, history, ahead, rate)

    def expected_active_time(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
        annual_discount_rate: float = 0.0,
    ) -> FloatArray:
        """Expected time alive within (T, T + horizon], in the model's unit.

        Parameters
        ----------
        frequency, recency, T, horizon : array_like
            Histories, and how far ahead in the model's unit; broadcast against each other.
        annual_discount_rate : float
            i: time alive d days ahead counts (1 + i)^-(d / 365.25).

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or the expectation is infinite.
        """
        history, (ahead,) = self._enter(frequency, recency, T, horizon=horizon)
        rate = self._rate(annual_discount_rate)
        return self._expected(type(self)._future_time, history, ahead, rate)

    def posterior_purchase_rate(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> FloatArray:
        """Mean purchase rate while alive of customers with this history, E[λ | x, t_x, T].

        Parameters
        ----------
        frequency, recency, T : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            Purchases per unit of time; of all such customers, whether they have left or not.
        """
        history, _ = self._enter(frequency, recency, T)
        return plain(self._each(type(self)._posterior_rate, history))

    def posterior_dropout(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> FloatArray:
        """Mean of the dropout parameter of customers with this history.

        Parameters
        ----------
        frequency, recency, T : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            Where customers leave after a purchase (BG/NBD and its relatives): the mean probability
            E[p | x, t_x, T] of leaving at each chance. Where they leave at any time (Pareto/NBD):
            the mean rate E[μ | x, t_x, T] per unit of time. Of all such customers, whether they
            have left or not.
        """
        history, _ = self._enter(frequency, recency, T)
        return plain(self._each(type(self)._posterior_dropout, history))
