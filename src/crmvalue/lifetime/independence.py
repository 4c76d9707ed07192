"""Whether spend depends on frequency: gamma-gamma assumes that it doesn't."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, group_sum
from crmvalue.errors import InputError
from crmvalue.lifetime._spend.model import SpendModel, read_repeat_buyers

MATERIAL = 0.3
"""Rank correlation from which a dependence of spend on frequency is called material."""
SIGNIFICANT = 0.01
"""p-value up to which it is called more than chance."""

_Z95 = 1.959963984540054


def spend_independence(
    summary: IntoFrame,
    *,
    spend: Any = None,
    weights: str | npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Correlate how often repeat buyers buy with what they spend per purchase.

    Gamma-gamma multiplies purchases by a spend that is independent of them. Where heavy buyers
    spend more, it undervalues them and overvalues the rest; among thousands of customers any
    correlation is significant, so its size is what matters. The fit of `GammaGamma` says so in its
    messages where the last correlation of this table is at least .3 in size with p <= .01.

    A mean of few purchases is more skewed than a mean of many, so ranks correlate even where spend
    is independent (.05 to .3, the more the purchases of one customer vary). With a model, the rank
    of each mean is therefore also taken after its percentile among means of as many purchases: if
    the model holds this has no correlation with frequency.

    Parameters
    ----------
    summary : frame
        frequency and monetary_value, as `customer_summary` gives them.
    spend : Fit or model, optional
        Of spend, such as `GammaGamma`.
    weights : str or array_like of shape (rows,), optional
        How many customers each row stands for: a column, or numbers of at least 0.

    Returns
    -------
    pandas.DataFrame
        A row for each measure: ``pearson`` and ``spearman`` of frequency and monetary_value, and
        with `spend` ``spearman_given_model``. Columns measure, correlation, lower and upper (95 %:
        Fisher's z; for ranks with the variance of Bonett and Wright, 2000), p_value (Student's t),
        customers. Null where there are too few customers, or all are alike. For gamma-gamma the
        last row leaves out repeat buyers without a mean above 0, as its fit does.

    Raises
    ------
    InputError
        Where the summary has faults or no repeat buyer, or `spend` is not a model of spend.

    References
    ----------
    Bonett, D. G. and Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall
    and Spearman correlations. Psychometrika 65(1), 23-28.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> split = cv.split_holdout(log, calibration_end="1997-09-30", amount="amount")
    >>> table = spend_independence(split, spend=cv.GammaGamma.fit(split))
    >>> print(table.drop(columns="p_value").round(4).to_string(index=False))
                 measure  correlation  lower  upper  customers
                 pearson       0.1139 0.0505 0.1763        946
                spearman       0.2063 0.1438 0.2672        946
    spearman_given_model       0.1637 0.1006 0.2255        946
    """
    x, mean, weight = read_repeat_buyers(summary, weights)
    rows = [
        _row("pearson", x, mean, weight, ranks=False),
        _row("spearman", x, mean, weight, ranks=True),
    ]
    if spend is not None:
        model = getattr(spend, "model", spend)
        if not isinstance(model, SpendModel):
            raise InputError(
                "spend must be a fit or a model of spend, such as GammaGamma; "
                f"got {type(spend).__name__}"
            )
        rows.append(dependence(model, x, mean, weight))
    return pd.DataFrame(rows)


def dependence(
    model: SpendModel, x: FloatArray, mean: FloatArray, weight: FloatArray
) -> dict[str, Any]:
    """The last row of `spend_independence`."""
    known = model._covers(mean)
    x, mean, weight = x[known], mean[known], weight[known]
    percentile = model._percentile(x, mean)
    return _row("spearman_given_model", x, percentile, weight, ranks=True)


def dependence_note(
    model: SpendModel, x: FloatArray, mean: FloatArray, weight: FloatArray
) -> list[str]:
    """Say so where spend depends on frequency materially."""
    found = dependence(model, x, mean, weight)
    size = found["correlation"]
    if not (abs(size) >= MATERIAL and found["p_value"] <= SIGNIFICANT):
        return []
    more, low, high = ("more", "low", "high") if size > 0 else ("less", "high", "low")
    return [
        f"spend depends on frequency (rank correlation {size:.2f}; see spend_independence), which "
        f"the model takes to be independent: frequent buyers spend {more} per purchase, and the "
        f"mean that customers are drawn to is too {low} for them and too {high} for the others"
    ]


def _row(
    measure: str, x: FloatArray, y: FloatArray, weight: FloatArray, *, ranks: bool
) -> dict[str, Any]:
    if ranks:
        x, y = _ranks(x, weight), _ranks(y, weight)
    n = float(weight.sum())
    r = _correlation(x, y, weight)
    low = high = p_value = math.nan
    if n > 3:
        variance = (1 + r * r / 2 if ranks else 1.0) / (n - 3)
        with np.errstate(divide="ignore"):  # r = 1
            z, t = np.arctanh(r), abs(r) * np.sqrt((n - 2) / np.maximum(1 - r * r, 0.0))
        low, high = (float(np.tanh(z + side * math.sqrt(variance))) for side in (-_Z95, _Z95))
        p_value = 2 * float(special.stdtr(n - 2, -t))
    return {
        "measure": measure,
        "correlation": r,
        "lower": low,
        "upper": high,
        "p_value": p_value,
        "customers": round(n),
    }


def _correlation(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    away = [v - np.average(v, weights=weight) for v in (x, y)]
    sizes = [float((weight * v * v).sum()) for v in away]
    whole = [float((weight * v * v).sum()) for v in (x, y)]
    if any(size <= 1e-24 * all_of_it for size, all_of_it in zip(sizes, whole, strict=True)):
        return math.nan  # all alike
    r = float((weight * away[0] * away[1]).sum()) / math.sqrt(sizes[0]) / math.sqrt(sizes[1])
    return min(max(r, -1.0), 1.0)


def _ranks(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean ranks, where a row counts as many times as its weight says."""
    distinct, place = np.unique(values, return_inverse=True)
    sizes = group_sum(place, weight, len(distinct))
    middle: FloatArray = np.cumsum(sizes) - sizes / 2
    return middle[place]
