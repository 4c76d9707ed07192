"""Activity drivers counted in a transaction log, where no activity data exist."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple, Unpack

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, enter
from crmvalue._keys import keys
from crmvalue._numbers import numbers, row_examples
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
    home: str | int | None = None,
    rush: str | None = None,
    rush_within: float | None = None,
    small_order: float | None = None,
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
        Column of true and false (or 1 and 0), or with `home` of countries, for ``foreign``.
    home : str or int, optional
        The country that isn't foreign, as it stands in that column.
    rush : str, optional
        Column of true and false (or 1 and 0), or with `rush_within` of days from order to
        delivery, for ``rush_orders``.
    rush_within : float, optional
        Most days that a rush order leaves.
    small_order : float, optional
        Money from which on an order isn't small, for ``small_orders``.
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
        - ``small_orders``: orders (without their returns) below `small_order`;
        - ``rush_orders``: orders with at least one line that is flagged, or as urgent;
        - ``foreign``: orders with at least one line flagged, or to another country.

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
    wanted = [c for c in (order, quantity, product, foreign, rush) if c is not None]
    entered = enter(transactions, "transactions", wanted).to_native()
    asked = _Asked(order, quantity, product, foreign, home, rush, rush_within, small_order)
    asked.check(keywords.get("amount"))
    log = read_log(entered, **keywords)
    counts = _Counter(log, asked).counts()
    mapping = {name: name for name in counts} if drivers is None else dict(drivers)
    unknown = sorted({driver for driver in mapping.values() if driver not in counts}, key=repr)
    if unknown or not mapping:
        raise InputError(
            f"this log doesn't give the drivers {', '.join(map(repr, unknown)) or '(none named)'}; "
            f"it gives {', '.join(counts)} ('units' needs quantity=, 'products' product=, "
            "'foreign' foreign=, 'rush_orders' rush=, 'small_orders' small_order= and amount=, "
            "'returns' amount=)"
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


class _Asked(NamedTuple):
    """The columns and limits that the caller named; see `transaction_drivers`."""

    order: str | None
    quantity: str | None
    product: str | None
    foreign: str | None
    home: str | int | None
    rush: str | None
    rush_within: float | None
    small_order: float | None

    def check(self, amount: str | None) -> None:
        """Raise one error with all limits that have no column, or are none."""
        faults = FaultList()
        for name, value, column, needs in (
            ("home", self.home, "foreign", self.foreign),
            ("rush_within", self.rush_within, "rush", self.rush),
            ("small_order", self.small_order, "amount", amount),
        ):
            if value is not None and needs is None:
                expected = f"it is a limit on a column that {column} names; name it"
                faults.add("no_column", column=name, expected=expected)
        for name, limit in (("rush_within", self.rush_within), ("small_order", self.small_order)):
            if limit is not None and not (isinstance(limit, Real) and 0 <= float(limit) < np.inf):
                expected = "expected a number of at least 0"
                faults.add("no_limit", column=name, examples=repr(limit), expected=expected)
        faults.raise_if_any("the options of transaction_drivers")


class _Counter:
    """One pass over the lines that are purchases."""

    def __init__(self, log: Log, asked: _Asked) -> None:
        self.log, self.asked = log, asked
        self.faults = FaultList()
        self.size = len(log.customers)
        every = np.ones(len(log.days), dtype=bool)
        self.bought = every if log.purchases is None else log.purchases
        self.customer = log.customers.codes[self.bought]

    def counts(self) -> dict[str, FloatArray]:
        """Each driver that the log gives, as one number per customer."""
        log, asked = self.log, self.asked
        day = log.days[self.bought]
        orders = day if asked.order is None else self._ids(asked.order)[0]
        months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        counts = {"orders": self._distinct(orders), "lines": _tally(self.customer, self.size)}
        if asked.quantity is not None:
            units = np.maximum(self._numbers(asked.quantity), 0.0)
            counts["units"] = group_sum(self.customer, units, self.size)
        if log.amounts is not None:
            counts["returns"] = _tally(log.customers.codes[~self.bought], self.size)
        if asked.product is not None:
            counts["products"] = self._distinct(self._ids(asked.product)[0])
        counts["active_months"] = self._distinct(months)
        counts["new_customers"] = np.ones(self.size)
        if asked.small_order is not None and log.amounts is not None:
            counts["small_orders"] = self._small(orders, log.amounts, asked.small_order)
        if asked.rush is not None:
            counts["rush_orders"] = self._distinct(orders, self._urgent(asked.rush))
        if asked.foreign is not None:
            counts["foreign"] = self._distinct(orders, self._abroad(asked.foreign))
        self.faults.raise_if_any("the transactions")
        return counts

    def _small(self, orders: IntArray, amounts: FloatArray, limit: float) -> FloatArray:
        found = distinct_rows(self.customer, orders, inverse=True)
        worth = group_sum(found.inverse, amounts[self.bought], len(found.counts))
        # Binary noise must not make an order of exactly the limit a small one.
        small = worth < limit * (1 - 1e-12)
        return _tally(found.columns[0][small], self.size)

    def _urgent(self, column: str) -> npt.NDArray[np.bool_]:
        within = self.asked.rush_within
        return self._flags(column) if within is None else self._numbers(column) <= within

    def _abroad(self, column: str) -> npt.NDArray[np.bool_]:
        if self.asked.home is None:
            return self._flags(column)
        codes, countries = self._ids(column)
        known = countries.to_list()
        home = known.index(self.asked.home) if self.asked.home in known else len(known)
        return np.asarray(codes != home)

    def _column(self, name: str) -> nw.Series[Any]:
        return self.log.column(name).filter(self.bought.tolist())

    def _ids(self, name: str) -> tuple[IntArray, nw.Series[Any]]:
        found = keys(self._column(name), self.faults, column=name)
        return found.codes, found.values

    def _numbers(self, name: str) -> FloatArray:
        return numbers(self._column(name), self.faults, column=name)

    def _flags(self, name: str) -> npt.NDArray[np.bool_]:
        """A column of true and false; anything else is a fault."""
        series = self._column(name)
        expected = (
            "expected true or false, or 1 and 0; for countries give home, for days rush_within"
        )
        if series.dtype in (nw.String, nw.Categorical, nw.Enum) and len(series):
            few = ", ".join(map(repr, series.head(3).to_list()))
            self.faults.add("not_a_flag", column=name, examples=few, expected=expected)
            return np.zeros(len(series), dtype=bool)
        values = series.cast(nw.Int8) if series.dtype == nw.Boolean else series
        flags = numbers(values, self.faults, column=name)
        odd = np.isfinite(flags) & (flags != 0) & (flags != 1)
        if odd.any():
            self.faults.add(
                "not_a_flag",
                column=name,
                rows=int(odd.sum()),
                examples=row_examples(odd, flags),
                expected=expected,
            )
        return np.asarray(flags == 1)

    def _distinct(
        self, what: npt.NDArray[Any], among: npt.NDArray[np.bool_] | None = None
    ) -> FloatArray:
        """How many different ones each customer has."""
        pair = (self.customer, what) if among is None else (self.customer[among], what[among])
        return _tally(distinct_rows(*pair).columns[0], self.size)


def _tally(codes: npt.NDArray[Any], size: int) -> FloatArray:
    return np.bincount(codes, minlength=size).astype(np.float64)
