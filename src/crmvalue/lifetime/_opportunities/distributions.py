"""Distributions over opportunities: how many are taken, when the next, how long until the end."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.errors import InputError
from crmvalue.lifetime._mathematics.lifetimes import first_whole
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime._model.model import plain
from crmvalue.lifetime._opportunities.expectations import Opportunities


class OpportunityCounts(Opportunities):
    """How many opportunities are taken and how long customers stay: probabilities, quantiles."""

    @abstractmethod
    def _next_purchase(self, history: History, wanted: FloatArray) -> FloatArray:
        """Opportunities until one is taken with this probability by a customer who is there."""

    def purchase_pmf(self, count: npt.ArrayLike, t: npt.ArrayLike) -> FloatArray:
        """P(X(t) = count): a new customer takes `count` of the first t opportunities.

        Parameters
        ----------
        count, t : array_like
            Whole numbers, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (taken, end) = self._enter(0, 0, 0, count=count, t=t)
        return self._pmf(history, taken, np.zeros_like(end), end)

    def interval_purchase_pmf(
        self, count: npt.ArrayLike, t0: npt.ArrayLike, t1: npt.ArrayLike
    ) -> FloatArray:
        """P(X(t1) - X(t0) = count): a new customer takes `count` of opportunities t0 + 1 to t1.

        Parameters
        ----------
        count, t0, t1 : array_like
            Whole numbers, t0 <= t1, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (taken, start, end) = self._enter(0, 0, 0, count=count, t0=t0, t1=t1)
        if np.any(start > end):
            raise InputError("t0 must not be above t1; swap them")
        return self._pmf(history, taken, start, end)

    def conditional_purchase_pmf(
        self,
        count: npt.ArrayLike,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        n: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """P(a customer with this history takes `count` of the next `horizon` opportunities).

        Parameters
        ----------
        count, frequency, recency, n, horizon : array_like
            Whole numbers, broadcast against each other; the horizon must be finite.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (taken, ahead) = self._enter(frequency, recency, n, count=count, horizon=horizon)
        if np.isinf(ahead).any():
            raise InputError("the number of purchases needs a finite horizon of opportunities")
        return self._pmf(history, taken, np.zeros_like(ahead), ahead)

    def probability_of_purchase(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        n: npt.ArrayLike,
        *,
        horizon: npt.ArrayLike,
    ) -> FloatArray:
        """P(a customer with this history takes at least one of the next `horizon` opportunities).

        Parameters
        ----------
        frequency, recency, n, horizon : array_like
            Histories and a whole number of opportunities (inf for ever), broadcast against each
            other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, (ahead,) = self._enter(frequency, recency, n, horizon=horizon)
        there = special.expit(-self._gone(history))
        return plain(there * self._later(type(self)._any_purchase, history, ahead))

    def remaining_lifetime_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, n: npt.ArrayLike
    ) -> FloatArray:
        """Opportunities to come, no more than which the customer sees with probability q.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1; .5 gives the median.
        frequency, recency, n : array_like
            Histories; all are broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            Whole numbers; 0 where the customer is gone at opportunity n + 1 with probability q, NaN
            above 1e300.
        """
        history, (reach,) = self._enter(frequency, recency, n, q=q)
        # There at opportunity n + 1 + k with probability 1 - q: what is left of those there at n.
        left = np.log1p(-reach) + np.logaddexp(0, self._gone(history))

        def quantile(model: OpportunityCounts, known: History, left: FloatArray) -> FloatArray:
            def passed(rows: npt.NDArray[np.intp], k: FloatArray) -> FloatArray:
                some, still = model._rows(known, rows)
                with np.errstate(divide="ignore"):
                    return left[rows] - np.log(some._survival(still, k + 1))

            return first_whole(passed, len(left))

        return plain(self._later(quantile, history, left))

    def next_purchase_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, n: npt.ArrayLike
    ) -> FloatArray:
        """Opportunities by which a customer with this history has bought again with probability q.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1; .5 gives the median.
        frequency, recency, n : array_like
            Histories; all are broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
            Whole numbers, 1 for the next opportunity; NaN where the probability is never reached,
            since the customer may have left or may leave first.
        """
        history, (reach,) = self._enter(frequency, recency, n, q=q)
        with np.errstate(over="ignore"):  # of those there at n; gone for certain: never
            wanted = reach * np.exp(np.logaddexp(0, self._gone(history)))
        return plain(self._later(type(self)._next_purchase, history, wanted))
