"""What every model of purchases in continuous time does with data: fit, predict, sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, Table, read
from crmvalue._stats import FloatArray, Random, generator
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime._covariate_model import CovariateModel
from crmvalue.lifetime._covariates.estimation import fit_covariates
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.search import PILOT, SCOUTS
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.histories import COLUMNS, read_columns, read_customers, read_histories
from crmvalue.lifetime._purchases.distributions import Distributions


class PurchaseModel(Distributions):
    """Base of the models of repeat purchases in continuous time."""

    @overload
    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        *,
        unit: str = ...,
        weights: str | npt.ArrayLike | None = ...,
        covariates: None = ...,
        penalty: float = ...,
    ) -> Fit[Self]: ...

    @overload
    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        *,
        unit: str = ...,
        weights: str | npt.ArrayLike | None = ...,
        covariates: Mapping[str, Sequence[str] | str],
        penalty: float = ...,
    ) -> Fit[CovariateModel]: ...

    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        *,
        unit: str = "W",
        weights: str | npt.ArrayLike | None = None,
        covariates: Mapping[str, Sequence[str] | str] | None = None,
        penalty: float = 0.0,
    ) -> Fit[Self] | Fit[CovariateModel]:
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
        covariates : dict of str to list of str or str, optional
            What acts on the processes ``"purchase"`` and ``"dropout"``, constant in time: names of
            columns of the summary, or a formula such as ``"age + C(channel)"`` (extra `formula`).
            Numbers are taken as they are; text, booleans and categories are factors, coded against
            their first level: in the declared order of an ordered categorical (pandas, Arrow) or an
            Enum (Polars), else in sorted order. alpha_i = alpha exp(-γ'z); Pareto/NBD:
            beta_i = beta exp(-δ'z), BG/NBD and MBG/NBD: a_i = a exp(δ'z): a positive effect means
            that such customers buy more, or leave more readily. An empty dict is as none.
        penalty : float
            Ridge on the effects of covariates, on the scale that they are reported on: the search
            maximises the log-likelihood less penalty times the sum of squared effects. Standard
            errors are from the curvature of that; log_likelihood, aic and bic are unpenalised.

        Returns
        -------
        Fit
            Its `model` is one of this class; with covariates a `CovariateModel`.

        Raises
        ------
        InputError
            Where the summary is empty, has no repeat purchase, or has faults: all are listed, and
            so are covariates that are missing, constant or follow from others.

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
        if covariates is not None and covariates != {}:
            return fit_covariates(
                cls, summary, covariates, unit=unit, weights=weights, penalty=penalty
            )
        if penalty:
            raise InputError(
                f"penalty={penalty!r} acts on effects of covariates only, and there are none "
                "(a penalty on alpha would depend on the unit); name covariates, or leave it out"
            )
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
        histories = read_histories(summary, unit=unit, weights=weights)
        weight = histories.weights
        mean_age = float((weight * histories.T).sum() / weight.sum())
        scale = mean_age if mean_age > 0 else 1.0
        scaled = histories.scaled(scale)
        thin = scaled.thinned(PILOT)
        likelihood = cls._likelihood(scaled)
        units = np.array(
            [scale ** ((name in cls._times) - (name in cls._rates)) for name in cls._parameters]
        )

        return estimate(
            likelihood,
            likelihood if thin is scaled else cls._likelihood(thin),
            cls._starts(thin),
            build=lambda parameters: cls._build(parameters * units, unit=unit),
            shift=-float((weight * histories.x).sum()) * float(np.log(scale)),
            n_histories=len(weight),
            scouts=None if thin is scaled else cls._likelihood(thin.thinned(SCOUTS)),
            stacklevel=stacklevel,
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

    def for_rows(self, frame: IntoFrame) -> Self:
        """The model of the rows of a frame: itself, since no covariates act on it.

        Parameters
        ----------
        frame : frame

        Returns
        -------
        model of the same class
        """
        read(frame, "frame")
        return self

    def sample(self, size: int, *, T: npt.ArrayLike, rng: Random) -> pd.DataFrame:
        """Draw new customers and what they bought by age T.

        Parameters
        ----------
        size : int
        T : array_like
            Age of all customers, or one for each.
        rng : numpy.random.Generator or int

        Returns
        -------
        pandas.DataFrame
            customer_id (1 to size), frequency, recency, T.
        """
        ages = np.broadcast_to(np.asarray(T, dtype=np.float64), (size,)).copy()
        if not (np.isfinite(ages).all() and (ages >= 0).all()):
            raise InputError("T must hold finite ages of at least 0")
        x, recency = self._draw(size, ages, generator(rng))
        return pd.DataFrame(
            {
                "customer_id": np.arange(1, size + 1),
                "frequency": x.astype(np.int64),
                "recency": recency,
                "T": ages,
            }
        )

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        return self._predictions(Table(summary, "summary", ("customer_id", *COLUMNS)), horizon)

    def _predictions(self, summary: Table, horizon: float | None) -> Any:
        """The table of predictions for a summary; parameters are numbers, or one for each row."""
        if horizon is None:
            raise InputError(f"predict needs horizon=, in the model's unit ({self.unit!r})")
        columns = read_columns(summary, self.unit)
        ids, order = read_customers(summary)
        model, distinct, inverse = self._distinct(list(columns))
        alive = model.probability_alive(*distinct)
        purchases = model.expected_purchases(*distinct, horizon=horizon)
        at = inverse[order]
        return table(
            {
                "customer_id": ids,
                "probability_alive": alive[at],
                "expected_purchases": purchases[at],
            },
            like=summary.frame,
        )
