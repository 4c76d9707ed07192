"""Renewals of contracts: cohorts read and checked, and their log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray, dot, group_sum
from crmvalue.errors import InputError
from crmvalue.lifetime._mathematics.lifetimes import log_survival
from crmvalue.lifetime._mathematics.special import digamma_rise

COLUMNS = ("cohort", "period", "survivors")


@dataclass(frozen=True)
class Renewals:
    """Customers who renewed k times and then churned, or of whom no more is known.

    Attributes
    ----------
    renewals, weights : ndarray of float, shape (n,)
    churned : ndarray of bool, shape (n,)
    whole : bool
        Whether all weights are whole numbers.
    """

    renewals: FloatArray
    churned: npt.NDArray[np.bool_]
    weights: FloatArray
    whole: bool


def read_cohorts(cohorts: IntoFrame) -> Renewals:
    """Count the customers of all cohorts by how often they renewed; every fault in one error."""
    table = Table(cohorts, "cohorts", COLUMNS)
    cohort = table.keys("cohort").codes
    period = table.numbers("period", minimum=0)
    survivors = table.numbers("survivors", minimum=0)
    if not table.faults:
        _check_cohorts(table, cohort, period, survivors)
    table.finish()
    if not np.any(survivors[period == 1] >= 0) or not np.any(survivors[period == 0] > 0):
        raise InputError(
            "cohorts has no customers who came up for renewal; a fit needs the survivors of "
            "period 0 (the start) and of period 1 at least"
        )
    order = np.lexsort((period, cohort))
    cohort, period, survivors = cohort[order], period[order].astype(np.int64), survivors[order]
    last = np.append(cohort[1:] != cohort[:-1], True)
    size = int(period.max()) + 1
    lost = np.where(last, 0.0, survivors - np.append(survivors[1:], 0.0))
    weights = np.append(
        group_sum(period, lost, size), group_sum(period[last], survivors[last], size)
    )
    kept = weights > 0
    renewals = np.tile(np.arange(size, dtype=np.float64), 2)
    churned = np.repeat([True, False], size)
    whole = bool(np.all(survivors == np.rint(survivors)))
    return Renewals(renewals[kept], churned[kept], weights[kept], whole)


def _check_cohorts(
    table: Table, cohort: npt.NDArray[np.int64], period: FloatArray, survivors: FloatArray
) -> None:
    """Note what is no survival table: periods 0, 1, 2... of each cohort, and never more people."""

    def note(bad: npt.NDArray[np.bool_], fault: str, column: str, expected: str) -> None:
        if bad.any():
            values = {"period": period, "survivors": survivors}[column]
            table.faults.add(
                fault,
                column=f"cohorts.{column}",
                rows=int(bad.sum()),
                examples=row_examples(bad, values),
                expected=expected,
            )

    note(period != np.rint(period), "not_whole", "period", "expected whole numbers from 0 on")
    order = np.lexsort((period, cohort))
    cohorts, periods, left = cohort[order], period[order], survivors[order]
    later = np.zeros(len(order), dtype=bool)  # than the first row of its cohort
    later[1:] = cohorts[1:] == cohorts[:-1]
    step = periods - np.where(later, np.roll(periods, 1), -1.0)
    marks = np.empty((3, len(order)), dtype=bool)
    marks[0, order] = step == 0
    marks[1, order] = step > 1
    marks[2, order] = later & (left > np.roll(left, 1))
    twice, gap, rises = marks
    note(twice, "duplicate_period", "period", "expected one row for each cohort and period")
    note(gap, "missing_period", "period", "expected every period of a cohort from 0, its start, on")
    note(rises, "rising_survivors", "survivors", "expected no more than in the period before")


def scores(
    alpha: FloatArray, beta: FloatArray, renewals: FloatArray, churned: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood of each row, with its derivatives by alpha and beta.

    k renewals, S(k), and then a churn with the mean probability that is left, α / (α + β + k).
    """
    leaving = np.where(churned, np.log(alpha) - np.log(alpha + beta + renewals), 0.0)
    both = digamma_rise(alpha + beta, renewals)
    share = np.where(churned, 1 / (alpha + beta + renewals), 0.0)
    by_alpha = np.where(churned, 1 / alpha, 0.0) - share - both
    by_beta = digamma_rise(beta, renewals) - both - share
    value: FloatArray = log_survival(alpha, beta, renewals) + leaving
    return value, np.stack([by_alpha, by_beta], axis=1)


class RenewalLikelihood:
    """Log-likelihood of all renewals, with its gradient."""

    def __init__(self, renewals: Renewals, weights: FloatArray) -> None:
        self.renewals = renewals
        self.weights = weights
        self.weight = float(weights.sum())

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        known = self.renewals
        alpha, beta = (np.full(len(known.renewals), shape) for shape in parameters)
        value, slopes = scores(alpha, beta, known.renewals, known.churned)
        gradient: FloatArray = dot(slopes.T, self.weights)
        return float(dot(self.weights, value)), gradient

    def reweighted(self, weights: FloatArray) -> RenewalLikelihood:
        """The likelihood of the same renewals with other weights."""
        return RenewalLikelihood(self.renewals, weights)
