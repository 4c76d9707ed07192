"""Expectations of customers whose time is counted in opportunities, n where others have T."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._model.histories import days_per_period
from crmvalue.lifetime._model.mechanism import History, Mechanism
from crmvalue.lifetime._model.model import plain
from crmvalue.lifetime._opportunities.histories import check_opportunities


class Opportunities(Mechanism):
    """What is known and expected of a customer with x of n opportunities taken, the last at t_x."""

    _probabilities: ClassVar[tuple[str, ...]] = (
        *Mechanism._probabilities,
        "posterior_purchase_rate",
        "posterior_dropout",
    )
    _age: ClassVar[str] = "n"
    _whole: ClassVar[tuple[str, ...]] = ("count", "horizon", "t", "t0", "t1")

    def _days_per_unit(self) -> float:
        return days_per_period(self.unit)

    def _check_history(self, history: History, faults: FaultList) -> None:
        check_opportunities(*history, faults)

    def probability_alive(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        n: npt.ArrayLike,
        horizon: npt.ArrayLike = 0,
    ) -> FloatArray:
        """Probability that a customer with this history is there at opportunity n + 1 + horizon.

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories: opportunities taken, the last one taken (0 for none), opportunities so far.
        horizon : array_like
            Whole number of opportunities beyond the next one. All are broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument isn't a history or a horizon.
        """
        history, (ahead,) = self._enter(frequency, recency, n, horizon=horizon)
        there = special.expit(-self._gone(history))
        return plain(there * self._later(type(self)._survival, history, ahead + 1))

    def expected_purchases(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        n: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """Expected number of purchases at the next `horizon` opportunities.

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories.
        horizon : array_like
            Whole number of opportunities (inf where the expectation is finite). All are broadcast
            against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument isn't a history or a horizon, or the expectation is infinite.
        """
        history, (ahead,) = self._enter(frequency, recency, n, horizon=horizon)
        return self._expected(type(self)._future_purchases, history, ahead, 0.0)

    def expected_purchases_new_customer(self, t: npt.ArrayLike) -> FloatArray:
        """Expected purchases E[X(t)] of a new customer at the first t opportunities.

        Parameters
        ----------
        t : array_like
            Whole numbers of opportunities.

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
        n: npt.ArrayLike,
        *,
        annual_discount_rate: float,
        horizon: npt.ArrayLike = np.inf,
    ) -> FloatArray:
        """Expected purchases at the next opportunities, discounted to the last one.

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories.
        annual_discount_rate : float
            i: a purchase at the k-th of the next opportunities counts (1 + i)^-(k d / 365.25),
            where d is the length of the model's unit in days. The next one is a unit away.
        horizon : array_like
            Whole number of opportunities, or inf. Broadcast against the histories.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or the horizon is infinite at a rate of 0.
        """
        history, (ahead,) = self._enter(frequency, recency, n, horizon=horizon)
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
        n: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
        annual_discount_rate: float = 0.0,
    ) -> FloatArray:
        """Expected number of the next `horizon` opportunities at which the customer is there.

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories.
        horizon : array_like
            Whole number of opportunities, or inf. Broadcast against the histories.
        annual_discount_rate : float
            i: the k-th of the next opportunities counts (1 + i)^-(k d / 365.25), where d is the
            length of the model's unit in days.

        Returns
        -------
        ndarray of the broadcast shape
            In opportunities, that is in periods of the model's unit.

        Raises
        ------
        InputError
            Where an argument is bad, or the expectation is infinite.
        """
        history, (ahead,) = self._enter(frequency, recency, n, horizon=horizon)
        rate = self._rate(annual_discount_rate)
        return self._expected(type(self)._future_time, history, ahead, rate)

    def posterior_purchase_rate(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, n: npt.ArrayLike
    ) -> FloatArray:
        """Mean probability with which customers with this history take an opportunity, E[p].

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            While they are there; of all such customers, whether they have left or not.
        """
        history, _ = self._enter(frequency, recency, n)
        return plain(self._each(type(self)._posterior_rate, history))

    def posterior_dropout(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, n: npt.ArrayLike
    ) -> FloatArray:
        """Mean probability with which customers with this history leave each time, E[θ].

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            Of all such customers, whether they have left or not.
        """
        history, _ = self._enter(frequency, recency, n)
        return plain(self._each(type(self)._posterior_dropout, history))
