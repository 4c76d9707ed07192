"""How far off predictions are and how well they rank: arrays in, one number out.

Every function takes what happened, what was predicted, and a weight for each customer (how often a
resample drew them). Ranks are midranks: equal values count as if averaged over all their orders, so
the order of the rows never matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, IntArray, group_sum


@dataclass(frozen=True, eq=False)
class Levels:
    """A column of numbers with its distinct values, sorted once for many weights.

    Attributes
    ----------
    values : ndarray, shape (rows,)
    distinct : ndarray, shape (levels,)
        Rising.
    codes : ndarray of int64, shape (rows,)
        Position of each value among the distinct ones.
    """

    values: FloatArray
    distinct: FloatArray
    codes: IntArray

    @staticmethod
    def of(values: Values) -> Levels:
        """The levels of an array; levels stay as they are."""
        if isinstance(values, Levels):
            return values
        array = np.asarray(values, dtype=np.float64)
        distinct, codes = np.unique(array, return_inverse=True)
        return Levels(array, distinct, codes.reshape(array.shape))

    def totals(self, weights: FloatArray) -> FloatArray:
        """Sum of the weights at each level."""
        return group_sum(self.codes, weights, len(self.distinct))

    def ranks(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weight and midrank of each level, the midrank less its mean."""
        totals = self.totals(weights)
        return totals, np.cumsum(totals) - (totals + totals.sum()) / 2

    def top(self, weights: FloatArray, size: float) -> tuple[FloatArray, FloatArray]:
        """Weight of each level, and the part of it that is among the `size` highest."""
        totals = self.totals(weights)
        above = totals.sum() - np.cumsum(totals)
        inside = np.clip(size - above, 0.0, totals)
        return totals, np.divide(inside, totals, out=np.zeros(len(totals)), where=totals > 0)


Values: TypeAlias = npt.ArrayLike | Levels


def mean_absolute_error(
    actual: Values, predicted: Values, weights: npt.ArrayLike | None = None
) -> float:
    """Mean of |predicted - actual|.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float

    Examples
    --------
    >>> mean_absolute_error([0, 2, 4], [1, 2, 2])
    1.0
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    return _mean(np.abs(expected.values - happened.values), weight)


def root_mean_squared_error(
    actual: Values, predicted: Values, weights: npt.ArrayLike | None = None
) -> float:
    """Root of the mean of (predicted - actual)^2.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float

    Examples
    --------
    >>> root_mean_squared_error([0, 2], [1, 1])
    1.0
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    return float(np.sqrt(_mean((expected.values - happened.values) ** 2, weight)))


def bias(actual: Values, predicted: Values, weights: npt.ArrayLike | None = None) -> float:
    """Mean of predicted - actual: above 0 where too much was expected.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float

    Examples
    --------
    >>> bias([0, 2], [1, 2])
    0.5
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    return _mean(expected.values - happened.values, weight)


def spearman(actual: Values, predicted: Values, weights: npt.ArrayLike | None = None) -> float:
    """Rank correlation (Spearman 1904): the correlation of the midranks.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float
        From -1 to 1; NaN where all actual or all predicted values are equal.

    Examples
    --------
    >>> spearman([0, 1, 5], [0.2, 0.3, 0.4])
    1.0
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    totals, own = happened.ranks(weight)
    others, other = expected.ranks(weight)
    together = float((own * happened.totals(weight * other[expected.codes])).sum())
    spread = float((totals * own**2).sum()) * float((others * other**2).sum())
    return _ratio(together, float(np.sqrt(spread)))


def normalised_gini(
    actual: Values, predicted: Values, weights: npt.ArrayLike | None = None
) -> float:
    """Gini coefficient of the actual values in predicted order, over that in their own order.

    The sum of (2 rank - n - 1) times the actual value, with the ranks of the predictions and with
    those of the actual values themselves. For actual values of 0 and 1 it is 2 AUC - 1.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float
        1 for the right order, 0 on average for a random one, -1 for the reverse; NaN where all
        actual values are equal.

    Examples
    --------
    >>> normalised_gini([0, 1, 5], [0.1, 0.9, 0.8])
    0.2
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    totals, own = happened.ranks(weight)
    _, other = expected.ranks(weight)
    # Sums of ranks are exact, so the right order gives exactly 1, however the rows stand.
    found = float((happened.distinct * happened.totals(weight * other[expected.codes])).sum())
    return _ratio(found, float((happened.distinct * (totals * own)).sum()))


def top_decile_share(
    actual: Values, predicted: Values, weights: npt.ArrayLike | None = None
) -> float:
    """Share of the tenth of customers with the highest actual values that the predicted tenth has.

    Of customers who are equal at the edge of a tenth each counts by the fraction of them that fits
    in. Who bought nothing belongs to no top. What is found is divided by what a perfect prediction
    would find under that count: without ties at the edge, by n/10.

    Parameters
    ----------
    actual, predicted : array_like of shape (customers,), or Levels
    weights : array_like of shape (customers,), optional

    Returns
    -------
    float
        From 0 to 1, 1/10 on average for a random order; NaN where no actual value is above 0.

    Examples
    --------
    >>> top_decile_share(range(20), [*range(10), 19, 18, 17, 16, 15, 14, 13, 12, 11, 10])
    0.0
    >>> top_decile_share(range(20), [*range(18), 19, 0])
    0.5
    """
    happened, expected, weight = _enter(actual, predicted, weights)
    size = float(weight.sum()) / 10
    totals, inside = happened.top(weight, size)
    inside = np.where(happened.distinct > 0, inside, 0.0)
    _, picked = expected.top(weight, size)
    found = float((inside * happened.totals(weight * picked[expected.codes])).sum())
    return _ratio(found, float((totals * inside**2).sum()))


Metric: TypeAlias = Callable[[Levels, Levels, FloatArray], float]

ERRORS: dict[str, Metric] = {
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "bias": bias,
}
RANKINGS: dict[str, Metric] = {
    "spearman": spearman,
    "gini": normalised_gini,
    "top_decile_share": top_decile_share,
}


def _enter(
    actual: Values, predicted: Values, weights: npt.ArrayLike | None
) -> tuple[Levels, Levels, FloatArray]:
    happened, expected = Levels.of(actual), Levels.of(predicted)
    if weights is None:
        return happened, expected, np.ones(len(happened.values))
    return happened, expected, np.asarray(weights, dtype=np.float64)


def _mean(values: FloatArray, weights: FloatArray) -> float:
    return float((weights * values).sum() / weights.sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
