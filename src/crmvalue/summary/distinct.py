"""`distinct_histories`: the likelihoods depend on (x, t_x, T) alone, and few of them differ."""

from __future__ import annotations

from typing import Any

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import UNITS
from crmvalue._table import table


def distinct_histories(summary: IntoFrame) -> Any:
    """Count the distinct histories of a summary.

    Parameters
    ----------
    summary : frame
        With the columns frequency, recency and T.

    Returns
    -------
    frame
        frequency, recency, T and `weight`, the number of customers that share them; in rising
        order. Fitted with ``weights="weight"`` it gives the estimates of the whole summary.

    Raises
    ------
    InputError
        If a column is missing or holds a missing or infinite number.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> summary = pd.DataFrame({"frequency": [0, 2, 0], "recency": [0, 3, 0], "T": [5, 5, 5]})
    >>> print(cv.distinct_histories(summary).to_string(index=False))
     frequency  recency   T  weight
             0      0.0 5.0       2
             2      3.0 5.0       1
    """
    names = ("frequency", "recency", "T")
    given = Table(summary, "summary", names)
    columns = [given.numbers(name) for name in names]
    given.finish()
    found = distinct_rows(*columns, days_per_unit=UNITS["W"])
    frequency, recency, age = found.columns
    return table(
        {
            "frequency": frequency.astype(int) if _whole(frequency) else frequency,
            "recency": recency.astype(float),
            "T": age.astype(float),
            "weight": found.counts,
        },
        given.frame,
    )


def _whole(values: Any) -> bool:
    return bool((values == values.astype(int)).all())
