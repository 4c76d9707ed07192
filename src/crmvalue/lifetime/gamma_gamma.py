"""Gamma-gamma model of spend per purchase (Fader and Hardie 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, group_sum
from crmvalue.errors import InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._inference.search import PILOT
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._spend.gamma_gamma_likelihood import GammaGammaLikelihood, log_beta_inverse
from crmvalue.lifetime._spend.model import SpendModel, read_repeat_buyers
from crmvalue.lifetime.independence import dependence_note


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GammaGamma(SpendModel):
    """Gamma-gamma model of the mean spend per repeat purchase.

    A customer's purchases are Gamma(p, ν) with ν ~ Gamma(q, gamma), independent of how often the
    customer buys (`spend_independence` tests it). The customer's own mean is p / ν. The mean over
    customers is p gamma / (q - 1); it exists for q > 1, medians always do.

    Parameters
    ----------
    p, q, gamma : float
        Shape of single purchases, shape and scale of the differences between customers; gamma is
        money. Spend is per purchase: there is no unit of time.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013). The gamma-gamma model of monetary value. Note 25,
    brucehardie.com: the likelihood is eq. 1a, the conditional expectation eq. 5; given x purchases
    of mean m, ν is Gamma(p x + q, gamma + x m).

    Examples
    --------
    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    >>> print(model.expected_spend([0, 2], [float("nan"), 22.35]).round(2).tolist())
    [35.22, 24.66]
    >>> print(model.median_spend([0, 2], [float("nan"), 22.35]).round(2).tolist())
    [28.28, 23.63]
    """

    p: Parameter
    q: Parameter
    gamma: Parameter
    _parameters: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    @classmethod
    def fit(cls, summary: IntoFrame, *, weights: str | npt.ArrayLike | None = None) -> Fit[Self]:
        """Estimate the parameters by maximum likelihood from the repeat buyers.

        Parameters
        ----------
        summary : frame
            frequency and monetary_value (mean spend per repeat purchase), as `customer_summary`
            gives them. Ages don't enter, so that there is no `unit`.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.

        Returns
        -------
        Fit
            `log_likelihood` is that of the observed means. `messages` counts the repeat buyers
            whose mean is not above 0, who are left out, and says where spend depends on frequency
            materially (see `spend_independence`) or where q <= 1 leaves no mean.

        Raises
        ------
        InputError
            Where the summary has faults, or no repeat buyer with a mean spend above 0.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> fit = GammaGamma.fit(summary)
        >>> fit.converged, fit.n_customers
        (True, 1139)
        >>> print(fit.params()[["parameter", "estimate"]].round(1).to_string(index=False))
        parameter  estimate
                p       4.7
                q       4.2
            gamma      24.4
        """
        return cls._fitted(summary, weights=weights, stacklevel=4)

    @classmethod
    def _fitted(
        cls, summary: IntoFrame, *, weights: str | npt.ArrayLike | None, stacklevel: int | None
    ) -> Fit[Self]:
        """Estimate the parameters; what a warning would say stands in the messages, too."""
        x, mean, weight = read_repeat_buyers(summary, weights)
        used = mean > 0
        left_out = float(weight[~used].sum())
        if not used.any():
            raise InputError(
                "summary has no repeat buyer (frequency above 0) with a monetary_value above 0; "
                "spend can't be estimated. Cure: use a longer period, or more customers"
            )
        x, mean, weight = x[used], mean[used], weight[used]
        rows = distinct_rows(x.astype(np.int64), mean, inverse=True)
        counts = group_sum(rows.inverse, weight, len(rows.counts))
        purchases, means = (column.astype(np.float64) for column in rows.columns)
        scale = float((counts * means).sum() / counts.sum())
        likelihood = GammaGammaLikelihood(purchases, means / scale, counts)
        units = np.array([1.0, 1.0, scale])

        def notes(model: Self) -> list[str]:
            found = dependence_note(model, purchases, means, counts)
            if left_out:
                found.append(
                    f"repeat buyers with a mean spend of 0 or less: {left_out:,.0f}, left out of "
                    "the fit of spend and predicted as if it were 0"
                )
            return found

        return estimate(
            likelihood,
            likelihood.thinned(PILOT),
            [np.array(start) for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 1.5, 1.0))],
            build=lambda parameters: cls._build(parameters * units),
            shift=-float(counts.sum()) * float(np.log(scale)),
            n_histories=len(counts),
            notes=notes,
            stacklevel=stacklevel,
        )

    def log_likelihood(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Log-likelihood of the mean spend of each customer; 0 where there is none above 0.

        Parameters
        ----------
        frequency, monetary_value : array_like
            Repeat purchases and mean spend on them, broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or shapes don't broadcast.

        Examples
        --------
        >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
        >>> print(model.log_likelihood([0, 2], [float("nan"), 22.35]).round(2).tolist())
        [0.0, -3.55]
        """
        x, mean = self._enter(frequency, monetary_value)
        seen = (x > 0) & (mean > 0)
        x, mean = np.where(seen, x, 1.0), np.where(seen, mean, 1.0)
        shape, total = np.multiply(self.p, x), x * mean
        value = (
            log_beta_inverse(shape, np.broadcast_to(self.q, shape.shape))
            - np.log(mean)
            - shape * np.log1p(self.gamma / total)
            - self.q * np.log1p(total / self.gamma)
        )
        return np.where(seen, value, 0.0)[()]

    def expected_spend(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Expected spend per purchase of customers with this mean spend so far (eq. 5).

        The customer's own mean, drawn towards that of the population, the more so the fewer
        purchases stand behind it.

        Parameters
        ----------
        frequency, monetary_value : array_like
            Repeat purchases and mean spend on them, broadcast against each other. Where frequency
            is 0 the mean spend may be missing; below 0 it counts as 0.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, shapes don't broadcast, or the mean doesn't exist:
            p x + q <= 1, so for customers without repeat purchases where q <= 1. The median does:
            `median_spend`.

        Examples
        --------
        >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
        >>> print(model.expected_spend([0, 1, 9], 60.0).round(2).tolist())
        [35.22, 52.45, 58.85]
        """
        shape, rate = self._posterior(*self._enter(frequency, monetary_value))
        if np.any(shape <= 1):
            raise InputError(
                f"under q = {np.min(self.q):.4g} the mean spend is infinite (it needs q > 1) for "
                "customers with few or no repeat purchases. Cure: take their median, "
                "median_spend(frequency, monetary_value); or fit to more customers, or look for "
                "outliers in monetary_value; or predict repeat buyers only, where p x + q > 1"
            )
        return (self.p * rate / (shape - 1))[()]

    def median_spend(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Median of what the customer's mean spend per purchase may be; it exists for every q.

        The customer's true mean p / ν is not known; given the purchases so far it is above this
        figure as likely as below. It is not the median of single purchases, and below
        `expected_spend`, as the distribution is skewed to the right.

        Parameters
        ----------
        frequency, monetary_value : array_like
            As in `expected_spend`.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or shapes don't broadcast.

        Examples
        --------
        >>> print(GammaGamma(p=4, q=0.9, gamma=10).median_spend(0, float("nan")).round(2))
        67.03
        """
        return self.spend_quantile(0.5, frequency, monetary_value)

    def spend_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike
    ) -> FloatArray:
        """Quantiles of what the customer's mean spend per purchase may be.

        With ν | x, m ~ Gamma(p x + q, gamma + x m), P(p / ν <= z) = P(ν >= p / z).

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1 (not the parameter q): .05 and .95 for the ends of a
            90 % interval. Parameters are taken as known.
        frequency, monetary_value : array_like
            As in `expected_spend`; all broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or shapes don't broadcast.

        Examples
        --------
        >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
        >>> print(model.spend_quantile([0.05, 0.95], 2, 22.35).round(2).tolist())
        [16.07, 36.76]
        """
        x, mean, level = self._enter(frequency, monetary_value, q=q)
        shape, rate = self._posterior(x, mean)
        return (self.p * rate / special.gammainccinv(shape, level))[()]

    def _posterior(self, x: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shape and rate of ν, given the purchases so far."""
        return self.p * x + self.q, self.gamma + x * np.maximum(mean, 0.0)

    def _percentile(self, x: FloatArray, mean: FloatArray) -> FloatArray:
        total = x * mean
        share = special.betainc(self.p * x, self.q, total / (self.gamma + total))
        return np.asarray(share, dtype=np.float64)

    def _covers(self, mean: FloatArray) -> npt.NDArray[np.bool_]:
        return mean > 0

    def _cautions(self) -> list[str]:
        if np.min(self.q) > 1:
            return []
        return [
            f"q = {np.min(self.q):.4g} is not above 1: the mean spend of customers is infinite; "
            "median_spend gives their median"
        ]

    def _limits(self) -> list[Limit]:
        p, q, gamma = (float(np.mean(getattr(self, name))) for name in self._parameters)
        same_mean = (1e4 * q - 1) / (q - 1) if q > 1 else 1e4
        return [
            Limit(
                {"q": 1e4, "gamma": same_mean},
                ("q", "gamma"),
                "customers hardly differ in spend: the data are about as likely if q and gamma "
                f"grow without bound along p gamma / (q - 1) = {p * gamma / (q - 1):.4g}, and only "
                "this mean is estimated",
            ),
            Limit(
                {"p": 1e4, "gamma": 1e-4},
                ("p", "gamma"),
                "each customer spends the same on every purchase: the data are about as likely if "
                f"p grows without bound along p gamma = {p * gamma:.4g}",
            ),
        ]
