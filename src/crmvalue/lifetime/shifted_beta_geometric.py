"""Shifted beta-geometric model of contracts (Fader and Hardie 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray, Random, generator
from crmvalue._table import table
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._contracts.model import Contract
from crmvalue.lifetime._contracts.renewals import RenewalLikelihood, read_cohorts, scores
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._inference.search import FAR
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.histories import days_per_period, read_customers
from crmvalue.lifetime._model.model import Parameter, check_argument, plain


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShiftedBetaGeometric(Contract):
    """Shifted beta-geometric model of how long customers renew a contract.

    At each renewal a customer churns for good with probability θ ~ Beta(alpha, beta). Those who
    churn readily go first, so that the retention rate of a cohort rises although nobody changes.

    Parameters
    ----------
    alpha, beta : float
        Shapes of the churn probabilities; their mean is alpha / (alpha + beta).
    unit : {"Y", "D", "W", "M", "Q"}
        Time from one renewal to the next, for discounting.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007). How to project customer retention. Journal of
    Interactive Marketing 21(1), 76-90: churn_pmf is eq. 5, survival eq. 6, retention_rate eq. 8.
    Fader, P. S. and Hardie, B. G. S. (2010). Customer-base valuation in a contractual setting: the
    perils of ignoring heterogeneity. Marketing Science 29(1), 85-93: the discounted expected
    residual lifetime is eq. 6, here as an integral of positive terms.

    Examples
    --------
    >>> model = ShiftedBetaGeometric(alpha=0.704, beta=1.182)
    >>> print(model.survival([1, 2, 7]).round(3).tolist())
    [0.627, 0.474, 0.239]
    >>> print(model.retention_rate([1, 7]).round(3).tolist())
    [0.627, 0.911]
    """

    alpha: Parameter
    beta: Parameter
    unit: str = "Y"

    @classmethod
    def fit(cls, cohorts: IntoFrame, *, unit: str = "Y") -> Fit[Self]:
        """Estimate the parameters by maximum likelihood from the survivors of cohorts.

        Of those who are left in the last period of their cohort nothing more is known.

        Parameters
        ----------
        cohorts : frame
            One row per cohort and period, in any order: cohort, period (0 for the start, then 1, 2
            and so on, as far as is known of each cohort) and survivors (the number of customers
            left; counts, since standard errors follow from them).
        unit : {"Y", "D", "W", "M", "Q"}
            Time from one renewal to the next; it matters to discounting alone.

        Returns
        -------
        Fit
            `n_customers` are those of the start.

        Raises
        ------
        InputError
            Where the table has faults: all are listed.

        Warns
        -----
        ConvergenceWarning
            Where no maximum was found or the data leave a parameter open; `Fit.messages` says why.

        Examples
        --------
        >>> import pandas as pd
        >>> survivors = [1000, 631, 468, 382, 326, 289, 262, 241]
        >>> cohorts = pd.DataFrame({"cohort": 2000, "period": range(8), "survivors": survivors})
        >>> fit = ShiftedBetaGeometric.fit(cohorts)
        >>> print(fit.params().round(3).to_string(index=False))
        parameter  estimate  std_error  lower  upper
            alpha     0.704      0.066  0.589  0.850
             beta     1.182      0.152  0.925  1.535
        """
        days_per_period(unit)
        known = read_cohorts(cohorts)
        likelihood = RenewalLikelihood(known, known.weights)
        notes = []
        if not known.whole:
            notes.append(
                "survivors are not all whole numbers: standard errors are those of as many "
                "customers as the numbers say, and right only where they count customers"
            )
        return estimate(
            likelihood,
            likelihood,
            [np.array(start) for start in ((0.7, 1.5), (1.0, 8.0), (3.0, 3.0), (8.0, 2.0))],
            build=lambda parameters: cls._build(parameters, unit=unit),
            shift=0.0,
            n_histories=len(known.weights),
            notes=lambda _: notes,
        )

    def log_likelihood(self, renewals: npt.ArrayLike, churned: npt.ArrayLike) -> FloatArray:
        """Log-likelihood of each customer.

        Parameters
        ----------
        renewals : array_like
            Renewals made.
        churned : array_like of bool
            Whether the customer then churned, at renewal number `renewals` + 1; if not, more is not
            known. Broadcast against each other.

        Returns
        -------
        ndarray of the broadcast shape

        Raises
        ------
        InputError
            Where an argument is bad, or shapes don't broadcast.

        Examples
        --------
        >>> model = ShiftedBetaGeometric(alpha=0.704, beta=1.182)
        >>> print(model.log_likelihood([0, 3], [True, False]).round(3).tolist())
        [-0.985, -0.947]
        """
        left = np.asarray(churned)
        if left.dtype != np.bool_:
            raise InputError(f"churned must hold True or False; got {left.dtype} values")
        alpha, beta, (made, lost) = self._enter(renewals=renewals, churned=left)
        value, _ = scores(alpha.ravel(), beta.ravel(), made.ravel(), lost.ravel() > 0)
        return plain(value.reshape(made.shape))

    def sample(self, size: int, *, periods: npt.ArrayLike, rng: Random) -> pd.DataFrame:
        """Draw new customers and how often they renewed.

        Parameters
        ----------
        size : int
        periods : array_like
            Renewals that came up in the time looked at: a number for all customers, or for each.
        rng : numpy.random.Generator or int

        Returns
        -------
        pandas.DataFrame
            customer_id (1 to size), renewals, churned (False: still there after all of them).

        Raises
        ------
        InputError
            Where `periods` are not whole numbers of at least 0, or `rng` is neither of these.

        Examples
        --------
        >>> model = ShiftedBetaGeometric(alpha=0.704, beta=1.182)
        >>> print(model.sample(3, periods=4, rng=1).to_string(index=False))
         customer_id  renewals  churned
                   1         1     True
                   2         1     True
                   3         4    False
        """
        random = generator(rng)
        theta = random.beta(self.alpha, self.beta, size)
        most = np.broadcast_to(np.asarray(periods, dtype=np.float64), (size,))
        faults = FaultList()
        check_argument("periods", most, faults, whole=True)
        faults.raise_if_any("sample")
        with np.errstate(divide="ignore"):  # θ = 1 churns at once
            staying = np.log1p(-np.maximum(theta, 1e-300))
        made = np.minimum(np.floor(-random.standard_exponential(size) / staying), most)
        return pd.DataFrame(
            {
                "customer_id": np.arange(1, size + 1),
                "renewals": made.astype(np.int64),
                "churned": made < most,
            }
        )

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        if horizon is None:
            raise InputError("predict needs horizon=, a whole number of renewals to come")
        read = Table(summary, "summary", ("customer_id", "renewals"))
        made = read.numbers("renewals", minimum=0)
        if (bad := made != np.rint(made)).any():
            read.faults.add(
                "not_whole",
                column="summary.renewals",
                rows=int(bad.sum()),
                examples=row_examples(bad, made),
                expected="expected whole numbers of renewals made so far",
            )
        ids, order = read_customers(read)
        made = made[order]
        return table(
            {
                "customer_id": ids,
                "retention_probability": self.survival(horizon, made),
                "expected_renewals": self.expected_residual_lifetime(made, horizon=horizon),
            },
            like=read.frame,
        )

    def _limits(self) -> list[Limit]:
        alpha, beta = float(np.mean(self.alpha)), float(np.mean(self.beta))
        mean = alpha / (alpha + beta)
        return [
            Limit(
                {"alpha": FAR, "beta": FAR},
                ("alpha", "beta"),
                "customers hardly differ in how readily they churn: the data are about as likely "
                f"if alpha and beta grow without bound along alpha / (alpha + beta) = {mean:.4g}, "
                "and only this ratio is estimated",
            ),
            Limit(
                {"alpha": 1 / FAR, "beta": 1 / FAR},
                ("alpha", "beta"),
                "customers churn at the first renewal or never: the data are about as likely if "
                f"alpha and beta go to 0 along alpha / (alpha + beta) = {mean:.4g}, and only this "
                "ratio is estimated",
            ),
        ]
