"""The bootstrap over customers: what other samples of the same size would have said."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, check_draws
from crmvalue._value import Value
from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._inference.search import AT_WALL, FLAT, Objective, nearby_maximum
from crmvalue.lifetime._inference.uncertainty import (
    Interval,
    check_level,
    drawn_interval,
    evaluation,
    percentile_interval,
)

if TYPE_CHECKING:
    from crmvalue.lifetime._fit import Fit


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Bootstrap(Value):
    """Parameters fitted again and again to customers drawn with replacement.

    Made by `Fit.bootstrap`. Unlike standard errors from the curvature of the likelihood it doesn't
    take the estimates for normal, nor the model for true.

    Attributes
    ----------
    model : BGNBD, MBGNBD, GammaGamma, ...
        The model fitted to all customers.
    parameters : ndarray, shape (draws, parameters)
        Estimates of each draw.
    n_failed : int
        Draws for which no maximum was found: they are left out.
    n_open : int
        Draws kept in which some parameter ran off to 0 or without bound, since they leave it open.

    Examples
    --------
    >>> import numpy as np
    >>> from crmvalue.lifetime import MBGNBD
    >>> rng = np.random.default_rng(1)
    >>> model = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
    >>> fit = MBGNBD.fit(model.sample(4000, T=40.0, rng=rng))
    >>> drawn = fit.bootstrap(50, rng=rng)
    >>> drawn
    Bootstrap(MBGNBD, 50 draws)
    >>> list(drawn.params().columns)
    ['parameter', 'estimate', 'std_error', 'lower', 'upper']
    >>> interval = drawn.interval("expected_purchases_new_customer", 52.0)
    >>> bool(interval.lower < interval.estimate < interval.upper)
    True
    """

    model: Any
    parameters: FloatArray
    n_failed: int
    n_open: int

    def __repr__(self) -> str:
        shown = [type(self.model).__name__, f"{len(self.parameters):,} draws"]
        shown += [f"{self.n_failed:,} failed"] * bool(self.n_failed)
        shown += [f"{self.n_open:,} with an open parameter"] * bool(self.n_open)
        return f"Bootstrap({', '.join(shown)})"

    @property
    def draws(self) -> pd.DataFrame:
        """The parameters of each draw: columns draw (from 1) and one for each parameter."""
        draw = np.arange(1, len(self.parameters) + 1)
        return pd.DataFrame(
            {"draw": draw, **dict(zip(self._names(), self.parameters.T, strict=True))}
        )

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the parameters over the draws."""
        matrix = np.atleast_2d(np.cov(self.parameters, rowvar=False))
        return pd.DataFrame(matrix, index=self._names(), columns=self._names())

    def params(self, level: float = 0.95) -> pd.DataFrame:
        """Estimates with the standard deviation and the percentiles of the draws.

        Parameters
        ----------
        level : float
            Share of the draws that lies between lower and upper.

        Returns
        -------
        pandas.DataFrame
            Columns parameter, estimate (of all customers), std_error, lower, upper.

        Raises
        ------
        InputError
            Where `level` is not above 0 and below 1.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> drawn = cv.MBGNBD.fit(summary).bootstrap(20, rng=1)
        >>> print(drawn.params(level=0.8).round(1).to_string(index=False))
        parameter  estimate  std_error  lower  upper
                r       0.6        0.1    0.5    0.8
            alpha       8.7        1.7    6.9   11.1
                a       0.6        0.1    0.5    0.6
                b       1.0        0.6    0.8    1.5
        """
        check_level(level)
        estimates = np.array(list(self.model._estimates().values()))
        found = percentile_interval(estimates, self.parameters, level)
        return pd.DataFrame(
            {
                "parameter": self._names(),
                "estimate": found.estimate,
                "std_error": found.std_error,
                "lower": found.lower,
                "upper": found.upper,
            }
        )

    def interval(
        self,
        quantity: str,
        /,
        *args: Any,
        level: float = 0.95,
        rows: IntoFrame | None = None,
        **kwargs: Any,
    ) -> Interval:
        """The interval of a quantity of the model, from its values under each draw.

        Parameters
        ----------
        quantity : str
            Name of a method of the model, such as ``"expected_purchases"``.
        *args, **kwargs
            What the method takes.
        level : float
            Share of the draws that lies between lower and upper.
        rows : frame, optional
            Where the covariates of a model that has some stand.

        Returns
        -------
        Interval
            The estimate of all customers, percentiles and standard deviation of the draws. A
            quantile that some draws never reach (NaN) counts as later than any number.

        Raises
        ------
        InputError
            Where the model has no such quantity, or it doesn't exist under one of the draws.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> drawn = cv.MBGNBD.fit(summary).bootstrap(20, rng=1)
        >>> found = drawn.interval("expected_purchases", 2, 30, 39, horizon=52)
        >>> print([round(float(value), 1) for value in (found.lower, found.estimate, found.upper)])
        [1.7, 1.8, 1.9]
        """
        check_level(level)
        evaluate = evaluation(self.model, quantity, args, kwargs, rows)
        return drawn_interval(self.model, self.parameters, evaluate, level)

    def _names(self) -> list[str]:
        return list(self.model._estimates())


def bootstrap(fit: Fit[Any], n: int, rng: np.random.Generator) -> Bootstrap:
    """Fit again to customers drawn with replacement: other weights of the same histories."""
    evidence = fit._evidence
    if evidence is None:
        raise InputError(
            "a bootstrap needs the data, which a saved fit doesn't hold. Cure: fit again and "
            "bootstrap that fit; its Bootstrap can be saved by to_json"
        )
    check_draws(n)
    objective, optimum = evidence.objective, evidence.optimum
    weights = objective.likelihood.weights
    customers = max(fit.n_customers, 1)
    shares = weights / weights.sum()
    size = float(weights.sum()) / customers  # where weights aren't whole
    parameters, n_open, failures = [], 0, 0
    for _ in range(n):
        counts: FloatArray = size * rng.multinomial(customers, shares).astype(np.float64)
        again = Objective(objective.likelihood.reweighted(counts), objective.scale)
        found = nearby_maximum(again, optimum.point, optimum.hessian)
        loose = bool(np.any(np.abs(found.point) >= AT_WALL) or len(found.weak_directions()))
        # Along an open direction the search stops where the slope no longer matters.
        if not found.stationary and not (loose and found.slope < FLAT):
            failures += 1
            continue
        n_open += loose
        model = evidence.build(objective.scale.parameters(found.point))
        parameters.append(list(model._estimates().values()))
    if len(parameters) < 2:
        raise InputError(
            f"of {n} draws {failures} led to no maximum: these data don't bear a bootstrap. "
            "Cure: a simpler model, or more customers"
        )
    if failures:
        warnings.warn(
            f"{failures} of {n} draws led to no maximum and are left out",
            ConvergenceWarning,
            stacklevel=3,
        )
    return Bootstrap(
        model=fit.model, parameters=np.array(parameters), n_failed=failures, n_open=n_open
    )
