"""Distributions that every model of purchases has: counts, waits and remaining lifetimes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.errors import InputError
from crmvalue.lifetime._mathematics.roots import first_reached
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import plain
from crmvalue.lifetime._purchases.expectations import Expectations


class Distributions(Expectations):
    """How many purchases and how long, as probabilities and quantiles."""

    def purchase_pmf(self, n: npt.ArrayLike, t: npt.ArrayLike) -> FloatArray:
        """P(X(t) = n): n repeat purchases of a new customer in (0, t].

        Parameters
        ----------
        n, t : array_like
            Whole numbers, and ages in the model's unit; broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (count, end) = self._enter(0, 0, 0, n=n, t=t)
        return self._pmf(history, count, np.zeros_like(end), end)

    def interval_purchase_pmf(
        self, n: npt.ArrayLike, t0: npt.ArrayLike, t1: npt.ArrayLike
    ) -> FloatArray:
        """P(X(t1) - X(t0) = n): n repeat purchases of a new customer in (t0, t1].

        Parameters
        ----------
        n, t0, t1 : array_like
            Whole numbers, and ages 0 <= t0 <= t1 in the model's unit; broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (count, start, end) = self._enter(0, 0, 0, n=n, t0=t0, t1=t1)
        if np.any(start > end):
            raise InputError("t0 must not be above t1; swap them")
        return self._pmf(history, count, start, end)

    def conditional_purchase_pmf(
        self,
        n: npt.ArrayLike,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """P(n purchases in (T, T + horizon]) of a customer with this history.

        Parameters
        ----------
        n, frequency, recency, T, horizon : array_like
            Whole numbers, histories, and how far ahead in the model's unit; broadcast against each
            other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (count, ahead) = self._enter(frequency, recency, T, n=n, horizon=horizon)
        return self._pmf(history, count, np.zeros_like(ahead), ahead)

    def probability_of_purchase(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """P(at least one purchase in (T, T + horizon]) of a customer with this history.

        Parameters
        ----------
        frequency, recency, T, horizon : array_like
            Histories, and how far ahead in the model's unit (inf for ever); broadcast against each
            other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (ahead,) = self._enter(frequency, recency, T, horizon=horizon)
        alive = special.expit(-self._gone(history))
        return plain(alive * self._later(type(self)._any_purchase, history, ahead))

    def remaining_lifetime_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> FloatArray:
        """Time ahead by which a customer with this history has left with probability q.

        The mean remaining lifetime is infinite for most real data; its quantiles aren't.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1; .5 gives the median.
        frequency, recency, T : array_like
            Histories; all are broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            In the model's unit; 0 where the customer has left with probability q already, NaN where
            the probability is never reached.
        """
        history, (reach,) = self._enter(frequency, recency, T, q=q)
        gone = self._gone(history)
        # Alive at T + u with probability 1 - q: what is left of those alive now.
        left = np.log1p(-reach) + np.logaddexp(0, gone)

        def quantile(model: Distributions, customers: History, left: FloatArray) -> FloatArray:
            def passed(rows: npt.NDArray[np.intp], u: FloatArray) -> FloatArray:
                some, still = model._rows(customers, rows)
                with np.errstate(divide="ignore"):
                    return left[rows] - np.log(some._survival(still, u))

            return first_reached(passed, len(left))

        return plain(np.where(left >= 0, 0.0, self._later(quantile, history, np.minimum(left, 0))))

    def next_purchase_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> FloatArray:
        """Time ahead by which a customer with this history has bought again with probability q.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1; .5 gives the median.
        frequency, recency, T : array_like
            Histories; all are broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            In the model's unit; NaN where the probability is never reached, since the customer may
            have left or may leave first.
        """
        history, (reach,) = self._enter(frequency, recency, T, q=q)
        wanted = np.log(reach) + np.logaddexp(0, self._gone(history))  # of those alive now

        def quantile(model: Distributions, customers: History, wanted: FloatArray) -> FloatArray:
            def passed(rows: npt.NDArray[np.intp], u: FloatArray) -> FloatArray:
                some, still = model._rows(customers, rows)
                with np.errstate(divide="ignore"):
                    return np.log(some._any_purchase(still, u)) - wanted[rows]

            ever = passed(np.arange(len(wanted)), np.full(len(wanted), np.inf)) > 0
            result = np.full(len(wanted), np.nan)
            some = np.flatnonzero(ever)
            result[some] = first_reached(lambda rows, u: passed(some[rows], u), len(some))
            return result

        return plain(self._later(quantile, history, wanted))
