"""Normal-normal model of spend per purchase, for margins that may be negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, group_sum
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.model import Parameter
from crmvalue.lifetime._spend.model import SpendModel, read_repeat_buyers
from crmvalue.lifetime._spend.normal_likelihood import NormalSpendLikelihood


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NormalSpend(SpendModel):
    """Normal-normal model of the mean spend (or margin) per repeat purchase.

    A customer's purchases are normal around the customer's own mean with standard deviation sigma;
    the own means are normal around mu (with `slope`: around mu + slope ln(1 + frequency)) with
    standard deviation tau. The mean m of x purchases is then normal with variance
    tau^2 + sigma^2 / x. Unlike in `GammaGamma` spend may be negative, a loss or a refund, and may
    depend on how often a customer buys.

    Parameters
    ----------
    mu : float
        Mean of the customers, of either sign.
    tau, sigma : float
        Standard deviation between customers, and between the purchases of one; all are money.
    slope : float, optional
        What the mean of the customers rises by with ln(1 + frequency); None where it doesn't
        depend on frequency.

    References
    ----------
    Schmittlein, D. C. and Peterson, R. A. (1994). Customer base analysis: an industrial purchase
    process application. Marketing Science 13(1), 41-67: the model of purchase volume, without
    `slope`. The posterior is that of a normal mean (Gelman and others, Bayesian Data Analysis,
    3rd ed., eqs. 2.11 and 2.12).

    Examples
    --------
    >>> model = NormalSpend(mu=35.0, tau=20.0, sigma=30.0)
    >>> print(model.expected_spend([0, 1, 9], [float("nan"), -10.0, -10.0]).round(2).tolist())
    [35.0, 21.15, -1.0]
    >>> NormalSpend(mu=30.0, tau=20.0, sigma=30.0, slope=4.0)
    NormalSpend(mu=30, tau=20, sigma=30, slope=4)
    """

    mu: Parameter
    tau: Parameter
    sigma: Parameter
    slope: Parameter | None = None
    _parameters: ClassVar[tuple[str, ...]] = ("mu", "tau", "sigma")
    _real: ClassVar[tuple[str, ...]] = ("mu", "slope")
    _signed: ClassVar[tuple[str, ...]] = ("log_likelihood", "expected_spend", "spend_quantile")

    def __post_init__(self) -> None:
        if self.slope is not None:  # one more parameter, checked and reported like the others
            object.__setattr__(self, "_parameters", (*type(self)._parameters, "slope"))
        super().__post_init__()

    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        *,
        weights: str | npt.ArrayLike | None = None,
        on_frequency: bool = False,
    ) -> Fit[Self]:
        """Estimate the parameters by maximum likelihood from the repeat buyers.

        tau and sigma are told apart by customers of different frequency: the more purchases, the
        less of sigma is left in their mean.

        Parameters
        ----------
        summary : frame
            frequency and monetary_value (mean spend per repeat purchase, of any sign), as
            `customer_summary` gives them. Ages don't enter, so that there is no `unit`.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.
        on_frequency : bool
            Whether the mean of customers depends on ln(1 + frequency): estimates `slope`, too.

        Returns
        -------
        Fit
            `log_likelihood` is that of the observed means.

        Raises
        ------
        InputError
            Where the summary has faults, or no repeat buyer.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import pandas as pd
        >>> rng = np.random.default_rng(1)
        >>> x = rng.geometric(0.3, 5000)
        >>> mean = rng.normal(10, np.sqrt(20**2 + 30**2 / x))
        >>> fit = NormalSpend.fit(pd.DataFrame({"frequency": x, "monetary_value": mean}))
        >>> print(fit.params().round(1).to_string(index=False))
        parameter  estimate  std_error  lower  upper
               mu      10.0        0.4    9.2   10.7
              tau      20.5        0.6   19.3   21.7
            sigma      28.9        1.0   26.9   30.9
        """
        x, mean, weight = read_repeat_buyers(summary, weights)
        rows = distinct_rows(x.astype(np.int64), mean, inverse=True)
        counts = group_sum(rows.inverse, weight, len(rows.counts))
        purchases, means = (column.astype(np.float64) for column in rows.columns)
        center = float(np.average(means, weights=counts))
        spread = float(np.sqrt(np.average((means - center) ** 2, weights=counts)))
        scale = spread if spread > 1e-12 * abs(center) else 1.0
        likelihood = NormalSpendLikelihood(purchases, (means - center) / scale, counts)
        flat = ((0.0, 0.7, 0.7), (0.0, 0.3, 1.5), (0.0, 0.9, 0.3))
        starts = [np.array([*start, 0.0][: 4 if on_frequency else 3]) for start in flat]

        offset = np.array([center, 0.0, 0.0, 0.0])[: len(starts[0])]
        names = (*cls._parameters, "slope")[: len(starts[0])]
        return estimate(
            likelihood,
            likelihood,
            starts,
            build=lambda parameters: cls(
                **dict(zip(names, (parameters * scale + offset).tolist(), strict=True))
            ),
            shift=-float(counts.sum()) * float(np.log(scale)),
            n_histories=len(counts),
            units=scale,
            notes=lambda _: likelihood.cautions(),
        )

    def log_likelihood(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Log-likelihood of the mean spend of each customer; 0 where frequency is 0.

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
        >>> model = NormalSpend(mu=35.0, tau=20.0, sigma=30.0)
        >>> print(model.log_likelihood([0, 9], [float("nan"), -10.0]).round(2).tolist())
        [0.0, -6.05]
        """
        x, mean = self._enter(frequency, monetary_value)
        variance = self._variance(x)
        square = (mean - self._prior(x)) ** 2 / variance
        return np.where(x > 0, -0.5 * (np.log(2 * np.pi * variance) + square), 0.0)[()]

    def expected_spend(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Expected spend per purchase of customers with this mean spend so far.

        The customer's own mean with the weight x tau^2 / (x tau^2 + sigma^2), that of the
        customers (of this frequency) with the rest; also the median.

        Parameters
        ----------
        frequency, monetary_value : array_like
            Repeat purchases and mean spend on them, broadcast against each other. Where frequency
            is 0 the mean spend may be missing.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or shapes don't broadcast.

        Examples
        --------
        >>> model = NormalSpend(mu=30.0, tau=20.0, sigma=30.0, slope=4.0)
        >>> print(model.expected_spend([0, 1, 9], [float("nan"), 60.0, 60.0]).round(2).tolist())
        [30.0, 41.15, 55.84]
        """
        x, mean = self._enter(frequency, monetary_value)
        return self._expected(x, mean)[()]

    def spend_variance(self, frequency: npt.ArrayLike) -> FloatArray:
        """Variance that is left in the customer's own mean spend after x purchases.

        tau^2 sigma^2 / (x tau^2 + sigma^2): it doesn't depend on what was spent.

        Parameters
        ----------
        frequency : array_like
            Repeat purchases.

        Returns
        -------
        ndarray of the shape of `frequency`

        Raises
        ------
        InputError
            Where a frequency is bad, or shapes don't broadcast.

        Examples
        --------
        >>> model = NormalSpend(mu=35.0, tau=20.0, sigma=30.0)
        >>> print(model.spend_variance([0, 1, 9]).round(2).tolist())
        [400.0, 276.92, 80.0]
        """
        x, _ = self._enter(frequency, 0.0)
        return self._left(x)[()]

    def spend_quantile(
        self, q: npt.ArrayLike, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike
    ) -> FloatArray:
        """Quantiles of what the customer's own mean spend per purchase may be.

        Parameters
        ----------
        q : array_like
            Probabilities above 0 and below 1: .05 and .95 for the ends of a 90 % interval.
            Parameters are taken as known.
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
        >>> model = NormalSpend(mu=35.0, tau=20.0, sigma=30.0)
        >>> print(model.spend_quantile([0.05, 0.95], 9, -10.0).round(2).tolist())
        [-15.71, 13.71]
        """
        x, mean, level = self._enter(frequency, monetary_value, q=q)
        return (self._expected(x, mean) + np.sqrt(self._left(x)) * special.ndtri(level))[()]

    def _prior(self, x: FloatArray) -> FloatArray:
        """Mean of the customers of this frequency."""
        rise: Parameter = 0.0 if self.slope is None else self.slope * np.log1p(x)
        return np.add(self.mu, rise) + np.zeros_like(x)

    def _variance(self, x: FloatArray) -> FloatArray:
        """Variance of the mean of x purchases."""
        variance: FloatArray = np.square(self.tau) + np.square(self.sigma) / np.maximum(x, 1.0)
        return variance

    def _expected(self, x: FloatArray, mean: FloatArray) -> FloatArray:
        own, other = x * np.square(self.tau), np.square(self.sigma)
        expected: FloatArray = (own * mean + other * self._prior(x)) / (own + other)
        return expected

    def _left(self, x: FloatArray) -> FloatArray:
        between, within = np.square(self.tau), np.square(self.sigma)
        left: FloatArray = between * within / (x * between + within)
        return left

    def _percentile(self, x: FloatArray, mean: FloatArray) -> FloatArray:
        away = (mean - self._prior(x)) / np.sqrt(self._variance(x))
        return np.asarray(special.ndtr(away), dtype=np.float64)

    def _limits(self) -> list[Limit]:
        return [
            Limit(
                {"tau": 1e-4},
                ("tau",),
                "customers hardly differ in their mean spend: the data are about as likely if they "
                "don't differ at all (tau = 0) and what each has spent says nothing of the rest",
            ),
            Limit(
                {"sigma": 1e-4},
                ("sigma",),
                "the purchases of a customer hardly vary: the data are about as likely if they "
                "don't vary at all (sigma = 0) and the mean so far is taken as it stands",
            ),
        ]
