"""The methods that every model of purchases has, from the few quantities that it gives."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime._fit import Fit, estimate
from crmvalue.lifetime._histories import (
    days_per_unit,
    read_columns,
    read_customers,
    read_histories,
)
from crmvalue.lifetime._mechanism import Mechanism, plain
from crmvalue.lifetime._search import PILOT


class PurchaseModel(Mechanism):
    """Base of the models of repeat purchases in continuous time."""

    @classmethod
    def fit(
        cls, summary: IntoFrame, *, unit: str = "W", weights: str | npt.ArrayLike | None = None
    ) -> Fit[Self]:
        """Estimate the parameters by maximum likelihood.

        Histories that are alike are evaluated once, time is scaled so that the unit doesn't matter
        to the search, and the result doesn't depend on the order of the rows.

        Parameters
        ----------
        summary : frame
            One row per customer: frequency (repeat purchase days), recency (age at the last
            purchase), T (age); as `customer_summary` gives it.
        unit : {"W", "D", "M", "Y"}
            What recency and T are measured in; checked against first_purchase and last_purchase
            where the summary has them.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.

        Returns
        -------
        Fit

        Raises
        ------
        InputError
            Where the summary is empty, has no repeat purchase, or has faults: all are listed.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import numpy as np
        >>> from crmvalue.lifetime import MBGNBD
        >>> model = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
        >>> fit = MBGNBD.fit(model.sample(4000, T=40.0, rng=np.random.default_rng(1)))
        >>> print(round(fit.model.r / fit.model.alpha, 3))
        0.085
        """
        histories = read_histories(summary, unit=unit, weights=weights)
        weight = histories.weights
        mean_age = float((weight * histories.T).sum() / weight.sum())
        scale = mean_age if mean_age > 0 else 1.0
        scaled = histories.scaled(scale)
        thin = scaled.thinned(PILOT)
        likelihood = cls._likelihood(scaled)
        units = np.array([scale if name in cls._times else 1.0 for name in cls._parameters])

        return estimate(
            likelihood,
            likelihood if thin is scaled else cls._likelihood(thin),
            cls._starts(thin),
            build=lambda parameters: cls._build(parameters * units, unit=unit),
            shift=-float((weight * histories.x).sum()) * float(np.log(scale)),
            n_histories=len(weight),
        )

    def log_likelihood(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> FloatArray:
        """Log-likelihood of each history: a density of the purchase times.

        Parameters
        ----------
        frequency, recency, T : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, _ = self._enter(frequency, recency, T)
        return self._each(type(self)._log_likelihood, history)

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

    def sample(self, size: int, *, T: npt.ArrayLike, rng: np.random.Generator) -> pd.DataFrame:
        """Draw new customers and what they bought by age T.

        Parameters
        ----------
        size : int
        T : array_like
            Age of all customers, or one for each.
        rng : numpy.random.Generator

        Returns
        -------
        pandas.DataFrame
            customer_id (1 to size), frequency, recency, T.
        """
        ages = np.broadcast_to(np.asarray(T, dtype=np.float64), (size,)).copy()
        if not (np.isfinite(ages).all() and (ages >= 0).all()):
            raise InputError("T must hold finite ages of at least 0")
        x, recency = self._draw(size, ages, rng)
        return pd.DataFrame(
            {
                "customer_id": np.arange(1, size + 1),
                "frequency": x.astype(np.int64),
                "recency": recency,
                "T": ages,
            }
        )

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        if horizon is None:
            raise InputError(f"predict needs horizon=, in the model's unit ({self.unit!r})")
        read = Table(summary, "summary", ("customer_id", "frequency", "recency", "T"))
        columns = read_columns(read, self.unit)
        ids, order = read_customers(read)
        rows = distinct_rows(*columns, days_per_unit=days_per_unit(self.unit), inverse=True)
        alive = self.probability_alive(*rows.columns)
        purchases = self.expected_purchases(*rows.columns, horizon=horizon)
        at = rows.inverse[order]
        return table(
            {
                "customer_id": ids,
                "probability_alive": alive[at],
                "expected_purchases": purchases[at],
            },
            like=read.frame,
        )
