"""Data gates: whether there are customers and history enough for scores to mean something."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table, enter
from crmvalue._stats import is_number, is_whole
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.summary import unit_days
from crmvalue.summary.units import check_unit
from crmvalue.transactions.dates import to_date, to_day


def rfm_gates(
    summary: IntoFrame,
    *,
    as_of: Any = None,
    unit: str = "W",
    buyers: float = 500,
    history_days: float = 180,
    recent_days: float = 30,
    orders: int = 3,
    regulars: float = 1,
) -> Any:
    """Test whether customers are many, and their history long and fresh, enough to be scored.

    Parameters
    ----------
    summary : frame
        The customer summary; a frame that is lazy is collected once. Rows without a purchase take
        no part.
    as_of : date or ISO text, optional
        The day on which the scores are to be used; by default the day at which the summary was
        made. A log that ends at its own last purchase is always fresh: name the day to know
        whether it still is.
    unit : {"W", "D", "M", "Y"}
        The unit of the summary's ages, checked against first and last purchase where it has them.
    buyers : number, default 500
        The fewest customers who have bought.
    history_days : number, default 180
        The fewest days from the first purchase of any customer to the last one of any customer.
    recent_days : number, default 30
        The most days from the last purchase of any customer to `as_of`.
    orders : int, default 3
        How many orders (purchase days) make a regular customer.
    regulars : number, default 1
        The fewest customers with that many orders.

    Returns
    -------
    frame
        In the library of `summary`, one row per gate, named like its parameter: ``gate, meaning,
        rule`` (``"at least"`` or ``"at most"``), ``required, got, passed``. ``got`` is null, and
        the gate failed, where there is nothing to measure; so a summary without buyers fails every
        gate that asks for something.

    Raises
    ------
    InputError
        Where a column is missing or not numeric, the unit is not that of the ages, `as_of` lies
        before the last purchase, or a requirement is no number of at least 0,
        `orders` no whole one.

    Notes
    -----
    The defaults are those that Klaviyo, a marketing service, asks for before it shows an RFM
    analysis. They are conventions, not results of theory.

    Examples
    --------
    >>> import pandas as pd
    >>> summary = pd.DataFrame({
    ...     "customer_id": [1, 2, 3],
    ...     "n_purchases": [3, 1, 1],
    ...     "T": [30.0, 20.0, 2.0],
    ...     "inactive": [5.0, 20.0, 2.0],
    ... })
    >>> gates = rfm_gates(summary, buyers=5)
    >>> print(gates[["gate", "rule", "required", "got", "passed"]].to_string(index=False))
            gate     rule  required   got  passed
          buyers at least       5.0   3.0   False
    history_days at least     180.0 196.0    True
     recent_days  at most      30.0  14.0    True
        regulars at least       1.0   1.0    True
    """
    days = unit_days(unit)
    required = {
        "buyers": buyers,
        "history_days": history_days,
        "recent_days": recent_days,
        "orders": orders,
        "regulars": regulars,
    }
    odd = {
        name: value
        for name, value in required.items()
        if not (is_whole(value, 0) if name == "orders" else is_number(value, 0, math.inf))
    }
    if odd:
        raise InputError(
            f"requirements must be numbers, orders a whole one, of at least 0; got {odd}"
        )
    dates = ["last_purchase"] if as_of is not None else []
    frame = enter(summary, "summary", ["n_purchases", "T", "inactive", *dates])
    known = frame.collect_schema().names()
    ages = ["recency", "first_purchase", "last_purchase"]  # what tells the unit
    wanted = ["n_purchases", "T", "inactive", *(column for column in ages if column in known)]
    data = Table(frame.select(*wanted), "summary")
    purchases, age, silence = (data.numbers(c, null=True) for c in ("n_purchases", "T", "inactive"))
    if len(data) and all(column in data for column in ages):
        check_unit(data, data.numbers("recency", null=True), unit)
    data.finish()
    bought = purchases > 0
    last = _least(silence[bought])
    history = (-_least(-age[bought]) - last) * days
    since = last * days
    if as_of is not None:
        since = _days_to(as_of, data) if bought.any() else math.nan
    got = np.array([bought.sum(), history, since, (purchases >= orders).sum()])
    got = np.round(got, 6)  # ages are whole days divided by the unit
    limit = np.array([buyers, history_days, recent_days, regulars], dtype=np.float64)
    at_most = np.array([False, False, True, False])
    return table(
        {
            "gate": ["buyers", "history_days", "recent_days", "regulars"],
            "meaning": [
                "customers who have bought",
                "days from the first purchase to the last",
                "days since the last purchase",
                f"customers with {orders} or more orders",
            ],
            "rule": np.where(at_most, "at most", "at least").tolist(),
            "required": limit,
            "got": got,
            "passed": np.where(at_most, got <= limit, got >= limit),
        },
        data.frame,
    )


def _least(values: Any) -> float:
    """The least of the values that are known, NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.min()) if len(known) else math.nan


def _days_to(as_of: Any, data: Table) -> int:
    """Days from the last purchase of all to `as_of`."""
    last = to_day(data.frame["last_purchase"].max(), "the latest summary.last_purchase")
    day = to_day(as_of, "as_of")
    if day < last:
        raise InputError(
            f"as_of {to_date(day)} lies before the last purchase of the summary, {to_date(last)}; "
            "make the summary with this as_of, or name a later day"
        )
    return day - last
