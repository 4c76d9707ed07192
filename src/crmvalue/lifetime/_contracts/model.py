"""What is known and expected of a customer under contract."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._mathematics.lifetimes import first_whole, living_periods, log_survival
from crmvalue.lifetime._model.histories import days_per_period
from crmvalue.lifetime._model.model import Model, Parameter, check_argument, plain

_WHOLE = ("t", "renewals", "horizon")


class Contract(Model):
    """Renewals to come; at each one a customer churns with probability θ ~ Beta(alpha, beta)."""

    alpha: Parameter
    beta: Parameter
    unit: str
    _parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    _probabilities: ClassVar[tuple[str, ...]] = (
        "survival",
        "retention_rate",
        "churn_pmf",
        "posterior_dropout",
        "retention_probability",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        days_per_period(self.unit)

    def survival(self, t: npt.ArrayLike, renewals: npt.ArrayLike = 0) -> FloatArray:
        """Probability that a customer makes the next t renewals.

        Parameters
        ----------
        t : array_like
            Whole numbers of renewals to come.
        renewals : array_like
            Renewals made so far, 0 for a new customer; broadcast against t.

        Returns
        -------
        ndarray of the broadcast shape
        """
        alpha, beta, (ahead, made) = self._enter(t=t, renewals=renewals)
        return plain(np.exp(log_survival(alpha, beta + made, ahead)))

    def retention_rate(self, t: npt.ArrayLike) -> FloatArray:
        """Share of those up for renewal number t who make it, S(t) / S(t - 1).

        Parameters
        ----------
        t : array_like
            Whole numbers of at least 1.

        Returns
        -------
        ndarray of the shape of `t`
        """
        alpha, beta, (number,) = self._enter(t=t)
        _from_one(number)
        return plain((beta + number - 1) / (alpha + beta + number - 1))

    def churn_pmf(self, t: npt.ArrayLike) -> FloatArray:
        """Probability that a new customer churns at renewal number t.

        Parameters
        ----------
        t : array_like
            Whole numbers of at least 1.

        Returns
        -------
        ndarray of the shape of `t`
        """
        alpha, beta, (number,) = self._enter(t=t)
        _from_one(number)
        staying = np.exp(log_survival(alpha, beta, number - 1))
        return plain(staying * (alpha / (alpha + beta + number - 1)))

    def posterior_dropout(self, renewals: npt.ArrayLike) -> FloatArray:
        """Mean churn probability of customers who have made so many renewals.

        Parameters
        ----------
        renewals : array_like
            Renewals made so far.

        Returns
        -------
        ndarray of the shape of `renewals`
            E[θ | renewals], 1 - the retention rate of the renewal to come.
        """
        alpha, beta, (made,) = self._enter(renewals=renewals)
        return plain(alpha / (alpha + beta + made))

    def expected_residual_lifetime(
        self, renewals: npt.ArrayLike, *, horizon: npt.ArrayLike = np.inf
    ) -> FloatArray:
        """Expected number of renewals to come.

        Parameters
        ----------
        renewals : array_like
            Renewals made so far.
        horizon : array_like
            How many of the renewals to come are looked at. Broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or the expectation is infinite: no end, and alpha <= 1.
        """
        return self._lifetime(renewals, horizon, 0.0)

    def discounted_expected_residual_lifetime(
        self,
        renewals: npt.ArrayLike,
        *,
        annual_discount_rate: float,
        horizon: npt.ArrayLike = np.inf,
    ) -> FloatArray:
        """Expected number of renewals to come, discounted to the next one, which is due now.

        Times the net margin of a period it is what a customer is worth who is just up for renewal
        (Fader and Hardie 2010, eq. 6, whose n is `renewals` + 1).

        Parameters
        ----------
        renewals : array_like
            Renewals made so far.
        annual_discount_rate : float
            i: a renewal d days after the next one counts (1 + i)^-(d / 365.25).
        horizon : array_like
            How many of the renewals to come are looked at, the one due now included. Broadcast
            against `renewals`.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or the expectation is infinite: no end, a rate of 0, and
            alpha <= 1.

        Examples
        --------
        >>> from crmvalue.lifetime import ShiftedBetaGeometric
        >>> model = ShiftedBetaGeometric(alpha=0.704, beta=1.182)
        >>> derl = model.discounted_expected_residual_lifetime([0, 4], annual_discount_rate=0.10)
        >>> print(derl.round(3).tolist())
        [2.965, 5.894]
        """
        faults = FaultList()
        rate = np.asarray(annual_discount_rate)
        if rate.ndim:
            raise InputError("annual_discount_rate must be one number (.10 is 10 % a year)")
        check_argument("annual_discount_rate", rate, faults, whole=False)
        faults.raise_if_any(type(self).__name__)
        per_period = float(np.log1p(rate)) * days_per_period(self.unit) / 365.25
        return self._lifetime(renewals, horizon, per_period)

    def remaining_lifetime_quantile(self, q: npt.ArrayLike, renewals: npt.ArrayLike) -> FloatArray:
        """Renewals to come, no more than which a customer makes with probability q.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1; .5 gives the median.
        renewals : array_like
            Renewals made so far; broadcast against q.

        Returns
        -------
        ndarray of the broadcast shape
            Whole numbers; NaN above 1e300.
        """
        alpha, beta, (reach, made) = self._enter(q=q, renewals=renewals)
        a, b, left = alpha.ravel(), (beta + made).ravel(), np.log1p(-reach.ravel())
        found = first_whole(
            lambda rows, k: left[rows] - log_survival(a[rows], b[rows], k + 1), len(left)
        )
        return plain(found.reshape(reach.shape))

    def _lifetime(self, renewals: npt.ArrayLike, horizon: npt.ArrayLike, rate: float) -> FloatArray:
        alpha, beta, (made, ahead) = self._enter(renewals=renewals, horizon=horizon)
        a, b = alpha.ravel(), (beta + made).ravel()
        periods = living_periods(a, b + 1, ahead.ravel(), rate)
        if np.isinf(periods).any():
            raise InputError(
                "the expected number of renewals without end is infinite where alpha <= 1 (here "
                f"{np.min(self.alpha):.4g}); give a horizon, or discount it, or take "
                "remaining_lifetime_quantile"
            )
        return plain((b / (a + b) * periods).reshape(made.shape))

    def _enter(self, **arguments: Any) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
        """Parameters and checked arguments, as arrays of one shape."""
        arrays = self._broadcast(arguments)
        faults = FaultList()
        for name, values in zip(arguments, arrays, strict=True):
            check_argument(name, values, faults, whole=name in _WHOLE)
        faults.raise_if_any(type(self).__name__)
        alpha, beta = (np.broadcast_to(v, arrays[0].shape) for v in (self.alpha, self.beta))
        return alpha, beta, arrays


def _from_one(number: FloatArray) -> None:
    if np.any(number < 1):
        raise InputError("t must be at least 1, the number of a renewal; 0 is the start")
