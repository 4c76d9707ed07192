"""What every model of purchases in continuous time does with data: fit, predict, sample."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime._distributions import Distributions
from crmvalue.lifetime._fit import Fit, estimate
from crmvalue.lifetime._histories import (
    days_per_unit,
    read_columns,
    read_customers,
    read_histories,
)
from crmvalue.lifetime._search import PILOT


class PurchaseModel(Distributions):
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
