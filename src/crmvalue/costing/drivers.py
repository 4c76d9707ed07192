"""Activity drivers counted in a transaction log, where no activity data exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, enter, numbers, row_examples
from crmvalue._keys import keys
from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue._table import Column, table
from crmvalue.costing._cells import cells
from crmvalue.errors import FaultList, InputError
from crmvalue.transactions import Log, LogKeywords, read_log


def transaction_drivers(
    transactions: IntoFrame,
    *,
    order: str | None = None,
    quantity: str | None = None,
    product: str | None = None,
    foreign: str | None = None,
    drivers: Mapping[str, str] | None = None,
    **keywords: Unpack[LogKeywords],
) -> Any:
    """Count what customers cause in a log: the `activity_drivers` of `activity_costs`.

    Parameters
    ----------
    transactions : frame
        The log, a row per line.
    order : str, optional
        Column of order numbers; without it the purchases of one day are one order.
    quantity : str, optional
        Column of units, for the driver ``units``.
    product : str, optional
        Column of products, for the driver ``products``.
    foreign : str, optional
        Column of true and false (or 1 and 0), for the driver ``foreign``.
    drivers : mapping of str to str, optional
        Activity of your ledger to the driver that causes its cost, such as
        ``{"order handling": "orders", "returns desk": "returns"}``; several activities may share
        a driver. By default every driver that the log gives, under its own name.
    **keywords
        Those of `check_transactions`: ``customer, date, amount, as_of`` and so on. A line with a
        negative amount is a return; customers with returns only are left out.

    Returns
    -------
    table
        ``customer_id, activity, quantity``, rows with a quantity above 0 only. The drivers:

        - ``orders``: distinct order numbers, or purchase days;
        - ``lines``: lines that aren't returns;
        - ``units``: sum of the quantities above 0 in those lines;
        - ``returns``: lines that are (with ``amount``, unless ``refunds="drop"``);
        - ``products``: distinct products bought;
        - ``active_months``: calendar months with a purchase;
        - ``new_customers``: 1 for each customer, whose first purchase is in the log;
        - ``foreign``: orders with at least one line flagged.

    Raises
    ------
    InputError
        With every fault of the log, or naming the drivers that it can't give.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1, 2], "invoice": [11, 11, 12, 13],
    ...                     "date": ["2024-01-05", "2024-01-05", "2024-01-05", "2024-02-01"],
    ...                     "amount": [10.0, 5.0, -5.0, 8.0]})
    >>> print(transaction_drivers(
    ...     log, amount="amount", order="invoice",
    ...     drivers={"order handling": "orders", "picking": "lines", "returns desk": "returns"},
    ... ).to_string(index=False))
     customer_id       activity  quantity
               1 order handling       1.0
               1        picking       2.0
               1   returns desk       1.0
               2 order handling       1.0
               2        picking       1.0
    """
    wanted = [column for column in (order, quantity, product, foreign) if column is not None]
    log = read_log(enter(transactions, "transactions", wanted).to_native(), **keywords)
    counts = _count(log, order, quantity, product, foreign)
    mapping = {name: name for name in counts} if drivers is None else dict(drivers)
    unknown = sorted({driver for driver in mapping.values() if driver not in counts}, key=repr)
    if unknown or not mapping:
        raise InputError(
            f"this log doesn't give the drivers {', '.join(map(repr, unknown)) or '(none named)'}; "
            f"it gives {', '.join(counts)} ('units' needs quantity=, 'products' product=, "
            "'foreign' foreign=, 'returns' amount=)"
        )
    activities = sorted(mapping)
    filled = [np.flatnonzero(counts[mapping[activity]] > 0) for activity in activities]
    amounts = [counts[mapping[name]][rows] for name, rows in zip(activities, filled, strict=True)]
    place = np.repeat(np.arange(len(activities)), [len(rows) for rows in filled])
    shape = (len(log.customers), len(activities))
    found = cells(np.concatenate(filled), place, np.concatenate(amounts), shape)
    names = nw.new_series("activity", activities, nw.String(), backend=log.frame.implementation)
    columns: dict[str, Column] = {
        "customer_id": log.customers.values[found.rows],
        "activity": names[found.columns],
        "quantity": found.values,
    }
    return table(columns, like=log.frame)


def _count(
    log: Log, order: str | None, quantity: str | None, product: str | None, foreign: str | None
) -> dict[str, FloatArray]:
    """Each driver that the log gives, as one number per customer."""
    faults = FaultList()
    size = len(log.customers)
    bought = np.ones(len(log.days), dtype=bool) if log.purchases is None else log.purchases
    customer, day = log.customers.codes[bought], log.days[bought]

    def ids(column: str) -> IntArray:
        return keys(log.column(column).filter(bought.tolist()), faults, column=column).codes

    def distinct(what: IntArray, among: npt.NDArray[np.bool_] | None = None) -> FloatArray:
        pair = (customer, what) if among is None else (customer[among], what[among])
        return _tally(distinct_rows(*pair).columns[0], size)

    orders = day if order is None else ids(order)
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    counts = {"orders": distinct(orders), "lines": _tally(customer, size)}
    if quantity is not None:
        units = numbers(log.column(quantity), faults, column=quantity)[bought]
        counts["units"] = group_sum(customer, np.maximum(units, 0.0), size)
    if log.amounts is not None:
        counts["returns"] = _tally(log.customers.codes[~bought], size)
    if product is not None:
        counts["products"] = distinct(ids(product))
    counts["active_months"] = distinct(months)
    counts["new_customers"] = np.ones(size)
    if foreign is not None:
        counts["foreign"] = distinct(orders, _flags(log.column(foreign), foreign, faults)[bought])
    faults.raise_if_any("the transactions")
    return counts


def _tally(codes: IntArray, size: int) -> FloatArray:
    return np.bincount(codes, minlength=size).astype(np.float64)


def _flags(series: nw.Series[Any], column: str, faults: FaultList) -> npt.NDArray[np.bool_]:
    """A column of true and false; anything else is a fault."""
    values = series.cast(nw.Int8) if series.dtype == nw.Boolean else series
    flags = numbers(values, faults, column=column)
    odd = np.isfinite(flags) & (flags != 0) & (flags != 1)
    if odd.any():
        faults.add(
            "not_a_flag",
            column=column,
            rows=int(odd.sum()),
            examples=row_examples(odd, flags),
            expected="expected true or false, or 1 and 0",
        )
    return np.asarray(flags == 1)
