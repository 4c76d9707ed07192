"""The whale curve and the Lorenz curve: how value adds up over the customers.

Both take a frame with ``by=``, or a 1-d array, and negative values as they are, for showing who
loses money is what a whale curve is for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import Frame, enter
from crmvalue._keys import ID
from crmvalue._stats import positive_total, running_sum
from crmvalue._table import Column, table
from crmvalue.tiers._values import (
    amounts,
    customer_keys,
    read_amounts,
    read_columns,
)


def whale_curve(values: Any, by: str | None = None) -> Any:
    """Cumulative value of customers from the most to the least valuable.

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer. Values may be negative: the curve rises above the total and falls
        back to it.
    by : str
        The column of values of a frame.

    Returns
    -------
    frame
        In the library of `values` (pandas for an array), one row per customer by falling value,
        equal values in the order of their ids: ``customer_id`` (where `values` has it), ``value``,
        ``cumulative_value`` (its last row is the total), ``share_of_customers`` and
        ``cumulative_share`` (fractions of 1; null where the total is not positive).

    Raises
    ------
    InputError
        Where there are no rows, a value is missing, not finite or not a number, or a customer has
        more than one row.

    Examples
    --------
    >>> curve = whale_curve([50.0, 100.0, -30.0])
    >>> curve["cumulative_value"].tolist()
    [100.0, 150.0, 120.0]
    >>> curve["cumulative_share"].tolist()
    [0.8333333333333334, 1.25, 1.0]
    """
    columns: dict[str, Column] = {}
    frame: Frame | None
    if by is not None and ID in enter(values, "values", [by]).collect_schema().names():
        data = read_columns(values, by, ID)
        array, ids, frame = amounts(data, by), customer_keys(data), data.frame
        data.finish("values")
        order = np.lexsort((ids.codes, -array))
        columns[ID] = ids.values[ids.codes[order].tolist()]
    else:
        array, frame = read_amounts(values, by)
        order = np.argsort(-array, kind="stable")
    falling = array[order]
    cumulative = running_sum(falling)
    n = len(falling)
    columns |= {
        "value": falling,
        "cumulative_value": cumulative,
        "share_of_customers": np.arange(1, n + 1) / n,
        "cumulative_share": cumulative / positive_total(falling, cumulative[-1]),
    }
    return table(columns, like=frame)


def lorenz_curve(values: Any, by: str | None = None) -> Any:
    """Cumulative share of value from the least to the most valuable customer (Lorenz 1905).

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer. Under negative values the curve first falls below 0.
    by : str
        The column of values of a frame.

    Returns
    -------
    frame
        In the library of `values` (pandas for an array): ``share_of_customers`` and
        ``cumulative_share`` (fractions of 1; null where the total is not positive), the origin
        and then one row per customer.

    Raises
    ------
    InputError
        Where there are no rows, or a value is missing, not finite or not a number.

    Examples
    --------
    >>> lorenz_curve([3.0, 1.0])["cumulative_share"].tolist()
    [0.0, 0.25, 1.0]
    """
    array, frame = read_amounts(values, by)
    rising = np.sort(array)
    cumulative = running_sum(rising)
    n = len(rising)
    return table(
        {
            "share_of_customers": np.arange(n + 1) / n,
            "cumulative_share": np.append(0.0, cumulative) / positive_total(rising, cumulative[-1]),
        },
        like=frame,
    )
