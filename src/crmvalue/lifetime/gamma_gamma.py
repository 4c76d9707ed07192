"""Gamma-gamma model of spend per purchase (Fader and Hardie 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table, row_examples
from crmvalue._stats import FloatArray, group_sum
from crmvalue._table import table
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._fit import Fit, Limit, estimate
from crmvalue.lifetime._histories import read_customers, read_weights
from crmvalue.lifetime._mechanism import Model, Parameter
from crmvalue.lifetime._search import PILOT
from crmvalue.lifetime._special import digamma_rise, log_rising


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GammaGamma(Model):
    """Gamma-gamma model of the mean spend per repeat purchase.

    A customer's purchases are Gamma(p, ν) with ν ~ Gamma(q, gamma), independent of how often the
    customer buys. The mean over customers is p gamma / (q - 1); it exists for q > 1.

    Parameters
    ----------
    p, q, gamma : float
        Shape of single purchases, shape and scale of the differences between customers; gamma is
        money.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013). The gamma-gamma model of monetary value. Note 25,
    brucehardie.com: the likelihood is eq. 1a, the conditional expectation eq. 5.

    Examples
    --------
    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    >>> print(model.expected_spend([0, 2], [float("nan"), 22.35]).round(2).tolist())
    [35.22, 24.66]
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
            gives them.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.

        Returns
        -------
        Fit
            `log_likelihood` is that of the observed means. Repeat buyers whose mean is not above 0
            are left out and counted in `messages`.

        Raises
        ------
        InputError
            Where the summary has faults, or no repeat buyer with a mean spend above 0.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.
        """
        read = Table(summary, "summary", ("frequency", "monetary_value"))
        x, mean = _read_spend(read)
        given = read_weights(read, weights)
        read.finish()
        weight = np.ones(len(x)) if given is None else given
        left_out = float(weight[(x > 0) & (mean <= 0)].sum())
        used = (x > 0) & (mean > 0) & (weight > 0)
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
        likelihood = _SpendLikelihood(purchases, means / scale, counts)
        notes = []
        if left_out:
            notes.append(
                f"repeat buyers with a mean spend of 0 or less: {left_out:,.0f}, left out of the "
                "fit of spend and predicted as if it were 0"
            )

        units = np.array([1.0, 1.0, scale])
        return estimate(
            likelihood,
            likelihood.thinned(PILOT),
            [np.array(start) for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 1.5, 1.0))],
            build=lambda parameters: cls._build(parameters * units),
            shift=-float(counts.sum()) * float(np.log(scale)),
            n_histories=len(counts),
            notes=notes,
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
        """
        x, mean = _enter(frequency, monetary_value)
        seen = (x > 0) & (mean > 0)
        x, mean = np.where(seen, x, 1.0), np.where(seen, mean, 1.0)
        shape, total = np.multiply(self.p, x), x * mean
        value = (
            _log_beta_inverse(shape, np.broadcast_to(self.q, shape.shape))
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
            Where an argument is bad, or the mean doesn't exist: p x + q <= 1, so for customers
            without repeat purchases where q <= 1.
        """
        x, mean = _enter(frequency, monetary_value)
        weight = self.p * x + self.q - 1
        if np.any(weight <= 0):
            raise InputError(
                f"under q = {np.min(self.q):.4g} the mean spend is infinite (it needs q > 1) for "
                "customers with few or no repeat purchases. Cure: fit to more customers, or look "
                "for outliers in monetary_value; or predict repeat buyers only, where p x + q > 1"
            )
        spent = np.where(x > 0, x * np.maximum(mean, 0.0), 0.0)
        return (self.p * (self.gamma + spent) / weight)[()]

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        if horizon is not None:
            raise InputError(
                "predicted spend is per purchase and has no horizon; leave horizon out"
            )
        read = Table(summary, "summary", ("customer_id", "frequency", "monetary_value"))
        x, mean = _read_spend(read)
        ids, order = read_customers(read)
        spend = self.expected_spend(x, mean)
        return table({"customer_id": ids, "expected_spend": spend[order]}, like=read.frame)

    def _cautions(self) -> list[str]:
        if np.min(self.q) > 1:
            return []
        return [f"q = {np.min(self.q):.4g} is not above 1: the mean spend of customers is infinite"]

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


def _log_beta_inverse(a: FloatArray, b: FloatArray) -> FloatArray:
    """-ln B(a, b) = ln Γ(a + b) - ln Γ(a) - ln Γ(b), the large one of a and b in the difference."""
    small: FloatArray = np.minimum(a, b)
    return log_rising(np.maximum(a, b), small) - special.gammaln(small)


def _read_spend(read: Table) -> tuple[FloatArray, FloatArray]:
    """Frequency and monetary_value; the latter may be missing where there is no repeat purchase."""
    before = len(read.faults)
    x = read.numbers("frequency", minimum=0)
    mean = read.numbers("monetary_value", null=True)
    if len(read.faults) == before:
        _check_spend(x, mean, read.faults, prefix=f"{read.name}.")
    return x, np.where(x > 0, mean, 0.0)


def _check_spend(x: FloatArray, mean: FloatArray, faults: FaultList, *, prefix: str = "") -> None:
    not_whole = ~((x >= 0) & (x == np.rint(x)) & np.isfinite(x))
    if not_whole.any():
        faults.add(
            "not_whole",
            column=prefix + "frequency",
            rows=int(not_whole.sum()),
            examples=row_examples(not_whole, x),
            expected="expected whole numbers of repeat purchase days, at least 0",
        )
    missing = (x > 0) & ~np.isfinite(mean)
    if missing.any():
        faults.add(
            "missing_spend",
            column=prefix + "monetary_value",
            rows=int(missing.sum()),
            examples=row_examples(missing, mean),
            expected="expected a finite mean spend where frequency is above 0",
        )


def _enter(
    frequency: npt.ArrayLike, monetary_value: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    faults = FaultList()
    x, mean = np.broadcast_arrays(
        np.asarray(frequency, dtype=np.float64), np.asarray(monetary_value, dtype=np.float64)
    )
    _check_spend(np.atleast_1d(x), np.atleast_1d(mean), faults)
    faults.raise_if_any("GammaGamma")
    return x, np.where(x > 0, mean, 0.0)


class _SpendLikelihood:
    """Log-likelihood of mean spends (eq. 1a), with its gamma functions on distinct x alone."""

    def __init__(self, x: FloatArray, mean: FloatArray, weights: FloatArray) -> None:
        self.weight = float(weights.sum())
        self.x, self.mean, self.weights = x, mean, weights
        self.purchases, place = np.unique(x, return_inverse=True)
        self.by_x = np.bincount(place, weights=weights)
        self.total = x * mean
        self.constant = float((weights * np.log(mean)).sum())

    def thinned(self, customers: int) -> _SpendLikelihood:
        if len(self.x) <= customers:
            return self
        rows = np.linspace(0, len(self.x) - 1, customers).astype(np.int64)
        return _SpendLikelihood(self.x[rows], self.mean[rows], self.weights[rows])

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        p, q, gamma = parameters.tolist()
        shapes = p * self.purchases
        below = self.weights * np.log1p(gamma / self.total)
        above = self.weights * np.log1p(self.total / gamma)
        x_below = (self.x * below).sum()
        value = (
            (self.by_x * _log_beta_inverse(shapes, np.full_like(shapes, q))).sum()
            - self.constant
            - p * x_below
            - q * above.sum()
        )
        balance = (q * self.total - p * gamma * self.x) / (gamma + self.total)
        gradient = np.array(
            [
                (self.by_x * self.purchases * digamma_rise(shapes, q)).sum() - x_below,
                (self.by_x * digamma_rise(q, shapes)).sum() - above.sum(),
                (self.weights * balance).sum() / gamma,
            ]
        )
        return float(value), gradient
