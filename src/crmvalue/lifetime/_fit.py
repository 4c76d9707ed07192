"""A fit: a model, and what the data said about its parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Generic

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, Random, check_draws, generator
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.lifetime._inference.fitted import Evidence, M
from crmvalue.lifetime._inference.profile import Z95
from crmvalue.lifetime._inference.search import Scale
from crmvalue.lifetime._inference.uncertainty import (
    Interval,
    check_level,
    delta_interval,
    drawn_interval,
    evaluation,
    normal_draws,
    predict_with_intervals,
)
from crmvalue.lifetime.bootstrap import Bootstrap, bootstrap


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit(Value, Generic[M]):
    """A fitted model: the model, and what the data said about its parameters.

    Made by the ``fit`` of a model, such as `BGNBD.fit`.

    Attributes
    ----------
    model : BGNBD, MBGNBD, GammaGamma, ...
        The model at its maximum likelihood; it works without the data, too.
    log_likelihood : float
        Weighted sum of the log-likelihoods of the histories.
    converged : bool
        Whether the maximum was found and every parameter is identified.
    messages : tuple of str
        What is wrong with the fit or limits it, in words; empty for a sound fit.
    n_customers, n_histories : int
        Customers (the sum of the weights) and distinct histories.
    search_covariance : ndarray, shape (parameters, parameters)
        Covariance of the parameters on the scale of the search (logarithms, but for parameters that
        may have either sign), from the Hessian of the log-likelihood; NaN where the Hessian is not
        positive definite.
    search_limits : ndarray, shape (2, parameters), or None
        How far the 95 % limits of the profile likelihood lie below and above the estimates on that
        scale; None where the fit is not sound, and beyond 5,000 distinct histories, where they
        would hardly differ from those by the covariance.
    penalty : float
        Ridge on the effects of covariates that the estimates are drawn to 0 by.
    selected : tuple of str
        Parameters that were chosen by comparing fits, such as k of the CNBD models where it wasn't
        given; they count in `aic` and `bic` and have no standard error.

    Examples
    --------
    >>> import numpy as np
    >>> from crmvalue.lifetime import BGNBD
    >>> model = BGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
    >>> fit = BGNBD.fit(model.sample(4000, T=40.0, rng=np.random.default_rng(1)))
    >>> fit.converged, fit.messages, fit.n_customers
    (True, (), 4000)
    >>> print(fit.params().round(2).to_string(index=False))
    parameter  estimate  std_error  lower  upper
            r      0.51       0.02   0.48   0.55
        alpha      5.98       0.30   5.42   6.59
            a      0.98       0.12   0.77   1.27
            b      2.69       0.43   1.99   3.74
    """

    model: M
    log_likelihood: float
    converged: bool
    messages: tuple[str, ...]
    n_customers: int
    n_histories: int
    search_covariance: FloatArray
    search_limits: FloatArray | None = None
    penalty: float = 0.0
    selected: tuple[str, ...] = ()
    _evidence: Evidence[M] | None = field(default=None, init=False, repr=False)

    def __repr__(self) -> str:
        state = "" if self.converged else ", NOT CONVERGED OR NOT IDENTIFIED"
        return (
            f"Fit({self.model!r}, log_likelihood={self.log_likelihood:.3f}, "
            f"n_customers={self.n_customers:,}{state})"
        )

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2 k - 2 ln L."""
        return 2.0 * self.n_parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, k ln n - 2 ln L, where n is the number of customers."""
        return self.n_parameters * math.log(max(self.n_customers, 1)) - 2.0 * self.log_likelihood

    @property
    def n_parameters(self) -> int:
        """Number of parameters that were estimated or selected."""
        return len(self.search_covariance) + len(self.selected)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the parameters, by the delta method from that of the search."""
        names, estimates, scale = self._search()
        stretch = scale.stretch(estimates)
        matrix = self.search_covariance * np.outer(stretch, stretch)
        return pd.DataFrame(matrix, index=names, columns=names)

    def params(self) -> pd.DataFrame:
        """Estimates with standard errors and 95 % intervals.

        Returns
        -------
        pandas.DataFrame
            Columns parameter, estimate, std_error, lower, upper. Intervals are those of the profile
            likelihood where the fit has them (`search_limits`), else by the covariance, for
            positive parameters on the scale of logarithms: both stay above 0. All three are missing
            where the parameters are not identified, or were `selected`.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> fit = cv.MBGNBD.fit(summary)
        >>> print(fit.params().round(2).to_string(index=False))
        parameter  estimate  std_error  lower  upper
                r      0.62       0.09   0.46   0.81
            alpha      8.66       0.97   6.96  10.76
                a      0.55       0.06   0.45   0.70
                b      1.01       0.22   0.70   1.74
        """
        names, estimates, scale = self._search()
        error = np.sqrt(np.diag(self.search_covariance))
        limits = self.search_limits
        point = scale.point(estimates)
        with np.errstate(over="ignore"):
            lower, upper = scale.parameters(
                point + (np.outer([-Z95, Z95], error) if limits is None else limits)
            )
        none = [np.nan] * len(self.selected)
        chosen = [float(getattr(self.model, name)) for name in self.selected]
        return pd.DataFrame(
            {
                "parameter": [*self.selected, *names],
                "estimate": [*chosen, *estimates],
                "std_error": [*none, *(scale.stretch(estimates) * error)],
                "lower": [*none, *lower],
                "upper": [*none, *upper],
            }
        )

    def predict(
        self, summary: IntoFrame, *, horizon: float | None = None, level: float | None = None
    ) -> Any:
        """Predict for each customer of a summary.

        Parameters
        ----------
        summary : frame
            customer_id with the columns that the model was fitted to.
        horizon : float
            How far ahead, in the unit of the model; not for gamma-gamma.
        level : float, optional
            Confidence of intervals, such as .95: adds a lower and an upper column for each
            prediction, by the delta method (see `interval`).

        Returns
        -------
        table in the library of `summary`, rows by rising customer_id
            Purchase models: customer_id, probability_alive (now), expected_purchases (within the
            horizon). Gamma-gamma: customer_id, expected_spend (per purchase).

        Raises
        ------
        InputError
            Where the summary can't be used, the horizon is missing or out of place, or intervals
            are asked of a fit without a covariance.

        Warns
        -----
        ConvergenceWarning
            Where intervals are asked of a fit that is not sound.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> fit = cv.MBGNBD.fit(summary)
        >>> print(fit.predict(summary, horizon=52.0).head(2).round(2).to_string(index=False))
         customer_id  probability_alive  expected_purchases
                   1               0.63                1.22
                   2               0.11                0.09
        """
        if level is None:
            return self.model._predict(summary, horizon)
        return predict_with_intervals(self, summary, horizon, level)

    def interval(
        self,
        quantity: str,
        /,
        *args: Any,
        level: float = 0.95,
        method: str = "delta",
        n_draws: int = 1000,
        rng: Random | None = None,
        rows: IntoFrame | None = None,
        **kwargs: Any,
    ) -> Interval:
        """What the model says with an interval: how far the data could have said otherwise.

        It is an interval of the expectation or probability, from the uncertainty of the parameters:
        what a single customer does varies far more (`conditional_purchase_pmf`).

        Parameters
        ----------
        quantity : str
            Name of a method of the model, such as ``"expected_purchases"``.
        *args, **kwargs
            What the method takes.
        level : float
            Confidence of the interval.
        method : {"delta", "draws"}
            Linearised at the estimates, on the scale of logits for probabilities and of logarithms
            for positive quantities; or percentiles over draws of the parameters from their
            asymptotic normal law, which needs `rng` and holds n_draws times the values in memory.
        n_draws : int
        rng : numpy.random.Generator or int, optional
        rows : frame, optional
            Where the covariates of a model that has some stand: one row for each value.

        Returns
        -------
        Interval
            (estimate, lower, upper, std_error), each of the shape that the method gives. A value on
            a bound (a probability of 0 or 1) stays there. NaN where the delta method has no value
            to start from: a quantile that is never reached. Among draws such a NaN counts as later
            than any number.

        Raises
        ------
        InputError
            Where the model has no such quantity (the error lists those it has), or the fit has no
            covariance.

        Warns
        -----
        ConvergenceWarning
            Where the fit is not sound.

        Examples
        --------
        >>> import numpy as np
        >>> from crmvalue.lifetime import BGNBD
        >>> model = BGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
        >>> fit = BGNBD.fit(model.sample(4000, T=40.0, rng=np.random.default_rng(1)))
        >>> estimate, lower, upper, _ = fit.interval("expected_purchases", 2, 30, 39, horizon=52)
        >>> print([round(float(value), 2) for value in (lower, estimate, upper)])
        [1.44, 1.51, 1.59]
        """
        check_level(level)
        evaluate = evaluation(self.model, quantity, args, kwargs, rows)
        if method == "delta":
            return delta_interval(self, quantity, evaluate, level)
        if method != "draws":
            raise InputError(f"method must be 'delta' or 'draws'; got {method!r}")
        if rng is None:
            raise InputError("method='draws' needs rng=, a numpy Generator or a seed")
        check_draws(n_draws, "n_draws")
        draws = normal_draws(self, n_draws, generator(rng))
        return drawn_interval(self.model, draws, evaluate, level)

    def bootstrap(self, n: int, *, rng: Random) -> Bootstrap:
        """Fit again to `n` samples of as many customers, drawn from these with replacement.

        Each draw weighs the distinct histories anew (multinomial) and starts at the optimum with
        its curvature, so that a draw takes milliseconds.

        Parameters
        ----------
        n : int
            Number of draws.
        rng : numpy.random.Generator or int

        Returns
        -------
        Bootstrap

        Raises
        ------
        InputError
            Where the fit was loaded without its data.

        Warns
        -----
        ConvergenceWarning
            Where some draws led to no maximum; `Bootstrap.n_failed` counts them.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> drawn = cv.MBGNBD.fit(summary).bootstrap(20, rng=1)
        >>> drawn
        Bootstrap(MBGNBD, 20 draws)
        >>> len(drawn.draws), drawn.n_failed
        (20, 0)
        """
        return bootstrap(self, n, generator(rng))

    def _search(self) -> tuple[list[str], FloatArray, Scale]:
        """Names and values of the parameters, and the scale on which they were searched."""
        estimates = self.model._estimates()
        names = list(estimates)
        return names, np.array(list(estimates.values())), Scale.of(names, self.model._real)
