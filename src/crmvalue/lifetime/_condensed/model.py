"""What BG/CNBD and MBG/CNBD do with data: fit with the gaps between purchases, and sample them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Self, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, Random, generator
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._condensed.estimation import check_log_gaps, estimate_condensed
from crmvalue.lifetime._condensed.mechanism import CondensedMechanism, whole_shape
from crmvalue.lifetime._fit import Fit


class Condensed(CondensedMechanism):
    """Base of BG/CNBD and MBG/CNBD."""

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
        k: int | None = ...,
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
        k: int | None = ...,
    ) -> NoReturn: ...

    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        *,
        unit: str = "W",
        weights: str | npt.ArrayLike | None = None,
        covariates: Mapping[str, Sequence[str] | str] | None = None,
        penalty: float = 0.0,
        k: int | None = None,
    ) -> Fit[Self]:
        """Estimate the parameters by maximum likelihood, and k where it isn't given.

        Parameters
        ----------
        summary : frame
            One row per customer: frequency, recency, T and log_interval_sum (sum of the logarithms
            of the gaps between purchases, in `unit`), as ``customer_summary(...,
            regularity=True)`` gives it. For k = 1 the last one isn't needed.
        unit : {"W", "D", "M", "Y"}
            What recency, T and the gaps are measured in.
        weights : str or array_like of shape (rows,), optional
            How many customers each row stands for: a column, or numbers of at least 0.
        covariates, penalty
            Not offered for this model: `ParetoNBD`, `BGNBD` and `MBGNBD` have them. An empty dict
            is as none.
        k : int, optional
            Shape of the gaps; by default the one from 1 to 12 under which the data are most likely
            (the smaller one of equals). It then counts as a parameter in `Fit.aic` and `Fit.bic`;
            standard errors and `Fit.bootstrap` take it as given.

        Returns
        -------
        Fit

        Raises
        ------
        InputError
            Where the summary is empty, has no repeat purchase, lacks log_interval_sum, or has
            faults: all are listed. Where covariates are given.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import numpy as np
        >>> from crmvalue.lifetime import MBGCNBD
        >>> model = MBGCNBD(k=3, r=2.0, alpha=4.0, a=0.9, b=2.5)
        >>> fit = MBGCNBD.fit(model.sample(2000, T=40.0, rng=np.random.default_rng(1)))
        >>> fit.model.k, fit.converged
        (3, True)
        """
        if (covariates is not None and covariates != {}) or penalty:
            raise InputError(
                f"{cls.__name__} takes no covariates and no penalty on them; "
                "ParetoNBD, BGNBD and MBGNBD do"
            )
        shape = None if k is None else whole_shape(k)
        return estimate_condensed(cls, summary, unit=unit, weights=weights, k=shape, stacklevel=4)

    @classmethod
    def _fitted(
        cls,
        summary: IntoFrame,
        *,
        unit: str,
        weights: str | npt.ArrayLike | None,
        stacklevel: int | None,
    ) -> Fit[Self]:
        return estimate_condensed(
            cls, summary, unit=unit, weights=weights, k=None, stacklevel=stacklevel
        )

    def log_likelihood(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        log_interval_sum: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Log-likelihood of each history: a density of the purchase times.

        Parameters
        ----------
        frequency, recency, T : array_like
            Histories, broadcast against each other.
        log_interval_sum : array_like
            Sum of the logarithms of the gaps between purchases, in the model's unit; it doesn't
            matter where frequency is 0, nor for k = 1.

        Returns
        -------
        ndarray of the broadcast shape
        """
        if log_interval_sum is None:
            history, _ = self._enter(frequency, recency, T)
            if self.k > 1 and history.x.any():
                raise InputError(
                    f"the likelihood for k={self.k} needs log_interval_sum, the sum of the "
                    "logarithms of the gaps; customer_summary(..., regularity=True) gives it"
                )
            sums = np.zeros(history.x.shape)
        else:
            given = np.asarray(log_interval_sum, dtype=np.float64)
            history, _ = self._enter(frequency, recency, T, log_interval_sum=np.zeros_like(given))
            sums = np.broadcast_to(given, history.x.shape)
            faults = FaultList()
            check_log_gaps(sums, history.x, history.recency, faults, "log_interval_sum")
            faults.raise_if_any(type(self).__name__)
        gaps = (self.k - 1) * sums - history.x * special.gammaln(self.k)
        value = self._each(type(self)._log_likelihood, history)
        return value + np.where(history.x > 0, gaps, 0.0)[()]

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
            customer_id (1 to size), frequency, recency, T, log_interval_sum.
        """
        random = generator(rng)
        drawn = super().sample(size, T=T, rng=random)
        x, recency = drawn["frequency"].to_numpy(), drawn["recency"].to_numpy()
        drawn["log_interval_sum"] = _draw_log_gaps(x, recency, self.k, random)
        return drawn


def _draw_log_gaps(
    x: npt.NDArray[np.int64], recency: FloatArray, k: int, rng: np.random.Generator
) -> FloatArray:
    """Sums of the logarithms of x gaps that make up t_x: Dirichlet(k, ..., k) shares of it."""
    ends = np.cumsum(x)
    total = int(ends[-1]) if len(ends) else 0
    logs, sums = np.zeros(len(x)), np.zeros(len(x))
    step = 1 << 20
    for start in range(0, total, step):
        owner = np.searchsorted(ends, np.arange(start, min(start + step, total)), side="right")
        gap = rng.standard_gamma(k, len(owner))
        first, last = int(owner[0]), int(owner[-1]) + 1
        sums[first:last] += np.bincount(owner - first, weights=gap, minlength=last - first)
        logs[first:last] += np.bincount(owner - first, weights=np.log(gap), minlength=last - first)
    bought = x > 0
    scale = np.log(np.where(bought, recency, 1.0)) - np.log(np.where(bought, sums, 1.0))
    return np.where(bought, logs + x * scale, 0.0)
