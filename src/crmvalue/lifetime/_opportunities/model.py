"""What a model of opportunities does with data: fit, predict, sample."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, Random, generator
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.search import PILOT
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.histories import days_per_period, read_customers
from crmvalue.lifetime._opportunities.distributions import OpportunityCounts
from crmvalue.lifetime._opportunities.histories import read_columns, read_opportunities


class OpportunityModel(OpportunityCounts):
    """Base of the models of opportunities that are taken or not."""

    @classmethod
    def fit(
        cls, summary: IntoFrame, *, unit: str = "Y", weights: str | npt.ArrayLike | None = None
    ) -> Fit[Self]:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : frame
            One row per customer: frequency (opportunities taken), recency (the last one taken, 0
            for none), n (opportunities so far); as `opportunity_summary` gives it.
        unit : {"Y", "D", "W", "M", "Q"}
            Time from one opportunity to the next; it matters to discounting alone.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.

        Returns
        -------
        Fit

        Raises
        ------
        InputError
            Where the summary is empty, nobody in it took an opportunity, or it has faults: all are
            listed.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import crmvalue as cv
        >>> fit = cv.BGBB.fit(cv.datasets.load_donations(), weights="weight")
        >>> print(fit.params()[["parameter", "estimate"]].round(3).to_string(index=False))
        parameter  estimate
            alpha     1.204
             beta     0.750
            gamma     0.657
            delta     2.783
        """
        return cls._fitted(summary, unit=unit, weights=weights, stacklevel=4)

    @classmethod
    def _fitted(
        cls,
        summary: IntoFrame,
        *,
        unit: str,
        weights: str | npt.ArrayLike | None,
        stacklevel: int | None,
    ) -> Fit[Self]:
        """Estimate the parameters; what a warning would say stands in the messages, too."""
        days_per_period(unit)
        histories = read_opportunities(summary, weights=weights)
        thin = histories.thinned(PILOT)
        likelihood = cls._likelihood(histories)
        return estimate(
            likelihood,
            likelihood if thin is histories else cls._likelihood(thin),
            cls._starts(thin),
            build=lambda parameters: cls._build(parameters, unit=unit),
            shift=0.0,
            n_histories=len(histories.weights),
            stacklevel=stacklevel,
        )

    def log_likelihood(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, n: npt.ArrayLike
    ) -> FloatArray:
        """Log-likelihood of each history: the logarithm of the probability of one such sequence.

        Parameters
        ----------
        frequency, recency, n : array_like
            Histories, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape
        """
        history, _ = self._enter(frequency, recency, n)
        return self._each(type(self)._log_likelihood, history)

    def sample(self, size: int, *, n: npt.ArrayLike, rng: Random) -> pd.DataFrame:
        """Draw new customers and what they did with their first n opportunities.

        Parameters
        ----------
        size : int
        n : array_like
            Opportunities of all customers, or of each.
        rng : numpy.random.Generator or int

        Returns
        -------
        pandas.DataFrame
            customer_id (1 to size), frequency, recency, n.
        """
        numbers = np.broadcast_to(np.asarray(n, dtype=np.float64), (size,))
        if not (np.isfinite(numbers) & (numbers >= 0) & (numbers == np.rint(numbers))).all():
            raise InputError("n must hold whole numbers of at least 0")
        x, recency = self._draw(size, numbers, generator(rng))
        return pd.DataFrame(
            {
                "customer_id": np.arange(1, size + 1),
                "frequency": x.astype(np.int64),
                "recency": recency.astype(np.int64),
                "n": numbers.astype(np.int64),
            }
        )

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        if horizon is None:
            raise InputError("predict needs horizon=, a whole number of opportunities")
        read = Table(summary, "summary", ("customer_id", "frequency", "recency", "n"))
        columns = read_columns(read)
        ids, order = read_customers(read)
        rows = distinct_rows(*columns, inverse=True)
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
