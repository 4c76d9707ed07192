"""`frequency_table`: customers by number of repeat purchases, as they came and as expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, IntArray
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.lifetime._model.histories import read_columns

MOST_SHOWN = 7
"""Customers with this many repeat purchases or more are counted together."""


def frequency_table(fit: Any, summary: IntoFrame, *, most: int = MOST_SHOWN) -> Any:
    """Count customers by their repeat purchases, and say how many a model expects.

    Parameters
    ----------
    fit : Fit or model
        Of purchases.
    summary : frame
        frequency, recency and T, a row per customer, as `customer_summary` gives them; with the
        covariates, if the model has any.
    most : int
        Customers with this many repeat purchases or more are counted together.

    Returns
    -------
    frame
        In the library of `summary`: purchases ("0", "1", ..., "7+"), actual and expected
        (customers). expected is the sum over customers of P(X(T) = n).

    Raises
    ------
    InputError
        Where the summary has faults or no rows, or `most` is not a whole number of at least 1.

    Examples
    --------
    >>> import crmvalue as cv
    >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), as_of="1997-09-30")
    >>> model = cv.BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> print(frequency_table(model, summary, most=3).round(1).to_string(index=False))
    purchases  actual  expected
            0    1411    1406.5
            1     439     460.8
            2     214     192.7
           3+     293     297.0
    """
    model = getattr(fit, "model", fit)
    read = Table(summary, "summary", ("frequency", "recency", "T"))
    frequency, _, age = read_columns(read, model.unit)
    read.finish()
    if not len(read):
        raise InputError("summary is empty; there is nobody to count")
    names, codes = frequency_classes(frequency, most)
    rows = model.for_rows(read.frame.to_native())
    expected = [float(rows.purchase_pmf(n, age).sum()) for n in range(most)]
    return table(
        {
            "purchases": names,
            "actual": np.bincount(codes, minlength=len(names)),
            "expected": np.array([*expected, max(len(age) - sum(expected), 0.0)]),
        },
        read.frame,
    )


def frequency_classes(frequency: FloatArray, most: int) -> tuple[list[str], IntArray]:
    """Names of the classes "0", "1", ..., "7+", and the class of each number of purchases."""
    if not (isinstance(most, int | np.integer) and most >= 1):
        raise InputError(f"most must be a whole number of at least 1; got {most!r}")
    names = [*(str(n) for n in range(most)), f"{most}+"]
    return names, np.minimum(frequency, most).astype(np.int64)
